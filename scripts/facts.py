"""Write docs/explanation/facts.md from what the document and scripts/facts.toml say.

::

    python scripts/facts.py            # write it
    python scripts/facts.py --check    # tell whether it is what would be written
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from specs import loading, provenance
from specs.documents import Document, Json, operations, table
from specs.problems import ScriptError

_ROOT = Path(__file__).resolve().parents[1]
_KNOWN = Path("scripts") / "facts.toml"
PAGE = Path("docs") / "explanation" / "facts.md"

WORDS: Final = {
    "verbatim": "copied word for word from Datalab's published document",
    "documented": "Datalab's published documentation says so",
    "live": "a published recording of an answer of the API shows it",
    "client": "Datalab's own Python client (0.5.0) reads or sends it",
    "third-party": "the client or the notes of somebody else say so",
    "inferred": "follows from these, but is not written anywhere",
    "unknown": "searched for, and not found",
    "undocumented": "not in anything that is published",
}
"""How sure a fact can be."""

_INTRODUCTION = """\
# What is known of the API

<!-- Written by scripts/facts.py from openapi.json and scripts/facts.toml. -->

The published specification gives no type for many answers, and its copies disagree. So it matters
where a fact comes from. Nothing here was measured against the live service. `datalab-facade record`
shows [what it really sends](../command-line.md#what-the-api-really-sends), without values.
"""


def page(root: Path = _ROOT) -> str:
    """Give the page for a tree; a `ScriptError` if its sources cannot be read."""
    document = loading.load(str(root / "openapi.json"))
    try:
        known = tomllib.loads((root / _KNOWN).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ScriptError(f"cannot read {_KNOWN}: {error}") from error
    lines = [_INTRODUCTION]
    lines += [f"- **{word}**: {meaning}" for word, meaning in WORDS.items()]
    for section in known["section"]:
        lines += _section(section)
    lines += _of_the_document(document, provenance.present(root))
    return "\n".join(lines).rstrip() + "\n"


def _section(section: Mapping[str, Any]) -> Iterator[str]:
    yield f"\n## {section['title']}\n"
    if "text" in section:
        yield f"{section['text'].strip()}\n"
    yield "| fact | how sure | what this package does |"
    yield "| --- | --- | --- |"
    for fact in section["fact"]:
        for word in fact["sure"]:
            if word not in WORDS:
                raise ScriptError(f"{_KNOWN}: {word!r} is not one of {', '.join(WORDS)}")
        yield f"| {fact['fact']} | {', '.join(fact['sure'])} | {fact['here']} |"


def _of_the_document(document: Document, fetched: Mapping[str, Json] | None) -> Iterator[str]:
    every = list(operations(document))
    yield "\n## The document\n"
    if fetched is not None:
        of = fetched.get("address") or fetched.get("file")
        yield (
            f"`openapi.json` has {len(every)} operations. It was taken from\n`{of}` on "
            f"{fetched.get('date')}; the SHA-256 of what came is\n`{fetched.get('sha256')}`."
        )
        if fetched.get("only"):
            yield f"Only what is below {fetched['only']} was kept."
        return
    yield (
        f"`openapi.json` has {len(every)} operations, put together from published pages, the\n"
        "official client and recorded answers. It says of each how sure it is, in `x-provenance`. "
        "When\nthe live document is at hand, one command replaces it and tells what differs; see\n"
        "`CONTRIBUTING.md`.\n"
    )
    yield "| operation | how sure |"
    yield "| --- | --- |"
    for operation in every:
        yield f"| `{_cell(operation)}` | {operation.body.get(provenance.MARK, 'verbatim')} |"
    yield "\nIts components:\n"
    yield "| how sure | components |"
    yield "| --- | --- |"
    schemas = table(table(document.get("components")).get("schemas"))
    for word in WORDS:
        names = [
            f"`{name}`" for name, one in schemas.items() if table(one).get(provenance.MARK) == word
        ]
        if names:
            yield f"| {word} | {', '.join(names)} |"
    names = [f"`{name}`" for name, one in schemas.items() if provenance.MARK not in table(one)]
    if names:
        yield f"| as the operations that use them | {', '.join(names)} |"


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|")


def write(root: Path = _ROOT) -> bool:
    """Write the page of a tree that has one, and tell whether it was another before."""
    if not (root / PAGE).is_file() or not (root / _KNOWN).is_file():
        return False
    text = page(root)
    if (root / PAGE).read_text(encoding="utf-8") == text:
        return False
    _ = (root / PAGE).write_text(text, encoding="utf-8")
    return True


def main(arguments: list[str], root: Path = _ROOT) -> int:
    """Write the page, or with ``--check`` fail if it is another."""
    if arguments not in ([], ["--check"]):
        print(__doc__)
        return 2
    try:
        if not arguments:
            _ = write(root)
        elif (root / PAGE).read_text(encoding="utf-8") != page(root):
            print(f"{PAGE} is out of date; run: python scripts/facts.py", file=sys.stderr)
            return 1
    except (ScriptError, OSError) as error:
        print(f"facts: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
