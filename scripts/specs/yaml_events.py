"""YAML to JSON by the rules of YAML 1.2, which OpenAPI asks for, and within limits.

PyYAML's own rules are those of YAML 1.1, where `2025-10-22` is a date, `on` is true, `12:30` is a
number and the key `200` is no string. So only its events are used. They come one by one, which
bounds how deep and how long a document is before it is in memory; and an alias, which takes six
bytes and may stand for anything, is counted as what it stands for.
"""

import re
from collections.abc import Iterator

import yaml
from attrs import define, field, frozen

from specs.documents import Json
from specs.problems import ScriptError

_TEXT = "tag:yaml.org,2002:str"
_NULL = re.compile(r"~|null|Null|NULL|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INTEGER = re.compile(r"[-+]?[0-9]+")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


def value(text: str, largest: int, deepest: int, most: int) -> Json:
    """What the one YAML document in a text says, as JSON.

    Raises `ScriptError` for what is not JSON or goes beyond a limit (characters, levels, values),
    and `yaml.YAMLError` or ValueError for what is no YAML.
    """
    reader = _Reader(largest, deepest, most)
    documents = 0
    for event in _events(text):
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
        elif isinstance(event, yaml.NodeEvent):
            reader.take(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            reader.close()
        if documents > 1:
            raise ValueError("it holds more than one document")
    return reader.root


@frozen
class _Node:
    """A value with its cost."""

    value: Json
    text: str | None
    """What stands there, where it is no object and no array."""
    values: int = 1
    characters: int = 0
    levels: int = 0


@define
class _Open:
    """An object or an array whose end has not come yet."""

    value: dict[str, Json] | list[Json]
    anchor: str | None
    key: str | None = None
    values: int = 1
    characters: int = 0
    levels: int = 1


@define
class _Reader:
    """Puts values together from events."""

    largest: int
    deepest: int
    most: int
    root: Json = None
    _open: list[_Open] = field(factory=list[_Open])
    _anchors: dict[str, _Node | None] = field(factory=dict[str, "_Node | None"])
    _values: int = 0
    _characters: int = 0

    def take(self, event: yaml.NodeEvent) -> None:
        """Take up a scalar, an alias, or the start of an object or array."""
        if isinstance(event, yaml.AliasEvent):
            self._add(self._behind(event.anchor), str(event.start_mark))
        elif isinstance(event, yaml.ScalarEvent):
            node = _scalar(event)
            self._anchor(event.anchor, node)
            self._add(node, str(event.start_mark))
        else:
            top = self._open[-1] if self._open else None
            if top is not None and isinstance(top.value, dict) and top.key is None:
                raise ScriptError(f"a key is not a string{event.start_mark}")
            start: dict[str, Json] | list[Json] = (
                {} if isinstance(event, yaml.MappingStartEvent) else []
            )
            self._anchor(event.anchor, None)
            self._count(_Node(None, None))
            self._open.append(_Open(start, event.anchor))
            self._refuse_depth(len(self._open))

    def close(self) -> None:
        """Take up the end of an object or array."""
        done = self._open.pop()
        node = _Node(done.value, None, done.values, done.characters, done.levels)
        self._anchor(done.anchor, node)
        self._add(node, "", counted=True)

    def _behind(self, anchor: str | None) -> _Node:
        if anchor is None or anchor not in self._anchors:
            raise ValueError(f"the alias {anchor!r} stands for nothing")
        node = self._anchors[anchor]
        if node is None:
            raise ValueError(f"the alias {anchor!r} stands inside of what it stands for")
        return node

    def _anchor(self, anchor: str | None, node: _Node | None) -> None:
        if anchor is not None:
            self._anchors[anchor] = node

    def _add(self, node: _Node, place: str, *, counted: bool = False) -> None:
        if not counted:
            self._count(node)
        if not self._open:
            self.root = node.value
            return
        top = self._open[-1]
        top.values += node.values
        top.characters += node.characters
        top.levels = max(top.levels, node.levels + 1)
        self._refuse_depth(len(self._open) + node.levels)
        if isinstance(top.value, list):
            top.value.append(node.value)
        elif top.key is not None:
            top.value[top.key] = node.value
            top.key = None
        elif node.text is None:
            raise ScriptError(f"a key is not a string{place}")
        elif node.text in top.value:
            raise ScriptError(f"the key {node.text!r} is there twice in one object")
        else:
            top.key = node.text

    def _count(self, node: _Node) -> None:
        self._values += node.values
        self._characters += node.characters
        if self._values > self.most:
            raise ScriptError(f"it holds more than {self.most:,} values")
        if self._characters > self.largest:
            raise ScriptError(f"it holds more than {self.largest:,} characters")

    def _refuse_depth(self, levels: int) -> None:
        if levels > self.deepest:
            raise ScriptError(f"it is nested more than {self.deepest} levels deep")


def _events(text: str) -> Iterator[yaml.Event]:
    # The one in C takes a twentieth of the time. Neither of them makes anything of what it reads.
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    events: Iterator[yaml.Event] = yaml.parse(text, loader)
    return events


def _scalar(event: yaml.ScalarEvent) -> _Node:
    text: str = event.value
    # An exclamation mark alone says that a scalar is what it looks like.
    if event.tag not in (None, "!", _TEXT):
        raise ScriptError(f"the tag {event.tag!r} has no meaning in JSON")
    plain = not event.style and event.tag != _TEXT
    return _Node(_plain(text) if plain else text, text, characters=len(text))


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
