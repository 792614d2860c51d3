"""Docstrings as Markdown, for the reference pages.

The docstrings of this package are written for editors and ``help()``: with roles such
as ``:class:`Name```, with ``::`` before literal blocks, and with examples that run. This
extension of griffe, which reads them for the site, turns these into Markdown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import griffe

_ROLE = re.compile(r":(?P<kind>\w+):`(?:(?P<text>[^`<]+) <(?P<goal>[^`>]+)>|(?P<name>[^`]+))`")
_EXAMPLE = re.compile(
    r"^(?P<indent> *)>>> .*(?:\n(?P=indent)\S.*|\n(?P=indent) +\S.*)*", re.MULTILINE
)
_LITERAL = re.compile(r"(?P<before>\S?) ?::$", re.MULTILINE)


class DocstringsAsMarkdown(griffe.Extension):
    """Rewrites each docstring once its package is loaded."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:  # noqa: ANN401 - as griffe calls it
        """Rewrite what a package holds."""
        for found in _with_docstring(pkg):
            assert found.docstring is not None
            found.docstring.value = as_markdown(found.docstring.value, found)


def as_markdown(text: str, where: griffe.Object) -> str:
    """Give a docstring as Markdown.

    Args:
        text: The docstring.
        where: What it is the docstring of; names in it are looked up from there.
    """
    text = _EXAMPLE.sub(_fenced, text)
    text = _LITERAL.sub(lambda found: f"{found['before']}:" if found["before"] else "", text)
    return _ROLE.sub(lambda found: _link(found, where), text)


def _with_docstring(start: griffe.Object) -> Iterator[griffe.Object]:
    if start.docstring is not None:
        yield start
    for member in start.members.values():
        if not member.is_alias:
            assert isinstance(member, griffe.Object)
            yield from _with_docstring(member)


def _fenced(found: re.Match[str]) -> str:
    indent = found["indent"]
    code = re.sub(r"^ *<BLANKLINE>$", "", found[0], flags=re.MULTILINE)
    return f"{indent}```pycon\n{code}\n{indent}```"


def _link(found: re.Match[str], where: griffe.Object) -> str:
    name = found["name"] or found["goal"]
    shown = found["text"] or (name[1:].rpartition(".")[2] if name.startswith("~") else name)
    goal = _path(name.lstrip("~"), where)
    return f'<autoref optional identifier="{goal}"><code>{shown}</code></autoref>'


def _path(name: str, where: griffe.Object) -> str:
    first, _, rest = name.partition(".")
    scope: griffe.Object | None = where
    while scope is not None:
        if first in scope.members:
            found = scope.members[first]
            path = found.target_path if isinstance(found, griffe.Alias) else found.path
            return f"{path}.{rest}" if rest else path
        scope = scope.parent if isinstance(scope.parent, griffe.Object) else None
    return name
