"""The command ``report``: what came of a run so far."""

from __future__ import annotations

import click

from datalab_facade.cli.document_results import SourceResult
from datalab_facade.cli.exits import ExitCode
from datalab_facade.cli.picture_files import picture_options, write_file
from datalab_facade.cli.rendering.conversions import result_lines, summary_lines
from datalab_facade.cli.sessions import Session, with_session
from datalab_facade.runs.run_results import RunReport

_MAX_FILES = 40


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path())
@picture_options
@with_session
def report(session: Session, *, folder: str, html: str | None, svg: str | None) -> ExitCode:
    """Show what came of a run.

    DIR is the folder that a run saves its outputs in. The report shows when each file was at
    work, what failed and why, and the pages and the cost of all. It needs no key and sends
    nothing, and the run may go on meanwhile.
    """
    found = RunReport.read(folder)
    for path, draw in ((html, found.html), (svg, found.timeline().svg)):
        if path is not None:
            write_file(path, draw())
    if session.as_json:
        session.out.write_json(found.to_dict(urls=False))
        return ExitCode.DONE
    results = [SourceResult.of_run(one) for one in found.results]
    chart, tables = session.out.for_charts, session.out.for_tables
    times = found.timeline().text(width=chart.width, color=chart.color, ascii_only=chart.ascii_only)
    lines = result_lines(results, tables, most=_MAX_FILES)
    session.out.write("\n".join([*lines, "", times, "", *summary_lines(folder, results, tables)]))
    return ExitCode.DONE
