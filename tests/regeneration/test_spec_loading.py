"""Documents come from files and URLs, as JSON or YAML, or there is a sentence that says why not."""

import gzip
import json
import re
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TypeAlias

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from specs import loading
from specs.problems import ScriptError

from tests.regeneration.checkouts import vendored

Answer: TypeAlias = tuple[int, dict[str, str], bytes]

BOMB = gzip.compress(b" " * (loading.LARGEST + 1))
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
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def parsed(text: str) -> object:
    return loading.parse(text.encode(), "it")


def test_a_file_may_hold_json_or_yaml_whatever_it_is_called(tmp_path: Path) -> None:
    source = tmp_path / "openapi.txt"
    for written in (json.dumps(TINY), yaml.safe_dump(TINY), "\ufeff" + json.dumps(TINY)):
        _ = source.write_text(written, encoding="utf-8")
        assert loading.load(str(source)) == TINY


def test_a_document_is_the_same_as_json_and_as_yaml() -> None:
    document = vendored()
    assert loading.parse(yaml.safe_dump(document, sort_keys=False).encode(), "it") == document


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
    assert loading.parse(json.dumps(document).encode(), "it") == document
    # Quoted, because PyYAML leaves out the quotes by its own rules of what is a string.
    as_yaml = yaml.safe_dump(document, allow_unicode=True, default_style='"')
    assert loading.parse(_without_tags(as_yaml).encode(), "it") == document


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
        ("[" * 100_000, "is not JSON that can be read: it is nested more than 100 levels deep"),
        ('{"paths": ' + "[" * 200 + "]" * 200 + "}", "nested more than 100 levels deep"),
        ("paths: " + "[" * 200 + "]" * 200, "nested more than 100 levels deep"),
        ("- " * 200, "nested more than 100 levels deep"),
        ("a: *nothing\n", "is not YAML: the alias 'nothing' stands for nothing"),
        ("a: &a [1]\n*a : b\n", "a key is not a string"),
        ('{"paths": {}, "x": [' + "0," * loading.MOST + "0]}", "holds more than 500,000 values"),
        ("just words", "does not hold an object"),
        ("", "does not hold an object"),
        ('{"openapi": "3.1.0", "paths": []}', "has no 'paths'"),
        ("  <html></html>", "is a web page"),
    ],
)
def test_what_is_no_document_is_told_apart(text: str, reason: str) -> None:
    with pytest.raises(ScriptError) as told:
        _ = parsed(text)
    assert reason in str(told.value)
    assert "\n" not in str(told.value)


def test_of_yaml_the_values_are_counted_as_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "MOST", 1_000)
    with pytest.raises(ScriptError, match="holds more than 1,000 values"):
        _ = parsed("x: [" + "[]," * 1_000 + "]")


def test_what_is_not_even_text_is_told_apart() -> None:
    with pytest.raises(ScriptError, match="is not UTF-8 text"):
        _ = loading.parse(b"\xff\xfe{", "it")


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
        ((302, {"Location": "/"}, b""), "redirects more than 10 times"),
        ((302, {"Location": "file:///etc/hostname"}, b""), "redirects to file: which is neither"),
        ((302, {"Location": "ftp://a.test/"}, b""), "redirects to ftp: which is neither"),
        ((302, {"Location": "data:,{}"}, b""), "cannot fetch"),
        ((302, {"Location": "http://[/"}, b""), "cannot fetch"),
        ((200, {"Content-Encoding": "br"}, b"{}"), "sends 'br', though asked for plain bytes"),
        ((200, {"Content-Encoding": "gzip"}, b"{}"), "sends what is not gzip"),
        ((200, {"Content-Encoding": "gzip"}, gzip.compress(b"{}")[:-4]), "gzip that is cut off"),
        ((200, {"Content-Encoding": "gzip"}, BOMB), "sends more than 20,971,520 bytes"),
        ((200, {"Content-Type": "text/html"}, b"<!DOCTYPE html>"), "is a web page"),
        ((200, {"Content-Length": "9"}, b"{}"), "cannot fetch"),
        ((200, {}, b" " * (loading.LARGEST + 1)), "sends more than 20,971,520 bytes"),
    ],
)
def test_a_url_that_does_not_give_a_document_is_named_with_what_it_gives(
    answer: Answer, reason: str
) -> None:
    with serving(lambda _: answer) as url:
        with pytest.raises(ScriptError, match=reason) as told:
            _ = loading.load(url)
        assert url in str(told.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://[", "https://", "HTTP://a:x/"])
def test_a_url_that_nobody_answers_at_is_a_problem(url: str) -> None:
    with pytest.raises(ScriptError, match="cannot fetch"):
        _ = loading.load(url)


@pytest.mark.parametrize(
    "url",
    ["file:///etc/hostname", "file:/etc/hostname", "ftp://a.test/x.json", "data:,{}", "xy://"],
)
def test_a_url_of_another_scheme_is_not_fetched(url: str) -> None:
    scheme = url.partition(":")[0]
    with pytest.raises(ScriptError, match=f"only http and https are fetched, not {scheme}"):
        _ = loading.load(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://user:s3cret@127.0.0.1:1/openapi.json?token=s3cret",
        "http://user:s3cret@[/",
        "http://user:s3cret#x@127.0.0.1:bad/",
        "ftp://user:s3cret@a.test/",
    ],
)
def test_what_a_url_has_of_secrets_is_not_shown(url: str) -> None:
    with pytest.raises(ScriptError) as told:
        _ = loading.load(url)
    assert "s3cret" not in str(told.value)


def test_a_document_may_come_packed() -> None:
    packed = gzip.compress(json.dumps(TINY).encode())
    with serving(lambda _: (200, {"Content-Encoding": "gzip"}, packed)) as url:
        assert loading.load(url) == TINY


def endless(connection: socket.socket, start: bytes, part: bytes, pause: float) -> None:
    """Send without end what nobody should read to its end."""
    with connection, suppress(OSError):
        _ = connection.recv(65_536)
        connection.sendall(start)
        while not stopped.wait(pause):
            connection.sendall(part)


stopped = threading.Event()


@pytest.mark.parametrize(
    ("start", "part", "pause", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", b" " * 1_000_000, 0, "sends more than"),
        (b"HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n", b" " * 1_000_000, 0, "redirects more"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b" ", 0.01, "took more than"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"x", 0.01, "took more than"),
    ],
    ids=["a body", "a body of a redirect", "a body in drops", "a header in drops"],
)
def test_an_answer_without_end_is_not_waited_for(
    start: bytes, part: bytes, pause: float, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "PATIENCE", 0.5 if pause else 30.0)
    stopped.clear()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    arguments = (connection, start, part, pause)
                    threading.Thread(target=endless, args=arguments, daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        try:
            with pytest.raises(ScriptError, match=reason):
                _ = loading.load(f"http://127.0.0.1:{server.getsockname()[1]}/")
        finally:
            stopped.set()
            server.shutdown(socket.SHUT_RDWR)


def test_a_file_without_end_is_not_read_to_it() -> None:
    with pytest.raises(ScriptError, match="/dev/zero has more than 20,971,520 bytes"):
        _ = loading.load("/dev/zero")


def test_a_file_may_have_a_name_like_an_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _ = Path("v1:openapi.json").write_text(json.dumps(TINY))
    assert loading.load("v1:openapi.json") == TINY


LAUGHS = "paths: {}\na0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)
)
WORDS = f"paths: {{}}\na: &a {'x' * 100_000}\nb: [" + "*a, " * 300 + "]\n"
TALL = "paths: {}\na0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 101))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (LAUGHS, "holds more than 500,000 values"),
        (WORDS, "holds more than 20,971,520 characters"),
        (TALL, "nested more than 100 levels deep"),
    ],
    ids=["values", "characters", "levels"],
)
def test_an_alias_counts_as_what_it_stands_for(text: str, reason: str) -> None:
    with pytest.raises(ScriptError, match=reason):
        _ = parsed(text)


def test_yaml_is_the_same_without_the_library_in_c(monkeypatch: pytest.MonkeyPatch) -> None:
    document = {"paths": {}, "x": ["1", 1, None, True, {"a": "b: c"}]}
    text = yaml.safe_dump(document)
    monkeypatch.delattr(yaml, "CBaseLoader", raising=False)
    assert loading.parse(text.encode(), "it") == document


def test_a_text_that_says_that_it_is_one_is_one() -> None:
    assert parsed("paths: {}\na: !!str 5\nb: ! 5\n") == {"paths": {}, "a": "5", "b": 5}


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match="cannot read"):
        _ = loading.load("a\0b")
    with pytest.raises(ScriptError, match="No such file or directory"):
        _ = loading.load(str(tmp_path / "nowhere.json"))
    with pytest.raises(ScriptError, match="Is a directory"):
        _ = loading.load(str(tmp_path))
