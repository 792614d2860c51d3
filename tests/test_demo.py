"""The demo shows what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from datalab_facade import Manifest
from datalab_facade.testing import demo


def test_the_demo_follows_two_executions_and_saves_their_outputs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    demo.main()
    shown = capsys.readouterr().out
    assert shown.count("IN_PROGRESS → COMPLETED") >= 8
    assert '"vendor": "Example Ltd"' in shown
    for execution_id in (1001, 1002):
        manifest = Manifest.read(tmp_path / "demo-output" / f"execution-{execution_id}")
        assert len(manifest.saved) == 3
        assert manifest.complete
