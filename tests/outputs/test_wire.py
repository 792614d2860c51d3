"""Whatever storage does on the wire, what comes home is right, or an error tells why not."""

from __future__ import annotations

import base64
import gzip
import hashlib
import logging
import re
import socket
import time
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from datalab_facade import DownloadError, OutputTooLargeError
from datalab_facade.activities import Activity
from datalab_facade.jobs.commands import Result
from datalab_facade.listeners import SILENT
from datalab_facade.outputs.remote_outputs import remote_output
from datalab_facade.testing import ExecutionScript, Fault, Simulator, StepScript
from datalab_facade.transfers.commands import Fetch, StorageReply
from datalab_facade.transfers.downloading import Download
from datalab_facade.transfers.policies import DownloadPolicy
from datalab_facade.transport.network.resolving import Resolver
from datalab_facade.transport.network.sockets import Network, SocketStream
from tests.outputs.bad_storage import Asked, BadStorage, Player, Reply, cut, moved, refused, stored
from tests.outputs.conftest import Side, output_at, until

BODY = bytes(range(256)) * 40
OTHER = bytes(reversed(range(256))) * 40


def failure(side: Side, storage: BadStorage, **options: Any) -> DownloadError:
    with pytest.raises(DownloadError) as failed:
        side.call("read_bytes", output_at(storage.url()), **options)
    return failed.value


def fetched(side: Side, storage: BadStorage, **options: Any) -> Any:
    return side.call("read_bytes", output_at(storage.url()), **options)


class TestRanges:
    def test_a_body_that_ends_early_is_gone_on_with(self, side: Side, storage: BadStorage) -> None:
        """From the byte where it ended, as often as it takes."""
        storage.plays(*(cut(stored(BODY), 1_000) for _ in range(9)), then=stored(BODY))
        assert fetched(side, storage) == BODY
        assert storage.sent == len(BODY)

    @pytest.mark.parametrize("ending", ["close", "reset"])
    def test_the_way_in_which_it_ends_does_not_matter(
        self, side: Side, storage: BadStorage, ending: Any
    ) -> None:
        storage.plays(cut(stored(BODY), 4_000, ending), then=stored(BODY))
        assert fetched(side, storage) == BODY
        assert len(storage.asked) == 2

    def test_a_storage_that_knows_no_ranges_is_taken_from_the_start(
        self, side: Side, storage: BadStorage
    ) -> None:
        storage.plays(cut(stored(BODY), 4_000), then=stored(BODY, ranges=False))
        assert fetched(side, storage) == BODY
        assert "range" in storage.asked[1].headers

    @pytest.mark.parametrize(
        "told",
        [
            "bytes 0-10239/10240",
            "bytes 4001-10239/10240",
            "bytes 4000-10239/99999",
            "bytes */10240",
            "4000",
            "",
        ],
    )
    def test_another_part_than_was_asked_for_is_not_taken(
        self, side: Side, storage: BadStorage, told: str
    ) -> None:
        wrong = Reply(
            status=206, headers={"ETag": '"v1-no-md5"', "Content-Range": told}, body=OTHER
        )
        storage.plays(cut(stored(BODY), 4_000), lambda _: wrong, then=stored(BODY))
        assert fetched(side, storage) == BODY
        assert "range" not in storage.asked[2].headers

    def test_less_of_the_part_than_was_asked_for_is_added_to(
        self, side: Side, storage: BadStorage
    ) -> None:
        """A storage may send a part of the part."""
        told = {"ETag": '"v1-no-md5"', "Content-Range": "bytes 4000-4999/10240"}
        some = Reply(status=206, headers=told, body=BODY[4_000:5_000])
        storage.plays(cut(stored(BODY), 4_000), lambda _: some, then=stored(BODY))
        assert fetched(side, storage) == BODY
        assert storage.asked[2].headers["range"] == "bytes=5000-"

    def test_more_than_the_object_has_is_not_taken(self, side: Side, storage: BadStorage) -> None:
        told = {"ETag": '"v1-no-md5"', "Content-Range": "bytes 4000-10239/10240"}
        more = Reply(status=206, headers=told, body=BODY[4_000:] + b"more")
        storage.plays(cut(stored(BODY), 4_000), lambda _: more, then=stored(BODY))
        assert fetched(side, storage) == BODY

    @pytest.mark.parametrize("conditions", [True, False], ids=["honoured", "overlooked"])
    @pytest.mark.parametrize("by", ["etag", "date"])
    def test_an_object_that_changes_between_tries_is_taken_in_one_version(
        self, side: Side, storage: BadStorage, by: str, conditions: bool
    ) -> None:
        """Also from a storage that overlooks ``If-Range`` and sends the rest of the new one."""
        days = ["Mon, 01 Jan 2024 00:00:00 GMT", "Tue, 02 Jan 2024 00:00:00 GMT"]
        old, new = (
            stored(body, etag=etag, headers={"Last-Modified": day}, conditions=conditions)
            for body, etag, day in zip(
                (BODY, OTHER),
                ('"v1"', '"v2"') if by == "etag" else ('W/"v1"', 'W/"v2"'),
                days,
                strict=True,
            )
        )
        storage.plays(cut(old, 4_000), then=new)
        assert fetched(side, storage) == OTHER

    @pytest.mark.parametrize(
        "named",
        [
            {},
            {"ETag": 'W/"v1-no-md5"'},
            {"ETag": "v1-no-md5"},
            {"Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"},
        ],
        ids=["nothing", "a weak ETag", "an ETag without quotes", "a date"],
    )
    def test_a_part_that_does_not_prove_of_what_it_is_is_not_taken(
        self, side: Side, storage: BadStorage, named: dict[str, str]
    ) -> None:
        """The object changed, and storage overlooks ``If-Range``."""
        days = {"Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}
        storage.plays(
            cut(stored(BODY, headers=days), 4_000),
            then=stored(OTHER, headers=days, conditions=False, parts_name=named),
        )
        assert fetched(side, storage) == OTHER

    def test_a_change_within_the_second_that_a_date_tells_is_no_mix(
        self, side: Side, storage: BadStorage
    ) -> None:
        """A date may be that of two objects until its second is over."""
        now = "Mon, 01 Jan 2024 00:00:00 GMT"
        told = {"Last-Modified": now, "Date": now}
        storage.plays(
            cut(stored(BODY, etag=None, headers=told), 4_000),
            then=stored(OTHER, etag=None, headers=told),
        )
        assert fetched(side, storage) == OTHER
        assert "range" not in storage.asked[1].headers

    def test_an_object_of_unknown_length_that_became_as_long_as_what_came_is_fetched_anew(
        self, side: Side, storage: BadStorage
    ) -> None:
        """416 says only that there is no more of it."""

        def unknown(_: Asked) -> Reply:
            return Reply(headers={"ETag": '"v1"'}, body=BODY, chunked=True, stop_after=4_000)

        none = Reply(status=416, headers={"Content-Range": "bytes */4000"})
        storage.plays(unknown, lambda _: none, then=stored(OTHER[:4_000], etag='"v2"'))
        assert fetched(side, storage) == OTHER[:4_000]

    def test_an_object_that_changes_all_the_time_is_given_up(
        self, side: Side, storage: BadStorage
    ) -> None:
        def ever_new(_: Asked) -> Reply:
            etag = f'"v{len(storage.asked)}"'
            return Reply(headers={"ETag": etag}, body=BODY, stop_after=1_000)

        storage.plays(then=ever_new)
        assert failure(side, storage).reason == "incomplete"
        assert len(storage.asked) < 20

    def test_a_body_without_a_validator_that_is_always_cut_is_given_up(
        self, side: Side, storage: BadStorage
    ) -> None:
        storage.plays(then=cut(stored(BODY, etag=None), 1_000))
        failure(side, storage)
        assert len(storage.asked) < 20
        assert not any("range" in asked.headers for asked in storage.asked)

    def test_an_object_that_became_shorter_is_taken_from_the_start(
        self, side: Side, storage: BadStorage
    ) -> None:
        """416 tells that there is less of it than is here."""
        short = stored(BODY[:1_000], etag='"v2"', conditions=False)
        storage.plays(cut(stored(BODY), 4_000), then=short)
        assert fetched(side, storage) == BODY[:1_000]

    def test_a_416_to_a_question_for_all_of_it_is_given_up(
        self, side: Side, storage: BadStorage
    ) -> None:
        storage.plays(then=refused(416))
        assert failure(side, storage).status in (416, None)
        assert len(storage.asked) < 20

    def test_a_206_of_the_whole_to_a_question_for_all_of_it_is_taken(
        self, side: Side, storage: BadStorage
    ) -> None:
        whole = Reply(status=206, headers={"Content-Range": "bytes 0-10239/10240"}, body=BODY)
        storage.plays(then=lambda _: whole)
        assert fetched(side, storage) == BODY
        assert len(storage.asked) == 1

    def test_a_206_of_a_part_to_a_question_for_all_of_it_is_given_up(
        self, side: Side, storage: BadStorage
    ) -> None:
        part = Reply(status=206, headers={"Content-Range": "bytes 0-10239/10241"}, body=BODY)
        storage.plays(then=lambda _: part)
        failure(side, storage)
        assert len(storage.asked) < 20


def replied(reply: Reply) -> Player:
    return lambda _: reply


class TestLengths:
    def test_a_body_shorter_than_told_is_asked_for_again(
        self, side: Side, storage: BadStorage
    ) -> None:
        storage.plays(then=lambda _: Reply(body=BODY, length=len(BODY) + 1))
        assert failure(side, storage).reason == "incomplete"
        assert 2 <= len(storage.asked) < 20

    @pytest.mark.parametrize("size", [972, 300_000])
    @pytest.mark.parametrize("keeps", [True, False], ids=["kept", "closed"])
    def test_a_body_longer_than_told_is_incomplete(
        self, side: Side, storage: BadStorage, size: int, keeps: bool
    ) -> None:
        """Who announces too little has cut what we would take for the whole."""
        side.client()
        body = BODY * 30
        storage.plays(then=lambda _: Reply(body=body[:size], length=size - 40, keeps=keeps))
        assert failure(side, storage).reason == "incomplete"
        assert 2 <= len(storage.asked) < 20

    def test_a_body_longer_than_told_may_be_told_rightly_the_next_time(
        self, side: Side, storage: BadStorage
    ) -> None:
        side.client()
        storage.plays(lambda _: Reply(body=BODY, length=932, keeps=True), then=stored(BODY))
        assert fetched(side, storage) == BODY

    @pytest.mark.parametrize("chunked", [True, False])
    def test_what_follows_an_answer_is_no_answer_to_the_next_request(
        self, side: Side, storage: BadStorage, chunked: bool
    ) -> None:
        """Though it looks like one, and comes at once, late or in pieces."""
        side.client()
        second = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong"
        for behind in (second, second[:20], b"\r\n"):
            reply = Reply(body=BODY, chunked=chunked, keeps=True, behind=behind, pause=0.01)
            storage.plays(replied(reply), then=stored(BODY))
            assert fetched(side, storage) == BODY
            until(lambda: storage.idle)
            assert fetched(side, storage) == BODY

    def test_an_empty_body_is_an_output(self, side: Side, storage: BadStorage) -> None:
        storage.plays(then=stored(b""))
        assert fetched(side, storage) == b""
        assert len(storage.asked) == 1

    def test_a_chunked_body_needs_no_length(self, side: Side, storage: BadStorage) -> None:
        storage.plays(then=lambda _: Reply(body=BODY, chunked=True))
        assert fetched(side, storage) == BODY

    def test_a_chunked_body_that_is_cut_is_not_taken_for_whole(
        self, side: Side, storage: BadStorage
    ) -> None:
        def half(_: Asked) -> Reply:
            return Reply(headers={"ETag": '"v1"'}, body=BODY, chunked=True, stop_after=4_000)

        storage.plays(half, then=stored(BODY, etag='"v1"'))
        assert fetched(side, storage) == BODY
        assert storage.asked[1].headers["range"] == "bytes=4000-"


def b64(algorithm: str, body: bytes) -> str:
    return base64.b64encode(hashlib.new(algorithm, body).digest()).decode()


def crc32(body: bytes) -> str:
    return base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()


DIGESTS: dict[str, tuple[str, Callable[[bytes], str]]] = {
    "Content-MD5": ("Content-MD5", lambda body: b64("md5", body)),
    "SHA-256": ("x-amz-checksum-sha256", lambda body: b64("sha256", body)),
    "SHA-1": ("x-amz-checksum-sha1", lambda body: b64("sha1", body)),
    "CRC-32": ("x-amz-checksum-crc32", crc32),
    "Google's MD5": ("x-goog-hash", lambda body: f"crc32c=AAAAAA==,md5={b64('md5', body)}"),
}
NO_DIGESTS: dict[str, dict[str, str]] = {
    "an ETag": {"ETag": '"abc"'},
    "an ETag that looks like an MD5": {"ETag": f'"{"0" * 32}"'},
    "an ETag of 32 digits without quotes": {"ETag": "0" * 32},
    "a weak ETag": {"ETag": f'W/"{"0" * 32}"'},
    "an ETag of several parts": {"ETag": f'"{"0" * 32}-3"'},
    "a checksum of checksums": {"x-amz-checksum-sha256": b64("sha256", b"") + "-3"},
    "a checksum of something shorter": {"x-amz-checksum-sha256": crc32(b"")},
    "a checksum that is no base64": {"x-amz-checksum-crc32": "!"},
    "a checksum of checksums by its type": {
        "x-amz-checksum-crc32": crc32(b""),
        "x-amz-checksum-type": "COMPOSITE",
    },
    "a checksum that is not known": {"x-amz-checksum-crc64nvme": "AAAAAAAAAAA="},
    "one of Google's that is not known": {"x-goog-hash": "crc32c=AAAAAA=="},
}


class TestDigests:
    @pytest.mark.parametrize(("header", "digest"), DIGESTS.values(), ids=DIGESTS.keys())
    def test_a_body_that_is_not_what_storage_says_is_fetched_once_more_and_refused(
        self, side: Side, storage: BadStorage, header: str, digest: Callable[[bytes], str]
    ) -> None:
        storage.plays(then=stored(BODY, etag=None, headers={header: digest(OTHER)}))
        assert failure(side, storage).reason == "corrupt"
        assert len(storage.asked) == 2

    @pytest.mark.parametrize(("header", "digest"), DIGESTS.values(), ids=DIGESTS.keys())
    def test_a_body_that_was_broken_once_is_fetched_again(
        self, side: Side, storage: BadStorage, header: str, digest: Callable[[bytes], str]
    ) -> None:
        told = {header: digest(BODY)}
        broken = BODY[:100] + b"\0" + BODY[101:]
        storage.plays(
            stored(broken, etag=None, headers=told), then=stored(BODY, etag=None, headers=told)
        )
        assert fetched(side, storage) == BODY
        assert len(storage.asked) == 2

    @pytest.mark.parametrize("told", NO_DIGESTS.values(), ids=NO_DIGESTS.keys())
    def test_what_is_no_digest_of_the_body_raises_no_alarm(
        self, side: Side, storage: BadStorage, told: dict[str, str]
    ) -> None:
        storage.plays(then=stored(BODY, etag=None, headers=told))
        assert fetched(side, storage) == BODY
        assert len(storage.asked) == 1

    def test_the_digest_holds_for_all_of_a_body_that_came_in_parts(
        self, side: Side, storage: BadStorage
    ) -> None:
        broken, told = BODY[:6_000] + b"\0" + BODY[6_001:], {"Content-MD5": b64("md5", BODY)}
        storage.plays(
            cut(stored(BODY, headers=told), 4_000),
            stored(broken, headers=told),
            then=stored(BODY, headers=told),
        )
        assert fetched(side, storage) == BODY
        assert len(storage.asked) == 3

    @pytest.mark.parametrize("of", ["what is stored", "what it unpacks to"])
    @pytest.mark.parametrize(("header", "digest"), DIGESTS.values(), ids=DIGESTS.keys())
    def test_the_digest_of_what_is_packed_may_be_that_of_either_form(
        self,
        side: Side,
        storage: BadStorage,
        header: str,
        digest: Callable[[bytes], str],
        of: str,
    ) -> None:
        """Whoever packs on the way leaves the checksum as it was."""
        wire = gzip.compress(BODY)
        told = {"Content-Encoding": "gzip"}
        right = digest(wire if of == "what is stored" else BODY)
        storage.plays(then=stored(wire, headers={**told, header: right}))
        assert fetched(side, storage) == BODY
        assert b"".join(side.streamed(output_at(storage.url()))) == BODY
        storage.plays(then=stored(wire, headers={**told, header: digest(OTHER)}))
        assert failure(side, storage).reason == "corrupt"

    @pytest.mark.parametrize(
        "sign",
        [
            {"x-goog-stored-content-encoding": "gzip"},
            {"Warning": "214 UploadServer gunzipped"},
            {"ETag": 'W/"v1"'},
            {},
        ],
        ids=["stored as gzip", "a warning", "a weak ETag", "no length"],
    )
    @pytest.mark.parametrize(("header", "digest"), DIGESTS.values(), ids=DIGESTS.keys())
    def test_the_digest_of_stored_gzip_says_nothing_of_what_was_unpacked_on_the_way(
        self,
        side: Side,
        storage: BadStorage,
        header: str,
        digest: Callable[[bytes], str],
        sign: dict[str, str],
    ) -> None:
        told = {header: digest(gzip.compress(BODY)), **sign}
        storage.plays(then=lambda _: Reply(headers=told, body=BODY, chunked=not sign))
        assert fetched(side, storage) == BODY
        assert len(storage.asked) == 1


class TestPatience:
    @pytest.mark.parametrize("after", [0, 4_000])
    def test_a_body_that_stalls_is_over_by_the_timeout(
        self, side: Side, storage: BadStorage, after: int
    ) -> None:
        storage.plays(then=cut(stored(BODY), after, "silence"))
        began = time.monotonic()
        assert failure(side, storage, timeout=0.5).reason == "unreachable"
        assert time.monotonic() - began < 0.5 + 0.4

    def test_silence_late_in_a_body_is_over_by_the_timeout(
        self, side: Side, storage: BadStorage
    ) -> None:
        """It counts from the beginning of all, not from the last byte."""
        storage.plays(then=cut(stored(BODY), 4_000, "silence"))
        began = time.monotonic()
        with pytest.raises(DownloadError) as failed:
            side.streamed(output_at(storage.url()), timeout=1, pause=0.7)
        assert failed.value.reason == "unreachable"
        assert time.monotonic() - began < 1 + 0.4

    def test_a_connection_that_is_silent_for_too_long_is_left_and_gone_on_with(
        self, side: Side, storage: BadStorage
    ) -> None:
        storage.plays(cut(stored(BODY), 4_000, "silence"), then=stored(BODY))
        client = side.client(http_client=side.http())
        download = Download(
            remote_output(output_at(storage.url())),
            DownloadPolicy(stall_timeout=0.2),
            deadline=side.clock.monotonic() + 20,
            random=lambda: 0.0,
            allow_http=False,
        )
        body = bytearray()
        chunks, activity = client.outputs._downloads._chunks, Activity(SILENT, "the output")
        if not side.way.is_async:
            for chunk in chunks(download, lambda _, __: None, activity):
                body += chunk.data
        else:

            async def never(_: str, __: float) -> None: ...

            async def run() -> None:
                async for chunk in chunks(download, never, activity):
                    body.extend(chunk.data)

            side.way.done(run())
        assert bytes(body) == BODY
        assert storage.asked[1].headers["range"] == "bytes=4000-"

    @pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
    def test_trouble_that_may_pass_is_waited_for(
        self, side: Side, storage: BadStorage, status: int
    ) -> None:
        storage.plays(refused(status), refused(status), then=stored(BODY))
        assert fetched(side, storage) == BODY
        assert len(side.clock.slept) == 2

    def test_trouble_that_does_not_pass_is_told_with_its_status(
        self, side: Side, storage: BadStorage
    ) -> None:
        storage.plays(then=refused(503))
        failed = failure(side, storage)
        assert (failed.reason, failed.status) == ("unreachable", 503)
        assert len(storage.asked) == 7

    @pytest.mark.parametrize("status", [429, 503])
    def test_a_retry_after_is_obeyed(self, side: Side, storage: BadStorage, status: int) -> None:
        storage.plays(
            refused(status, Retry_After="17"),
            refused(
                status,
                Retry_After="Mon, 01 Jan 2024 00:00:42 GMT",
                Date="Mon, 01 Jan 2024 00:00:00 GMT",
            ),
            refused(status, Retry_After="86400"),
            refused(status, Retry_After="soon"),
            then=stored(BODY),
        )
        assert fetched(side, storage) == BODY
        first, second, third, fourth = side.clock.slept
        assert 17 <= first <= 17 * 1.1
        assert 42 <= second <= 42 * 1.1
        assert 60 <= third <= 60 * 1.1
        assert fourth <= 30

    def test_nobody_there_is_unreachable(self, side: Side) -> None:
        with BadStorage() as gone:
            url = gone.url()
        with pytest.raises(DownloadError) as failed:
            side.call("read_bytes", output_at(url))
        assert failed.value.reason == "unreachable"

    def test_the_timeout_is_for_all_of_it_also_for_what_is_fetched_once_more(
        self, side: Side, storage: BadStorage
    ) -> None:
        corrupt = stored(BODY, headers={"Content-MD5": b64("md5", OTHER)})
        storage.plays(
            refused(429, Retry_After="50"), corrupt, refused(429, Retry_After="50"), then=corrupt
        )
        assert failure(side, storage, timeout=80).reason == "unreachable"
        assert sum(side.clock.slept) < 80


class TestRenewal:
    @pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
    def test_a_url_that_is_refused_is_renewed(
        self, side: Side, storage: BadStorage, simulator: Simulator, status: int
    ) -> None:
        execution_id = simulator.start(ExecutionScript([StepScript("parse")]))
        storage.plays(refused(status), then=stored(BODY))
        url = storage.url("old")
        assert side.call("read_bytes", output_at(url, execution_id)) == BODY
        assert len(simulator.requests.of("api")) == 1
        first, second = storage.asked
        assert first.target.startswith("/old")
        assert second.target.startswith(f"/datalab-outputs/executions/{execution_id}/parse")

    def test_a_url_that_expires_in_the_middle_is_renewed_and_gone_on_with(
        self, side: Side, storage: BadStorage, simulator: Simulator
    ) -> None:
        execution_id = simulator.start(ExecutionScript([StepScript("parse")]))
        storage.plays(cut(stored(BODY), 4_000), refused(403), then=stored(BODY))
        assert side.call("read_bytes", output_at(storage.url(), execution_id)) == BODY
        assert storage.asked[2].headers["range"] == "bytes=4000-"

    @pytest.mark.parametrize(("status", "reason"), [(403, "refused"), (404, "gone"), (410, "gone")])
    def test_a_new_url_that_is_refused_as_well_is_told(
        self, side: Side, storage: BadStorage, simulator: Simulator, status: int, reason: str
    ) -> None:
        execution_id = simulator.start(ExecutionScript([StepScript("parse")]))
        storage.plays(then=refused(status))
        with pytest.raises(DownloadError) as failed:
            side.call("read_bytes", output_at(storage.url(), execution_id))
        assert (failed.value.reason, failed.value.status) == (reason, status)
        assert len(simulator.requests.of("api")) == 4
        assert len(storage.asked) == 5

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
    def test_a_new_url_that_is_refused_as_well_is_given_time_to_become_valid(
        self, side: Side, storage: BadStorage, simulator: Simulator, status: int
    ) -> None:
        """The first one comes at once, since the old one has expired; then there are pauses."""
        execution_id = simulator.start(ExecutionScript([StepScript("parse")]))
        began = side.clock.monotonic()

        def early(asked: Asked) -> Reply:
            valid = side.clock.monotonic() - began > 6.5
            return (stored(BODY) if valid else refused(status))(asked)

        storage.plays(then=early)
        assert side.call("read_bytes", output_at(storage.url(), execution_id), timeout=30) == BODY
        first, second, third = side.clock.slept
        assert 1 <= first <= 2 <= second <= 4 <= third <= 8

    def test_pauses_between_new_urls_end_with_the_timeout(
        self, side: Side, storage: BadStorage, simulator: Simulator
    ) -> None:
        execution_id = simulator.start(ExecutionScript([StepScript("parse")]))
        storage.plays(then=refused(403))
        with pytest.raises(DownloadError) as failed:
            side.call("read_bytes", output_at(storage.url(), execution_id), timeout=3)
        assert (failed.value.reason, failed.value.status) == ("refused", 403)
        assert sum(side.clock.slept) < 3

    def test_an_execution_that_is_gone_takes_its_outputs_along(
        self, side: Side, storage: BadStorage
    ) -> None:
        storage.plays(then=refused(403))
        failed = failure(side, storage)
        assert failed.reason == "gone"
        assert "about an hour" in str(failed)

    def test_an_execution_that_has_no_such_output_any_more_is_told(
        self, side: Side, storage: BadStorage, simulator: Simulator
    ) -> None:
        execution_id = simulator.start(ExecutionScript([StepScript("parse", output=None)]))
        storage.plays(then=refused(403))
        with pytest.raises(DownloadError) as failed:
            side.call("read_bytes", output_at(storage.url(), execution_id))
        assert failed.value.reason == "gone"

    def test_a_url_that_cannot_be_renewed_has_expired(
        self, side: Side, storage: BadStorage, simulator: Simulator
    ) -> None:
        simulator.inject_always(Fault.status(401), origin="api")
        storage.plays(then=refused(403))
        failed = failure(side, storage)
        assert (failed.reason, failed.status) == ("expired", 403)

    def test_an_api_that_hangs_does_not_hold_up_a_renewal_past_the_timeout(
        self, side: Side, storage: BadStorage, simulator: Simulator
    ) -> None:
        simulator.inject_always(Fault.hang(), origin="api")
        storage.plays(then=refused(403))
        began = time.monotonic()
        failure(side, storage, timeout=0.5)
        assert time.monotonic() - began < 0.5 + 0.4

    def test_each_new_url_may_be_a_redirect_of_its_own(
        self, side: Side, storage: BadStorage, simulator: Simulator
    ) -> None:
        """Redirects count in a row, and a renewal ends the row."""
        execution_id = simulator.start(ExecutionScript([StepScript("parse")]))
        hops = [moved("/a"), moved("/b"), refused(403)]
        storage.plays(*hops, *hops, *hops, then=stored(BODY))
        assert side.call("read_bytes", output_at(storage.url(), execution_id)) == BODY


TEXT = b"".join(b"%d words, more or less\n" % number for number in range(3_000))


def bare(text: bytes, level: int = 6) -> bytes:
    """Deflate without the header of zlib, as some servers do."""
    deflate = zlib.compressobj(level, wbits=-15)
    return deflate.compress(text) + deflate.flush()


PACKED: dict[str, tuple[str, bytes]] = {
    "gzip": ("gzip", gzip.compress(TEXT)),
    "GZIP": ("GZIP", gzip.compress(TEXT)),
    "x-gzip": ("x-gzip", gzip.compress(TEXT)),
    "deflate": ("deflate", zlib.compress(TEXT)),
    "deflate without its header": ("deflate", bare(TEXT)),
    "deflate without its header, stored": ("deflate", bare(TEXT, 0)),
    "gzip called deflate": ("deflate", gzip.compress(TEXT)),
    "members": ("gzip", gzip.compress(TEXT[:9]) + gzip.compress(b"") + gzip.compress(TEXT[9:])),
    "identity": ("identity", TEXT),
    "a list": ("identity, gzip", gzip.compress(TEXT)),
    "several": ("deflate, gzip", gzip.compress(zlib.compress(TEXT))),
    "a way of transfer": ("aws-chunked", TEXT),
    "a way of transfer before": ("aws-chunked,gzip", gzip.compress(TEXT)),
    "a character set": ("UTF-8", TEXT),
    "none": ("none", TEXT),
    "nothing": (" , ", TEXT),
}
BROKEN: dict[str, tuple[str, bytes]] = {
    "cut": ("gzip", gzip.compress(TEXT)[:-20]),
    "cut between members": ("gzip", gzip.compress(TEXT) + gzip.compress(TEXT)[:5]),
    "no gzip": ("gzip", TEXT),
    "another encoding": ("br", TEXT),
    "wrong sum": ("gzip", gzip.compress(TEXT)[:-8] + bytes(8)),
}
BOMB = gzip.compress(bytes(64 << 20))


def packed(encoding: str, body: bytes) -> Player:
    return stored(body, headers={"Content-Encoding": encoding})


class TestPacking:
    @pytest.mark.parametrize(("encoding", "body"), PACKED.values(), ids=PACKED.keys())
    def test_a_packed_body_is_unpacked(
        self, side: Side, storage: BadStorage, encoding: str, body: bytes
    ) -> None:
        storage.plays(then=packed(encoding, body))
        assert fetched(side, storage) == TEXT

    def test_a_packed_body_goes_on_where_it_ended_on_the_wire(
        self, side: Side, storage: BadStorage
    ) -> None:
        wire = gzip.compress(TEXT)
        storage.plays(cut(packed("gzip", wire), 1_000), then=packed("gzip", wire))
        assert fetched(side, storage) == TEXT
        assert storage.sent == len(wire)

    @pytest.mark.parametrize(("encoding", "body"), BROKEN.values(), ids=BROKEN.keys())
    def test_a_body_that_does_not_unpack_is_corrupt(
        self, side: Side, storage: BadStorage, encoding: str, body: bytes
    ) -> None:
        storage.plays(then=packed(encoding, body))
        assert failure(side, storage).reason == "corrupt"

    @pytest.mark.parametrize("encoding", ["br", "zstd", "BR", "gzip, br", "aws-chunked, zstd"])
    def test_what_cannot_be_unpacked_here_is_not_even_received_into_memory(
        self, side: Side, storage: BadStorage, encoding: str
    ) -> None:
        """The error says how it is packed, and how to have it all the same."""
        storage.plays(then=packed(encoding, BODY))
        for method in ("read_bytes", "read_text", "read_json"):
            with pytest.raises(DownloadError, match=r"as '(br|zstd)', .* save\(\) keeps it"):
                side.call(method, output_at(storage.url()))
        with pytest.raises(DownloadError, match="not supported"):
            side.streamed(output_at(storage.url()))

    def test_what_is_no_encoding_is_noted(
        self, side: Side, storage: BadStorage, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, "datalab_facade.transfers")
        storage.plays(then=packed("aws-chunked, gzip", gzip.compress(TEXT)))
        assert fetched(side, storage) == TEXT
        [note] = [record.getMessage() for record in caplog.records if "transfers" in record.name]
        assert "step parse of execution 1001" in note
        assert "'aws-chunked' is not a compression" in note

    @pytest.mark.parametrize("encoding", ["gzip", "aws-chunked", ""])
    def test_what_was_unpacked_before_it_comes_is_not_unpacked_again(
        self, side: Side, storage: BadStorage, encoding: str
    ) -> None:
        """A hook of the user's own client may read an answer, as most mocks do."""

        def read(response: Any) -> Any:
            return response.read() if not side.way.is_async else response.aread()

        async def read_async(response: Any) -> None:
            await read(response)

        hooks = {"response": [read if not side.way.is_async else read_async]}
        client = side.client(http_client=side.http(event_hooks=hooks))
        body = gzip.compress(TEXT) if encoding == "gzip" else TEXT
        told = {"Content-Encoding": encoding, "Content-MD5": b64("md5", body)}
        storage.plays(then=stored(body, headers=told))
        assert side.way.done(client.outputs.read_bytes(output_at(storage.url()))) == TEXT

    def test_a_bomb_is_stopped_by_the_limit_in_memory(
        self, side: Side, storage: BadStorage
    ) -> None:
        storage.plays(then=packed("gzip", BOMB))
        assert isinstance(failure(side, storage, max_bytes=1 << 20), OutputTooLargeError)
        assert len(storage.asked) == 1

    def test_a_bomb_is_stopped_by_how_much_it_blows_up(
        self, side: Side, storage: BadStorage
    ) -> None:
        storage.plays(then=packed("gzip", BOMB))
        assert failure(side, storage).reason == "too_large"

    def test_the_limit_is_for_what_is_unpacked(self, side: Side, storage: BadStorage) -> None:
        """A few bytes weigh more when packed."""
        storage.plays(then=packed("gzip", gzip.compress(b"12345")))
        assert fetched(side, storage, max_bytes=5) == b"12345"
        assert failure(side, storage, max_bytes=4).reason == "too_large"


class TestRedirects:
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    @pytest.mark.parametrize("location", ["/other/way?X-Amz-Signature=0", "way", "//HOST/way"])
    def test_a_redirect_is_followed(
        self, side: Side, storage: BadStorage, status: int, location: str
    ) -> None:
        host = storage.origin.removeprefix("http://")
        storage.plays(moved(location.replace("HOST", host), status), then=stored(BODY))
        assert fetched(side, storage) == BODY
        assert "way" in storage.asked[1].target

    def test_a_loop_of_redirects_is_left(self, side: Side, storage: BadStorage) -> None:
        storage.plays(then=moved("/again"))
        assert failure(side, storage).reason == "refused"
        assert len(storage.asked) == 6

    @pytest.mark.parametrize(
        "location",
        [
            "file:///etc/passwd",
            "ftp://storage.example/out",
            "http://storage.example/out",
            "http://127.0.0.1.storage.example/out",
        ],
    )
    def test_a_redirect_to_anything_but_storage_is_refused(
        self, side: Side, storage: BadStorage, location: str
    ) -> None:
        storage.plays(moved(location), then=stored(BODY))
        assert failure(side, storage).reason == "refused"
        assert len(storage.asked) == 1

    @pytest.mark.parametrize("location", ["http://[", "//[x]/", "http://127.0.0.1:99999/", "\x7f"])
    def test_a_redirect_that_cannot_be_read_is_an_error_of_ours(
        self, side: Side, storage: BadStorage, location: str
    ) -> None:
        storage.plays(then=moved(location))
        failure(side, storage)


REFUSED_URLS = [
    "file:///etc/passwd",
    "ftp://storage.example/out.json",
    "https:///out.json",
    "https:out.json",
    "out.json",
    "",
    "https://[",
    "https://storage.example:99999/out.json",
    "https://storage.example:port/out.json",
    "https://storage.example/\x00",
    "https://xn--a.example/" + "x" * 70_000,
    "http://storage.example/out.json",
    "http://127.storage.example/out.json",
    "http://localhost.storage.example/out.json",
    "http://192.168.0.1/out.json",
]


@pytest.mark.parametrize("url", REFUSED_URLS, ids=lambda url: re.sub(r"\W+", "-", url[:40]))
@pytest.mark.parametrize("method", ["read_bytes", "save"])
def test_a_url_that_is_none_of_a_storage_is_refused_before_anything_is_asked(
    side: Side, tmp_path: Any, url: str, method: str
) -> None:
    arguments = [tmp_path / "out"] if method == "save" else []
    with pytest.raises(DownloadError) as failed:
        side.call(method, output_at(url), *arguments)
    assert failed.value.reason == "refused"
    assert not side.clock.slept
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "[::1]"])
def test_a_url_without_tls_is_fine_on_this_machine(host: str) -> None:
    download = Download(
        remote_output(output_at(f"http://{host}:1/out")),
        DownloadPolicy(),
        deadline=1.0,
        random=lambda: 0.0,
        allow_http=False,
    )
    assert download.received == 0


def test_a_url_without_tls_elsewhere_is_fine_when_allowed(side: Side) -> None:
    """It is asked then; nobody is there."""
    side.client(allow_http=True)
    with pytest.raises(DownloadError) as failed:
        side.call("read_bytes", output_at("http://0.0.0.0:9/out.json"))
    assert failed.value.reason == "unreachable"


def test_a_download_over_tls_never_goes_on_without() -> None:
    download = Download(
        remote_output(output_at("https://storage.example/out")),
        DownloadPolicy(),
        deadline=100.0,
        random=lambda: 0.0,
        allow_http=True,
    )
    steps = download.steps()
    assert isinstance(next(steps), Fetch)
    with pytest.raises(DownloadError, match="without TLS"):
        steps.send(Result(0.0, StorageReply(302, {"location": "http://127.0.0.1/out"})))


def test_a_body_that_flows_is_read_in_larger_pieces() -> None:
    """As long as each read gives as much as was asked for, and no longer."""
    asked: list[int] = []

    class Socket(socket.socket):
        def recv(self, size: int, flags: int = 0) -> bytes:
            asked.append(size)
            return bytes(min(size, left.pop(0)))

    left = [10, 64 << 10, 200 << 10, 10, 10]
    with Socket() as connection:
        stream = SocketStream(connection, Network(Resolver()))
        sizes = [len(stream.read(64 << 10)) for _ in range(5)]
    assert sizes == [10, 64 << 10, 200 << 10, 10, 10]
    assert asked == [64 << 10, 64 << 10, 512 << 10, 512 << 10, 64 << 10]
