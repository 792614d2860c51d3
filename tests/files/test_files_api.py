"""``client.files`` against an embedded Datalab: list, look, link, fetch back, delete, many."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from datalab_facade import (
    AuthenticationError,
    BadRequestError,
    ClientStateError,
    DownloadError,
    File,
    InternalServerError,
    InvalidArgumentError,
    InvalidResponseError,
    NotFoundError,
    RequestRejectedError,
    UnprocessableEntityError,
    UploadError,
)
from datalab_facade.testing import Fault, Request, Simulator, VirtualClock
from tests.in_process import asynchronous, blocking
from tests.secrets_for_tests import API_KEY
from tests.ways import Way

PDF = b"%PDF-1.7 and so on" * 1_000


@pytest.fixture
def client(way: Way, simulator: Simulator) -> Any:
    """Give a client of the embedded Datalab."""
    return way.client(simulator)


@pytest.fixture
def file_id(simulator: Simulator) -> int:
    """Give a file that is there."""
    return simulator.files.add("Q3 report.pdf", PDF)


def each(*calls: Callable[[], Any]) -> tuple[Callable[[], Any], ...]:
    return calls


def asked(simulator: Simulator) -> list[str]:
    return [f"{one.method} {one.path.removeprefix('/api/v1')}" for one in simulator.requests]


class TestNames:
    @pytest.mark.parametrize("form", ["integer", "digits", "hashid", "reference", "file"])
    def test_a_file_is_known_by_any_of_its_names(
        self, way: Way, simulator: Simulator, file_id: int, form: str, tmp_path: Path
    ) -> None:
        """Wherever a file is asked about."""
        client = way.client(simulator)
        known = simulator.files[file_id]
        name = {
            "integer": file_id,
            "digits": str(file_id),
            "hashid": known.hashid,
            "reference": known.reference,
            "file": File(id=file_id, reference=known.reference, filename="a.pdf"),
        }[form]
        assert way.done(client.files.get(name)).id == file_id
        assert way.done(client.files.download_url(name)).file_id == file_id
        saved = way.done(client.files.download(name, tmp_path / "a.pdf"))
        assert saved.read_bytes() == PDF
        way.done(client.files.delete(name))
        assert file_id not in simulator.files

    @pytest.mark.parametrize("form", ["hashid", "reference"])
    def test_where_only_integers_will_do_the_integer_is_found(
        self, way: Way, simulator: Simulator, file_id: int, form: str, tmp_path: Path
    ) -> None:
        """By the confirmation of the upload, which takes both."""
        client = way.client(simulator)
        simulator.files.hashids = False
        name = getattr(simulator.files[file_id], form)
        assert way.done(client.files.get(name)).id == file_id
        assert asked(simulator)[1].endswith("/confirm")
        assert way.done(client.files.download(name, tmp_path / "a.pdf")).read_bytes() == PDF
        way.done(client.files.delete(name))
        assert file_id not in simulator.files

    def test_a_hashid_that_nobody_knows_is_refused_in_the_servers_words(
        self, way: Way, client: Any, simulator: Simulator
    ) -> None:
        simulator.files.hashids = False
        with pytest.raises(UnprocessableEntityError):
            way.done(client.files.get("npl94jxy"))
        simulator.files.hashids = True
        with pytest.raises(NotFoundError):
            way.done(client.files.get("npl94jxy"))

    @pytest.mark.parametrize(
        "wrong", [-1, 1.5, True, None, "", "a/b", "../1", "a b", "https://x", "é", b"4"]
    )
    def test_what_is_no_name_of_a_file_is_refused_before_any_request(
        self, way: Way, client: Any, simulator: Simulator, tmp_path: Path, wrong: Any
    ) -> None:
        for call in each(
            lambda: client.files.get(wrong),
            lambda: client.files.delete(wrong),
            lambda: client.files.download_url(wrong),
            lambda: client.files.download(wrong, tmp_path / "a.pdf"),
        ):
            with pytest.raises(InvalidArgumentError):
                way.done(call())
        assert len(simulator.requests) == 0


class TestLists:
    def test_all_files_come_page_by_page_as_they_are_wanted(
        self, way: Way, client: Any, simulator: Simulator
    ) -> None:
        for number in range(7):
            simulator.files.add(f"{number}.pdf", PDF)
        files = client.files.list(page_size=3)
        assert len(simulator.requests) == 0
        names = [file.filename for file in way.collect(files)]
        assert names == [f"{number}.pdf" for number in reversed(range(7))]
        assert [one.query for one in simulator.requests] == [
            "limit=3&offset=0",
            "limit=3&offset=3",
            "limit=3&offset=6",
        ]

    def test_no_page_is_asked_for_that_is_not_needed(
        self, way: Way, client: Any, simulator: Simulator
    ) -> None:
        for number in range(7):
            simulator.files.add(f"{number}.pdf", PDF)
        assert len(way.collect(client.files.list(limit=4, page_size=2))) == 4
        assert len(simulator.requests) == 2
        assert way.collect(client.files.list(limit=0)) == []
        assert len(simulator.requests) == 2

    def test_a_list_of_nothing_is_empty(self, way: Way, client: Any) -> None:
        assert way.collect(client.files.list()) == []

    def test_a_page_that_fails_in_a_way_that_may_pass_is_asked_for_again(
        self, way: Way, client: Any, simulator: Simulator, file_id: int
    ) -> None:
        simulator.inject(Fault.status(503), Fault.html())
        assert [file.id for file in way.collect(client.files.list())] == [file_id]

    @pytest.mark.parametrize("wrong", [{"page_size": 0}, {"page_size": 1000}, {"limit": -1}])
    def test_wrong_arguments_are_refused_at_once(self, client: Any, wrong: dict[str, Any]) -> None:
        with pytest.raises(InvalidArgumentError):
            client.files.list(**wrong)


class TestErrors:
    @pytest.mark.parametrize(
        ("status", "kind"),
        [(401, AuthenticationError), (400, BadRequestError), (404, NotFoundError)],
    )
    def test_what_the_api_refuses_is_typed_wherever_it_does(
        self, way: Way, simulator: Simulator, tmp_path: Path, status: int, kind: Any
    ) -> None:
        client = way.client(simulator)
        simulator.inject_always(Fault.status(status))
        for call in each(
            lambda: client.files.get(4),
            lambda: client.files.delete(4),
            lambda: client.files.download_url(4),
            lambda: client.files.download(4, tmp_path / "a.pdf"),
            lambda: client.files.upload(PDF, name="a.pdf"),
        ):
            with pytest.raises(kind):
                way.done(call())
        with pytest.raises(kind):
            way.collect(client.files.list())

    def test_a_success_that_is_no_answer_is_typed_and_quoted(
        self, way: Way, client: Any, simulator: Simulator
    ) -> None:
        simulator.inject_always(Fault.status(200, {"detail": "maintenance"}))
        for call in each(
            lambda: client.files.get(4),
            lambda: client.files.download_url("npl9"),
            lambda: client.files.upload(PDF, name="a.pdf"),
        ):
            with pytest.raises(InvalidResponseError, match="maintenance") as caught:
                way.done(call())
            assert caught.value.url.startswith("https://www.datalab.to/api/v1/files")

    @pytest.mark.parametrize("expires_in", [59, 86401, 60.5, "60"])
    def test_a_lifetime_that_no_link_has_is_refused_before_any_request(
        self, way: Way, client: Any, simulator: Simulator, expires_in: Any
    ) -> None:
        with pytest.raises(InvalidArgumentError, match="86400"):
            way.done(client.files.download_url(4, expires_in=expires_in))
        assert len(simulator.requests) == 0

    def test_a_closed_client_says_so(self, way: Way, client: Any) -> None:
        way.done(client.close())
        with pytest.raises(ClientStateError, match="closed"):
            way.done(client.files.upload(PDF, name="a.pdf"))

    def test_what_is_new_in_an_answer_is_counted(
        self, way: Way, client: Any, simulator: Simulator
    ) -> None:
        simulator.inject(Fault.status(200, {"file_id": 4, "owner": "me"}))
        assert way.done(client.files.get(4)).extra == {"owner": "me"}
        assert "owner" in str(client.drift)


class TestDeletion:
    def test_a_deletion_whose_answer_was_lost_is_done(
        self, way: Way, client: Any, simulator: Simulator, file_id: int
    ) -> None:
        simulator.inject(Fault.reset())
        way.done(client.files.delete(file_id))
        assert asked(simulator) == [f"DELETE /files/{file_id}"] * 2
        assert file_id not in simulator.files

    def test_a_file_that_was_not_there_is_told_as_such(self, way: Way, client: Any) -> None:
        with pytest.raises(NotFoundError):
            way.done(client.files.delete(4))

    def test_a_deletion_that_was_not_done_is_an_error(
        self, way: Way, client: Any, simulator: Simulator
    ) -> None:
        simulator.inject(Fault.status(200, {"success": False, "message": "in use"}))
        with pytest.raises(RequestRejectedError, match="in use"):
            way.done(client.files.delete(4))


class TestDownloads:
    def test_in_a_folder_the_file_has_its_own_name_made_harmless(
        self, way: Way, client: Any, simulator: Simulator, tmp_path: Path
    ) -> None:
        evil = simulator.files.add("../../evil.pdf", PDF)
        saved = way.done(client.files.download(evil, tmp_path))
        assert saved.parent == tmp_path
        assert saved.read_bytes() == PDF
        plain = simulator.files.add("plain.pdf", PDF)
        assert way.done(client.files.download(plain, str(tmp_path))) == tmp_path / "plain.pdf"

    def test_what_is_there_is_kept_unless_told_otherwise(
        self, way: Way, client: Any, file_id: int, tmp_path: Path
    ) -> None:
        path = tmp_path / "a.pdf"
        path.write_bytes(b"mine")
        with pytest.raises(DownloadError) as caught:
            way.done(client.files.download(file_id, path))
        assert (caught.value.reason, caught.value.file_id) == ("exists", file_id)
        assert (caught.value.execution_id, caught.value.step) == (None, None)
        assert path.read_bytes() == b"mine"
        way.done(client.files.download(file_id, path, overwrite=True))
        assert path.read_bytes() == PDF

    def test_a_body_that_breaks_off_is_gone_on_with(
        self, way: Way, client: Any, simulator: Simulator, file_id: int, tmp_path: Path
    ) -> None:
        simulator.inject(Fault.truncate(5_000), origin="storage")
        saved = way.done(client.files.download(file_id, tmp_path / "a.pdf"))
        assert saved.read_bytes() == PDF
        assert simulator.requests.of("storage")[1].headers["range"] == "bytes=5000-"
        assert sorted(tmp_path.iterdir()) == [saved]

    def test_a_link_that_has_expired_is_renewed(
        self, way: Way, client: Any, simulator: Simulator, file_id: int, tmp_path: Path
    ) -> None:
        simulator.inject(Fault.truncate(5_000), Fault.status(403), origin="storage")
        saved = way.done(client.files.download(file_id, tmp_path / "a.pdf"))
        assert saved.read_bytes() == PDF
        assert asked(simulator).count(f"GET /files/{file_id}/download") == 2

    def test_a_file_that_is_deleted_meanwhile_is_gone(
        self, way: Way, client: Any, simulator: Simulator, file_id: int, tmp_path: Path
    ) -> None:
        def delete(request: Request, _count: int) -> None:
            if request.origin == "storage" and file_id in simulator.files:
                simulator.files.remove(file_id)

        simulator.inject_with(delete)
        with pytest.raises(DownloadError) as caught:
            way.done(client.files.download(file_id, tmp_path / "a.pdf"))
        assert (caught.value.reason, caught.value.file_id) == ("gone", file_id)
        assert "Q3 report.pdf" in str(caught.value)
        assert not (tmp_path / "a.pdf").exists()

    def test_no_more_is_fetched_than_allowed(
        self, way: Way, client: Any, file_id: int, tmp_path: Path
    ) -> None:
        with pytest.raises(DownloadError) as caught:
            way.done(client.files.download(file_id, tmp_path / "a.pdf", max_bytes=1_000))
        assert caught.value.reason == "too_large"
        assert not (tmp_path / "a.pdf").exists()
        way.done(client.files.download(file_id, tmp_path / "a.pdf", max_bytes=len(PDF)))

    def test_progress_ends_with_all_of_it(
        self, way: Way, client: Any, file_id: int, tmp_path: Path
    ) -> None:
        told: list[Any] = []
        way.done(client.files.download(file_id, tmp_path / "a.pdf", on_progress=told.append))
        assert (told[0].bytes_done, told[-1].bytes_done, told[-1].bytes_total) == (
            0,
            len(PDF),
            len(PDF),
        )
        assert told[-1].name == "Q3 report.pdf"

    def test_a_part_of_another_file_is_not_gone_on_with(
        self, way: Way, client: Any, simulator: Simulator, file_id: int, tmp_path: Path
    ) -> None:
        other = simulator.files.add("other.pdf", b"other" * 1_000)
        simulator.inject(*[Fault.truncate(100)] * 20, origin="storage")
        with pytest.raises(DownloadError):
            way.done(client.files.download(file_id, tmp_path / "a.pdf", timeout=5))
        simulator.clear_faults()
        saved = way.done(client.files.download(other, tmp_path / "a.pdf"))
        assert saved.read_bytes() == b"other" * 1_000

    def test_a_file_that_never_came_cannot_be_fetched(
        self, way: Way, client: Any, simulator: Simulator, tmp_path: Path
    ) -> None:
        simulator.inject_always(Fault.status(404), origin="storage")
        with pytest.raises(UploadError):
            way.done(client.files.upload(PDF, name="a.pdf"))
        with pytest.raises(BadRequestError):
            way.done(client.files.download(1, tmp_path / "a.pdf"))


class TestUploads:
    def test_headers_of_a_call_go_to_the_api_and_not_to_storage(
        self, way: Way, client: Any, simulator: Simulator
    ) -> None:
        way.done(client.files.upload(PDF, name="a.pdf", headers={"X-Job": "8"}))
        assert [one.headers.get("x-job") for one in simulator.requests] == ["8", None, "8"]
        [put] = simulator.requests.of("storage")
        assert API_KEY not in str(put.headers)

    def test_a_url_that_expires_while_storage_is_down_is_replaced(
        self, way: Way, simulator: Simulator
    ) -> None:
        """Its hour passes in the pauses between the tries."""
        short = Simulator(VirtualClock(), api_key=API_KEY, url_lifetime=3)
        client = way.client(short)
        short.inject(*[Fault.status(503)] * 4, origin="storage")
        file = way.done(client.files.upload(PDF, name="a.pdf"))
        assert file.id == 2
        assert short.files[2].body == PDF
        statuses = [one.status for one in short.requests.of("storage")]
        assert statuses == [503, 503, 503, 503, 403, 200]

    def test_the_type_that_was_asked_for_is_the_type_that_is_sent(
        self, way: Way, client: Any, simulator: Simulator
    ) -> None:
        file = way.done(client.files.upload(PDF, name="a.dat", content_type="image/png"))
        assert file.content_type == "image/png"
        assert simulator.requests.of("storage")[0].headers["content-type"] == "image/png"
        assert simulator.files[file.id].content_type == "image/png"

    def test_a_server_in_trouble_is_told_as_such(
        self, way: Way, client: Any, simulator: Simulator
    ) -> None:
        simulator.inject_always(Fault.status(503), path="/api/v1/files/upload")
        with pytest.raises(InternalServerError):
            way.done(client.files.upload(PDF, name="a.pdf"))


class TestMany:
    SOURCES: tuple[Any, ...] = (
        ("1.pdf", b"one"),
        "/nowhere/2.pdf",
        ("3.pdf", b""),
        b"nameless",
        ("5.pdf", b"five"),
        7,
        ("a", "b", "c"),
    )

    def test_each_has_its_outcome_and_one_that_fails_does_not_end_the_rest(
        self, way: Way, client: Any, simulator: Simulator
    ) -> None:
        outcomes = way.collect(client.files.upload_many(self.SOURCES))
        by_source = {str(one.source): one for one in outcomes}
        assert len(by_source) == len(self.SOURCES)
        told = [by_source[str(source)] for source in self.SOURCES]
        assert [one.succeeded for one in told] == [True, False, False, False, True, False, False]
        assert [type(one.error).__name__ for one in told if one.error is not None] == [
            "UploadError",
            "UploadError",
            "InvalidArgumentError",
            "InvalidArgumentError",
            "InvalidArgumentError",
        ]
        assert told[4].result().filename == "5.pdf"
        with pytest.raises(UploadError):
            told[1].result()
        assert {file.body for file in simulator.files.values()} == {b"one", b"five"}
        assert "nameless" not in repr(told[3])

    def test_sources_are_read_only_as_there_is_room(
        self, way: Way, client: Any, simulator: Simulator
    ) -> None:
        read: list[int] = []

        def sources() -> Iterator[Any]:
            for number in range(100):
                read.append(number)
                yield f"{number}.pdf", PDF

        uploads = client.files.upload_many(sources(), concurrency=2)
        first = way.collect(uploads, most=3)
        assert all(one.succeeded for one in first)
        assert 3 <= len(read) <= 8
        assert len(simulator.files) <= len(read)

    def test_what_reading_the_sources_raises_comes_out_as_it_is(
        self, way: Way, client: Any
    ) -> None:
        def sources() -> Iterator[Any]:
            yield "1.pdf", PDF
            raise KeyError("mine")

        with pytest.raises(KeyError, match="mine"):
            way.collect(client.files.upload_many(sources()))

    def test_none_are_none(self, way: Way, client: Any) -> None:
        assert way.collect(client.files.upload_many([])) == []

    @pytest.mark.parametrize("concurrency", [0, -1, 1.5])
    def test_a_concurrency_that_makes_no_sense_is_refused_at_once(
        self, client: Any, concurrency: Any
    ) -> None:
        with pytest.raises(InvalidArgumentError, match="concurrency"):
            client.files.upload_many([], concurrency=concurrency)

    def test_leaving_early_ends_what_is_under_way(self, simulator: Simulator) -> None:
        """The blocking client does so at the next piece, and leaves no thread behind."""
        before = threading.active_count()
        client = blocking(simulator)
        uploads = client.files.upload_many(
            ((f"{n}.pdf", bytes(10_000_000)) for n in range(50)), concurrency=2
        )
        assert next(uploads).succeeded
        uploads.close()
        assert threading.active_count() == before
        assert len(simulator.files) < 10

    async def test_leaving_early_ends_what_is_under_way_in_an_event_loop(
        self, simulator: Simulator
    ) -> None:
        client = asynchronous(simulator)
        uploads = client.files.upload_many(
            ((f"{n}.pdf", bytes(10_000_000)) for n in range(50)), concurrency=2
        )
        async for outcome in uploads:
            assert outcome.succeeded
            break
        await uploads.aclose()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert len(simulator.files) < 10

    async def test_sources_may_come_from_an_async_iterable(self, simulator: Simulator) -> None:
        """And outcomes come while it is waited for."""
        released = asyncio.Event()

        async def sources() -> AsyncIterator[Any]:
            yield "1.pdf", PDF
            await released.wait()
            yield "2.pdf", PDF

        names: list[str] = []
        async for outcome in asynchronous(simulator).files.upload_many(sources()):
            names.append(outcome.result().filename)
            released.set()
        assert names == ["1.pdf", "2.pdf"]
