"""Bring openapi.json and generated/ up to date, both or neither.

  regenerate.py                                 from openapi.json as it is
  regenerate.py --from FILE_OR_URL              from another document
  regenerate.py --from FILE_OR_URL --only PATH  from some of its paths
  regenerate.py --check                         say if there is anything to do, and do nothing

A new document is narrowed, compared with the present one (what changes for callers, and where in
the facade to look), repaired where the generator could not do with it, and generated from. What
comes of it is imported, and asked for the request of each operation, before it is put in place.
Whatever goes wrong on the way, both are left as they were.

With --skip-unsupported, operations that cannot be had are left out, and named in
generated/left-out.json with the reason.

Exit codes: 0 for done or nothing to do, 1 for failed or (with --check) something to do, 2 for wrong
usage, 128 plus the number for a signal, which makes 130 for Ctrl-C.
"""

import argparse
import itertools
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
        checking,
        generating,
        loading,
        memory,
        narrowing,
        pins,
        provenance,
        repairing,
        reporting,
        signals,
        skipping,
        swapping,
        trees,
        validating,
        wrapped,
    )
    from specs.causes import UnsupportedError
    from specs.changes import changes
    from specs.documents import Document, Json, render
    from specs.problems import ScriptError
    from specs.repairs.made import Made
    from specs.skipping import LeftOut
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
    skip = options.skip_unsupported
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
                    else regenerate(root, options.source, options.only, say, skip=skip)
                )
    except swapping.TornError as torn:
        print(f"regenerate: {torn}", file=sys.stderr)
        return 1
    except (ScriptError, OSError, RecursionError) as problem:
        if isinstance(problem, ScriptError) and problem.output:
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


def regenerate(
    root: Path, source: str | None, only: Sequence[str], say: Say, *, skip: bool = False
) -> Outcome:
    """Replace the document and what is generated from it, unless they are what they should be."""
    origin = str(root / VENDORED) if source is None else source
    content = loading.read_source(origin)
    document = loading.parse(content, origin)
    fetched = None if source is None else provenance.of_fetched(source, content, only)
    validating.refuse_strangers(document)
    if only:
        document = narrowing.narrow(document, only)
    # What is left out stays left out until the document is taken in anew.
    left_out = skipping.read_record(root / GENERATED) if source is None else ()
    with swapping.building(root) as workshop:
        built = build(document, workshop, left_out, skip=skip)
        provenance.keep(root, built.folder, fetched)
        # Of a document that cannot be had, nobody needs to know what it would change.
        changed = report(root, document, say)
        record: dict[str, Json] = {
            "changes": changed,
            "repairs": [one.record() for one in built.made],
            "left_out": skipping.records(built.left_out),
        }
        if trees.read(built.folder, swapping.OWNED) == trees.read(root, swapping.OWNED):
            return Outcome(
                f"{BOTH} are already up to date.", {"outcome": "already up to date", **record}
            )
        for line in (*reporting.repairs(built.made), *reporting.left_out(built.left_out)):
            say(line)
        # Once the swap has begun Ctrl-C comes too late: there is no way back, and little to wait.
        signals.ignore()
        swapping.swap(root, built.folder)
    # A page that cannot be written is no reason to say that nothing was changed.
    try:
        if facts.write(root):
            say(f"{facts.PAGE} has been written anew.")
    except (ScriptError, OSError) as problem:
        say(f"{facts.PAGE} is as it was: {problem}; mend that, and run: python scripts/facts.py")
    return Outcome(f"{BOTH} have been replaced.", {"outcome": "replaced", **record})


def check(root: Path, say: Say) -> Outcome:
    """Say how the tree differs from what `regenerate` would leave in it."""
    document = loading.load(str(root / VENDORED))
    with tempfile.TemporaryDirectory(prefix="regenerate-") as workshop:
        built = build(document, Path(workshop), skipping.read_record(root / GENERATED))
        provenance.keep(root, built.folder, None)
        wanted = trees.read(built.folder, swapping.OWNED)
    present = trees.read(root, swapping.OWNED)
    if present == wanted:
        return Outcome(f"{BOTH} are up to date.", {"outcome": "up to date", "files": []})
    say(trees.patch(present, wanted))
    files: list[Json] = [*trees.differing(present, wanted)]
    return Outcome(
        f"{BOTH} are out of date; run: python scripts/regenerate.py",
        {"outcome": "out of date", "files": files},
        exit_code=1,
    )


@dataclass(frozen=True)
class Built:
    """A folder with the document and the package that is generated from it, and how it came."""

    folder: Path
    made: Sequence[Made]
    left_out: Sequence[LeftOut]


def build(
    document: Document, workshop: Path, left_out: Sequence[LeftOut] = (), *, skip: bool = False
) -> Built:
    """Repair, validate, generate, check; with `skip`, again without what cannot be had."""
    skipped = list(left_out)
    for attempt in itertools.count():
        kept = skipping.without(document, skipped)
        try:
            folder = workshop / f"attempt-{attempt}"
            made = _built(document, kept, folder, skipped)
            return Built(folder / "built", made, skipped)
        except UnsupportedError as unsupported:
            gone = {one.operation for one in skipped}
            more = [one for one in skipping.to_leave_out(unsupported) if one.operation not in gone]
            if not (skip and more):
                raise
            skipped += more
    raise AssertionError


def _built(
    document: Document, kept: Document, folder: Path, skipped: Sequence[LeftOut]
) -> Sequence[Made]:
    built, tools = folder / "built", folder / "tools"
    built.mkdir(parents=True)
    tools.mkdir()
    _ = (built / VENDORED).write_bytes(render(document))
    repaired = repairing.repair(kept)
    try:
        validating.validate(repaired.document)
        generating.generate(repaired.document, built / GENERATED, tools)
        checking.check(repaired, built / GENERATED, tools)
    except UnsupportedError as unsupported:
        raise unsupported.told_by(repaired.upstream) from unsupported
    skipping.record(built / GENERATED, skipped)
    return repaired.made


def report(root: Path, document: Document, say: Say) -> list[Json]:
    """Say what a document changes in the API that is vendored now; the same comes back as JSON."""
    try:
        present = loading.load(str(root / VENDORED))
        if render(present) == render(document):
            return []
    except ScriptError as problem:
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
        "--skip-unsupported",
        action="store_true",
        help="leave out operations that cannot be generated, instead of failing",
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
    if options.check and (options.source is not None or options.only or options.skip_unsupported):
        parser.error("--check goes with no option that says what to generate")
    return options


if __name__ == "__main__":
    sys.exit(main(bounded=True))
