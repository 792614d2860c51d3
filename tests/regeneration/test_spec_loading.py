"""Documents come from files and URLs, as JSON or YAML, or there is a sentence that says why not."""

import json
import re
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TypeAlias

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from specs import loading
from specs.problems import Problem

from tests.regeneration.checkouts import vendored

Answer: TypeAlias = tuple[int, dict[str, str], bytes]

TINY = {"openapi": "3.1.0", "paths": {}}


@contextmanager
def serving(answer: Callable[[str], Answer]) -> Generator[str]:
    """A server on this machine, by its URL, that answers each path as it is told."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = answer(self.path)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name above
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def parsed(text: str) -> object:
    return loading.parsed(text.encode(), "it")


def test_a_file_may_hold_json_or_yaml_whatever_it_is_called(tmp_path: Path) -> None:
    source = tmp_path / "openapi.txt"
    for written in (json.dumps(TINY), yaml.safe_dump(TINY), "\ufeff" + json.dumps(TINY)):
        _ = source.write_text(written, encoding="utf-8")
        assert loading.load(str(source)) == TINY


def test_a_document_is_the_same_as_json_and_as_yaml() -> None:
    document = vendored()
    assert loading.parsed(yaml.safe_dump(document, sort_keys=False).encode(), "it") == document


def test_yaml_is_read_by_the_rules_that_openapi_asks_for() -> None:
    assert parsed(
        """
        openapi: 3.1.0
        paths: {}
        x-date: 2025-10-22
        x-time: 2025-10-22T10:00:00Z
        x-clock: 12:30
        x-switch: [on, off, yes, no]
        x-octal: 010
        x-quoted: ["1", 'true', "null"]
        x-null: [~, null, ]
        x-true: [true, false]
        x-number: [1, -2, 1.5, 1e3]
        x-merge: {<<: plain}
        responses: {200: first, 404: second, default: third}
        """
    ) == {
        "openapi": "3.1.0",
        "paths": {},
        "x-date": "2025-10-22",
        "x-time": "2025-10-22T10:00:00Z",
        "x-clock": "12:30",
        "x-switch": ["on", "off", "yes", "no"],
        "x-octal": 10,
        "x-quoted": ["1", "true", "null"],
        "x-null": [None, None],
        "x-true": [True, False],
        "x-number": [1, -2, 1.5, 1000.0],
        "x-merge": {"<<": "plain"},
        "responses": {"200": "first", "404": "second", "default": "third"},
    }


def test_what_yaml_names_once_may_be_used_twice() -> None:
    text = "paths: {}\nx-one: &name {a: 1}\nx-two: *name\n"
    assert parsed(text) == {"paths": {}, "x-one": {"a": 1}, "x-two": {"a": 1}}


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    # PyYAML cannot write every text that JSON can; what it can write has to come back.
    | st.text(st.characters(codec="utf-8", exclude_categories=["C"])),
    lambda values: st.lists(values) | st.dictionaries(st.text("abc20-"), values),
    max_leaves=20,
)


@given(JSON_VALUES)
def test_any_json_is_the_same_when_it_comes_as_yaml(value: object) -> None:
    document = {"paths": {}, "x-value": value}
    assert loading.parsed(json.dumps(document).encode(), "it") == document
    # Quoted, because PyYAML leaves out the quotes by its own rules of what is a string.
    as_yaml = yaml.safe_dump(document, allow_unicode=True, default_style='"')
    assert loading.parsed(_without_tags(as_yaml).encode(), "it") == document


def _without_tags(written: str) -> str:
    """`!!int "1"` as `1`: in this style PyYAML quotes what is no string, and says so."""
    return re.sub(r'!!(?:int|float|bool|null) "([^"]*)"', r"\1", written)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"paths": {"a": 1, "b": 2, "a": 3}}', "the key 'a' is there twice"),
        ("paths:\n  a: 1\n  a: 2\n", "the key 'a' is there twice"),
        ('{"paths": {}, "x": NaN}', "NaN is not a number in JSON"),
        ('{"paths": {}, "x": 1e999}', "cannot be written as JSON"),
        ('{"paths": {}, "x": "\\ud800"}', "cannot be written as JSON"),
        ("paths: {}\nx: !!binary aGk=\n", "the tag 'tag:yaml.org,2002:binary' has no meaning"),
        ("paths: {}\n? [a, b]\n: c\n", "a key is not a string"),
        ("paths: &ring {x: *ring}\n", "is not YAML"),
        ("paths: {}\n---\npaths: {}\n", "is not YAML"),
        ("[" * 100_000, "is not JSON"),
        ("just words", "does not hold an object"),
        ("", "does not hold an object"),
        ('{"openapi": "3.1.0", "paths": []}', "has no 'paths'"),
        ("  <html></html>", "is a web page"),
    ],
)
def test_what_is_no_document_is_told_apart(text: str, reason: str) -> None:
    with pytest.raises(Problem) as told:
        _ = parsed(text)
    assert reason in str(told.value)
    assert "\n" not in str(told.value)


def test_what_is_not_even_text_is_told_apart() -> None:
    with pytest.raises(Problem, match="is not UTF-8 text"):
        _ = loading.parsed(b"\xff\xfe{", "it")


def test_a_url_is_followed_to_where_the_document_is() -> None:
    def answer(path: str) -> Answer:
        if path == "/openapi.json":
            return 307, {"Location": "/moved/openapi.yaml"}, b""
        return 200, {"Content-Type": "application/yaml"}, b"openapi: 3.1.0\npaths: {}\n"

    with serving(answer) as url:
        assert loading.load(f"{url}/openapi.json") == TINY


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((404, {}, b"{}"), "answered 404, not 200"),
        ((204, {}, b""), "answered 204, not 200"),
        ((302, {"Location": "/"}, b""), "redirects"),
        ((200, {"Content-Type": "text/html"}, b"<!DOCTYPE html>"), "is a web page"),
        ((200, {"Content-Length": "9"}, b"{}"), "cannot fetch"),
        ((200, {}, b" " * (loading.LARGEST + 1)), "sends more than 20,971,520 bytes"),
    ],
)
def test_a_url_that_does_not_give_a_document_is_named_with_what_it_gives(
    answer: Answer, reason: str
) -> None:
    with serving(lambda _: answer) as url:
        with pytest.raises(Problem, match=reason) as told:
            _ = loading.load(url)
        assert url in str(told.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://[", "https://"])
def test_a_url_that_nobody_answers_at_is_a_problem(url: str) -> None:
    with pytest.raises(Problem, match="cannot fetch"):
        _ = loading.load(url)


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="No such file or directory"):
        _ = loading.load(str(tmp_path / "nowhere.json"))
    with pytest.raises(Problem, match="Is a directory"):
        _ = loading.load(str(tmp_path))
