"""Whatever stands in a URL, a name, a header or an id: only errors of this package come out."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import string
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from datalab_facade import (
    APIConnectionError,
    AsyncDatalab,
    ConfigurationError,
    Datalab,
    DatalabError,
    InvalidArgumentError,
    Output,
    SubmissionUncertainError,
)
from datalab_facade.testing import Fault
from tests.fuzzing import examples
from tests.in_process import FINISHED, Recorder, new_simulator
from tests.secrets_for_tests import API_KEY
from tests.ways import Way

pytestmark = [
    pytest.mark.fuzz,
    # Some strings are long on purpose.
    pytest.mark.filterwarnings("ignore:Generating overly large repr"),
]

ODDITIES = [
    "\ud800",
    "\x00",
    "a\r\nX: y",
    "\u202e",
    "a..b",
    "xn--",
    "xn--a",
    "é" * 64,
    "x" * 70_000,
    "\u2100",
    "ß.example",
    "-a-.example",
    "[::1",
    "[v1.x]",
    "127.1",
    "%zz",
    "a:99999",
    "a:-1",
    "@",
    " ",
    "\\",
    "١٢٣",
]


def each_oddity(before: str = "") -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Try each of them in any case, after some other text, besides what is made at random."""

    def add(test: Callable[..., None]) -> Callable[..., None]:
        for oddity in ODDITIES:
            test = example(before + oddity)(test)
        return test

    return add


odd = (
    st.sampled_from(ODDITIES)
    | st.text(st.characters(), max_size=20)
    | st.text(string.ascii_letters + ":/?#[]@!%\\ .-\x00\t", max_size=20)
)
quick = settings(max_examples=examples(40))


@pytest.fixture(autouse=True)
def no_name_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(host: Any, *_: Any, **__: Any) -> Any:
        if isinstance(host, str):
            # As the real one does.
            host.encode("idna")
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


def is_told(call: Callable[[], Any]) -> DatalabError | None:
    error: DatalabError | None = None
    try:
        call()
    except DatalabError as caught:
        error = caught
    assert error is None or str(error).isprintable()
    return error


def addresses() -> st.SearchStrategy[str]:
    return st.builds(
        lambda scheme, host, path: scheme + host + path,
        st.sampled_from(["https://", "http://", "", "//", "ftp://"]),
        odd,
        st.sampled_from(["", "/x", "/x?y=1"]) | odd,
    )


@quick
@given(addresses())
@each_oddity("https://")
def test_as_the_address_of_the_api(address: str) -> None:
    def call() -> None:
        options: dict[str, Any] = {"base_url": address, "max_retries": 0, "timeout": 2}
        with Datalab(API_KEY, **options) as client:
            client.workflows.execute(7, "https://a.example/a.pdf")

    # Nothing was sent, so nothing is unknown.
    assert isinstance(is_told(call), (ConfigurationError, APIConnectionError))


@quick
@given(addresses())
@each_oddity("https://")
def test_as_the_address_of_an_output(address: str) -> None:
    output = Output(execution_id=7, step="parse", file_key=None, url=address)
    with Datalab(API_KEY) as client:
        error = is_told(lambda: client.outputs.read_bytes(output, timeout=0.05))
    assert isinstance(error, DatalabError)
    assert not isinstance(error, ConfigurationError)


@quick
@given(addresses())
@each_oddity("https://")
def test_as_the_address_of_an_output_in_async_code(address: str) -> None:
    output = Output(execution_id=7, step="parse", file_key=None, url=address)

    async def call() -> None:
        async with AsyncDatalab(API_KEY) as client:
            await client.outputs.read_bytes(output, timeout=0.05)

    error = is_told(lambda: asyncio.run(call()))
    assert isinstance(error, DatalabError)
    assert not isinstance(error, ConfigurationError)


@quick
@given(addresses())
@each_oddity("https://")
def test_as_the_address_of_an_upload(address: str) -> None:
    ticket = {"file_id": 7, "reference": "datalab://file-abc", "upload_url": address}
    recorder = Recorder(Fault.status(200, json.dumps(ticket).encode()))

    class Only(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if request.method == "PUT":
                raise httpx.ConnectError("refused", request=request)
            return recorder.handle_request(request)

    with httpx.Client(transport=Only()) as http, Datalab(API_KEY, http_client=http) as client:
        error = is_told(lambda: client.files.upload(b"%PDF", name="a.pdf", timeout=0.05))
    assert isinstance(error, DatalabError)
    assert not isinstance(error, ConfigurationError)


@quick
@given(name=odd, value=odd)
def test_as_a_header(name: str, value: str) -> None:
    recorder = Recorder()
    with Datalab(API_KEY, http_client=httpx.Client(transport=recorder)) as client:
        for headers in ({name: "x"}, {"X-Own": value}):
            error = is_told(partial(client.executions.get, 7, headers=headers))
            assert error is None or isinstance(error, InvalidArgumentError)


@quick
@given(odd)
@each_oddity()
def test_as_a_key(key: str) -> None:
    error = is_told(lambda: Datalab(key).close())
    assert error is None or isinstance(error, ConfigurationError)


@quick
@given(odd)
@each_oddity()
def test_as_the_name_of_a_file_or_its_id(name: str) -> None:
    simulator = new_simulator()
    client = Way("sync").client(simulator)
    for call in (
        lambda: client.files.upload(b"%PDF", name=name, content_type="application/pdf"),
        lambda: client.files.upload(b"%PDF", name="a.pdf", content_type=name),
        lambda: client.files.upload(f"/nowhere/{name}"),
        lambda: client.files.get(name),
        lambda: client.files.delete(f"datalab://file-{name}"),
        lambda: client.files.download(name, "/nowhere/x"),
        lambda: client.executions.get(name),
        lambda: client.workflows.execute(7, name),
        lambda: client.workflows.execute(7, f"https://{name}"),
    ):
        is_told(call)


@quick
@given(odd)
def test_as_the_name_of_a_step_and_of_a_folder(name: str) -> None:
    url = "https://storage.example/x"
    run = {"status": "COMPLETED", "output_url": url}
    answer = {**FINISHED, "steps": {name: run, "other": {name: run}}}
    recorder = Recorder(Fault.status(200, json.dumps(answer).encode()))
    with (
        # A manifest grows with each call for its folder.
        tempfile.TemporaryDirectory() as folder,
        Datalab(API_KEY, http_client=httpx.Client(transport=recorder)) as client,
    ):
        error = is_told(lambda: client.outputs.save_all(7, Path(folder, "all"), overwrite=True))
        assert error is None
        # It shall not lead out of the folder of the test.
        inside = f"{folder}/x/{re.sub('[.]+', '.', name)}"
        is_told(lambda: client.outputs.save_all(7, inside))


def variables() -> Iterator[str]:
    yield from ("HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "DATALAB_HOST")


@settings(quick, max_examples=examples(12))
@given(odd | addresses())
@each_oddity()
@example("all://xn--")
def test_as_what_the_environment_says(value: str) -> None:
    if "\0" in value or any(0xD800 <= ord(char) <= 0xDFFF for char in value):
        return
    for variable in variables():
        before = os.environ.get(variable)
        os.environ[variable] = value
        try:
            for kind in (Datalab, AsyncDatalab):
                error = is_told(partial(kind, API_KEY))
                assert error is None or isinstance(error, ConfigurationError)
            error = is_told(lambda: AsyncDatalab(API_KEY, transport="aiohttp"))
            assert error is None or isinstance(error, ConfigurationError)
            if variable.endswith("PROXY") and error is None:
                with Datalab(API_KEY, max_retries=0, timeout=2) as client:
                    error = is_told(lambda: client.workflows.execute(7, "https://a.example/a.pdf"))
                assert not isinstance(error, SubmissionUncertainError)
        finally:
            if before is None:
                del os.environ[variable]
            else:
                os.environ[variable] = before
