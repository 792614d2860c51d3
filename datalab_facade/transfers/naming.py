"""Safe file names from the server's names, which never choose a folder.

Step names, file keys and URLs are the server's; the folder is the user's. These
functions turn any string into one harmless path component, on any system.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator
from hashlib import sha256
from urllib.parse import unquote, urlsplit

MOST_BYTES = 120
"""The largest size of a safe name in UTF-8.

A component may have 255 bytes nearly everywhere, and 143 where names are
encrypted; this leaves room for suffixes such as ``.part.json``."""

# No unchanged name is longer, and this many characters always fill MOST_BYTES, since composing
# joins three at most. The limit matters because composing takes quadratic time.
_MOST_CHARACTERS = 3 * MOST_BYTES

_SEPARATING = frozenset('/\\:<>"|?*')
# Control, surrogate, private use, and the two separators that end a line. File systems that
# cannot hold what Windows forbids put private-use characters in its place, and back again.
_REPLACED = frozenset({"Cc", "Cs", "Co", "Zl", "Zp"})
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$", "clock$"}
    | {f"{port}{number}" for port in ("com", "lpt") for number in range(10)}
)
# Unicode's default ignorable code points that may be in a safe name; there are file systems
# that ignore them when they compare.
_OVERLOOKED = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
    "\U000e0000-\U000e0fff]"
)
# Most names are like this, and need no closer examination: ASCII, and no device.
_PLAIN = re.compile(
    rf"(?!(?i:{'|'.join(map(re.escape, sorted(_DEVICES)))})(?:\.|\Z))[A-Za-z0-9_.-]*[A-Za-z0-9_-]"
)
_SUFFIX = re.compile(r"[^/\\]\.([A-Za-z0-9]{1,8})\Z")


def safe_name(name: str) -> str:
    r"""Make one path component of any string.

    An ordinary name stays as it is. A name that had to be altered ends in eight
    hexadecimal digits of the original's SHA-256, so that different originals
    stay different. The result is never empty nor ``.`` or ``..``, takes at most
    120 bytes of UTF-8, is NFC-normalized, and has no character that any system
    forbids, hides or uses as a separator.

    >>> safe_name("parse-1"), safe_name("Rechnung März 📄.pdf")
    ('parse-1', 'Rechnung März 📄.pdf')
    >>> safe_name("../../etc/passwd")
    '.._.._etc_passwd-3754d6cb'
    >>> safe_name("C:\\NUL"), safe_name("nul.txt"), safe_name("..")
    ('C__NUL-2a1ca7dd', '_nul.txt-7f3cbdd5', '_-5ec1f7e7')
    """
    if len(name) <= MOST_BYTES and _PLAIN.fullmatch(name):
        return name
    readable = _readable(name)
    if readable == name and len(readable.encode()) <= MOST_BYTES:
        return name
    return _add_tag(readable, _digest(name)[:8])


def distinct_names(names: Iterable[str], *, taken: Iterable[str] = ()) -> list[str]:
    """Make distinct safe names of strings, distinct even where case is ignored.

    Two names are equal if they differ only in case or in Unicode's compatible
    forms, so nothing is overwritten on macOS or Windows either. The first of
    several equal names is that of :func:`safe_name`. The others get digits of
    their original's SHA-256, which do not depend on the other names, and more
    digits if those are taken as well.

    Args:
        names: The originals, in an order that is the same every time.
        taken: Names that already have another use in the folder.

    >>> distinct_names(["Parse", "extract", "parse"])
    ['Parse', 'extract', 'parse-30c471f6']
    >>> distinct_names(["manifest.json"], taken=["manifest.json"])
    ['manifest.json-ffa5b716']
    """
    distinct = DistinctNames(taken)
    return [distinct.choose(name) for name in names]


class DistinctNames:
    """Makes distinct safe names one by one, as :func:`distinct_names` does.

    Args:
        taken: Names that already have another use in the folder.
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._used = {_fold(name) for name in taken}

    def choose(self, name: str) -> str:
        """Return a safe name that is not used yet."""
        free = next(form for form in _forms(name) if _fold(form) not in self._used)
        self._used.add(_fold(free))
        return free


def suffix_of(url: str) -> str:
    """Return the suffix of a URL's path if it is harmless, else an empty string.

    A harmless one is a period and one to eight ASCII letters and digits; it is returned
    in lower case.

    Give a suffix to every file with a name from :func:`distinct_names`: ``a`` + ``.json``
    and ``a.json`` without one are the same file.

    >>> suffix_of("https://storage.example/out/Parsed.JSON?X-Amz-Expires=3600")
    '.json'
    >>> suffix_of("https://storage.example/out.d/result"), suffix_of("https://a.example/.tar")
    ('', '')
    """
    try:
        path = urlsplit(url).path
    except ValueError:
        return ""
    found = _SUFFIX.search(unquote(path)[-10:])
    return "." + found[1].lower() if found else ""


def is_reserved(name: str) -> bool:
    """Return whether Windows treats a component as one of its devices, in any folder.

    >>> is_reserved("nul.tar.gz"), is_reserved("COM¹"), is_reserved("console")
    (True, True, False)
    """
    stem = name.partition(".")[0].rstrip(" ")
    return len(stem) <= 8 and unicodedata.normalize("NFKC", stem).casefold() in _DEVICES


def _digest(name: str) -> str:
    return sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


def _readable(name: str) -> str:
    """Return the legible part of a name, not yet shortened."""
    text = unicodedata.normalize("NFC", name[:_MOST_CHARACTERS])
    # Characters around a removed invisible one may be composed now.
    text = unicodedata.normalize("NFC", "".join(map(_tame, text))).rstrip(". ") or "_"
    return "_" + text if is_reserved(text) else text


def _tame(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Cf":  # invisible: directions, joiners, tags
        return ""
    if char in _SEPARATING or category in _REPLACED or _is_noncharacter(ord(char)):
        return "_"
    return char


def _is_noncharacter(code: int) -> bool:
    return 0xFDD0 <= code <= 0xFDEF or code & 0xFFFE == 0xFFFE


def _add_tag(readable: str, tag: str) -> str:
    room = MOST_BYTES - len(tag) - 1
    return f"{readable.encode()[:room].decode(errors='ignore')}-{tag}"


def _forms(name: str) -> Iterator[str]:
    """Yield the possible names of an original, the best first; they never run out."""
    yield safe_name(name)
    readable, digest = _readable(name), _digest(name)
    for length in (8, 16, 32, 64):
        yield _add_tag(readable, digest[:length])
    for number in itertools.count(2):
        yield _add_tag(readable, f"{digest}-{number}")


def _fold(name: str) -> str:
    """Return a key that is equal for all names that some file system treats as equal."""
    # This goes beyond Unicode's NFKC_Casefold: NTFS compares upper case, by character.
    for _ in range(2):
        name = unicodedata.normalize("NFKC", unicodedata.normalize("NFKD", name).casefold())
        name = _OVERLOOKED.sub("", name).upper().casefold()
    return unicodedata.normalize("NFKC", name)
