"""Make the blocking modules out of the async ones.

Async code is written by hand in ``async_NAME.py``; ``NAME.py`` beside it is made here, and says so
in its first line. Both have the same names, without what marks them as async: ``AsyncFiles``
becomes ``Files``, ``drive_async`` becomes ``drive``, ``await`` goes.

usage: python scripts/unasync.py [--check]

What cannot be translated (locks, sleeping, doing several things at once) stands in both forms in
``datalab_facade/concurrency.py`` and ``clock.py``.
"""

from __future__ import annotations

import argparse
import io
import itertools
import re
import subprocess
import sys
import tokenize
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "datalab_facade"

HEADER = "# Generated from {source} by scripts/unasync.py; change that file, not this one.\n"

NAMES = {
    "AbstractAsyncContextManager": "AbstractContextManager",
    "AsyncByteStream": "SyncByteStream",
    "StopAsyncIteration": "StopIteration",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
    "aclose": "close",
    "aclosing": "closing",
    "aiter": "iter",
    "aiter_bytes": "iter_bytes",
    "aiter_raw": "iter_raw",
    "anext": "next",
    "asynccontextmanager": "contextmanager",
    "handle_async_request": "handle_request",
}
"""Names that follow no rule."""

ASYNC_ONLY = re.compile(r"^.*  # async only\n", re.MULTILINE)
"""Lines that blocking code does not have."""

PHRASES = (
    ("for async code", "for blocking code"),
    (", or belongs to another event loop", ""),
    (
        """It belongs to the event loop in which it is first used, and says so when used
    in another. Close it, or use it in an ``async with`` statement.""",
        """It never starts an event loop, so it works inside one (a notebook) as well,
    and threads may share it. A process that is forked from this one has connections,
    locks and a rate limiter of its own, also if it uses the client that it inherited. Close it,
    or use it in a ``with`` statement.""",
    ),
    (
        """        transport: What carries requests to the API. ``"aiohttp"``, of the extra
            ``datalab-facade[aiohttp]``, takes about a quarter of the CPU that httpx
            takes; worth it for a thousand requests a minute. Outputs go through httpx.
""",
        "",
    ),
    (
        """
            that returns it, sync or async, for keys that change: it is called when the key is
            first needed, and once again when the API refuses the key (401); the request is then
            sent again with the new one. One that is not async runs in a thread.
""",
        """
            that returns it, for keys that change: it is called when the key is first needed, and
            once again when the API refuses the key (401); the request is then sent again with
            the new one.
""",
    ),
    (
        "The async front door; the blocking one is :class:`~datalab_facade.Datalab`",
        "The blocking front door; the async one is :class:`~datalab_facade.AsyncDatalab`",
    ),
)
"""What docstrings say of async code, and of blocking code."""

_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
_ASYNC_BEFORE = frozenset({"def", "for", "with"})
# Whatever stands before a parenthesis of a call, or of an index.
_CALLED = re.compile(r"[\w)\]]$")
# Python 3.12 and newer split f-strings into tokens of their own.
_TEXTS = {tokenize.STRING, tokenize.COMMENT, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
_KEYWORDS = frozenset({"return", "yield", "in", "not", "and", "or", "if", "else", "is", "await"})


def blocking_name(name: str) -> str:
    """Return the name that the blocking code has for an async name.

    >>> [blocking_name(name) for name in ("AsyncFiles", "_AsyncRun", "drive_async", "async_files")]
    ['Files', '_Run', 'drive', 'files']
    """
    if name in NAMES:
        return NAMES[name]
    name = re.sub(r"^(_*)Async(?=[A-Z])", r"\1", name)
    name = re.sub(r"^(_*)async_(?=\w)", r"\1", name)
    return name.removesuffix("_async")


def blocking_text(text: str) -> str:
    """Return what a comment or a string says in blocking code."""
    for ours, theirs in PHRASES:
        text = text.replace(ours, theirs)
    text = re.sub(r"\basync (?=(?:def|for|with)\b)", "", text)
    text = re.sub(r"(?<=[\s(\[])await (?=[\w(])", "", text)
    return re.sub(r"\w+", lambda found: blocking_name(found.group()), text)


def translate(source: str) -> str:
    r"""Return the blocking form of an async module, not formatted yet.

    >>> print(translate("async def f(x: Awaitable[int]) -> int:\n    return (await x).real\n"))
    def f(x: int) -> int:
        return x.real
    <BLANKLINE>
    """
    source = ASYNC_ONLY.sub("", source)
    # What reads all of an iterator needs no loop in blocking code.
    source = re.sub(r"\[(\w+) async for \1 in ([^\[\]]+)\]", r"list(\2)", source)
    source = re.sub(r"async for (\w+) in (.+):\n +yield \1\n", r"yield from \2\n", source)
    return _without_repeated_types(_Translation(source).text())


class _Translation:
    """The translation of one module, token by token; what is between tokens stays."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
        lines = source.splitlines(keepends=True)
        self._lines = [0, *itertools.accumulate(len(line) for line in lines)]
        # The closing brackets of what was translated: their tokens, and what they become.
        self._endings: dict[int, str] = {}

    def text(self) -> str:
        pieces, written = [], 0
        for index, token in enumerate(self._tokens):
            start, end = self._position(token.start), self._position(token.end)
            if start < written:
                continue
            pieces += [self._source[written:start], text := self._translated(index, token)]
            written = end
            if text == "" and token.type == tokenize.NAME and token.string != "Awaitable":
                while self._source[written] == " ":
                    written += 1
        return "".join(pieces) + self._source[written:]

    def _position(self, place: tuple[int, int]) -> int:
        return self._lines[place[0] - 1] + place[1]

    def _translated(self, index: int, token: tokenize.TokenInfo) -> str:
        if index in self._endings:
            return self._endings[index]
        if token.type == tokenize.NAME:
            return self._name(index, token.string)
        if token.type in _TEXTS:
            return blocking_text(token.string)
        if token.string == "(" and self._after(index) == "await":
            closing = self._closing(index)
            if not self._is_call(index) and _is_one_operand(self._tokens[index + 2 : closing]):
                self._endings[closing] = ""
                return ""
        return token.string

    def _name(self, index: int, name: str) -> str:
        after = self._after(index)
        if name == "await" or (name == "async" and after in _ASYNC_BEFORE):
            return ""
        if name == "Awaitable" and after == "[":
            self._endings |= {index + 1: "", self._closing(index + 1): ""}
            return ""
        if name == "AsyncGenerator" and after == "[":
            # A blocking generator says what it is sent and what it returns.
            self._endings[self._closing(index + 1)] = ", None]"
            return "Generator"
        return blocking_name(name)

    def _after(self, index: int) -> str:
        return self._tokens[index + 1].string if index + 1 < len(self._tokens) else ""

    def _is_call(self, index: int) -> bool:
        before = self._tokens[index - 1].string if index else ""
        return _CALLED.search(before) is not None and before not in _KEYWORDS

    def _closing(self, opening: int) -> int:
        depth = 0
        for index in range(opening, len(self._tokens)):
            if self._tokens[index].type == tokenize.OP:
                text = self._tokens[index].string
                depth += (text in _OPENING) - (text in _CLOSING)
                if depth == 0:
                    return index
        raise ValueError("a bracket is not closed")


def _is_one_operand(tokens: list[tokenize.TokenInfo]) -> bool:
    """Tell whether an expression needs no parentheses around it."""
    depth = 0
    for token in tokens:
        if token.type == tokenize.OP:
            closes = token.string in _CLOSING
            depth -= closes
            if depth == 0 and not closes and token.string not in {".", *_OPENING}:
                return False
            depth += token.string in _OPENING
        elif depth == 0 and token.string in _KEYWORDS:
            return False
    return True


def _without_repeated_types(text: str) -> str:
    """Write ``Iterable[X] | Iterable[X]``, and the like, once."""
    return re.sub(r"\b(\w+\[(?:[^\[\]]|\[[^\[\]]*\])*\])\s*\|\s*\1(?!\w)", r"\1", text)


def blocking_module(source: Path) -> str:
    """Return the whole text of the blocking module of an async one, formatted."""
    target = target_of(source)
    text = HEADER.format(source=source.name) + translate(source.read_text("utf-8"))
    tidy = ["--select", "F401,F811,I,UP028", "--unsafe-fixes"]
    for arguments in (["check", "--fix-only", *tidy], ["check", "--fix-only"], ["format"]):
        text = _ruff([*arguments, "--quiet", "--stdin-filename", str(target), "-"], text)
    return text


def _ruff(arguments: list[str], text: str) -> str:
    command = [sys.executable, "-m", "ruff", *arguments]
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, cwd=ROOT, check=False
    )
    if done.returncode:
        raise SystemExit(f"ruff {arguments[0]} failed:\n{done.stderr or done.stdout}")
    return done.stdout


def target_of(source: Path) -> Path:
    """Return where the blocking form of an async module is."""
    return source.with_name(source.name.removeprefix("async_"))


def sources() -> list[Path]:
    """Return all async modules."""
    return sorted(PACKAGE.rglob("async_*.py"))


def main() -> int:
    """Write all blocking modules, or tell which differ from what would be written."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail if any differs")
    options = parser.parse_args()
    differing = 0
    for source in sources():
        target, text = target_of(source), blocking_module(source)
        if target.exists() and target.read_text("utf-8") == text:
            continue
        differing += 1
        name = target.relative_to(ROOT)
        if options.check:
            print(f"{name} is not what {source.name} gives: run python scripts/unasync.py")
        else:
            target.write_text(text, "utf-8")
            print(f"{name} written")
    return 1 if options.check and differing else 0


if __name__ == "__main__":
    sys.exit(main())
