"""What is deprecated goes on working, says so to whoever calls it, and has time to go."""

from __future__ import annotations

import inspect
import warnings

import pytest

from datalab_facade.deprecation import deprecated


class Client:
    """Something with names that have grown old."""

    @deprecated(since="0.2", gone_in="0.4", use="wait()")
    def poll(self, execution_id: int, *, every: float = 1.0) -> tuple[int, float]:
        """Look until it has ended."""
        return execution_id, every

    @deprecated(since="0.9", gone_in="1.0", use="wait()")
    async def poll_async(self, execution_id: int) -> int:
        return execution_id


def test_a_deprecated_method_works_as_before() -> None:
    with pytest.warns(DeprecationWarning, match="is deprecated"):
        assert Client().poll(123, every=2.0) == (123, 2.0)


async def test_a_deprecated_coroutine_works_as_before() -> None:
    with pytest.warns(DeprecationWarning, match="is deprecated"):
        assert await Client().poll_async(123) == 123


def test_the_warning_says_what_to_use_and_when_it_is_gone_at_the_line_of_the_caller() -> None:
    with pytest.warns(DeprecationWarning, match="is deprecated") as caught:
        Client().poll(123)
    [warning] = caught
    assert str(warning.message) == (
        "Client.poll is deprecated since 0.2 and gone in 0.4; use wait()"
    )
    assert warning.filename == __file__


def test_every_call_warns() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            Client().poll(123)
    assert len(caught) == 2


def test_name_signature_and_docstring_are_kept_and_the_docstring_says_so() -> None:
    assert Client.poll.__name__ == "poll"
    assert list(inspect.signature(Client.poll).parameters) == ["self", "execution_id", "every"]
    assert inspect.getdoc(Client.poll) == (
        "Look until it has ended.\n\nDeprecated since 0.2, gone in 0.4: use wait()."
    )


@pytest.mark.parametrize(("since", "gone_in"), [("0.2", "0.3"), ("0.2", "0.2"), ("1.4", "1.5")])
def test_nothing_goes_before_two_minor_versions_have_passed(since: str, gone_in: str) -> None:
    with pytest.raises(ValueError, match="fewer than two minor versions"):
        deprecated(since=since, gone_in=gone_in, use="wait()")


def test_a_version_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match=r"written as '0\.2', not 'soon'"):
        deprecated(since="0.2", gone_in="soon", use="wait()")
