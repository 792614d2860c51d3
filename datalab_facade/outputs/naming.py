"""Names that come from the server become names of files, and never choose a folder.

Step names, file keys and URLs are the server's; the folder is the user's. What
is here makes one harmless path component of any string, on any system.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator
from hashlib import sha256
from urllib.parse import unquote, urlsplit

MOST_BYTES = 120
"""The most that a safe name takes in UTF-8.

A component may have 255 bytes nearly everywhere, and 143 where names are
encrypted; this leaves room for suffixes such as ``.part.json``."""

# No name that stays as it is has more characters, and no more are needed to fill MOST_BYTES:
# composing makes one of three at most. Composing a text of any length costs its square.
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
# that overlook them when they compare.
_OVERLOOKED = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
    "\U000e0000-\U000e0fff]"
)
_SUFFIX = re.compile(r"[^/\\]\.([A-Za-z0-9]{1,8})\Z")


def safe_name(name: str) -> str:
    r"""Make one path component of any string.

    An ordinary name stays as it is. A name that had to be altered ends in eight
    hexadecimal digits of the original's SHA-256, so that different originals
    stay different. The result is never empty nor ``.`` or ``..``, takes at most
    120 bytes of UTF-8, is NFC-normalised, and holds nothing that any system
    takes for a separator, forbids or hides.

    >>> safe_name("parse-1"), safe_name("Rechnung März 📄.pdf")
    ('parse-1', 'Rechnung März 📄.pdf')
    >>> safe_name("../../etc/passwd")
    '.._.._etc_passwd-3754d6cb'
    >>> safe_name("C:\\NUL"), safe_name("nul.txt"), safe_name("..")
    ('C__NUL-2a1ca7dd', '_nul.txt-7f3cbdd5', '_-5ec1f7e7')
    """
    readable = _readable(name)
    if readable == name and len(readable.encode()) <= MOST_BYTES:
        return name
    return _tagged(readable, _digest(name)[:8])


def distinct_names(names: Iterable[str], *, taken: Iterable[str] = ()) -> list[str]:
    """Make safe names of different strings, different also where case does not count.

    Two names are the same if they are once case and Unicode's compatible forms
    of a character are set aside: nothing is overwritten on macOS or Windows
    either. Whoever comes first has the name of :func:`safe_name`; later ones
    get digits of their original's digest, which do not depend on the others,
    and more of them should even those be taken.

    Args:
        names: The originals, in an order that is the same every time.
        taken: Names that already have another use in the folder.

    >>> distinct_names(["Parse", "extract", "parse"])
    ['Parse', 'extract', 'parse-30c471f6']
    >>> distinct_names(["manifest.json"], taken=["manifest.json"])
    ['manifest.json-ffa5b716']
    """
    used = {_folded(name) for name in taken}
    chosen: list[str] = []
    for name in names:
        free = next(form for form in _forms(name) if _folded(form) not in used)
        used.add(_folded(free))
        chosen.append(free)
    return chosen


def suffix_of(url: str) -> str:
    """Give the suffix of a URL's path if it is a harmless one, else nothing.

    That is a full stop and one to eight ASCII letters and digits, in lower case.

    A folder whose files have names from :func:`distinct_names` should give some
    suffix to those without one, too: ``a`` + ``.json`` and ``a.json`` + nothing
    are the same file.

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
    """Tell whether Windows takes a component for one of its devices, in any folder.

    >>> is_reserved("nul.tar.gz"), is_reserved("COM¹"), is_reserved("console")
    (True, True, False)
    """
    stem = name.partition(".")[0].rstrip(" ")
    return len(stem) <= 8 and unicodedata.normalize("NFKC", stem).casefold() in _DEVICES


def _digest(name: str) -> str:
    return sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


def _readable(name: str) -> str:
    """Give what is legible of a name; its length is not limited yet."""
    text = unicodedata.normalize("NFC", name[:_MOST_CHARACTERS])
    # What stood around an invisible character may be composed now.
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


def _tagged(readable: str, tag: str) -> str:
    room = MOST_BYTES - len(tag) - 1
    return f"{readable.encode()[:room].decode(errors='ignore')}-{tag}"


def _forms(name: str) -> Iterator[str]:
    """Give the names that an original may have, the best first; they never run out."""
    yield safe_name(name)
    readable, digest = _readable(name), _digest(name)
    for length in (8, 16, 32, 64):
        yield _tagged(readable, digest[:length])
    for number in itertools.count(2):
        yield _tagged(readable, f"{digest}-{number}")


def _folded(name: str) -> str:
    """Give what is the same for all names that some file system takes for one."""
    # More than Unicode's NFKC_Casefold does: NTFS compares upper case, character by character.
    for _ in range(2):
        name = unicodedata.normalize("NFKC", unicodedata.normalize("NFKD", name).casefold())
        name = _OVERLOOKED.sub("", name).upper().casefold()
    return unicodedata.normalize("NFKC", name)
