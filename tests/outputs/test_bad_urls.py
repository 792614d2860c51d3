"""One output that cannot be had is one that is missed, whatever its URL is."""

from __future__ import annotations

import socket
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datalab_facade import DownloadError
from tests.outputs.bad_storage import BadStorage, stored
from tests.outputs.conftest import Side, execution_of, output_at

BODY = b"[1]"

MALFORMED = [
    " https://storage.example/out.json",
    "\thttps://storage.example/out.json",
    "https://storage.example\n/out.json",
    "https://storage.example/\ud800",
    "https://\udcff.example/",
    "https://a..b/out.json",
    "https://.a/out.json",
    "https://" + "a" * 64 + ".example/out.json",
    "https://" + "a." * 200 + "example/out.json",
    "https://xn--/out.json",
    "https://xn--a.example/out.json",
    "https://a\u3002\u3002b/out.json",
    "https://\u200b/out.json",
    "https://-/out.json",
    "https://%/out.json",
    "https://%00/out.json",
    "https://a b/out.json",
    "https://[::1/out.json",
    "https://[::1]x/out.json",
    "https://[v1.x]/out.json",
    "https://[fe80::1%25lo]/out.json",
    "https://1.2.3.4.5/out.json",
    "https://999.1.1.1/out.json",
    "https://storage.example:0x50/out.json",
    "https://storage.example:-1/out.json",
    "https://storage.example:\u0661/out.json",
    "https://storage.example:/out.json\x7f",
    "https://user:\ud800@storage.example/out.json",
    "https://storage.example/?\ud800",
    "https://storage.example/#\ud800",
    "https:/storage.example/out.json",
    "https:\\\\storage.example\\out.json",
    "HTTPS://",
    "javascript:alert(1)",
    "data:application/json,[]",
    "\0",
]


@pytest.fixture(autouse=True)
def nobody_is_found_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a resolver read every name, and find none but this machine's."""
    resolve = socket.getaddrinfo

    def numeric(host: Any, port: Any, *rest: Any, **options: Any) -> Any:
        if host in ("127.0.0.1", b"127.0.0.1"):
            return resolve(host, port, *rest, **options)
        resolve(host, port, flags=socket.AI_NUMERICHOST)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", numeric)


def check_that_only_these_are_missed(
    side: Side, storage: BadStorage, urls: list[str], folder: Path
) -> None:
    """Save outputs with such URLs among others, and with such names of steps and files."""
    storage.plays(then=stored(BODY))
    bad = [("parse", f"x{number}", url) for number, url in enumerate(urls)]
    named = [(url, url, storage.url("c.json")) for url in dict.fromkeys(urls)]
    execution = execution_of(
        ("parse", "a", storage.url("a.json")), *bad, ("parse", "b", storage.url("b.json")), *named
    )
    manifest = side.call("save_all", execution, folder, concurrency=4)
    assert {saved.file_key for saved in manifest.saved} >= {"a", "b"}
    assert len(manifest.saved) == 2 + len(named)
    assert {missed.file_key for missed in manifest.failed} == {key for _, key, _ in bad}
    for missed in manifest.failed:
        assert f"step parse [{missed.file_key}] of execution 1001" in missed.error


def test_malformed_urls_are_missed_and_nothing_else(
    side: Side, storage: BadStorage, tmp_path: Path
) -> None:
    check_that_only_these_are_missed(side, storage, MALFORMED, tmp_path)


@pytest.mark.parametrize("url", MALFORMED, ids=ascii)
def test_a_malformed_url_is_a_typed_error(
    side: Side, storage: BadStorage, tmp_path: Path, url: str
) -> None:
    for method, more in (("read_bytes", []), ("save", [tmp_path / "out"])):
        with pytest.raises(DownloadError):
            side.call(method, output_at(url), *more)


odd = st.text(st.characters(codec=None, categories=None), max_size=20)
"""Any text, lone surrogates and control characters included."""

urls = st.one_of(
    odd,
    st.builds("https://{}".format, odd),
    st.builds("https://{}/{}?{}".format, odd, odd, odd),
    st.builds("https://storage.example{}".format, odd),
    st.builds("{}https://storage.example/out.json".format, odd),
    st.builds(lambda host: f"https://{'.'.join(host)}/", st.lists(odd, max_size=4)),
    st.builds(lambda port: f"https://storage.example:{port}/", odd | st.integers().map(str)),
)


@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(urls=st.lists(urls.filter(bool), min_size=5, max_size=15))
def test_whatever_urls_there_are_the_other_outputs_are_saved(
    side: Side, storage: BadStorage, urls: list[str]
) -> None:
    with TemporaryDirectory() as folder:
        check_that_only_these_are_missed(side, storage, urls, Path(folder))
