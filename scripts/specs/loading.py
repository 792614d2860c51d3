"""From a file or a URL to a document, of which no more is known than that it is JSON or YAML.

What is read is bounded in size, in depth and in the number of its values, so that whatever somebody
serves ends in a sentence after seconds, and neither memory nor patience is used up.
"""

import json
import re
import threading
import zlib
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import NoReturn

import httpx
import yaml

from specs import yaml_events
from specs.documents import Document, Json, render
from specs.problems import ScriptError

LARGEST = 20 * 1024 * 1024
"""The most bytes of a document."""
DEEPEST = 100
"""How many levels of objects and arrays it may have; the deepest one seen so far has 16."""
MOST = 500_000
"""How many values it may have, each alias counted as what it stands for."""
PATIENCE = 30.0
"""The seconds that fetching may take, redirects and all."""

_MOST_REDIRECTS = 10
_SCHEMES = ("http", "https")
# One letter before a colon is a drive.
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")


def load(source: str) -> Document:
    """The document at a path or an http(s) URL; a `ScriptError` says why there is none."""
    return parse(read_source(source), source)


def read_source(source: str) -> bytes:
    """The bytes at a path or an http(s) URL."""
    scheme = _scheme(source)
    if scheme is None:
        return read(Path(source))
    if scheme in _SCHEMES:
        return fetch(source)
    raise ScriptError(
        f"cannot fetch {redact(source)}: only http and https are fetched, not {scheme}"
    )


def is_address(source: str) -> bool:
    """Whether a source is an address and not a path."""
    return _scheme(source) is not None


def redact(source: str) -> str:
    """A source as it may be shown: an address without password and query, a path as it is."""
    scheme = _scheme(source)
    if scheme is None:
        return source
    # By hand, since a password may hold what would end a host in the eyes of a parser.
    _, _, rest = source.partition(":")
    shown = re.split(r"[?#]", rest.removeprefix("//").rpartition("@")[2], maxsplit=1)[0]
    return f"{scheme}://{shown}"


def read(path: Path) -> bytes:
    """The bytes of a file of a bearable size."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise ScriptError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise ScriptError(f"cannot read {str(path)!r}: {error}") from error
    if len(content) > LARGEST:
        raise ScriptError(f"{path} has more than {LARGEST:,} bytes")
    return content


def fetch(url: str) -> bytes:
    """The body that a URL answers with, after redirects, if it is a 200 of a bearable size."""
    results = list[bytes | Exception]()

    def fetch() -> None:
        try:
            results.append(_fetch(url))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is raised below
            results.append(error)

    # No time limit of a socket holds for a server that sends a byte now and then, nor for the
    # resolver. The thread is not waited for at the end of the process.
    thread = threading.Thread(target=fetch, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    if not results:
        raise ScriptError(f"cannot fetch {redact(url)}: it took more than {PATIENCE:.3g} s")
    result = results[0]
    if isinstance(result, Exception):
        raise result
    return result


def _fetch(url: str) -> bytes:
    try:
        headers = {"accept-encoding": "identity"}
        with httpx.Client(timeout=PATIENCE, headers=headers) as client:
            request = client.build_request("GET", url)
            # One by one: httpx would follow by itself only after it has read what comes with the
            # redirect, whatever its size.
            for _ in range(_MOST_REDIRECTS + 1):
                response = client.send(request, stream=True)
                try:
                    if response.next_request is None:
                        return _body(response)
                    request = response.next_request
                finally:
                    response.close()
                if request.url.scheme not in _SCHEMES:
                    raise ScriptError(
                        f"{redact(url)} redirects to {request.url.scheme or 'no'}: which is neither"
                        f" http nor https, so it is not followed"
                    )
            raise ScriptError(f"{redact(url)} redirects more than {_MOST_REDIRECTS} times")
    except httpx.InvalidURL as error:
        # What is wrong with it may be the password.
        reason = "it is not a valid URL, or redirects to one that is not"
        raise ScriptError(f"cannot fetch {redact(url)}: {reason}") from error
    except (httpx.HTTPError, ValueError) as error:
        raise ScriptError(f"cannot fetch {redact(url)}: {error or type(error).__name__}") from error


def _body(response: httpx.Response) -> bytes:
    where = redact(str(response.url))
    if response.status_code != HTTPStatus.OK:
        raise ScriptError(f"{where} answered {response.status_code}, not 200")
    body = bytearray()
    for chunk in _unpack(response, where):
        body += chunk
        if len(body) > LARGEST:
            raise ScriptError(f"{where} sends more than {LARGEST:,} bytes")
    return bytes(body)


def _unpack(response: httpx.Response, where: str) -> Iterator[bytes]:
    """The body part by part, none of them larger than a document may be."""
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity"):
        yield from response.iter_raw()
        return
    if encoding != "gzip":
        raise ScriptError(f"{where} sends {encoding!r}, though asked for plain bytes")
    # httpx unpacks whole chunks, of which a small one can stand for gigabytes.
    unpacker = zlib.decompressobj(wbits=31)
    try:
        for chunk in response.iter_raw():
            yield unpacker.decompress(chunk, LARGEST + 1)
    except zlib.error as error:
        raise ScriptError(f"{where} sends what is not gzip, though it says so: {error}") from error
    if not unpacker.eof:
        raise ScriptError(f"{where} sends gzip that is cut off")


def parse(content: bytes, source: str) -> Document:
    """The document that some bytes hold as JSON or, failing that, as YAML."""
    source = redact(source)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ScriptError(f"{source} is not UTF-8 text: {error}") from error
    if text.lstrip().startswith("<"):
        raise ScriptError(f"{source} is a web page, not an OpenAPI document")
    value = _value(text, source)
    if not isinstance(value, dict):
        raise ScriptError(f"{source} does not hold an object, so it is no OpenAPI document")
    if not isinstance(value.get("paths"), dict):
        raise ScriptError(f"{source} has no 'paths', so it is no OpenAPI document")
    _ = render(value)
    return value


def _value(text: str, source: str) -> Json:
    try:
        return _from_json(text)
    except ScriptError as problem:
        raise ScriptError(f"{source}: {problem}") from problem
    except RecursionError as error:
        message = f"{source} is not JSON that can be read: {_TOO_DEEP}"
        raise ScriptError(message) from error
    except ValueError as error:
        not_json = error
    try:
        return yaml_events.value(text, LARGEST, DEEPEST, MOST)
    except ScriptError as problem:
        raise ScriptError(f"{source}: {problem}") from problem
    except (yaml.YAMLError, ValueError) as not_yaml:
        if text.lstrip().startswith(("{", "[")):
            raise ScriptError(f"{source} is not JSON: {not_json}") from not_json
        raise ScriptError(f"{source} is not YAML: {not_yaml}") from not_yaml


_TOO_DEEP = f"it is nested more than {DEEPEST} levels deep"


def _from_json(text: str) -> Json:
    # Each value but the first comes after one of these. Some of them stand in texts, which are
    # counted, too: a document is far below the limit or far above.
    if sum(map(text.count, ",:[{")) > MOST and text.lstrip().startswith(("{", "[")):
        raise ScriptError(f"it holds more than {MOST:,} values")
    value: Json = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
    level: list[Json] = [value]
    for _ in range(DEEPEST + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return value
    raise ScriptError(_TOO_DEEP)


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    entries = dict[str, Json]()
    for key, value in pairs:
        if key in entries:
            raise ScriptError(f"the key {key!r} is there twice in one object")
        entries[key] = value
    return entries


def _refuse_constant(constant: str) -> NoReturn:
    raise ScriptError(f"{constant} is not a number in JSON")


def _scheme(source: str) -> str | None:
    """The scheme of an address, in lower case; None for a path."""
    match = _ADDRESS.match(source)
    if match is None or ("//" not in source and Path(source).exists()):
        return None
    return match[1].lower()
