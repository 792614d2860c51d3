"""What a client takes, what it refuses, and where it sends what."""

from __future__ import annotations

import asyncio
import json
import math
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import httpx
import pytest

from datalab_facade import (
    APIStatusError,
    APITimeoutError,
    AsyncDatalab,
    AuthenticationError,
    BadRequestError,
    Change,
    ClientStateError,
    ConfigurationError,
    ConflictError,
    Datalab,
    DatalabError,
    DownloadError,
    Execution,
    ExecutionFailedError,
    ExecutionHandle,
    InternalServerError,
    InvalidArgumentError,
    NotFoundError,
    Output,
    PayloadTooLargeError,
    PaymentRequiredError,
    PermissionDeniedError,
    UnprocessableEntityError,
    WaitPolicy,
)
from datalab_facade.rate_limiting.local import LocalRateLimiter
from datalab_facade.testing import Fault, Simulator
from datalab_facade.transport.origin import Key, OriginKey, checked_origin
from tests.in_process import (
    FAILS,
    FINISHED,
    NEVER_ENDS,
    SOON,
    Recorder,
    asynchronous,
    blocking,
    new_simulator,
)
from tests.secrets_for_tests import API_KEY, presigned
from tests.ways import Way

PATH = "/api/v1/workflows/executions/7"
KEY = "x-api-key"


@pytest.fixture
def simulator() -> Simulator:
    return new_simulator()


def sent_by(way: Way, **options: Any) -> httpx.Request:
    """Give the request that a client with these options sends."""
    recorder = Recorder()
    way.done(way.client_over(recorder, **options).executions.get(7))
    [request] = recorder.requests
    return request


# The key.


def test_the_key_is_the_one_that_was_passed(way: Way) -> None:
    assert sent_by(way).headers[KEY] == API_KEY


def test_the_key_may_come_from_the_environment(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATALAB_API_KEY", API_KEY)
    assert sent_by(way, api_key=None).headers[KEY] == API_KEY


def test_the_key_that_was_passed_wins_over_the_environment(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATALAB_API_KEY", "another")
    assert sent_by(way).headers[KEY] == API_KEY


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_key_may_end_as_a_file_does(way: Way, ending: str) -> None:
    assert sent_by(way, api_key=API_KEY + ending).headers[KEY] == API_KEY


@pytest.mark.parametrize("kind", [Datalab, AsyncDatalab])
def test_without_a_key_both_ways_to_give_one_are_told(kind: type[Datalab]) -> None:
    with pytest.raises(ConfigurationError, match=r"api_key.*DATALAB_API_KEY"):
        kind()


@pytest.mark.parametrize(
    "key",
    [
        "",
        " ",
        "\n",
        API_KEY + "\u2028",
        API_KEY + " \n",
        "\t" + API_KEY,
        " " + API_KEY,
        API_KEY + " ",
        API_KEY.replace("-", " "),
        API_KEY.replace("-", "\n"),
        API_KEY.replace("-", "\x00"),
        API_KEY.replace("-", "\x1b"),
        API_KEY.replace("-", "\x7f"),
        API_KEY.replace("-", "\u00e9"),
        API_KEY.replace("-", "\u2013"),
    ],
    ids=ascii,
)
@pytest.mark.parametrize("from_environment", [False, True])
def test_a_key_that_cannot_be_right_is_refused_and_not_quoted(
    key: str, from_environment: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if from_environment and "\x00" not in key:
        monkeypatch.setenv("DATALAB_API_KEY", key)
        given = None
    else:
        given = key
    with pytest.raises(ConfigurationError) as caught:
        Datalab(given)
    told = str(caught.value) + repr(vars(caught.value)) + repr(caught.value.__cause__)
    for part in (key.strip(), *key.split(), API_KEY[3:]):
        assert not part or part not in told


# The address.


def test_by_default_the_official_address_is_asked(way: Way) -> None:
    assert sent_by(way).url == "https://www.datalab.to" + PATH


def test_the_address_may_come_from_the_environment(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATALAB_HOST", "https://eu.datalab.example")
    assert sent_by(way).url == "https://eu.datalab.example" + PATH


def test_the_address_that_was_passed_wins_over_the_environment(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATALAB_HOST", "https://eu.datalab.example")
    assert sent_by(way, base_url="https://us.datalab.example").url.host == "us.datalab.example"


@pytest.mark.parametrize(("given", "named"), [("", "base_url"), (None, "DATALAB_HOST")])
def test_an_empty_address_is_not_the_live_host_in_silence(
    way: Way, monkeypatch: pytest.MonkeyPatch, given: str | None, named: str
) -> None:
    monkeypatch.setenv("DATALAB_HOST", "")
    with pytest.raises(ConfigurationError, match=f"{named} is empty"):
        way.client(new_simulator(), base_url=given)


@pytest.mark.parametrize(
    ("base_url", "asked"),
    [
        ("https://a.example/", "https://a.example"),
        ("https://a.example///", "https://a.example"),
        ("https://a.example/datalab", "https://a.example/datalab"),
        ("https://a.example/datalab/v2/", "https://a.example/datalab/v2"),
        ("https://a.example:8443/x", "https://a.example:8443/x"),
        ("https://a.example:443", "https://a.example"),
        ("HTTPS://A.example", "https://a.example"),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.8.8.8", "http://127.8.8.8"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://LOCALHOST", "http://localhost"),
    ],
)
def test_a_request_goes_below_the_address_that_was_given(
    way: Way, base_url: str, asked: str
) -> None:
    request = sent_by(way, base_url=base_url)
    assert str(request.url) == asked + PATH
    assert request.headers[KEY] == API_KEY


PASSWORD = "hunter2-hunter2"


@pytest.mark.parametrize(
    "base_url",
    [
        "www.datalab.to",
        "//www.datalab.to",
        "datalab",
        "/api/v1",
        " ",
        "https",
        "https:",
        "https://",
        "https:///api",
        "https://:443",
        "https:/www.datalab.to",
        "ftp://www.datalab.to",
        "file:///etc/hosts",
        "ws://127.0.0.1",
        "https://a.example?",
        "https://a.example#",
        "https://a.example/?",
        "https://a.example/x#",
        f"https://a.example/?token={PASSWORD}",
        f"https://a.example/#{PASSWORD}",
        f"https://{PASSWORD}@a.example",
        f"https://ada:{PASSWORD}@a.example",
        f"https://:{PASSWORD}@a.example",
        "https://@a.example",
        f"ftp://ada:{PASSWORD}@a.example",
        f"ada:{PASSWORD}@a.example",
        f"https:ada:{PASSWORD}@a.example",
        f"https:/ada:{PASSWORD}@a.example",
        f"https://ada:{PASSWORD}/@a.example",
        f"https://ada:{PASSWORD}?@a.example",
        f"https://ada:{PASSWORD}#@a.example",
        f"https://ada:{PASSWORD}@a.example:port",
        f"https://ada:{PASSWORD}@[a.example",
        f"https://ada:{PASSWORD}@exa\u2100mple.com",
        f"https://ada:{PASSWORD}\n@a.example",
        "https://a.example:port",
        "https://a.example:99999",
        "https://a.example:-1",
        "https://[::1",
        "https://[::g]",
        "https://a.example\n",
        "https://a.example\r\nX: y",
        "https://a.example/\t",
        "https://a.example\x00",
        "https://a.example/\x7f",
        "\x01https://a.example",
        "https://a.example/ x",
        "https://a .example",
        "https://a.example\\@b.example",
        "https://a.example\\.b.example",
    ],
    ids=ascii,
)
def test_a_wrong_address_is_refused_and_no_credential_in_it_quoted(base_url: str) -> None:
    with pytest.raises(ConfigurationError, match="base URL") as caught:
        Datalab(API_KEY, base_url=base_url)
    error = caught.value
    assert PASSWORD not in f"{error!r} {vars(error)} {error.__cause__!r}"
    assert len(str(error).splitlines()) == 1


@pytest.mark.parametrize(
    "host",
    [
        "www.datalab.to",
        "127.evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil.example:127",
        "evil-localhost",
        "10.0.0.1",
        "0.0.0.0",
        "[::]",
        "[2001:db8::1]",
        "2130706433",
        "0x7f.1",
    ],
)
def test_another_machine_is_asked_without_tls_only_when_that_is_allowed(
    way: Way, host: str
) -> None:
    recorder = Recorder()
    with pytest.raises(ConfigurationError, match="allow_http"):
        way.client_over(recorder, base_url=f"http://{host}")
    if host[0].isalpha():
        request = sent_by(way, base_url=f"http://{host}", allow_http=True)
        assert request.url.scheme == "http"


# Options.


def test_an_unknown_option_is_a_type_error_as_for_any_function(
    way: Way, simulator: Simulator
) -> None:
    client = way.client(simulator)
    attempts: list[Callable[[], Any]] = [
        lambda: way.client(simulator, retries=3),
        lambda: client.with_options(retries=3),
        lambda: way.done(client.executions.get(7, retries=3)),
        lambda: way.done(client.executions.wait(7, retries=3)),
        lambda: way.done(client.executions.result(7, interval=3)),
        lambda: client.executions.watch(7, interval=3),
    ]
    for attempt in attempts:
        with pytest.raises(TypeError, match=r"retries|interval"):
            attempt()
    assert not simulator.requests


@pytest.mark.parametrize(
    "wrong",
    [
        {"timeout": 0},
        {"timeout": -1},
        {"timeout": math.nan},
        {"timeout": math.inf},
        {"request_timeout": 0},
        {"request_timeout": -0.1},
        {"request_timeout": math.inf},
        {"max_retries": -1},
        {"max_retries": 1.5},
    ],
    ids=str,
)
def test_an_option_out_of_range_is_refused_wherever_it_is_given(
    way: Way, simulator: Simulator, wrong: dict[str, Any]
) -> None:
    [name] = wrong
    client = way.client(simulator)
    attempts: list[Callable[[], Any]] = [
        lambda: way.client(simulator, **wrong),
        lambda: client.with_options(**wrong),
        lambda: way.done(client.executions.get(7, **wrong)),
    ]
    for attempt in attempts:
        with pytest.raises(InvalidArgumentError, match=name):
            attempt()
    if wrong != {"timeout": math.inf}:  # a wait may go on for ever
        with pytest.raises(InvalidArgumentError, match=name):
            client.executions.watch(7, **wrong)
    assert not simulator.requests


@pytest.mark.parametrize(
    "headers",
    [
        {"": "x"},
        {"X Y": "x"},
        {"X:": "x"},
        {"X\n": "x"},
        {"X\r\nY": "x"},
        {"\u00fc": "x"},
        {"X": "a\nb"},
        {"X": "a\r\nY: b"},
        {"X": "a\x00"},
        {"X": "\u00fc"},
        {"X": " a"},
        {"X": "a\t"},
        {"X": " "},
        {"Transfer-Encoding": "chunked"},
        {"x-api-key": "another"},
        {"X-API-Key": "another"},
        {"Authorization": "Bearer another"},
        {"COOKIE": "a=b"},
        {"Host": "b.example"},
        {"Transfer-Encoding": "gzip"},
        {"Expect": "100-continue"},
        {"Upgrade": "h2c"},
        {"Content-Length": "0"},
    ],
    ids=ascii,
)
def test_a_header_that_does_harm_is_refused_wherever_it_is_given(
    way: Way, simulator: Simulator, headers: dict[str, str]
) -> None:
    client = way.client(simulator)
    attempts: list[Callable[[], Any]] = [
        lambda: way.client(simulator, headers=headers),
        lambda: client.with_options(headers=headers),
        lambda: way.done(client.executions.get(7, headers=headers)),
        lambda: client.executions.watch(7, headers=headers),
    ]
    for attempt in attempts:
        with pytest.raises(InvalidArgumentError, match="header"):
            attempt()
    assert not simulator.requests


def test_headers_of_the_client_are_sent_with_every_request(way: Way, simulator: Simulator) -> None:
    client = way.client(simulator, headers={"X-Team": "7"})
    execution_id = simulator.start(SOON)
    way.done(client.executions.get(execution_id))
    way.done(client.executions.wait(execution_id, headers={"X-Job": "8"}))
    assert {request.headers.get("x-team") for request in simulator.requests} == {"7"}
    assert [request.headers.get("x-job") for request in simulator.requests[:2]] == [None, "8"]


def test_a_header_is_replaced_in_whatever_case_it_is_given_again(
    way: Way, simulator: Simulator
) -> None:
    client = way.client(simulator, headers={"X-Team": "7", "user-agent": "ours"})
    execution_id = simulator.start(SOON)
    way.done(client.executions.get(execution_id, headers={"x-team": "8", "ACCEPT": "text/x"}))
    [request] = simulator.requests
    sent = [name.lower() for name, _ in request.headers.raw]
    assert sorted(sent) == sorted(set(sent))
    asked = {name: request.headers.get(name) for name in ("x-team", "user-agent", "accept")}
    assert asked == {"x-team": "8", "user-agent": "ours", "accept": "text/x"}


def test_what_is_said_for_one_call_holds_for_no_other(way: Way) -> None:
    recorder = Recorder()
    client = way.client_over(recorder, request_timeout=7)
    way.done(client.executions.get(7, headers={"X-Job": "8"}, request_timeout=3))
    way.done(client.executions.get(7))
    first, second = recorder.requests
    assert "x-job" not in second.headers
    assert first.extensions["timeout"]["read"] == pytest.approx(3, abs=0.5)
    assert second.extensions["timeout"]["read"] == pytest.approx(7, abs=0.5)


# Views of a client.


def test_a_view_adds_headers_and_leaves_the_original_as_it_was(
    way: Way, simulator: Simulator
) -> None:
    client = way.client(simulator, headers={"X-Team": "7", "X-Way": "a"}, max_retries=0)
    view = client.with_options(headers={"X-Job": "8", "X-Way": "b"}, max_retries=1)
    execution_id = simulator.start(SOON)
    way.done(client.executions.get(execution_id))
    way.done(view.executions.get(execution_id))
    names = ("x-team", "x-job", "x-way")
    sent = [[request.headers.get(name) for name in names] for request in simulator.requests]
    assert sent == [["7", None, "a"], ["7", "8", "b"]]

    simulator.inject(Fault.status(503))
    with pytest.raises(InternalServerError):
        way.done(client.executions.get(execution_id))
    simulator.inject(Fault.status(503))
    way.done(view.executions.get(execution_id))


def test_a_view_is_of_the_same_kind_and_shares_connections_and_drift(
    way: Way, simulator: Simulator
) -> None:
    client = way.client(simulator)
    view = client.with_options(max_retries=1)
    assert type(view) is type(client)
    way.done(view.executions.get(simulator.start(SOON)))
    assert client.drift
    assert client.drift == view.drift
    way.done(view.close())
    with pytest.raises(ClientStateError, match="closed"):
        way.done(client.executions.get(7))


def test_a_view_waits_with_its_own_policy(way: Way, simulator: Simulator) -> None:
    view = way.client(simulator).with_options(policy=WaitPolicy(min_interval=100, max_interval=100))
    way.done(view.executions.wait(simulator.start(SOON)))
    assert len(simulator.requests) <= 5


# Closing.


@pytest.mark.parametrize("own", [False, True], ids=["our http client", "the user's"])
def test_a_closed_client_says_so_whatever_it_is_asked(way: Way, own: bool) -> None:
    client = way.client_over(Recorder()) if own else way.network_client()
    way.done(client.close())
    way.done(client.close())
    output = Output(execution_id=7, step="parse", file_key=None, url=presigned())
    attempts: list[Callable[[], Any]] = [
        lambda: client.executions.get(7),
        lambda: client.executions.wait(7),
        lambda: client.executions.result(7),
        lambda: way.changes(client.executions.watch(7)),
        lambda: client.executions.handle(7).get(),
        lambda: client.with_options(timeout=5).executions.get(7),
    ]
    for attempt in attempts:
        with pytest.raises(ClientStateError, match="closed"):
            way.done(attempt())
    fetches: list[Callable[[], Any]] = [
        lambda: client.outputs.read_bytes(output),
        lambda: client.outputs.read_json(output),
    ]
    for attempt in fetches:
        with pytest.raises((ClientStateError, DownloadError), match="closed"):
            way.done(attempt())


def test_a_closed_client_says_so_at_once_and_not_when_the_rate_limiter_allows_it(
    way: Way, simulator: Simulator
) -> None:
    client = way.client(simulator, requests_per_minute=1)
    way.done(client.close())
    for _ in range(3):
        with pytest.raises(ClientStateError, match="closed"):
            way.done(client.executions.get(7))
    assert simulator.clock.monotonic() == 0


def test_a_client_that_is_closed_before_it_is_used_says_so() -> None:
    client = Datalab(API_KEY)
    client.close()
    with pytest.raises(ClientStateError, match="closed"):
        client.executions.get(7)


def test_threads_that_use_a_new_client_at_the_same_time_share_its_connections() -> None:
    threads, rounds = 8, 20
    at_once = threading.Barrier(threads)

    def first_use(client: Datalab) -> object:
        at_once.wait()
        return client.with_options(max_retries=1)._api

    with ThreadPoolExecutor(threads) as pool:
        for _ in range(rounds):
            with Datalab(API_KEY) as client:
                used = {id(each) for each in pool.map(first_use, [client] * threads)}
                assert used == {id(client._api)}


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_an_environment_that_becomes_wrong_is_an_error_of_the_first_use(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Datalab(API_KEY)
    with monkeypatch.context() as wrong:
        wrong.setenv(variable, "/not there")
        with pytest.raises(ConfigurationError, match=variable):
            client.executions.get(7)
        assert "datalab.to" in repr(client)
    # Once it is mended, the same client works.
    client.executions  # noqa: B018


def test_a_client_in_a_with_statement_is_closed_at_its_end() -> None:
    with Datalab(API_KEY, http_client=httpx.Client(transport=Recorder())) as client:
        client.executions.get(7)
    with pytest.raises(ClientStateError, match="closed"):
        client.executions.get(7)


async def test_an_async_client_in_a_with_statement_is_closed_at_its_end() -> None:
    http = httpx.AsyncClient(transport=Recorder())
    async with AsyncDatalab(API_KEY, http_client=http) as client:
        await client.executions.get(7)
    with pytest.raises(ClientStateError, match="closed"):
        await client.executions.get(7)


def test_a_client_of_ones_own_stays_open() -> None:
    with httpx.Client(transport=Recorder()) as own:
        Datalab(API_KEY, http_client=own).close()
        assert own.get("https://a.example").status_code == 200


def test_whatever_an_async_client_was_used_for_binds_it_to_its_event_loop() -> None:
    output = Output(execution_id=7, step="parse", file_key=None, url=presigned())
    uses: list[Callable[[AsyncDatalab], Any]] = [
        lambda client: client.executions.get(7),
        lambda client: client.outputs.read_bytes(output),
    ]
    for first in uses:
        client = AsyncDatalab(API_KEY, http_client=httpx.AsyncClient(transport=Recorder()))
        with asyncio.Runner() as here:
            here.run(first(client))
        with asyncio.Runner() as elsewhere:
            for again in (first, lambda client: client.close()):
                with pytest.raises(DatalabError, match="another event loop"):
                    elsewhere.run(again(client))


# Ids.


@pytest.mark.parametrize(
    "wrong",
    [True, False, -1, 1.0, 1.5, math.nan, None, "7", "", "../../files/77", b"7", [7], object],
    ids=repr,
)
def test_an_id_that_is_no_whole_number_is_refused_before_anything_is_sent(
    way: Way, simulator: Simulator, wrong: Any
) -> None:
    client = way.client(simulator)
    handle = ExecutionHandle(id=wrong, jobs=client.executions)
    attempts: list[Callable[[], Any]] = [
        lambda: way.done(client.executions.get(wrong)),
        lambda: way.done(client.executions.wait(wrong)),
        lambda: way.done(client.executions.result(wrong)),
        lambda: client.executions.watch(wrong),
        lambda: client.executions.handle(wrong),
        lambda: way.done(handle.get()),
        handle.watch,
    ]
    for attempt in attempts:
        with pytest.raises(InvalidArgumentError, match="whole number"):
            attempt()
    assert not simulator.requests


def test_a_wrong_id_is_told_in_short_however_long_it_is(simulator: Simulator) -> None:
    client: Any = blocking(simulator)
    with pytest.raises(InvalidArgumentError) as caught:
        client.executions.get("7" * 100_000)
    assert len(str(caught.value)) <= 1_000


def test_an_id_of_any_size_is_sent_as_it_is(way: Way) -> None:
    for number in (0, 7, 2**63, 10**40):
        recorder = Recorder(Fault.status(200, {**FINISHED, "execution_id": number}))
        assert way.done(way.client_over(recorder).executions.get(number)).id == number
        assert recorder.requests[0].url.path.endswith(f"/executions/{number}")


# The key goes to one place only.


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("https://a.example", "https://a.example/x"),
        ("https://a.example", "https://a.example:443/x"),
        ("https://a.example:443", "https://a.example/x"),
        ("https://A.Example", "https://a.eXAMPLE/x"),
        ("HTTPS://a.example", "https://a.example/x"),
        ("https://a.example/prefix", "https://a.example/prefix/x"),
        ("https://a.example/prefix", "https://a.example/"),
        ("https://a.example:8443/", "https://a.example:8443"),
        ("http://127.0.0.1", "http://127.0.0.1:80/"),
        ("http://[::1]:8080", "http://[::1]:8080/"),
    ],
)
def test_the_key_is_added_for_the_same_scheme_host_and_port(base_url: str, url: str) -> None:
    assert authorized(base_url, url) == {KEY: API_KEY}


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("https://a.example", "http://a.example"),
        ("https://a.example", "http://a.example:443"),
        ("https://a.example", "https://a.example:80"),
        ("https://a.example", "https://a.example:8443"),
        ("https://a.example", "https://a.example:0"),
        ("https://a.example", "https://b.example"),
        ("https://a.example", "https://x.a.example"),
        ("https://a.example", "https://a.example.evil.example"),
        ("https://a.example", "https://a.example@evil.example"),
        ("https://a.example", "https://a.example:443@evil.example"),
        ("https://x.a.example", "https://a.example"),
        ("https://a.example", "https://a.exampl\u0435"),
        ("https://a.example", "ws://a.example"),
        ("http://127.0.0.1", "http://127.0.0.1:8080"),
        ("http://127.0.0.1", "http://127.0.0.2"),
        ("http://localhost", "http://127.0.0.1"),
    ],
)
def test_the_key_is_added_for_nobody_else(base_url: str, url: str) -> None:
    assert authorized(base_url, url) == {}


def authorized(base_url: str, url: str) -> dict[str, str]:
    headers: dict[str, str] = {}
    origin = checked_origin(base_url, API_KEY, allow_http=False)
    OriginKey(origin).add_to(headers, url, Key(API_KEY))
    return headers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "target", ["https://evil.example/", "https://www.datalab.to/api/v1/files", "/elsewhere", "//e"]
)
def test_a_redirect_of_the_api_is_not_followed(way: Way, status: int, target: str) -> None:
    recorder = Recorder(Fault.redirect(target, status))
    client = way.client_over(recorder, max_retries=0)
    with pytest.raises(APIStatusError) as caught:
        way.done(client.executions.get(7))
    assert caught.value.status == status
    assert caught.value.headers["location"]
    assert len(recorder.requests) == 1


def test_a_client_that_follows_redirects_does_not_do_so_for_us(
    way: Way, simulator: Simulator
) -> None:
    simulator.inject(Fault.redirect(f"{simulator.storage_origin}/x"))
    with pytest.raises(APIStatusError):
        way.done(way.client(simulator).executions.get(simulator.start(SOON)))
    assert len(simulator.requests) == 1


class _Broken(httpx.SyncByteStream, httpx.AsyncByteStream):
    def __iter__(self) -> Iterator[bytes]:
        yield b"{"
        raise ZeroDivisionError

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"{"
        raise ZeroDivisionError


async def test_whatever_a_transport_raises_is_the_cause_of_an_error_of_ours() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=_Broken()))
    output = Output(execution_id=7, step="parse", file_key=None, url=presigned())
    with (
        httpx.Client(transport=transport) as http,
        Datalab(API_KEY, http_client=http) as client,
        pytest.raises(DownloadError, match="ZeroDivisionError"),
    ):
        client.outputs.read_bytes(output, timeout=0.5)
    async with (
        httpx.AsyncClient(transport=transport) as http_async,
        AsyncDatalab(API_KEY, http_client=http_async) as client_async,
    ):
        with pytest.raises(DownloadError, match="ZeroDivisionError"):
            await client_async.outputs.read_bytes(output, timeout=0.5)


@pytest.mark.parametrize("url", ["https://www.datalab.to/x", presigned()])
def test_an_output_is_fetched_without_the_key_wherever_it_is(way: Way, url: str) -> None:
    recorder = Recorder()
    client = way.client_over(recorder, headers={"X-Team": "7"})
    output = Output(execution_id=7, step="parse", file_key=None, url=url)
    assert way.done(client.outputs.read_json(output)) == FINISHED
    [request] = recorder.requests
    assert request.url == url
    assert API_KEY not in str(request.headers.raw)
    assert not {"x-team", "authorization", "cookie"} & set(request.headers)


def test_no_repr_tells_the_key(way: Way, simulator: Simulator) -> None:
    client = way.client(simulator, headers={"X-Team": "7"})
    execution = way.done(client.executions.get(simulator.start(SOON)))
    changes = way.changes(client.executions.watch(execution.id), most=1)
    simulator.inject(Fault.status(401), Fault.hang(), Fault.html())
    errors = []
    for _ in range(3):
        with pytest.raises(DatalabError) as caught:
            way.done(client.executions.get(execution.id, max_retries=0))
        errors.append(caught.value)
    handle = client.executions.handle(execution.id)
    things = [
        client,
        client.with_options(timeout=5),
        client.executions,
        client.outputs,
        client.drift,
        handle,
        handle.to_dict(),
        execution,
        *changes,
        *errors,
    ]
    seen: list[Any] = []
    while things:
        thing = things.pop()
        seen.append(thing)
        assert API_KEY not in f"{thing!r} {thing}"
        inside = getattr(thing, "__dict__", {})
        assert API_KEY not in repr(inside)
        # The innermost holder of the key has slots and hides it in its repr.
        things.extend(
            part
            for part in inside.values()
            if type(part).__module__.startswith("datalab_facade")
            and not any(part is known for known in seen)
        )
    assert len(seen) > len(errors) + 10


def test_the_repr_of_a_client_tells_where_it_asks() -> None:
    client = Datalab(API_KEY, base_url="https://eu.datalab.example/")
    assert repr(client) == "Datalab(base_url='https://eu.datalab.example')"


# Handles.


def test_a_handle_does_what_its_client_does(way: Way, simulator: Simulator) -> None:
    client = way.client(simulator)
    handle = client.executions.handle(simulator.start(SOON))
    assert not simulator.requests
    assert way.done(handle.get()).status == "IN_PROGRESS"
    assert way.changes(handle.watch(), most=1)[0].after == "IN_PROGRESS"
    told: list[Change[Execution]] = []
    assert way.done(handle.wait(on_change=told.append, timeout=900)).succeeded
    assert told[-1].after == "COMPLETED"
    assert way.done(handle.result()).succeeded
    assert [output.step for output in way.done(handle.fetch_outputs())] == ["parse", "extract"]
    failing = client.executions.handle(simulator.start(FAILS))
    with pytest.raises(ExecutionFailedError, match="no pages"):
        way.done(failing.result())


@pytest.mark.parametrize("base_url", ["https://www.datalab.to", "https://www.datalab.to/"])
def test_a_handle_is_taken_up_by_another_client_of_the_same_origin(
    way: Way, simulator: Simulator, base_url: str
) -> None:
    first = way.client(simulator).executions.handle(simulator.start(SOON))
    written = json.dumps(first.to_dict())
    assert API_KEY not in written
    second = way.client(simulator, base_url=base_url).executions.handle(json.loads(written))
    assert second == first
    assert way.done(second.get()).id == first.id


def test_a_handle_of_another_origin_is_refused_and_both_are_told(
    way: Way, simulator: Simulator
) -> None:
    data = way.client(simulator, base_url="https://eu.datalab.example").executions.handle_to_dict(7)
    with pytest.raises(InvalidArgumentError) as caught:
        way.client(simulator).executions.handle(data)
    assert "https://eu.datalab.example" in str(caught.value)
    assert "https://www.datalab.to" in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"version": None},
        {"version": "1"},
        {"id": "7"},
        {"id": None},
        {"id": True},
        {"id": -7},
        {"id": 7.5},
        {"origin": None},
        {"origin": ""},
        {"origin": ["https://www.datalab.to"]},
        {"origin": "https://www.datalab.to.evil.example"},
        {"origin": presigned()},
        {"origin": "x" * 100_000},
    ],
    ids=lambda change: ascii(change)[:40],
)
def test_what_is_no_handle_is_refused(
    way: Way, simulator: Simulator, change: dict[str, Any]
) -> None:
    executions = way.client(simulator).executions
    data = {**executions.handle_to_dict(7), **change}
    with pytest.raises(InvalidArgumentError) as caught:
        executions.handle(data)
    assert len(str(caught.value)) <= 1_000


def test_an_empty_handle_is_refused(way: Way, simulator: Simulator) -> None:
    with pytest.raises(InvalidArgumentError, match="not the JSON form of a handle"):
        way.client(simulator).executions.handle({})


# One look, and its repetitions.


@pytest.mark.parametrize(
    "fault",
    [Fault.status(503), Fault.status(429), Fault.reset(), Fault.html(), Fault.truncate(10)],
    ids=["503", "429", "reset", "HTML", "cut"],
)
def test_a_look_that_fails_twice_is_repeated(way: Way, simulator: Simulator, fault: Fault) -> None:
    execution_id = simulator.start(SOON)
    simulator.inject(fault, fault)
    assert way.done(way.client(simulator).executions.get(execution_id)).id == execution_id
    assert len(simulator.requests) == 3
    assert simulator.clock.monotonic() < 60


def test_a_look_is_given_up_after_the_third_failure_with_all_of_them_told(
    way: Way, simulator: Simulator
) -> None:
    simulator.inject_always(Fault.status(503))
    with pytest.raises(InternalServerError) as caught:
        way.done(way.client(simulator).executions.get(7))
    assert len(simulator.requests) == 3
    [note] = caught.value.__notes__
    assert "1. GET" in note
    assert "2. GET" in note


@pytest.mark.parametrize("most", [0, 1, 5])
def test_how_often_a_look_is_repeated_can_be_said(
    way: Way, simulator: Simulator, most: int
) -> None:
    simulator.inject_always(Fault.status(503))
    client = way.client(simulator)
    for executions, options in (
        (client.executions, {"max_retries": most}),
        (client.with_options(max_retries=most).executions, {}),
    ):
        simulator.requests.clear()
        with pytest.raises(InternalServerError):
            way.done(executions.get(7, timeout=900, **options))
        assert len(simulator.requests) == most + 1


def test_a_look_waits_for_as_long_as_the_server_asks(way: Way, simulator: Simulator) -> None:
    execution_id = simulator.start(SOON)
    simulator.inject(Fault.status(429, headers={"Retry-After": "20"}))
    way.done(way.client(simulator).executions.get(execution_id))
    first, second = simulator.requests
    assert 20 <= second.at - first.at <= 25


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_asks_for_longer_than_the_timeout_is_told_at_once(
    way: Way, simulator: Simulator, status: int
) -> None:
    simulator.inject_always(Fault.status(status, headers={"Retry-After": "61"}))
    with pytest.raises(APIStatusError) as caught:
        way.done(way.client(simulator).executions.get(7, timeout=60))
    assert caught.value.retry_after == 61
    assert len(simulator.requests) == 1
    assert simulator.clock.monotonic() < 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequestError),
        (401, AuthenticationError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (402, PaymentRequiredError),
        (409, ConflictError),
        (413, PayloadTooLargeError),
        (422, UnprocessableEntityError),
    ],
)
def test_what_the_server_means_is_not_asked_again(
    way: Way, simulator: Simulator, status: int, kind: type[APIStatusError]
) -> None:
    simulator.inject_always(Fault.status(status))
    with pytest.raises(kind) as caught:
        way.done(way.client(simulator).executions.get(7))
    assert type(caught.value) is kind
    assert len(simulator.requests) == 1


def test_all_tries_of_a_look_end_within_its_timeout(way: Way, simulator: Simulator) -> None:
    simulator.inject_always(Fault.hang())
    with pytest.raises(APITimeoutError):
        way.done(way.client(simulator).executions.get(7, timeout=45))
    assert len(simulator.requests) == 2
    assert simulator.clock.monotonic() <= 45 + 1e-6


# Callbacks.


def test_a_callback_is_told_every_change_that_a_watch_tells(way: Way, simulator: Simulator) -> None:
    client = way.client(simulator)
    watched = way.changes(client.executions.watch(simulator.start(SOON)))
    for method in (client.executions.wait, client.executions.result):
        told: list[Change[Execution]] = []
        execution = way.done(method(simulator.start(SOON), on_change=told.append))
        assert [_told(change) for change in told] == [_told(change) for change in watched]
        assert told[-1].snapshot == execution


def _told(change: Change[Execution]) -> tuple[object, ...]:
    return change.sequence, change.kind, change.step, change.before, change.after


async def test_a_callback_of_async_code_may_be_async_itself() -> None:
    simulator = new_simulator()
    client = asynchronous(simulator)
    told: list[str] = []

    async def note(change: Change[Execution]) -> None:
        await asyncio.sleep(0)
        told.append(str(change))

    execution_id = simulator.start(SOON)
    await client.executions.wait(execution_id, on_change=note)
    await client.executions.result(execution_id, on_change=note)
    assert told[0] == f"execution {execution_id}: IN_PROGRESS"
    assert told.count(f"execution {execution_id}: COMPLETED") == 1


@pytest.mark.parametrize("method", ["wait", "result"])
def test_what_a_callback_raises_ends_the_wait_and_leaves_nothing_running(
    way: Way, simulator: Simulator, method: str
) -> None:
    client = way.client(simulator)
    execution_id = simulator.start(SOON)

    def fail(change: Change[Execution]) -> None:
        if change.after == "COMPLETED":
            raise LookupError("no such progress bar")

    with pytest.raises(LookupError, match="progress bar"):
        way.done(getattr(client.executions, method)(execution_id, on_change=fail))
    asked = len(simulator.requests)
    if way.is_async:
        assert way.done(_tasks()) == 1
    assert way.done(client.executions.wait(execution_id)).succeeded
    assert len(simulator.requests) > asked


async def _tasks() -> int:
    return len(asyncio.all_tasks())


async def test_what_an_async_callback_raises_ends_the_wait() -> None:
    simulator = new_simulator()
    client = asynchronous(simulator)

    async def fail(change: Change[Execution]) -> None:
        raise LookupError("no such progress bar")

    with pytest.raises(LookupError, match="progress bar"):
        await client.executions.wait(simulator.start(NEVER_ENDS), on_change=fail)
    assert len(simulator.requests) == 1
    assert await _tasks() == 1


# Watching.


def test_a_watch_sends_nothing_before_it_is_iterated(way: Way, simulator: Simulator) -> None:
    client = way.client(simulator)
    watched = client.executions.watch(simulator.start(SOON))
    client.executions.handle(7).watch()
    assert not simulator.requests
    assert len(way.changes(watched, most=1)) == 1
    assert len(simulator.requests) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"job": "7"},
        {"timeout": 0},
        {"timeout": -1},
        {"timeout": math.nan},
        {"max_retries": -1},
        {"request_timeout": 0},
        {"headers": {"Cookie": "a=b"}},
    ],
    ids=str,
)
def test_a_watch_refuses_wrong_arguments_before_it_is_iterated(
    way: Way, simulator: Simulator, wrong: dict[str, Any]
) -> None:
    client = way.client(simulator)
    with pytest.raises(InvalidArgumentError):
        client.executions.watch(**{"job": 7, **wrong})


def test_a_watch_left_early_can_be_taken_up_again(way: Way, simulator: Simulator) -> None:
    client = way.client(simulator)
    execution_id = simulator.start(SOON)
    assert len(way.changes(client.executions.watch(execution_id), most=2)) == 2
    asked = len(simulator.requests)
    changes = way.changes(client.executions.watch(execution_id, timeout=900))
    assert changes[0].sequence == 1
    assert changes[-1].snapshot.succeeded
    assert len(simulator.requests) > asked


def test_clients_with_one_rate_limiter_share_it(way: Way) -> None:
    simulator = new_simulator()
    rate_limiter = LocalRateLimiter(60, burst=1)
    one, other = (way.client(simulator, rate_limiter=rate_limiter) for _ in range(2))
    execution_id = simulator.start(SOON)
    for client in (one, other) * 5:
        way.done(client.executions.get(execution_id))
    times = [request.at for request in simulator.requests]
    assert all(later - earlier > 0.99 for earlier, later in pairwise(times))
    assert len(times) == 10


def test_a_rate_limiter_and_a_limit_are_not_both_passed(way: Way) -> None:
    with pytest.raises(InvalidArgumentError, match="not both"):
        way.client(new_simulator(), rate_limiter=LocalRateLimiter(60), requests_per_minute=100)
