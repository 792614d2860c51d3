"""An input says what to work on, in the forms that the API documents, and is checked."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import attrs
import pytest

from datalab_facade import InputConfig, InvalidArgumentError
from tests.secrets_for_tests import SIGNATURE, presigned

ONE, TWO = "https://a.example/1.pdf", "http://a.example/2.pdf"
REFERENCE = "datalab://file-abc123"


@attrs.frozen
class Uploaded:
    """Stands for what an upload gives."""

    reference: str = REFERENCE


@pytest.mark.parametrize(
    ("config", "form"),
    [
        (InputConfig.single_file(ONE), {"type": "single_file", "file_url": ONE}),
        (InputConfig.single_file(Uploaded()), {"type": "single_file", "file_url": REFERENCE}),
        (InputConfig.file_list([ONE, TWO]), {"type": "file_list", "file_urls": [ONE, TWO]}),
        (InputConfig.file_list(iter([ONE])), {"type": "file_list", "file_urls": [ONE]}),
        (InputConfig.file_urls([ONE, Uploaded()]), {"file_urls": [ONE, REFERENCE]}),
        (InputConfig.bucket("b"), {"bucket": "b"}),
        (
            InputConfig.bucket("b", "path/", "*.pdf", "r2"),
            {"bucket": "b", "prefix": "path/", "pattern": "*.pdf", "storage_type": "r2"},
        ),
        (InputConfig.coerce(ONE), {"type": "file_list", "file_urls": [ONE]}),
        (InputConfig.coerce(REFERENCE), {"type": "file_list", "file_urls": [REFERENCE]}),
        (InputConfig.coerce(Uploaded()), {"type": "file_list", "file_urls": [REFERENCE]}),
        (
            InputConfig.coerce((ONE, Uploaded())),
            {"type": "file_list", "file_urls": [ONE, REFERENCE]},
        ),
        (InputConfig.coerce(x for x in [ONE]), {"type": "file_list", "file_urls": [ONE]}),
        (InputConfig.coerce({"file_urls": [ONE]}), {"file_urls": [ONE]}),
        (
            InputConfig.coerce({"type": "single_file", "file_url": ONE, "new": {"x": 1}}),
            {"type": "single_file", "file_url": ONE, "new": {"x": 1}},
        ),
        (InputConfig.coerce({"type": "stored", "id": 5}), {"type": "stored", "id": 5}),
        (InputConfig.coerce(InputConfig.bucket("b")), {"bucket": "b"}),
    ],
)
def test_each_documented_form_is_sent_as_documented(config: InputConfig, form: Any) -> None:
    assert config.to_dict() == form
    assert InputConfig.coerce(config.to_dict()) == config
    assert pickle.loads(pickle.dumps(config)) == config
    assert hash(copy.deepcopy(config)) == hash(config)


def test_the_urls_can_be_asked_for() -> None:
    assert InputConfig.coerce([ONE, TWO]).urls == (ONE, TWO)
    assert InputConfig.single_file(ONE).urls == (ONE,)
    assert InputConfig.bucket("b").urls == ()


@pytest.mark.parametrize(
    "local",
    ["report.pdf", "./a/b.pdf", "/etc/hosts", "C:\\x.pdf", "file:///x.pdf", Path("x.pdf"), ""],
)
@pytest.mark.parametrize(
    "make",
    [
        InputConfig.coerce,
        InputConfig.single_file,
        lambda given: InputConfig.coerce([ONE, given]),
        lambda given: InputConfig.file_urls([given]),
    ],
)
def test_a_file_on_this_machine_has_to_be_uploaded_first(make: Any, local: Any) -> None:
    with pytest.raises(InvalidArgumentError, match=r"client\.files\.upload\(\)"):
        make(local)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("ftp://a.example/1.pdf", "begin with https://"),
        ("s3://bucket/1.pdf", r"InputConfig\.bucket"),
        ("https://ada:hunter2@a.example/1.pdf", "user name or a password"),
        ("https://a.example/my file.pdf", "white space"),
        ("https://a.example/1.pdf\n", "white space"),
        ("https://a.example/\u2028", "control character"),
        ("https://a.example\\@b.example/", "backslash"),
        ("https://", "no valid host"),
        ("https:///1.pdf", "no valid host"),
        ("https://a.example:port/", "no valid host"),
        ("https://[::1/", "no valid host"),
        ("datalab://", "not a reference"),
        ("datalab://file abc", "white space"),
        ("datalab://file-abc?x=1", "not a reference"),
    ],
)
def test_a_url_that_the_server_could_not_read_is_refused(url: str, told: str) -> None:
    with pytest.raises(InvalidArgumentError, match=told) as caught:
        InputConfig.coerce(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [None, 5, b"https://a.example", True, [], (), [None], [5], [[ONE]], {}, object()],
)
def test_what_is_nothing_to_work_on_is_refused(given: Any) -> None:
    with pytest.raises(InvalidArgumentError):
        InputConfig.coerce(given)


@pytest.mark.parametrize("given", [ONE, b"x", Path("x"), 5, None])
def test_a_list_is_wanted_where_a_list_is_wanted(given: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="must be a list of URLs"):
        InputConfig.file_list(given)


def test_the_same_file_twice_is_refused_since_it_is_paid_for_twice() -> None:
    for url in (presigned(), REFERENCE):
        with pytest.raises(InvalidArgumentError, match="in the list twice") as caught:
            InputConfig.coerce([ONE, url, url])
        assert SIGNATURE not in str(caught.value)


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"file_ulrs": [ONE]}, "'file_ulrs'"),
        ({"file_url": ONE, "file_urls": [ONE]}, "one of the keys"),
        ({"file_urls": ONE}, "must be a list"),
        ({"file_urls": []}, "empty"),
        ({"file_url": 5}, "not a int"),
        ({"bucket": 5}, "'bucket' must be a string"),
        ({"bucket": "s3://b/x"}, "not a bucket name"),
        ({"bucket": ""}, "not a bucket name"),
        ({"bucket": "b", "prefix": None}, "'prefix' must be a string"),
        ({"file_url": ONE, "x": {1}}, r"input\.x: a set"),
        ({"file_url": ONE, "x": float("nan")}, r"input\.x: nan"),
        ({"type": 5, "file_url": ONE}, "'type' must be a string"),
    ],
)
def test_a_mapping_in_no_documented_form_is_refused(form: Any, told: str) -> None:
    with pytest.raises(InvalidArgumentError, match=told):
        InputConfig.coerce(form)


def test_the_query_of_a_url_is_never_shown() -> None:
    for config in (
        InputConfig.coerce(presigned()),
        InputConfig.single_file(presigned()),
        InputConfig.coerce({"file_urls": [presigned()], "more": {"x": presigned()}}),
    ):
        assert SIGNATURE not in repr(config)
        assert SIGNATURE not in repr(config.redacted())
        assert SIGNATURE in str(config.to_dict())
        assert "https://storage.example/out.json?…" in repr(config)
