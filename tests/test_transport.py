"""What the transport does with what hardly ever comes."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from datalab_facade import (
    APIConnectionError,
    AsyncDatalab,
    ConfigurationError,
    Datalab,
    DatalabError,
    InvalidResponseError,
    Output,
    Status,
)
from datalab_facade.jobs.commands import Call
from datalab_facade.testing import Fault, VirtualClock
from datalab_facade.transport import api_calls, operations
from datalab_facade.transport.api_calls import CallScope
from tests.in_process import FINISHED, Recorder, new_simulator
from tests.secrets_for_tests import API_KEY, SIGNATURE
from tests.ways import Way

OUTPUT = Output(
    execution_id=7,
    step="parse",
    file_key=None,
    url="https://storage.example/out",
    status=Status.COMPLETED,
)


def answering(answer: httpx.Response | Exception) -> httpx.MockTransport:
    def handle(request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return httpx.MockTransport(handle)


def test_an_output_may_come_from_a_mock_whose_answers_were_read_before() -> None:
    http = httpx.Client(transport=answering(httpx.Response(200, json={"pages": 2})))
    with http, Datalab(API_KEY, http_client=http) as client:
        assert client.outputs.read_json(OUTPUT) == {"pages": 2}


async def test_an_output_may_come_from_a_mock_in_async_code_too() -> None:
    http = httpx.AsyncClient(transport=answering(httpx.Response(200, json={"pages": 2})))
    async with http, AsyncDatalab(API_KEY, http_client=http) as client:
        assert await client.outputs.read_json(OUTPUT) == {"pages": 2}


class BreaksAtItsEnd(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body on a connection that breaks when it is let go."""

    def __iter__(self) -> Iterator[bytes]:
        yield b"busy"

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"busy"

    def close(self) -> None:
        raise httpx.ReadError("broken")

    async def aclose(self) -> None:
        self.close()


def test_an_answer_of_storage_that_breaks_when_it_is_let_go_is_asked_for_again(way: Way) -> None:
    asked: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if len(asked) == 1:
            return httpx.Response(503, stream=BreaksAtItsEnd())
        return httpx.Response(200, json={"pages": 2})

    client = way.client_over(httpx.MockTransport(handle), clock=VirtualClock())
    assert way.done(client.outputs.read_json(OUTPUT)) == {"pages": 2}
    assert [request.url for request in asked] == [OUTPUT.url] * 2


def test_an_address_that_no_transport_can_ask_is_a_mistake_of_the_caller() -> None:
    wrong = httpx.UnsupportedProtocol("no way to sftp://")
    http = httpx.Client(transport=answering(wrong))
    with (
        Datalab(API_KEY, http_client=http) as client,
        pytest.raises(ConfigurationError, match="cannot be asked"),
    ):
        client.executions.get(7)
    http.close()


def test_an_answer_that_is_larger_than_any_execution_is_given_up(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_calls, "_MOST_BYTES", 50)
    recorder = Recorder(Fault.status(200, {**FINISHED, "more": "x" * 100}))
    client = way.client_over(recorder)
    with pytest.raises(InvalidResponseError, match="more than 50 bytes"):
        way.done(client.executions.get(7, max_retries=0))


def test_an_answer_of_megabytes_is_read_like_any_other_and_shows_no_key_either(way: Way) -> None:
    said = "x" * (2 << 20)
    recorder = Recorder(Fault.status(200, {**FINISHED, "long": said, "echo": f"by {API_KEY}"}))
    execution = way.done(way.client_over(recorder).executions.get(7))
    assert execution.succeeded
    assert (execution.raw["long"], execution.raw["echo"]) == (said, "by ***")


@pytest.mark.parametrize("blocking", [True, False])
async def test_a_form_is_encoded_anew_each_time_with_a_boundary_of_its_own(
    monkeypatch: pytest.MonkeyPatch, blocking: bool
) -> None:
    """That of generated code is always the same: a document could smuggle in parts of its own."""
    parts = {"page_range": (None, b"1-2", "text/plain"), "file": ("a.pdf", b"--+++\r\n")}
    built = {
        "method": "post",
        "url": "/api/v1/convert",
        "files": parts,
        "headers": {"Content-Type": "multipart/form-data; boundary=+++"},
    }
    operation = operations.make_operation("convert", "/api/v1/convert", built)
    recorder, scope = Recorder(), CallScope(Call(5.0, float("inf")))
    for _ in range(2):
        if blocking:
            with Datalab(API_KEY, http_client=httpx.Client(transport=recorder)) as client:
                client._api.send(operation, scope)
        else:
            own = httpx.AsyncClient(transport=recorder)
            async with AsyncDatalab(API_KEY, http_client=own) as client_async:
                await client_async._api.send(operation, scope)
    kinds = [request.headers["content-type"] for request in recorder.requests]
    assert len(set(kinds)) == 2
    for request, kind in zip(recorder.requests, kinds, strict=True):
        mark = f"--{kind.partition('boundary=')[2]}".encode()
        assert request.content.count(mark) == len(parts) + 1
        assert request.headers["content-length"] == str(len(request.content))


def test_a_host_without_an_address_is_told_with_what_to_check(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with (
        Datalab(API_KEY, base_url="https://nowhere.example", max_retries=0) as client,
        pytest.raises(APIConnectionError, match="Check base_url or DATALAB_HOST"),
    ):
        client.executions.get(7)


def test_a_url_of_storage_that_is_none_is_told_without_its_query(way: Way) -> None:
    output = Output(
        execution_id=7,
        step="parse",
        file_key=None,
        url=f"https://[::1/out?X-Amz-Signature={SIGNATURE}",
    )
    with pytest.raises(DatalabError) as raised:
        way.done(way.client(new_simulator()).outputs.read_bytes(output))
    assert SIGNATURE not in str(raised.value)
