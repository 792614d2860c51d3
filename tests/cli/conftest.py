"""One Datalab for the tests of a module, and the program inside this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import pytest

from datalab_facade.cli import app
from tests.cli.programs import Done
from tests.cli.worlds import World, new_world
from tests.quick_clock import PLACES, quick_clock

Run: TypeAlias = Callable[..., Done]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Serve a Datalab with something of everything in it."""
    with new_world(tmp_path_factory.mktemp("world")) as world:
        yield world


@pytest.fixture
def run(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give a way to run the program in this process, as if in a pipe."""
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LC_ALL", "DATALAB_API_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.chdir(world.folder)
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    for place in PLACES:
        monkeypatch.setattr(place, "SystemClock", quick_clock)

    def run(*arguments: object) -> Done:
        code = app.run([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return Done(int(code), said.out, said.err)

    return run
