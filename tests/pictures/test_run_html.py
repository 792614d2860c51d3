"""The report of a run as a page and as a table: escaped and bounded."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from datalab_facade import RunReport
from datalab_facade.runs.run_results import RunResult
from datalab_facade.statuses import Status


def _report(*results: RunResult) -> RunReport:
    return RunReport(task="Convert", folder=Path("out"), results=results)


@given(words=st.text() | st.just("<script>alert(1)</script>\"'&\x00\ud800"))
def test_hostile_names_and_words_stay_text(words: str) -> None:
    report = _report(RunResult(source=words, folder=Path("out/a"), reason=words))
    body = report.html().partition("</head>\n")[2].removesuffix("</html>\n")
    for root in (ET.fromstring(body), ET.fromstring(report._repr_html_())):
        assert len(root.findall(".//tbody/tr/td")) == 4
        assert not root.findall(".//script")


def test_it_shows_the_totals_and_failures_first_when_there_are_many() -> None:
    done = [
        RunResult(
            source=f"{one}.pdf",
            folder=Path("out"),
            job_id=f"j{one}",
            status=Status.COMPLETED,
            page_count=2,
            cost_cents=0.5,
            duration=timedelta(seconds=3),
        )
        for one in range(1_200)
    ]
    failed = RunResult(source="last.pdf", folder=Path("out"), position=9_999, reason="Too large")
    report = _report(*done, failed)
    assert "1,200 of 1,201 files done, 2,400 pages, 600 cents" in report.html()
    assert "Too large" in report.html()
    assert report.html().count("<tr>") == 1_001
    assert "Too large" in report._repr_html_()
    assert report._repr_html_().count("<tr>") == 21
