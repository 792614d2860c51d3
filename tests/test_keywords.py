"""Options can be seen wherever somebody looks for them, and a wrong one is named with the right."""

from __future__ import annotations

import inspect
import pickle
import pydoc
from collections.abc import Callable, Iterator
from typing import Any, Unpack
from unittest.mock import create_autospec

import pytest

import datalab_facade
import datalab_facade.testing
from datalab_facade import (
    AsyncDatalab,
    CallOptions,
    ClientOptions,
    Datalab,
    InvalidArgumentError,
    RunOptions,
    UnknownOptionError,
    WaitOptions,
)
from datalab_facade.keywords import check_options, shows_options
from datalab_facade.testing import Simulator, connect
from tests.in_process import new_simulator
from tests.test_parity import public_methods
from tests.ways import Way


def is_ours(thing: Any) -> bool:
    return str(getattr(thing, "__module__", "")).startswith("datalab_facade")


def public_callables() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Give all functions, classes and methods that users call, by their names."""
    for kind, name, method in public_methods():
        yield f"{kind.__name__}.{name}", method
    for module in (datalab_facade, datalab_facade.testing):
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.isfunction(thing) or (inspect.isclass(thing) and is_ours(thing)):
                yield name, thing
            for method_name, method in inspect.getmembers(thing, inspect.isroutine):
                if is_ours(method) and not method_name.startswith("_"):
                    yield f"{name}.{method_name}", method


CALLABLES = dict(public_callables())


def hides_options(thing: Any) -> bool:
    if inspect.isclass(thing) and not is_ours(thing.__init__):
        return False
    parameters = inspect.signature(thing).parameters.values()
    return any(one.kind is one.VAR_KEYWORD for one in parameters)


def test_every_option_stands_in_the_signature() -> None:
    # Nobody calls the base of all tasks.
    shown = {name: thing for name, thing in CALLABLES.items() if name != "Task"}
    hidden = [name for name, thing in shown.items() if hides_options(thing)]
    assert hidden == [], "decorate them with shows_options"


def test_enough_was_looked_at() -> None:
    assert len(CALLABLES) > 120


@pytest.mark.parametrize(
    ("thing", "options"),
    [
        (Datalab, ClientOptions),
        (AsyncDatalab.with_options, ClientOptions),
        (AsyncDatalab.run, RunOptions),
        (Datalab("a-key").executions.get, CallOptions),
        (Datalab("a-key").executions.handle(7).wait, WaitOptions),
        (Datalab("a-key").files.upload, CallOptions),
    ],
    ids=lambda one: one.__name__,
)
def test_what_help_says_has_every_option_and_its_type(thing: Any, options: type) -> None:
    said = pydoc.plain(pydoc.render_doc(thing))
    signature = inspect.signature(thing)
    assert "Ellipsis" not in said
    for name in options.__annotations__:
        assert f"{name}: " in said
        assert signature.parameters[name].kind is inspect.Parameter.KEYWORD_ONLY
        assert isinstance(signature.parameters[name].annotation, str)
    assert "options" not in signature.parameters


def test_a_signature_can_be_compared_replaced_and_shown() -> None:
    first, second = (inspect.signature(Datalab.with_options) for _ in range(2))
    assert first == second
    assert hash(first) == hash(second)
    bare = first.replace(parameters=[], return_annotation=int)
    assert str(bare) == "() -> int"
    assert first.replace(return_annotation=int).parameters.keys() == first.parameters.keys()
    assert first.return_annotation == "Self"


def test_a_mock_takes_the_options_that_there_are() -> None:
    mocked = create_autospec(Datalab("a-key").executions)
    mocked.wait(7, max_retries=3, request_timeout=5)
    with pytest.raises(TypeError, match="max_retrys"):
        mocked.wait(7, max_retrys=3)


def test_the_types_of_options_are_part_of_the_package() -> None:
    for kind in (CallOptions, WaitOptions, ClientOptions, RunOptions):
        assert kind.__name__ in datalab_facade.__all__
        assert kind.__doc__


# Wrong ones.


def attempts(way: Way, simulator: Simulator, **wrong: Any) -> dict[str, Callable[[], Any]]:
    client = way.client(simulator)
    handle = client.executions.handle(7)
    kind = type(client).__name__
    prefix = "Async" if way.is_async else ""
    return {
        f"{kind}.__init__": lambda: way.client(simulator, **wrong),
        f"{kind}.with_options": lambda: client.with_options(**wrong),
        f"{kind}.run": lambda: way.done(client.run(7, [], output_dir="o", **wrong)),
        f"{kind}.iter_run": lambda: client.iter_run(7, [], output_dir="o", **wrong),
        f"{prefix}Executions.get": lambda: way.done(client.executions.get(7, **wrong)),
        f"{prefix}Executions.wait": lambda: way.done(client.executions.wait(7, **wrong)),
        f"{prefix}Executions.result": lambda: way.done(client.executions.result(7, **wrong)),
        f"{prefix}Executions.watch": lambda: client.executions.watch(7, **wrong),
        f"{prefix}Executions.as_completed": lambda: client.executions.as_completed([7], **wrong),
        f"{prefix}ExecutionHandle.wait": lambda: way.done(handle.wait(**wrong)),
        f"{prefix}ExecutionHandle.watch": lambda: handle.watch(**wrong),
        f"{prefix}Files.get": lambda: way.done(client.files.get(7, **wrong)),
        f"{prefix}Workflows.list": lambda: way.done(client.workflows.list(**wrong)),
    }


def test_an_unknown_option_is_named_with_the_one_that_was_meant(
    way: Way, simulator: Simulator
) -> None:
    for name, attempt in attempts(way, simulator, timeuot=3).items():
        with pytest.raises(UnknownOptionError) as caught:
            attempt()
        error = caught.value
        assert isinstance(error, InvalidArgumentError)
        assert isinstance(error, TypeError)
        assert str(error).startswith(
            f"{name}() got an unknown option 'timeuot'. Did you mean 'timeout'? "
        )
        assert error.name == "timeuot"
        assert error.options == tuple(sorted(error.options))
        assert f"The options are {', '.join(error.options)}" in str(error)
        again = pickle.loads(pickle.dumps(error))
        assert (str(again), again.options) == (str(error), error.options)
    assert not simulator.requests


@pytest.fixture
def simulator() -> Simulator:
    return new_simulator()


def test_the_options_are_those_of_the_signature(way: Way, simulator: Simulator) -> None:
    client = way.client(simulator)
    handle = client.executions.handle(7)
    for call, arguments in (
        (client.executions.wait, {"job": 7}),
        (client.executions.get, {"job": 7}),
        (handle.wait, {}),
        (client.files.get, {"file": 7}),
        (client.with_options, {}),
    ):
        with pytest.raises(UnknownOptionError) as caught:
            way.done(call(*arguments.values(), no_such_thing=1))
        parameters = inspect.signature(call).parameters.values()
        names = {one.name for one in parameters if one.kind is one.KEYWORD_ONLY}
        assert set(caught.value.options) == names
        assert "Did you mean" not in str(caught.value)


def test_a_callback_is_among_those_that_may_be_meant(way: Way, simulator: Simulator) -> None:
    with pytest.raises(UnknownOptionError, match="Did you mean 'on_change'"):
        way.done(way.client(simulator).executions.wait(7, on_changes=print))


def test_a_setting_of_a_policy_is_shown_its_place(way: Way, simulator: Simulator) -> None:
    for attempt in attempts(way, simulator, min_interval=3).values():
        with pytest.raises(UnknownOptionError, match=r"policy=WaitPolicy\(min_interval=\.\.\.\)"):
            attempt()


def test_a_name_of_any_length_is_cut(way: Way, simulator: Simulator) -> None:
    with pytest.raises(UnknownOptionError) as caught:
        way.client(simulator, **{"x\n" * 5000: 1})
    assert len(str(caught.value)) < 1000
    assert "\n" not in str(caught.value)


def test_a_client_of_a_simulator_says_so_too(simulator: Simulator) -> None:
    with pytest.raises(UnknownOptionError, match=r"connect\(\) got .*Did you mean 'max_retries'"):
        connect(simulator, max_retrys=3)  # type: ignore[call-arg]


def test_elsewhere_the_options_alone_are_told() -> None:
    check_options({"a": 1}, ["a", "b"], advice={})
    with pytest.raises(UnknownOptionError, match=r"^unknown option 'c'. The options are a, b$"):
        check_options({"c": 1}, ["a", "b"], advice={})


def test_what_is_decorated_is_the_same_function() -> None:
    def function(self: object, *, own: int = 1, **options: Unpack[CallOptions]) -> int:
        """Say something."""
        return own + len(options)

    assert shows_options(CallOptions)(function) is function
    assert function(None, own=2, max_retries=1) == 3
    assert list(inspect.signature(function).parameters) == [
        "self",
        "own",
        *CallOptions.__annotations__,
    ]
