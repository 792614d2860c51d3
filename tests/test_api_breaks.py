"""What the last release promised holds today, and what breaks it is told."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import api
import griffe
import pytest

_CLIENT = '''
class Client:
    """A client."""

    size: int = 1
    kind: str = ""
    runtime: str = ""

    def wait(self, execution_id: int, *, timeout: float | None = None) -> str:
        """Wait."""
        return str(execution_id)

    def _private(self, one: int) -> None: ...


@attrs.frozen
class Page:
    name: str
    total_pages: int | None = None
    file_ids: tuple[str, ...] = attrs.field(default=(), converter=tuple)
    _cache: dict[str, str] = attrs.field(factory=dict, kw_only=True)
    checksum: str = attrs.field(default="", kw_only=True)
    length: int = attrs.field(init=False, default=0)


@attrs.frozen(kw_only=True)
class Model:
    name: str
    total_pages: int | None = None
    file_ids: tuple[str, ...] = ()


def connect(address: str, retries: int = 3) -> Client: ...
'''

Result = Callable[[str], list[str]]


def _surface(folder: Path, source: str) -> dict[str, griffe.Object]:
    package, pages = folder / "datalab_facade", folder / "docs" / "reference"
    package.mkdir(parents=True)
    pages.mkdir(parents=True)
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "home.py").write_text(source, encoding="utf-8")
    names = [
        name
        for name in ("Client", "Page", "Model", "connect")
        if re.search(rf"^(class|def) {name}\b", source, flags=re.MULTILINE)
    ]
    page = "".join(f"::: datalab_facade.home.{name}\n" for name in names)
    (pages / "page.md").write_text(page, encoding="utf-8")
    return api.surface(folder)


@pytest.fixture
def told(tmp_path: Path) -> Result:
    """Tell what a new source breaks, after the old surface was written and read again."""
    before = api.loaded(api.dumped(_surface(tmp_path / "before", _CLIENT)))

    def compare(source: str) -> list[str]:
        shutil.rmtree(tmp_path / "now", ignore_errors=True)
        return list(api.breakages(before, _surface(tmp_path / "now", source)))

    return compare


def test_nothing_that_was_released_is_broken() -> None:
    kept = api.loaded(api.KEPT.read_text(encoding="utf-8"))
    assert len(kept) > 50
    assert list(api.breakages(kept, api.surface())) == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("def wait(", "def wait_for(", "wait: Public object was removed"),
        (
            ", *, timeout: float | None = None",
            "",
            "wait: Parameter was removed: [keyword-only] timeout",
        ),
        ("execution_id: int,", "execution: int,", "execution_id"),
        ("int, *, timeout", "int, again: int, *, timeout", "again"),
        ("retries: int = 3", "retries: int = 4", "retries"),
        ("address: str, retries: int = 3", "retries: int = 3, address: str = ''", "address"),
        ("class Client:", "class Gone:", "Client: is not public any more"),
        ("size: int = 1", "", "size: Public object was removed"),
        ('runtime: str = ""', "", "runtime: Public object was removed"),
        (
            "    file_ids: tuple[str, ...] = attrs.field",
            "    credits_used: tuple[str, ...] = ()\n    file_ids: tuple[str, ...] = attrs.field",
            "Page: __init__: Positional parameter was moved: [positional or keyword] file_ids",
        ),
        ("@attrs.frozen\n", "@attrs.frozen(kw_only=True)\n", "Parameter kind was changed"),
        ("    file_ids: tuple[str, ...] = ()", "    file_ids: tuple[str, ...]", "file_ids"),
        (
            "\n    name: str\n",
            "\n    name: str\n    size: int\n",
            "Model: __init__: Parameter was added as required: None -> [keyword-only] size",
        ),
    ],
)
def test_a_break_is_told(told: Result, old: str, new: str, words: str) -> None:
    assert old in _CLIENT
    assert words in "\n".join(told(_CLIENT.replace(old, new)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("timeout: float | None = None", "timeout: float | None = None, more: int = 0"),
        ('"""Wait."""', '"""Wait for it."""'),
        ("def _private(self, one: int)", "def _other(self)"),
        ("size: int = 1", "size: int = 1\n    weight: int = 2"),
        # At the end of positional fields, and anywhere among keywords.
        ("    _cache:", "    credits_used: int = 0\n    _cache:"),
        (
            "    checksum:",
            "    credits_used: int = attrs.field(default=0, kw_only=True)\n    checksum:",
        ),
        (
            "    file_ids: tuple[str, ...] = ()",
            "    used: int = 0\n    file_ids: tuple[str, ...] = ()",
        ),
        (
            "_cache: dict[str, str] = attrs.field(factory=dict",
            "_other: int = attrs.field(default=0",
        ),
    ],
)
def test_what_adds_or_is_private_breaks_nothing(told: Result, old: str, new: str) -> None:
    assert old in _CLIENT
    assert told(_CLIENT.replace(old, new)) == []


def test_a_release_keeps_its_type_checks_as_they_are() -> None:
    kept = api.KEPT_TYPING.read_text(encoding="utf-8")
    head, today = api.released_typing().partition("from __future__")[::2]
    assert kept.startswith(head)
    assert "assert_type(" in kept
    assert "assert_type(" in today


def test_a_break_is_not_accepted_before_users_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, today = tmp_path / "surface.json", _surface(tmp_path / "today", _CLIENT)
    gone = {"datalab_facade.Gone": _surface(tmp_path / "x", _CLIENT)["datalab_facade.home.Client"]}
    monkeypatch.setattr(api, "surface", lambda: today)
    kept.write_text(api.dumped(gone), encoding="utf-8")
    monkeypatch.setattr(api, "KEPT", kept)
    monkeypatch.setattr(api, "KEPT_TYPING", tmp_path / "api.py")
    monkeypatch.setattr(api, "CHANGES", tmp_path)
    assert api.main([]) == 1
    assert api.main(["--accept"]) == 1
    assert "Tell of it in changes/" in capsys.readouterr().out
    (tmp_path / "+gone.breaking.md").write_text("`Gone` is gone.", encoding="utf-8")
    assert api.main(["--accept"]) == 0
    assert api.main([]) == 0
