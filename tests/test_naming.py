"""Names of the server's become harmless names of files, and different ones stay different."""

from __future__ import annotations

import os
import re
import string
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from datalab_facade.transfers.naming import distinct_names, is_reserved, safe_name, suffix_of

ORDINARY = string.ascii_letters + string.digits + "._-"
DEVICES = ["CON", "prn", "Aux", "NUL", "COM0", "com9", "LPT1", "lpt9", "COM¹", "LPT²", "com³"]

awkward = st.sampled_from(
    [
        "",
        ".",
        "..",
        "...",
        ". .",
        " ",
        "~",
        "-rf",
        "/",
        "//",
        "\\",
        "/etc/passwd",
        "../../etc/passwd",
        "..\\..\\boot.ini",
        "C:",
        "C:\\Windows\\System32",
        "c:relative",
        "\\\\server\\share",
        "\\\\?\\C:\\x",
        "file.txt:stream",
        "https://storage.example/a/b.json",
        "a\x00b",
        "line\nbreak",
        "\x1b[2J",
        "\x7f",
        "\x85",
        "name.",
        "name ",
        "name. . ",
        "\u202egpj.exe",
        "\u2066x\u2069",
        "\ufeffbom",
        "\u2028",
        "\ud800",
        "\udcff\udc00",
        "\ufffe",
        "\U0010ffff",
        "\uf02f",
        "e\u0301",
        "é",
        "\u212b",
        "<\u0338",
        "a\u200d\u0301",
        "😀",
        "👨\u200d👩\u200d👧",
        "❤\ufe0f",
        "x" * 120,
        "x" * 121,
        "x" * 300,
        "é" * 300,
        "😀" * 300,
        "\u0301" * 300,
        "가" * 300,
        "x" * 119 + "é",
        *DEVICES,
        *(f"{device}.txt" for device in DEVICES),
        "nul .tar.gz",
        "con.",
        "CONIN$",
        "\uff2e\uff35\uff2c",  # NUL, full width
    ]
)
alphabets = st.characters() | st.characters(categories=["Cs", "Cc", "Cf", "Mn", "Co", "Zs"])
anything = awkward | st.text(alphabets, max_size=300) | st.builds("".join, st.lists(awkward))


def folds(name: str) -> set[str]:
    """Give what a name is to file systems that overlook one thing or another."""
    ways: list[Callable[[str], str]] = [
        str,
        str.lower,
        str.upper,
        str.casefold,
        lambda text: "".join(char.upper() for char in text),
        lambda text: unicodedata.normalize("NFC", text),
        lambda text: unicodedata.normalize("NFD", text),
        lambda text: unicodedata.normalize("NFD", text).casefold(),
        lambda text: unicodedata.normalize("NFD", unicodedata.normalize("NFD", text).casefold()),
        lambda text: unicodedata.normalize("NFKC", text.casefold()),
        lambda text: unicodedata.normalize("NFKC", text).casefold(),
        lambda text: re.sub("[\u034f\ufe00-\ufe0f]", "", text.casefold()),
    ]
    return {f"{number} {way(name)}" for number, way in enumerate(ways)}


@given(anything)
def test_a_safe_name_is_one_harmless_component_on_every_system(name: str) -> None:
    safe = safe_name(name)
    assert safe not in ("", ".", "..")
    assert not set(safe) & set('/\\:<>"|?*')
    invisible = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
    assert not {unicodedata.category(char) for char in safe} & invisible
    assert not any(ord(char) & 0xFFFE == 0xFFFE or "\ufdd0" <= char <= "\ufdef" for char in safe)
    assert not safe.endswith((".", " "))
    assert not is_reserved(safe)
    assert len(safe.encode()) <= 120
    assert unicodedata.is_normalized("NFC", safe)


@given(anything)
def test_a_safe_name_never_chooses_the_folder(name: str) -> None:
    folder = Path("/home/ada/outputs")
    assert (folder / safe_name(name)).resolve().parent == folder.resolve()
    assert os.path.normpath(f"/x/{safe_name(name)}") == f"/x/{safe_name(name)}"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(anything)
def test_a_file_of_a_safe_name_can_be_created_with_any_suffix(tmp_path: Path, name: str) -> None:
    for suffix in ("", ".part.json"):
        path = tmp_path / (safe_name(name) + suffix)
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        assert [found.name for found in tmp_path.iterdir()] == [path.name]
        path.unlink()


@given(anything)
def test_a_safe_name_is_safe_already(name: str) -> None:
    assert safe_name(safe_name(name)) == safe_name(name)


@given(st.text(ORDINARY, min_size=1, max_size=120))
@example("deadbeef-12345678")
def test_an_ordinary_name_stays_as_it_is(name: str) -> None:
    if not name.endswith(".") and not is_reserved(name):
        assert safe_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "parse",
        "aggregated",
        "987",
        ".hidden",
        "Rechnung März.pdf",
        "请求",
        "استخراج",
        "देवनागरी",
        "📄 report 🎉",
        "❤️",
        "naïve",
        "console",
        "com10",
        "lpt",
    ],
)
def test_letters_of_any_script_and_emoji_stay_as_they_are(name: str) -> None:
    assert safe_name(name) == name


@pytest.mark.parametrize(
    ("name", "legible"),
    [
        ("a/b", "a_b"),
        ("what?", "what_"),
        ("e\u0301", "é"),
        ("tail. ", "tail"),
        ("\u202ename", "name"),
        ("x" * 300, "x" * 111),
        ("é" * 300, "é" * 55),
        ("NUL", "_NUL"),
    ],
)
def test_an_altered_name_can_be_read_and_ends_in_a_digest(name: str, legible: str) -> None:
    safe = safe_name(name)
    assert safe.startswith(legible + "-")
    assert re.fullmatch("[0-9a-f]{8}", safe.removeprefix(legible + "-"))


def test_no_safe_name_is_a_device_of_windows_in_any_case_and_with_any_extension() -> None:
    numbered = [port + digit for port in ("COM", "LPT") for digit in "0123456789¹²³"]
    for device in ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", *numbered]:
        for cased in (device, device.lower(), device.title()):
            for extension in ("", ".", ".txt", ".tar.gz", " .txt", ". "):
                assert is_reserved(cased + extension), cased + extension
                assert not is_reserved(safe_name(cased + extension))


@given(st.lists(anything, unique=True))
@example(["\ud800", "\udbff", "?", "\ufffd", "\x00", "/", "\\"])
@example(["", ".", "..", " ", "\u200d"])
@example(["x" * 200 + "1", "x" * 200 + "2"])
def test_altered_names_of_different_originals_are_different(names: list[str]) -> None:
    altered = [safe_name(name) for name in names if safe_name(name) != name]
    assert len(set(altered)) == len(altered)


def test_a_safe_name_is_the_same_in_every_process() -> None:
    names = ["a/b", "NUL", "x" * 300, "é?"]
    script = (
        f"from datalab_facade.transfers.naming import safe_name; print(*map(safe_name, {names!r}))"
    )
    for seed in ("1", "2"):
        told = subprocess.run(
            [sys.executable, "-X", "utf8", "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[1],
            check=True,
            capture_output=True,
            timeout=30,
        )
        assert told.stdout.decode().split() == [safe_name(name) for name in names]


def test_a_name_of_any_length_costs_little() -> None:
    """The square of this length would be minutes."""
    for text in ("\u0316\u0301" * 500_000, "a/" * 500_000, "\u200d" * 1_000_000, "." * 1_000_000):
        assert len(safe_name(text).encode()) <= 120


similar = st.sampled_from(
    ["parse", "Parse", "PARSE", "ﬁle", "file", "FILE", "straße", "STRASSE", "\u0131", "i", "I", "İ"]
) | st.sampled_from(["é", "É", "e\u0301", "a/b", "a\\b", "a_b", "Å", "\u212b", "❤", "❤\ufe0f", "K"])


@given(st.lists(similar | anything, unique=True, max_size=30))
def test_distinct_names_are_safe_and_differ_on_every_file_system(names: list[str]) -> None:
    chosen = distinct_names(names)
    assert len(chosen) == len(names)
    seen: set[str] = set()
    for name in chosen:
        assert safe_name(name) == name
        assert not seen & folds(name), name
        seen |= folds(name)
    assert distinct_names(iter(names)) == chosen


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(similar | anything, unique=True, max_size=10))
def test_files_of_distinct_names_exist_side_by_side(tmp_path: Path, names: list[str]) -> None:
    paths = [tmp_path / name for name in distinct_names(names)]
    for path in paths:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    for path in paths:
        path.unlink()


@given(st.permutations(["parse", "Parse", "PARSE", "a/b", "A/B", "straße", "STRASSE"]))
def test_a_name_has_one_of_two_forms_whatever_the_order(names: list[str]) -> None:
    """Which one depends on who comes first; what the digest is depends on nothing else."""
    for name, chosen in zip(names, distinct_names(names), strict=True):
        assert chosen in (safe_name(name), *distinct_names([name], taken=[safe_name(name)]))


def test_the_first_keeps_its_name_and_later_ones_get_a_digest_of_their_own() -> None:
    first, second, third = distinct_names(["parse", "PARSE", "Parse"])
    assert first == "parse"
    assert re.fullmatch("PARSE-[0-9a-f]{8}", second)
    assert re.fullmatch("Parse-[0-9a-f]{8}", third)
    assert distinct_names(["PARSE", "Parse", "parse"])[1] == third


def test_a_name_that_looks_like_an_altered_one_takes_nothing_away() -> None:
    altered = safe_name("a/b")
    for names in (["a/b", altered], [altered, "a/b"]):
        one, other = distinct_names(names)
        assert one == altered
        assert other.startswith(("a_b-", altered))
        assert other.casefold() != one.casefold()


def test_a_name_is_found_even_if_somebody_took_every_one_that_is_known() -> None:
    taken = ["a_b"]
    for _ in range(20):
        [free] = distinct_names(["a/b"], taken=taken)
        assert free.casefold() not in [name.casefold() for name in taken]
        taken.append(free.upper())


def test_a_name_with_another_use_in_the_folder_is_not_given_away() -> None:
    [name] = distinct_names(["Manifest.JSON"], taken=["manifest.json"])
    assert re.fullmatch(r"Manifest\.JSON-[0-9a-f]{8}", name)


def test_the_same_name_twice_is_two_names() -> None:
    names = distinct_names(["output"] * 50)
    assert len({name.casefold() for name in names}) == 50
    assert max(len(name.encode()) for name in names) <= 120


@pytest.mark.parametrize(
    ("url", "suffix"),
    [
        ("https://storage.example/out.json?X-Amz-Signature=a.exe", ".json"),
        ("https://storage.example/out.HTML", ".html"),
        ("https://storage.example/a/b.c/out.md#x.y", ".md"),
        ("https://storage.example/a.tar.gz", ".gz"),
        ("https://storage.example/out%2Ejson", ".json"),
        ("https://storage.example/out.abcdefgh", ".abcdefgh"),
        ("https://storage.example/out.abcdefghi", ""),
        ("https://storage.example/a.b/out", ""),
        ("https://storage.example/out.", ""),
        ("https://storage.example/out.js%2Fon", ""),
        ("https://storage.example/out.%2e%2e", ""),
        ("https://storage.example/.json", ""),
        ("https://storage.example\\.json", ""),
        ("https://storage.example", ""),
        ("https://storage.example/out.jsön", ""),
        ("https://storage.example/out.json%00", ""),
        ("https://storage.example/out.j%0Ason", ""),
        ("https://[broken/out.json", ""),
        ("", ""),
    ],
)
def test_a_suffix_is_that_of_the_path_if_it_is_harmless(url: str, suffix: str) -> None:
    assert suffix_of(url) == suffix


@given(anything, anything)
def test_whatever_a_url_is_its_suffix_leaves_a_safe_name_safe(url: str, name: str) -> None:
    for given_url in (url, f"https://storage.example/{url}", f"https://storage.example/x.{url}"):
        suffix = suffix_of(given_url)
        assert re.fullmatch(r"(\.[a-z0-9]{1,8})?", suffix)
        assert not is_reserved(safe_name(name) + suffix)
        assert safe_name("x" + suffix) == "x" + suffix


@pytest.mark.parametrize(
    "char", ["\ufdd0", "\ufdef", "\ufffe", "\uffff", "\U0001fffe", "\U0001ffff", "\U0010ffff"]
)
def test_what_is_no_character_at_all_is_replaced(char: str) -> None:
    assert safe_name(f"a{char}b").startswith("a_b-")


@pytest.mark.parametrize("char", ["\ufdcf", "\ufdf0", "\ufffd", "\U0001fffd"])
def test_the_characters_next_to_those_are_kept(char: str) -> None:
    assert safe_name(f"a{char}b") == f"a{char}b"


def test_nothing_but_dots_and_spaces_is_taken_from_an_end() -> None:
    assert safe_name("a/X. .").startswith("a_X-")
    assert safe_name(". .").startswith("_-")


def test_only_plain_spaces_are_overlooked_behind_a_device() -> None:
    assert is_reserved("con  .txt")
    assert not is_reserved("con\u3000.txt")


def test_what_some_file_systems_overlook_makes_no_other_name() -> None:
    first, second = distinct_names(["a", "a\ufe0f"])
    assert first == "a"
    assert re.fullmatch("a\ufe0f-[0-9a-f]{8}", second)


def test_a_name_that_is_taken_has_more_and_more_digits_and_then_a_number() -> None:
    taken: list[str] = []
    for _ in range(7):
        taken += distinct_names(["a"], taken=taken)
    digest = sha256(b"a").hexdigest()
    assert taken == [
        "a",
        *(f"a-{digest[:length]}" for length in (8, 16, 32, 64)),
        f"a-{digest}-2",
        f"a-{digest}-3",
    ]
