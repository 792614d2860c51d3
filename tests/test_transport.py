"""What the transport does with what hardly ever comes."""

from __future__ import annotations

import socket

import httpx
import pytest

from datalab_facade import (
    APIConnectionError,
    AsyncDatalab,
    ConfigurationError,
    Datalab,
    DatalabError,
    InvalidArgumentError,
    InvalidResponseError,
    Output,
    Status,
)
from datalab_facade.jobs.commands import Call
from datalab_facade.testing import Fault
from datalab_facade.transport import api
from datalab_facade.transport.api import CallScope
from tests.in_process import FINISHED, Recorder, Way, new_simulator
from tests.secrets_for_tests import API_KEY, SIGNATURE

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
    monkeypatch.setattr(api, "_MOST_BYTES", 50)
    recorder = Recorder(Fault.status(200, {**FINISHED, "more": "x" * 100}))
    client = way.client_over(recorder)
    with pytest.raises(InvalidResponseError, match="more than 50 bytes"):
        way.done(client.executions.get(7, max_retries=0))


def test_a_multipart_body_of_generated_code_is_never_sent() -> None:
    """Its boundary is fixed, so a document could smuggle in fields of its own."""
    with Datalab(API_KEY, http_client=httpx.Client(transport=Recorder())) as client:
        scope = CallScope(Call(1.0, 10.0))
        with pytest.raises(InvalidArgumentError, match="multipart"):
            client._api._begin("POST", "/api/v1/files", {"files": {}}, scope)


def test_a_host_without_an_address_is_told_with_what_to_check(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with (
        Datalab(API_KEY, base_url="https://nowhere.example", max_retries=0) as client,
        pytest.raises(APIConnectionError, match="Check the network, the proxy and the host"),
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
