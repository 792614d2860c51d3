"""What a download decides, whatever it is told: no IO, no time but what the test says."""

from __future__ import annotations

import contextlib
import json
import re
import zlib
from typing import Any

import attrs
import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from datalab_facade import (
    APIConnectionError,
    APITimeoutError,
    ConfigurationError,
    DatalabError,
    DownloadError,
    NotFoundError,
    Output,
)
from datalab_facade.decoding import retry_after_of
from datalab_facade.errors import APIStatusError, DownloadFailure
from datalab_facade.files.models import FileLink
from datalab_facade.files.remote_files import remote_file
from datalab_facade.jobs.commands import Report, Result, Sleep
from datalab_facade.outputs.remote_outputs import remote_output
from datalab_facade.transfers.commands import Fetch, Read, Renew, StorageReply
from datalab_facade.transfers.downloading import Chunk, Download, DownloadValue
from datalab_facade.transfers.facts import Facts
from datalab_facade.transfers.policies import DownloadPolicy
from datalab_facade.transfers.remotes import InsecureURLError, Remote, checked_storage_url
from datalab_facade.transfers.unpacking import Unpacker

POLICY = DownloadPolicy(max_retries=4, max_renewals=2, max_redirects=3, max_restarts=3)
DEADLINE = 400.0
URL = "https://storage.example/out?X-Amz-Signature=0"
OUTPUT = remote_output(Output(execution_id=1, step="parse", file_key=None, url=URL))

# More commands than this are no download but a loop. What is worth a try may be tried
# as often as there are bytes, and each of these tries may fail so often.
MOST_COMMANDS = 2_000


@attrs.frozen
class Version:
    """An object as it was for a while."""

    body: bytes
    etag: str | None
    changed: str | None

    @property
    def headers(self) -> dict[str, str]:
        told = {"etag": self.etag, "last-modified": self.changed}
        return {name: value for name, value in told.items() if value is not None}


def versions(number: int, size: int, validators: str) -> Version:
    """Give a version whose bytes and validators are those of no other."""
    body = bytes((number * 37 + place) % 251 for place in range(size))
    strong, weak = f'"v{number}"', f'W/"v{number}"'
    etag = {"strong": strong, "weak": weak, "both": strong}.get(validators)
    date = f"Mon, 01 Jan 2024 00:00:{number % 60:02} GMT"
    return Version(body, etag, date if validators in ("date", "weak", "both") else None)


LOCATIONS = [
    "/elsewhere",
    "https://other.example/out",
    "http://other.example/out",
    "file:///etc/passwd",
    "http://[",
    "https://a.example:99999999/",
    "",
]
ERRORS = [
    APIConnectionError("cut", method="GET", url="u", may_have_arrived=True),
    APITimeoutError("late", method="GET", url="u", may_have_arrived=True, timeout=1),
    APIStatusError(status=503, method="GET", url="u"),
]

# What storage does next: what kind of answer, and a number that means something to each.
ACTS = st.tuples(
    st.sampled_from(
        [
            "honest",
            "honest",
            "honest",
            "no ranges",
            "no conditions",
            "bare part",
            "weak part",
            "repacked part",
            "wrong part",
            "unasked part",
            "error",
            "busy",
            "refused",
            "strange",
            "redirect",
            "416",
            "change",
            "false length",
            "no length",
        ]
    ),
    st.integers(0, 60),
    st.booleans(),
)


def replied(
    now: float, status: int, headers: dict[str, str] | None = None
) -> Result[DownloadValue]:
    return Result(now, StorageReply(status, headers or {}))


class World:
    """A storage, an API and a clock, and what the caller of a download holds."""

    def __init__(self, acts: list[Any], last: Any, validators: str, seconds: float) -> None:
        self.acts = acts
        self.last = last
        self.validators = validators
        self.seconds = seconds
        self.number = 0
        self.version = versions(0, 40, validators)
        self.now = 0.0
        self.held = bytearray()
        self.held_of: Version | None = None
        self.body: tuple[Version, int, int | None] | None = None
        self.renewals = 0
        self.redirects_in_row = 0

    def result_of(self, command: Any) -> Result[DownloadValue]:
        if isinstance(command, Report):
            self.take(command.value)
            return Result(self.now)
        self.now += self.seconds
        if isinstance(command, Fetch):
            return self.fetched(command)
        if isinstance(command, Read):
            return self.read()
        if isinstance(command, Renew):
            return self.renewed()
        assert isinstance(command, Sleep)
        assert command.seconds >= 0
        self.now += command.seconds
        return Result(self.now)

    def fetched(self, fetch: Fetch) -> Result[DownloadValue]:  # noqa: PLR0911 - one for each kind of answer
        assert self.now - self.seconds <= DEADLINE
        assert fetch.seconds_left(self.now) <= max(POLICY.stall_timeout, 0.01)
        assert re.match(r"https://[a-z.]+/", fetch.url)
        self.check_range(fetch)
        act, number, yes = self.acts.pop(0) if self.acts else self.last
        self.body = None
        if act == "redirect":
            self.redirects_in_row += 1
            assert self.redirects_in_row <= POLICY.max_redirects + 1
            return replied(self.now, 302, {"location": LOCATIONS[number % len(LOCATIONS)]})
        if act == "error":
            return Result(self.now, error=ERRORS[number % len(ERRORS)])
        if act == "busy":
            status = [408, 425, 429, 500, 503, 599, 700][number % 7]
            headers = {"retry-after": ["1", "9999", "soon", "-1", "nan"][number % 5]} if yes else {}
            return replied(self.now, status, headers)
        if act == "refused":
            return replied(self.now, [400, 401, 403, 404, 410][number % 5])
        if act == "strange":
            return replied(self.now, [204, 300, 304, 405, 412, 418][number % 6])
        if act == "416":
            length = [len(self.version.body), number, len(self.held)][number % 3]
            told = {"content-range": f"bytes */{length}"} if yes else {}
            named = self.version.headers if number % 2 else {}
            return replied(self.now, 416, {**named, **told})
        if act == "change":
            self.number += 1
            size = number if yes else len(self.version.body)
            self.version = versions(self.number, size, self.validators)
            # A new version that lies there already may be asked for as if it were the old one.
            act = ("honest", "no conditions", "bare part", "weak part")[number % 4]
        return self.object(fetch, act, number, broken=yes)

    def check_range(self, fetch: Fetch) -> None:
        """No part is asked for but what follows what is held, of the version it is of."""
        asked = fetch.headers.get("Range")
        assert ("If-Range" in fetch.headers) == (asked is not None)
        if asked is not None:
            assert asked == f"bytes={len(self.held)}-"
            assert self.held
            assert self.held_of is not None
            assert fetch.headers["If-Range"] in self.held_of.headers.values()
            assert not fetch.headers["If-Range"].startswith("W/")

    def object(self, fetch: Fetch, act: str, number: int, *, broken: bool) -> Result[DownloadValue]:
        version = self.version
        found = re.fullmatch(r"bytes=(\d+)-", fetch.headers.get("Range", ""))
        matches = fetch.headers.get("If-Range") in version.headers.values()
        unasked = act in ("no conditions", "bare part", "weak part", "repacked part")
        start = int(found[1]) if found and (matches or unasked) else 0
        end = number if broken else None
        if act == "wrong part":
            wrong = ["", "bytes 1-2/3", f"bytes {start + 1}-9/40", "bytes a-b/c"][number % 4]
            return replied(self.now, 206, {**version.headers, "content-range": wrong})
        if act == "unasked part" and not found:
            part = f"bytes 0-{len(version.body) - 1}/{len(version.body)}"
            self.body = version, 0, end
            return replied(self.now, 206, {**version.headers, "content-range": part})
        if start == 0 or act in ("no ranges", "no length"):
            self.body = version, 0, end
            length = len(version.body) + (act == "false length" and number)
            told = {} if act == "no length" else {"content-length": str(length)}
            return replied(self.now, 200, {**version.headers, **told})
        if start >= len(version.body):
            told = {"content-range": f"bytes */{len(version.body)}"}
            return replied(self.now, 416, {**version.headers, **told})
        # Packed in another way, it is another object to whoever joins parts of it.
        other = attrs.evolve(version) if act == "repacked part" else version
        self.body = other, start, end
        part = f"bytes {start}-{len(version.body) - 1}/{len(version.body)}"
        return replied(self.now, 206, {**self.of_part(act, fetch), "content-range": part})

    def of_part(self, act: str, fetch: Fetch) -> dict[str, str]:
        """Give what tells which object a part is of, by a storage that knows better or not."""
        headers = self.version.headers
        if act == "bare part":
            return {}
        if act == "weak part":
            # Other bytes of the same meaning have the same weak ETag.
            return {"etag": "W/" + fetch.headers["If-Range"]}
        if act == "repacked part":
            return {**headers, "content-encoding": "gzip"}
        return headers

    def take(self, chunk: Chunk) -> None:
        if chunk.data:
            assert chunk.offset == len(self.held)
            self.held += chunk.data
            return
        assert self.body is not None, "nothing was begun"
        version, start, _ = self.body
        assert chunk.offset == start <= len(self.held)
        self.redirects_in_row = 0
        if start:
            assert version is self.held_of
        del self.held[start:]
        self.held_of = version

    def read(self) -> Result[DownloadValue]:
        """Give all of the body that comes in one piece, then its end."""
        assert self.body is not None, "nothing was begun"
        version, start, end = self.body
        rest = version.body[start:]
        came = rest if end is None else rest[:end]
        if came and len(self.held) == start:
            return Result(self.now, came)
        return Result(self.now, error=ERRORS[0] if len(came) < len(rest) else None)

    def renewed(self) -> Result[DownloadValue]:
        self.renewals += 1
        self.redirects_in_row = 0
        assert self.renewals <= POLICY.max_renewals
        act = (self.acts or [self.last])[0]
        if act[0] == "error" and act[2]:
            return Result(self.now, error=NotFoundError(method="GET", url="u"))
        if act[0] == "strange":
            return Result(self.now)
        return Result(self.now, f"https://storage.example/renewed?{self.renewals}")


def run(world: World, *, restartable: bool = True) -> str:
    """Run a download in a world, and tell how it ended."""
    download = Download(
        OUTPUT,
        POLICY,
        deadline=DEADLINE,
        random=lambda: 0.5,
        allow_http=False,
        restartable=restartable,
    )
    steps = download.steps()
    try:
        command = next(steps)
        for _ in range(MOST_COMMANDS):
            command = steps.send(world.result_of(command))
    except StopIteration:
        assert download.received == len(world.held)
        return "whole"
    except DownloadError as failed:
        return failed.reason
    raise AssertionError("it does not end")


WORLDS = {
    "acts": st.lists(ACTS, max_size=25),
    "last": ACTS,
    "validators": st.sampled_from(["strong", "weak", "date", "both", "none"]),
    "seconds": st.sampled_from([0.0, 0.0, 0.1, 5.0]),
}


@settings(max_examples=600)
@given(**WORLDS)
@example(acts=[("honest", 1, True)], last=("416", 1, True), validators="strong", seconds=0.0)
@example(
    acts=[("honest", 1, True), ("wrong part", 2, False)],
    last=("honest", 0, False),
    validators="none",
    seconds=0.0,
)
@example(
    acts=[("honest", 9, True), ("change", 3, False)],
    last=("honest", 0, False),
    validators="strong",
    seconds=0.0,
)
@example(
    acts=[("honest", 9, True), ("change", 2, False)],
    last=("honest", 0, False),
    validators="strong",
    seconds=0.0,
)
@example(
    acts=[("no ranges", 9, True), ("change", 9, True), ("416", 0, True)],
    last=("416", 0, True),
    validators="date",
    seconds=0.0,
)
def test_a_download_ends_with_one_whole_version_or_tells_why_not(
    acts: list[Any], last: Any, validators: str, seconds: float
) -> None:
    """Whatever happens, also for ever, and also when time stands still meanwhile."""
    world = World(acts, last, validators, seconds)
    ended = run(world)
    event(ended)
    if ended == "whole":
        assert world.held_of is not None
        assert bytes(world.held) == world.held_of.body


@settings(max_examples=300)
@given(**WORLDS)
def test_a_stream_never_takes_back_what_was_read(
    acts: list[Any], last: Any, validators: str, seconds: float
) -> None:
    """What a reader has seen is the beginning of what comes later, or the stream fails."""
    world = World(acts, last, validators, seconds)
    take, seen = world.take, bytearray()

    def watched(chunk: Chunk) -> None:
        assert chunk.offset == len(seen)
        take(chunk)
        seen.extend(chunk.data)

    setattr(world, "take", watched)  # noqa: B010 - the checkers disagree on assigning it
    ended = run(world, restartable=False)
    event(ended)
    if ended == "whole":
        assert world.held_of is not None
        assert bytes(seen) == world.held_of.body


@settings(max_examples=200)
@given(number=st.integers(0, 5), at=st.floats(0, 2 * DEADLINE))
def test_nothing_is_asked_after_the_deadline(number: int, at: float) -> None:
    """However late an answer comes, and whatever it says."""
    answers = [
        replied(at, 302, {"location": "/elsewhere"}),
        replied(at, 403),
        replied(at, 416),
        replied(at, 503),
        replied(at, 206, {"content-range": "bytes 1-1/2"}),
        Result(at, error=ERRORS[0]),
    ]
    download = Download(
        OUTPUT,
        POLICY,
        deadline=DEADLINE,
        random=lambda: 0.5,
        allow_http=False,
    )
    steps = download.steps()
    assert isinstance(next(steps), Fetch)

    def go_on() -> None:
        command = steps.send(answers[number])
        if isinstance(command, Renew):
            command = steps.send(Result(at, URL))
        assert isinstance(command, (Fetch, Sleep))

    if at <= DEADLINE - POLICY.retry_backoff:
        go_on()
    elif at > DEADLINE:
        with pytest.raises(DownloadError) as failed:
            go_on()
        assert failed.value.reason == "unreachable"


def test_what_was_received_without_a_validator_is_worth_nothing_tomorrow() -> None:
    """A part can be gone on with only if it can be told whether it still fits."""
    for facts, received in [(Facts(total=10), 0), (Facts(total=10, validator='"v"'), 5)]:
        download = Download(
            OUTPUT,
            POLICY,
            deadline=1.0,
            random=lambda: 0.5,
            allow_http=False,
            facts=facts,
            received=5,
        )
        assert download.received == received


@pytest.mark.parametrize("digests", [{"md5": "abcd"}, {"md7": "00" * 16}])
def test_a_digest_that_is_none_is_not_kept_in_notes(digests: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="is no"):
        Facts(digests=digests)


DAY = "Mon, 01 Jan 2024 00:00:00 GMT"
MONTH = "Thu, 01 Feb 2024 00:00:00 GMT"


class Steps:
    """The steps of a download, and what they report."""

    def __init__(self, download: Download) -> None:
        self._steps = download.steps()
        self.chunks: list[Chunk] = []

    def begin(self) -> Any:
        return self._after(next(self._steps))

    def send(self, result: Result[DownloadValue]) -> Any:
        self.now = result.now
        return self._after(self._steps.send(result))

    def end_body(self, now: float, received: int, error: DatalabError | None = None) -> Any:
        """Let a body come up to an offset in the object, and end."""
        data = bytes(received - self.chunks[-1].offset)
        if data:
            self.send(Result(now, data))
        return self.send(Result(now, error=error))

    def _after(self, command: Any) -> Any:
        while isinstance(command, Report):
            self.chunks.append(command.value)
            command = self._steps.send(Result(self.now))
        return command


def begun(**options: Any) -> tuple[Download, Steps, Any]:
    """Begin a download at the time of 1000 seconds, which it does not know yet."""
    given: dict[str, Any] = {"remote": OUTPUT, "deadline": 2_000.0, "allow_http": False} | options
    download = Download(policy=POLICY, random=lambda: 0.5, **given)
    steps = Steps(download)
    return download, steps, steps.begin()


def failure(steps: Steps, told: Result[DownloadValue]) -> DownloadError:
    with pytest.raises(DownloadError) as failed:
        steps.send(told)
    return failed.value


def paused(command: Any) -> float:
    assert isinstance(command, Sleep)
    return command.seconds


def fetched(command: Any) -> Fetch:
    assert isinstance(command, Fetch)
    return command


@pytest.mark.parametrize("command", [Read(110.0), Renew("u", 110.0)])
def test_a_command_has_the_time_that_is_left_and_never_none_at_all(
    command: Read | Renew,
) -> None:
    assert command.seconds_left(100.0) == 10
    assert command.seconds_left(110.0) == 0.01
    assert command.seconds_left(120.0) == 0.01


def test_a_fetch_may_be_silent_for_as_long_as_the_policy_says_within_its_time() -> None:
    fetch = Fetch("u", {}, stall_timeout=30.0, deadline=110.0)
    assert fetch.seconds_left(50.0) == 30
    assert fetch.seconds_left(100.0) == 10
    assert fetch.seconds_left(110.0) == 0.01


@pytest.mark.parametrize(
    ("validator", "total", "headers", "whole"),
    [
        ('"v"', 10, {"content-range": "bytes */10"}, True),
        ('"v"', None, {"content-range": "bytes */10", "etag": '"v"'}, False),
        ('"v"', None, {"content-range": "bytes */10"}, False),
        ('"v"', 10, {"content-range": "bytes */10", "etag": '"v"'}, True),
        ('"v"', 10, {"content-range": "bytes */10", "last-modified": MONTH}, True),
        (DAY, 10, {"content-range": "bytes */10", "last-modified": DAY, "etag": 'W/"v"'}, True),
        (DAY, 10, {"content-range": "bytes */10", "last-modified": DAY, "etag": '"w"'}, False),
        ('"v"', 10, {}, False),
        ('"v"', None, {}, False),
        ('"v"', None, {"content-range": "bytes */11"}, False),
        ('"v"', 12, {"content-range": "bytes */10"}, False),
        ('"v"', 10, {"content-range": "bytes */10", "etag": '"w"'}, False),
        (DAY, 10, {"content-range": "bytes */10", "last-modified": MONTH}, False),
    ],
)
def test_what_storage_has_no_more_of_is_whole_if_it_is_still_the_same(
    validator: str, total: int | None, headers: dict[str, str], whole: bool
) -> None:
    facts = Facts(total=total, validator=validator, weak_etag='W/"v"')
    download, steps, command = begun(facts=facts, received=10)
    assert fetched(command).headers["Range"] == "bytes=10-"
    if whole:
        with pytest.raises(StopIteration):
            steps.send(replied(1_000.0, 416, headers))
        assert download.received == 10
    else:
        assert "Range" not in fetched(steps.send(replied(1_000.0, 416, headers))).headers
        assert (download.received, download.facts) == (0, Facts())


def test_a_stream_that_cannot_go_on_says_why() -> None:
    facts = Facts(total=10, validator='"v"')
    _, steps, _ = begun(facts=facts, received=5, restartable=False)
    failed = failure(steps, replied(1_000.0, 200))
    assert failed.reason == "incomplete"
    assert "was cut off and cannot resume: storage cannot resume" in str(failed)


def test_what_is_begun_anew_too_often_is_given_up() -> None:
    unasked = replied(1_000.0, 206, {"content-range": "bytes 0-8/10"})
    _, steps, _ = begun()
    for _ in range(POLICY.max_restarts):
        assert fetched(steps.send(unasked)).url == URL
    failed = failure(steps, unasked)
    assert failed.reason == "incomplete"
    assert ("was restarted 3 times: storage answered with another range than requested") in str(
        failed
    )


def test_redirects_are_followed_a_few_times() -> None:
    _, steps, _ = begun()
    for number in range(POLICY.max_redirects):
        command = steps.send(replied(1_000.0, 302, {"location": f"/{number}"}))
        assert fetched(command).url == f"https://storage.example/{number}"
    failed = failure(steps, replied(1_000.0, 302, {"location": "/more"}))
    assert (failed.reason, failed.status) == ("refused", 302)
    assert str(failed).endswith("is redirected more than 3 times")


def test_a_redirect_without_a_place_leads_back() -> None:
    _, steps, _ = begun()
    assert fetched(steps.send(replied(1_000.0, 302))).url == URL


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("http://[", "is redirected to a URL that cannot be parsed"),
        ("http://a.example/b?sig=1", "is redirected to http://a.example/b?…, without TLS"),
    ],
)
def test_a_redirect_to_where_nothing_is_to_be_sent_says_so(location: str, why: str) -> None:
    _, steps, _ = begun()
    failed = failure(steps, replied(1_000.0, 307, {"location": location}))
    assert (failed.reason, failed.status) == ("refused", 307)
    assert str(failed).endswith(why)


def test_trouble_that_goes_on_is_told_with_its_status() -> None:
    _, steps, _ = begun()
    for away in (0.375, 0.75, 1.5, 3):
        assert paused(steps.send(replied(1_000.0, 503))) == away
        steps.send(Result(1_000.0))
    failed = failure(steps, replied(1_000.0, 503))
    assert (failed.reason, failed.status) == ("unreachable", 503)
    assert "could not be fetched: GET https://storage.example/out?… answered 503" in str(failed)


def test_trouble_that_will_not_pass_is_told_at_once() -> None:
    _, steps, _ = begun()
    failed = failure(
        steps, Result(1_000.0, error=APIStatusError(status=451, method="GET", url="u"))
    )
    assert (failed.reason, failed.status) == ("refused", 451)
    assert "could not be fetched: GET u answered 451" in str(failed)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "5"}, 5),
        ({"retry-after": " 0.5"}, 0.5),
        ({"retry-after": "soon", "date": DAY}, None),
        ({"retry-after": DAY}, None),
        ({"retry-after": DAY, "date": DAY}, 0),
        ({"retry-after": DAY, "date": MONTH}, 0),
        ({"retry-after": MONTH, "date": DAY}, 31 * 86_400),
        ({"retry-after": "5", "date": DAY}, 5),
    ],
)
def test_a_date_to_come_back_counts_from_the_date_that_storage_tells(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after_of(headers) == seconds


@pytest.mark.parametrize("now", [1_999.625, 1_999.9])
def test_what_could_not_end_in_time_is_not_tried_again(now: float) -> None:
    _, steps, _ = begun()
    failed = failure(steps, replied(now, 503))
    assert (failed.reason, failed.status) == ("unreachable", 503)
    assert "was not fetched in time: GET https://storage.example/out?… answered 503" in str(failed)


def test_a_try_that_brought_nothing_counts_as_a_fault() -> None:
    _, steps, _ = begun()
    for _ in range(POLICY.max_retries):
        assert steps.send(replied(1_000.0, 200, {"content-length": "10"})) == Read(2_000.0)
        assert steps.chunks[-1] == Chunk(0, b"")
        assert isinstance(steps.send(Result(1_000.0)), Sleep)
        fetched(steps.send(Result(1_000.0)))
    steps.send(replied(1_000.0, 200, {"content-length": "10"}))
    failed = failure(steps, Result(1_000.0))
    assert failed.reason == "incomplete"
    assert "was cut off after 0 of 10 bytes" in str(failed)


@pytest.mark.parametrize(
    ("headers", "came", "error", "how"),
    [
        ({"content-length": "10"}, 4, None, "was cut off after 4 of 10 bytes"),
        ({"content-length": "10"}, 4, ERRORS[0], "was cut off after 4 of 10 bytes: cut"),
        ({"content-length": "10"}, 4, ERRORS[1], "stalled after 4 of 10 bytes: late"),
        ({}, 4, ERRORS[0], "was cut off after 4 bytes: cut"),
        ({"content-length": "10"}, 14, None, "has 14 bytes, but storage announced 10"),
    ],
)
def test_a_body_that_never_comes_whole_is_said_to_be_cut(
    headers: dict[str, str], came: int, error: DatalabError | None, how: str
) -> None:
    _, steps, _ = begun()
    steps.send(replied(1_000.0, 200, {**headers, "etag": '"v"'}))
    steps.end_body(1_000.0, came, error)
    part = {"content-range": f"bytes {came}-19/*", "etag": '"v"'}
    for _ in range(POLICY.max_retries - 1):
        fetched(steps.send(Result(1_000.0)))
        steps.send(replied(1_000.0, 206, part))
        steps.end_body(1_000.0, came, error)
    fetched(steps.send(Result(1_000.0)))
    steps.send(replied(1_000.0, 206, part))
    failed = failure(steps, Result(1_000.0, error=error))
    assert failed.reason == "incomplete"
    assert str(failed).endswith(f"execution 1 {how}")
    assert failed.__cause__ is error


def test_a_body_that_is_cut_and_cannot_be_gone_on_with_is_said_to_be_cut() -> None:
    _, steps, _ = begun()
    anew = {"content-length": "10"}
    steps.send(replied(1_000.0, 200, anew))
    for _ in range(POLICY.max_restarts):
        assert isinstance(steps.end_body(1_000.0, 4, ERRORS[0]), Sleep)
        fetched(steps.send(Result(1_000.0)))
        steps.send(replied(1_000.0, 200, anew))
    steps.end_body(1_000.0, 4, ERRORS[0])
    steps.send(Result(1_000.0))
    failed = failure(steps, replied(1_000.0, 200, anew))
    assert failed.reason == "incomplete"
    assert "was cut off after 4 of 10 bytes, and was restarted" in str(failed)


MD5 = "d41d8cd98f00b204e9800998ecf8427e"
MD5_BASE64 = "1B2M2Y8AsgTpgAmY7PhCfg=="


@pytest.mark.parametrize(
    ("headers", "facts"),
    [
        ({}, Facts()),
        ({"content-length": "ten", "content-encoding": "identity"}, Facts()),
        ({"content-length": "10", "content-encoding": " GZIP "}, Facts(10, encoding="gzip")),
        ({"content-type": "text/html"}, Facts(media_type="text/html")),
        ({"etag": '"v"', "last-modified": DAY}, Facts(validator='"v"')),
        ({"etag": 'W/"v"', "last-modified": DAY}, Facts(validator=DAY, weak_etag='W/"v"')),
        ({"etag": 'W/"v"'}, Facts(weak_etag='W/"v"')),
        ({"etag": "v"}, Facts(weak_etag="v")),
        ({"etag": f'"{MD5}"'}, Facts(validator=f'"{MD5}"')),
        ({"content-length": "10", "content-md5": MD5_BASE64}, Facts(10, digests={"md5": MD5})),
        ({"last-modified": DAY, "date": DAY}, Facts()),
        ({"last-modified": DAY, "date": MONTH}, Facts(validator=DAY)),
        ({"last-modified": MONTH, "date": DAY}, Facts()),
        ({"last-modified": "once", "date": DAY}, Facts()),
        (
            {"content-encoding": "aws-chunked, GZip"},
            Facts(encoding="gzip", no_encoding="aws-chunked"),
        ),
        ({"content-encoding": "identity,deflate, br;q=1"}, Facts(encoding="deflate, br")),
        ({"content-encoding": "UTF-8, none"}, Facts(no_encoding="utf-8, none")),
    ],
)
def test_what_storage_tells_of_an_object_is_kept(headers: dict[str, str], facts: Facts) -> None:
    download, steps, _ = begun()
    assert steps.send(replied(1_000.0, 200, headers)) == Read(2_000.0)
    assert steps.chunks[-1] == Chunk(0, b"")
    assert download.facts == facts


HEADERS = st.dictionaries(
    st.sampled_from(
        [
            *("content-length", "content-range", "content-encoding", "etag", "last-modified"),
            *("date", "warning", "content-md5", "x-amz-checksum-sha256", "x-amz-checksum-crc32"),
            *("x-amz-checksum-type", "x-goog-hash", "x-goog-stored-content-encoding"),
            *("retry-after", "location"),
        ]
    ),
    st.text(st.characters(max_codepoint=255), max_size=30)
    | st.sampled_from([DAY, MONTH, "10", "bytes 0-9/10", "bytes 5-9/10", "gzip", '"v"', 'W/"v"']),
)


@settings(max_examples=300)
@given(
    headers=HEADERS,
    status=st.sampled_from([200, 206, 301, 403, 416, 429, 503]),
    facts=st.sampled_from([None, Facts(total=10, validator='"v"'), Facts(validator=DAY)]),
)
def test_whatever_headers_say_they_are_read(
    headers: dict[str, str], status: int, facts: Facts | None
) -> None:
    """And what is kept of them can be written down and read again."""
    download, steps, _ = begun(facts=facts, received=5)
    with contextlib.suppress(DownloadError):
        steps.send(replied(1_000.0, status, headers))
    kept = json.loads(json.dumps(attrs.asdict(download.facts)))
    assert Facts(**kept) == download.facts


@pytest.mark.parametrize("total", [None, 10])
@pytest.mark.parametrize("told", ["10", "*"])
def test_a_part_may_tell_the_length_that_was_not_known(total: int | None, told: str) -> None:
    facts = Facts(total=total, validator='"v"')
    download, steps, _ = begun(facts=facts, received=5)
    part = replied(1_000.0, 206, {"content-range": f"bytes 5-9/{told}", "etag": '"v"'})
    assert steps.send(part) == Read(2_000.0)
    assert steps.chunks[-1] == Chunk(5, b"")
    assert download.facts.total == (10 if told == "10" else total)


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({}, "storage answered with another range than requested"),
        ({"content-range": "bytes 5-9/10", "etag": '"w"'}, "the object changed"),
        ({"content-range": "bytes 5-9/11", "etag": '"v"'}, "the object changed its length"),
        ({"content-range": "bytes 5-9/10", "etag": 'W/"v"'}, "the object changed"),
        (
            {"content-range": "bytes 5-9/10", "etag": '"v"', "content-encoding": "br"},
            "the object changed",
        ),
        *(
            (
                {"content-range": "bytes 5-9/10", **more},
                "storage does not confirm that the object is the same",
            )
            for more in ({}, {"last-modified": DAY}, {"content-encoding": "identity"})
        ),
    ],
)
def test_a_part_that_does_not_fit_is_not_taken(headers: dict[str, str], why: str) -> None:
    facts = Facts(total=10, validator='"v"')
    _, steps, _ = begun(facts=facts, received=5, restartable=False)
    failed = failure(steps, replied(1_000.0, 206, headers))
    assert failed.reason == "incomplete"
    assert str(failed).endswith(f"cannot resume: {why}")


@pytest.mark.parametrize(
    ("headers", "same"),
    [
        ({"last-modified": DAY}, True),
        ({"last-modified": DAY, "etag": 'W/"v"'}, True),
        ({"last-modified": DAY, "etag": 'W/"w"'}, False),
        ({"last-modified": DAY, "etag": '"v"'}, False),
        ({"last-modified": MONTH, "etag": 'W/"v"'}, False),
        ({"etag": 'W/"v"'}, False),
        ({}, False),
    ],
)
def test_a_part_of_what_has_only_a_date_must_name_that_date(
    headers: dict[str, str], same: bool
) -> None:
    """And no other weak ETag than the first answer."""
    facts = Facts(total=10, validator=DAY, weak_etag='W/"v"')
    _, steps, _ = begun(facts=facts, received=5)
    command = steps.send(replied(1_000.0, 206, {"content-range": "bytes 5-9/10", **headers}))
    assert isinstance(command, Read) is same


def test_a_206_of_the_whole_to_a_question_for_all_of_it_is_taken() -> None:
    download, steps, _ = begun()
    whole = {"content-range": "bytes 0-9/10", "content-length": "10", "content-md5": MD5_BASE64}
    assert steps.send(replied(1_000.0, 206, whole)) == Read(2_000.0)
    assert steps.chunks[-1] == Chunk(0, b"")
    assert download.facts == Facts(10, digests={"md5": MD5})
    with pytest.raises(StopIteration):
        steps.end_body(1_000.0, 10)


@pytest.mark.parametrize("part", ["0-8/10", "1-9/10", "0-9/*", "0-9/9", "*/10", ""])
def test_a_206_that_may_not_be_the_whole_is_asked_for_again(part: str) -> None:
    _, steps, _ = begun()
    fetched(steps.send(replied(1_000.0, 206, {"content-range": f"bytes {part}"})))


GOOD = {"content-length": "10", "content-md5": MD5_BASE64}


@pytest.mark.parametrize(
    "headers",
    [
        {"content-md5": MD5_BASE64},
        {**GOOD, "etag": 'W/"v"'},
        {**GOOD, "warning": "214 UploadServer gunzipped"},
        {**GOOD, "warning": '110 proxy "stale", 214 proxy "transformed"'},
        {**GOOD, "x-goog-stored-content-encoding": "gzip"},
        {**GOOD, "x-goog-stored-content-encoding": "identity", "content-encoding": "gzip"},
    ],
)
def test_a_checksum_of_another_representation_is_none_of_what_comes(
    headers: dict[str, str],
) -> None:
    download, steps, _ = begun()
    steps.send(replied(1_000.0, 200, headers))
    assert download.facts.digests == {}


@pytest.mark.parametrize(
    "headers",
    [
        GOOD,
        {**GOOD, "warning": "110 stale, 2140"},
        {**GOOD, "x-goog-stored-content-encoding": "identity"},
        {**GOOD, "x-goog-stored-content-encoding": "gzip", "content-encoding": "GZIP"},
        {"content-length": "10", "x-goog-hash": f"crc32c=AAAAAA==, MD5={MD5_BASE64}"},
    ],
)
def test_a_checksum_of_what_is_stored_counts_for_what_comes_as_it_is_stored(
    headers: dict[str, str],
) -> None:
    download, steps, _ = begun()
    steps.send(replied(1_000.0, 200, headers))
    assert download.facts.digests == {"md5": MD5}


def test_a_new_url_that_is_refused_as_well_is_told() -> None:
    _, steps, _ = begun()
    for number in range(POLICY.max_renewals):
        command = steps.send(replied(1_000.0, 403))
        if number:
            # A new one may have to become valid yet.
            assert paused(command) == 0.75 * 2**number
            assert isinstance(command.cause, APIStatusError)
            assert command.cause.status == 403
            assert (command.retry, command.max_retries) == (number + 1, POLICY.max_renewals)
            command = steps.send(Result(1_000.0))
        assert isinstance(command, Renew)
        url = f"https://storage.example/{number}"
        assert fetched(steps.send(Result(1_000.0, url))).url == url
    failed = failure(steps, replied(1_000.0, 403))
    assert (failed.reason, failed.status) == ("refused", 403)
    assert str(failed).endswith("is refused by storage with 403, also with a new URL")


@pytest.mark.parametrize("now", [1_998.5, 1_999.0])
def test_no_url_is_asked_for_when_there_is_no_time_for_the_pause_before(now: float) -> None:
    _, steps, _ = begun()
    steps.send(replied(1_000.0, 403))
    steps.send(Result(1_000.0, URL))
    failed = failure(steps, replied(now, 403))
    assert (failed.reason, failed.status) == ("refused", 403)


def test_only_of_outputs_it_is_said_that_they_are_deleted_soon() -> None:
    for remote, why in (
        (OUTPUT, "hour after they finish"),
        (remote_file(FileLink(file_id=5, filename="a.pdf", url=URL)), "is no longer there"),
    ):
        _, steps, _ = begun(remote=remote)
        steps.send(replied(1_000.0, 404))
        failed = failure(steps, Result(1_000.0))
        assert (failed.reason, failed.status) == ("gone", 404)
        assert str(failed).endswith(why)


def test_a_client_that_is_closed_meanwhile_says_so() -> None:
    _, steps, _ = begun()
    error = ConfigurationError("the client is closed")
    with pytest.raises(ConfigurationError) as raised:
        steps.send(Result(1.0, error=error))
    assert raised.value is error


def test_a_deflated_body_is_unpacked_however_small_its_pieces_are() -> None:
    unpacker = Unpacker("deflate")
    packed = zlib.compress(b"some text")
    given_ = [part for byte in packed for part in unpacker.feed(bytes([byte]))]
    unpacker.finish()
    assert b"".join(given_) == b"some text"


def follow_redirects(steps: Steps) -> None:
    """Be redirected as often as the policy lets."""
    for _ in range(POLICY.max_redirects):
        fetched(steps.send(replied(1_000.0, 302, {"location": "/elsewhere"})))


def test_redirects_are_counted_in_a_row_only() -> None:
    _, steps, _ = begun()
    follow_redirects(steps)
    steps.send(replied(1_000.0, 200, {"content-length": "10"}))
    steps.send(Result(1_000.0, error=ERRORS[0]))
    fetched(steps.send(Result(1_000.0)))
    follow_redirects(steps)
    steps.send(replied(1_000.0, 403))
    fetched(steps.send(Result(1_000.0, URL)))
    follow_redirects(steps)


def test_a_url_that_cannot_be_renewed_tells_why() -> None:
    _, steps, _ = begun()
    steps.send(replied(1_000.0, 403))
    failed = failure(
        steps, Result(1_000.0, error=APIStatusError(status=503, method="GET", url="u"))
    )
    assert (failed.reason, failed.status) == ("expired", 403)
    assert "has a URL that expired and could not be renewed: GET u answered 503" in str(failed)


@pytest.mark.parametrize(
    ("remote", "name", "fields"),
    [
        (
            remote_output(Output(execution_id=7, step="parse", file_key=None, url=URL)),
            "The output of step parse of execution 7",
            (7, "parse", None, None),
        ),
        (
            remote_output(Output(execution_id=7, step="parse", file_key="a.pdf", url=URL)),
            "The output of step parse [a.pdf] of execution 7",
            (7, "parse", "a.pdf", None),
        ),
        (
            remote_file(FileLink(file_id=5, filename="a.pdf", url=URL)),
            "The file 'a.pdf' (id 5)",
            (None, None, None, 5),
        ),
    ],
)
def test_a_failure_names_what_could_not_be_had(
    remote: Remote, name: str, fields: tuple[Any, ...]
) -> None:
    failed = remote.error(DownloadFailure.GONE, "is no longer there", 404)
    assert str(failed) == f"{name} is no longer there"
    assert (failed.reason, failed.status) == ("gone", 404)
    assert (failed.execution_id, failed.step, failed.file_key, failed.file_id) == fields


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 599])
def test_what_may_pass_is_waited_out_for_as_long_as_storage_asks(status: int) -> None:
    _, steps, _ = begun()
    pause = steps.send(replied(1_000.0, status))
    assert paused(pause) == 0.375
    assert isinstance(pause.cause, APIStatusError)
    assert (pause.cause.status, pause.retry, pause.max_retries) == (status, 1, POLICY.max_retries)
    steps.send(Result(1_000.0))
    assert paused(steps.send(replied(1_000.0, status, {"retry-after": "20"}))) == 21


@pytest.mark.parametrize("status", [204, 409, 418, 426, 430])
def test_any_other_answer_is_told_at_once(status: int) -> None:
    _, steps, _ = begun()
    failed = failure(steps, replied(1_000.0, status))
    assert (failed.reason, failed.status) == ("refused", status)
    assert str(failed).endswith(f"is refused by storage with {status}")


def test_bytes_are_asked_for_as_they_are_stored() -> None:
    _, _, command = begun()
    assert fetched(command).headers == {"Accept-Encoding": "identity"}


def test_a_renewal_tells_the_url_that_is_refused() -> None:
    _, steps, _ = begun()
    assert steps.send(replied(1_000.0, 403)) == Renew(URL, 2_000.0)


def test_after_the_deadline_it_says_that_time_is_up() -> None:
    """Between two requests, and also in the middle of a body that comes too slowly."""
    there = {"location": "/elsewhere"}
    _, steps, _ = begun()
    fetched(steps.send(replied(2_000.0, 302, there)))
    failed = failure(steps, replied(2_000.1, 302, there))
    assert (failed.reason, failed.status) == ("unreachable", None)
    assert str(failed).endswith("execution 1 was not fetched in time")
    _, steps, _ = begun()
    steps.send(replied(1_000.0, 200))
    assert steps.send(Result(2_000.0, b"some")) == Read(2_000.0)
    failed = failure(steps, Result(2_000.1, b"more"))
    assert str(failed).endswith("execution 1 was not fetched in time")
    assert steps.chunks == [Chunk(0, b""), Chunk(0, b"some"), Chunk(4, b"more")]


def test_after_the_deadline_it_says_what_failed_before_it() -> None:
    _, steps, _ = begun()
    pause = steps.send(replied(1_999.0, 503))
    assert isinstance(pause, Sleep)
    failed = failure(steps, Result(2_000.1))
    assert (failed.reason, failed.status) == ("unreachable", None)
    assert "was not fetched in time after a failure: GET https://storage" in str(failed)
    assert isinstance(failed.__cause__, APIStatusError)


def test_a_stream_that_was_read_too_far_says_why() -> None:
    facts = Facts(total=10, validator='"v"')
    _, steps, _ = begun(facts=facts, received=5, restartable=False)
    failed = failure(steps, replied(1_000.0, 416))
    assert str(failed).endswith("storage has fewer bytes than were received before")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://[", "a URL that cannot be parsed"),
        ("ftp://a.example/b?c=d", "a URL that is not an https URL: ftp://a.example/b?…"),
        ("https:///b", "a URL that is not an https URL: https:///b"),
        (
            "http://a.example/b?c=d",
            "a URL without TLS: http://a.example/b?…. Allow it with allow_http=True",
        ),
    ],
)
def test_a_url_to_which_nothing_is_to_be_sent_is_refused(url: str, why: str) -> None:
    with pytest.raises(InsecureURLError) as refused:
        checked_storage_url(url, allow_http=False)
    assert str(refused.value) == why
    with pytest.raises(DownloadError) as failed:
        begun(remote=attrs.evolve(OUTPUT, url=url))
    assert str(failed.value).endswith(f"has {why}")


def test_a_url_may_be_used_with_tls_or_on_this_machine_or_when_allowed() -> None:
    for url in (URL, "http://localhost:1/", "http://127.0.0.1/a"):
        assert checked_storage_url(url, allow_http=False) == url
    assert checked_storage_url("http://a.example/", allow_http=True) == "http://a.example/"
