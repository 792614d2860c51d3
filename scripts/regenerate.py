"""Bring openapi.json and generated/ up to date, both or neither.

  regenerate.py                                 from openapi.json as it is
  regenerate.py --from FILE_OR_URL              from another document
  regenerate.py --from FILE_OR_URL --only PATH  from some of its paths
  regenerate.py --check                         say if there is anything to do, and do nothing

A new document is checked, compared with the present one (what changes for callers, and where in
the facade to look), and generated from. Whatever goes wrong on the way, both are left as they were.

Exit codes: 0 for done or nothing to do, 1 for failed or (with --check) something to do, 2 for wrong
usage, 128 plus the number for a signal, which makes 130 for Ctrl-C.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

try:
    import facts
    from specs import (
        generating,
        loading,
        memory,
        narrowing,
        normalising,
        pins,
        provenance,
        reporting,
        signals,
        swapping,
        trees,
        validating,
        wrapped,
    )
    from specs.changes import changes
    from specs.documents import Document, Json, rendered
    from specs.problems import Problem
except ModuleNotFoundError as missing:
    sys.exit(f"regenerate: {missing}; run: pip install -r requirements/dev.txt")

ROOT = Path(__file__).resolve().parent.parent
VENDORED, GENERATED = "openapi.json", "generated"
FACADE = "datalab_facade"
TIMEOUT = 60.0
MOST_SECONDS = 86_400
BOTH = f"{VENDORED} and {GENERATED}/"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """How a run ended that has not failed: for people, for machines, and for the shell."""

    sentence: str
    record: dict[str, Json]
    exit_code: int = 0


def main(
    arguments: Sequence[str] | None = None, root: Path = ROOT, *, bounded: bool = False
) -> int:
    """Do what the command line says to the tree at `root`, and return the exit code.

    Only a process of its own should be `bounded`, in time and in memory.
    """
    options = _options(arguments)
    if bounded:
        memory.bound()
    # With --json, standard output is one document and nothing else.
    say: Say = partial(print, file=sys.stderr if options.json else sys.stdout, flush=True)
    try:
        with signals.raised(options.timeout if bounded else None):
            pins.verify(root / "pyproject.toml")
            with swapping.alone(root):
                if swapping.recover(root):
                    say(f"An earlier run was cut off. {BOTH} are back as they were before it.")
                outcome = (
                    check(root, say)
                    if options.check
                    else regenerate(root, options.source, options.only, say)
                )
    except swapping.Torn as torn:
        print(f"regenerate: {torn}", file=sys.stderr)
        return 1
    except (Problem, OSError, RecursionError) as problem:
        if isinstance(problem, Problem) and problem.output:
            print(problem.output.rstrip(), file=sys.stderr)
        print(f"regenerate: {problem}; nothing was changed", file=sys.stderr)
        return 1
    except MemoryError:
        most = f"more than {memory.MOST // 1024**2} MB of memory"
        print(f"regenerate: it takes {most}; nothing was changed", file=sys.stderr)
        return 1
    except signals.OutOfTime:
        print(
            f"regenerate: it took more than {options.timeout:g} s; nothing was changed;"
            f" --timeout SECONDS allows more",
            file=sys.stderr,
        )
        return 1
    except signals.Stopped as stopped:
        print(f"regenerate: stopped by {stopped}; nothing was changed", file=sys.stderr)
        return stopped.exit_code
    say(outcome.sentence)
    if options.json:
        print(json.dumps(outcome.record, indent=2, ensure_ascii=False))
    return outcome.exit_code


def regenerate(root: Path, source: str | None, only: Sequence[str], say: Say) -> Outcome:
    """Replace the document and what is generated from it, unless they are what they should be."""
    origin = str(root / VENDORED) if source is None else source
    content = loading.found(origin)
    document = loading.parsed(content, origin)
    fetched = None if source is None else provenance.of_fetched(source, content, only)
    validating.validate(document)
    if only:
        document = narrowing.narrow(document, only)
        validating.refuse_loose_references(document)
    changed = report(root, document, say)

    with swapping.building(root) as workshop:
        built = build(document, workshop)
        provenance.keep(root, built, fetched)
        if trees.read(built, swapping.OWNED) == trees.read(root, swapping.OWNED):
            record: dict[str, Json] = {"outcome": "already up to date", "changes": changed}
            return Outcome(f"{BOTH} are already up to date.", record)
        # Once the swap has begun Ctrl-C comes too late: there is no way back, and little to wait.
        signals.ignore()
        swapping.swap(root, built)
    # A page that cannot be written is no reason to say that nothing was changed.
    try:
        if facts.write(root):
            say(f"{facts.PAGE} has been written anew.")
    except (Problem, OSError) as problem:
        say(f"{facts.PAGE} is as it was: {problem}; mend that, and run: python scripts/facts.py")
    return Outcome(f"{BOTH} have been replaced.", {"outcome": "replaced", "changes": changed})


def check(root: Path, say: Say) -> Outcome:
    """Say how the tree differs from what `regenerate` would leave in it."""
    document = loading.load(str(root / VENDORED))
    validating.validate(document)
    compared = (VENDORED, GENERATED)
    with tempfile.TemporaryDirectory(prefix="regenerate-") as workshop:
        wanted = trees.read(build(document, Path(workshop)), compared)
    present = trees.read(root, compared)
    if present == wanted:
        return Outcome(f"{BOTH} are up to date.", {"outcome": "up to date", "files": []})
    say(trees.patch(present, wanted))
    files: list[Json] = [*trees.differing(present, wanted)]
    return Outcome(
        f"{BOTH} are out of date; run: python scripts/regenerate.py",
        {"outcome": "out of date", "files": files},
        exit_code=1,
    )


def build(document: Document, workshop: Path) -> Path:
    """A folder in the workshop with the document, and the package that is generated from it."""
    built, tools = workshop / "built", workshop / "tools"
    built.mkdir()
    tools.mkdir()
    _ = (built / VENDORED).write_bytes(rendered(document))
    generating.generate(normalising.normalise(document), built / GENERATED, tools)
    return built


def report(root: Path, document: Document, say: Say) -> list[Json]:
    """Say what a document changes in the API that is vendored now; the same comes back as JSON."""
    try:
        present = loading.load(str(root / VENDORED))
        if rendered(present) == rendered(document):
            return []
        validating.validate(present)
    except Problem as problem:
        say(f"There is nothing to compare the new document with: {problem}")
        return []
    found = changes(present, document)
    if not found:
        say("The new document changes nothing that a caller would notice.")
        return []
    uses = wrapped.uses(root, FACADE, {change.function for change in found} - {""})
    for line in reporting.lines(found, uses):
        say(line)
    return reporting.records(found, uses)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    summary, _, details = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        prog="regenerate.py",
        description=summary,
        epilog=details,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _ = parser.add_argument(
        "--from", dest="source", metavar="FILE_OR_URL", help="the new document, as JSON or YAML"
    )
    _ = parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="PATH",
        help="keep only operations at or below this path, and what they need; may be repeated",
    )
    _ = parser.add_argument(
        "--check", action="store_true", help=f"write nothing; fail if {GENERATED}/ is out of date"
    )
    _ = parser.add_argument(
        "--timeout",
        type=float,
        default=TIMEOUT,
        metavar="SECONDS",
        help="give up after so many seconds; the default is %(default)g",
    )
    _ = parser.add_argument(
        "--json", action="store_true", help="print the report as one JSON document"
    )
    options = parser.parse_args(arguments)
    if not 0 < options.timeout <= MOST_SECONDS:
        parser.error(f"--timeout is a number of seconds, at most {MOST_SECONDS:,}")
    if options.check and (options.source is not None or options.only):
        parser.error("--check goes with neither --from nor --only")
    return options


if __name__ == "__main__":
    sys.exit(main(bounded=True))
