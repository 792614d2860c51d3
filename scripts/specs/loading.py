"""From a file or a URL to a document, of which no more is known than that it is JSON or YAML."""

import json
import re
from http import HTTPStatus
from pathlib import Path
from typing import NoReturn

import httpx
import yaml

from specs.documents import Document, Json, rendered
from specs.problems import Problem

LARGEST = 20 * 1024 * 1024
PATIENCE = 30.0


def load(source: str) -> Document:
    """The document at a path or an http(s) URL; a `Problem` says why there is none."""
    found = fetched(source) if source.startswith(("http://", "https://")) else read(Path(source))
    return parsed(found, source)


def read(path: Path) -> bytes:
    """The bytes of a file."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Problem(f"cannot read {path}: {error.strerror}") from error


def fetched(url: str) -> bytes:
    """The body that a URL answers with, after redirects, if it is a 200 of a bearable size."""
    body = bytearray()
    try:
        with httpx.stream("GET", url, follow_redirects=True, timeout=PATIENCE) as response:
            if response.status_code != HTTPStatus.OK:
                raise Problem(f"{response.url} answered {response.status_code}, not 200")
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > LARGEST:
                    raise Problem(f"{response.url} sends more than {LARGEST:,} bytes")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Problem(f"cannot fetch {url}: {error or type(error).__name__}") from error
    return bytes(body)


def parsed(found: bytes, source: str) -> Document:
    """The document that some bytes hold as JSON or, failing that, as YAML."""
    try:
        text = found.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Problem(f"{source} is not UTF-8 text: {error}") from error
    if text.lstrip().startswith("<"):
        raise Problem(f"{source} is a web page, not an OpenAPI document")
    value = _value(text, source)
    if not isinstance(value, dict):
        raise Problem(f"{source} does not hold an object, so it is no OpenAPI document")
    if not isinstance(value.get("paths"), dict):
        raise Problem(f"{source} has no 'paths', so it is no OpenAPI document")
    _ = rendered(value)
    return value


def _value(text: str, source: str) -> Json:
    try:
        return _from_json(text)
    except Problem as problem:
        raise Problem(f"{source}: {problem}") from problem
    except (ValueError, RecursionError) as error:
        not_json = error
    try:
        return _from_yaml(yaml.compose(text, yaml.BaseLoader))
    except Problem as problem:
        raise Problem(f"{source}: {problem}") from problem
    except (yaml.YAMLError, ValueError, RecursionError) as not_yaml:
        if text.lstrip().startswith(("{", "[")):
            raise Problem(f"{source} is not JSON: {not_json}") from not_json
        raise Problem(f"{source} is not YAML: {not_yaml}") from not_yaml


def _from_json(text: str) -> Json:
    value: Json = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
    return value


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    entries = dict[str, Json]()
    for key, value in pairs:
        if key in entries:
            raise Problem(f"the key {key!r} is there twice in one object")
        entries[key] = value
    return entries


def _refuse_constant(constant: str) -> NoReturn:
    raise Problem(f"{constant} is not a number in JSON")


_NULL = re.compile(r"~|null|Null|NULL|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INTEGER = re.compile(r"[-+]?[0-9]+")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


def _from_yaml(node: yaml.Node | None) -> Json:
    """The JSON that a YAML node stands for by the rules of YAML 1.2, which OpenAPI asks for.

    PyYAML's own rules are those of YAML 1.1, where `2025-10-22` is a date, `on` is true, `12:30` is
    a number and the key `200` is no string.
    """
    if isinstance(node, yaml.MappingNode):
        entries: list[tuple[yaml.Node, yaml.Node]] = node.value
        return _object([(_key(key), _from_yaml(value)) for key, value in entries])
    if isinstance(node, yaml.SequenceNode):
        items: list[yaml.Node] = node.value
        return [_from_yaml(item) for item in items]
    if isinstance(node, yaml.ScalarNode):
        if node.tag != "tag:yaml.org,2002:str":
            raise Problem(f"the tag {node.tag!r} has no meaning in JSON")
        text: str = node.value
        return _plain(text) if node.style is None else text
    return None


def _key(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise Problem(f"a key is not a string{node.start_mark}")
    text: str = node.value
    return text


def _plain(text: str) -> Json:
    """What a scalar without quotes means."""
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text) or _FALSE.fullmatch(text):
        return text.lower() == "true"
    if _INTEGER.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text):
        return float(text)
    return text
