"""Answers about files become models, whatever comes; what is odd about them is noted."""

from __future__ import annotations

import contextlib
import copy
import json
import pickle
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalab_facade import File, FileLink, InvalidResponseError, RequestRejectedError
from datalab_facade.drift import Drift
from datalab_facade.files.decoding import (
    decode_confirmation,
    decode_deletion,
    decode_file,
    decode_files,
    decode_link,
    decode_ticket,
)
from datalab_facade.transfers.commands import Confirmation
from tests.secrets_for_tests import SIGNATURE, presigned

FILE: dict[str, Any] = {
    "file_id": 4,
    "original_filename": "report.pdf",
    "content_type": "application/pdf",
    "reference": "datalab://file-npl94jxy",
    "upload_status": "completed",
    "file_size": 1234,
    "created": "2025-10-22T10:00:00Z",
}

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
about_files = st.dictionaries(
    st.sampled_from(
        [*FILE, "id", "files", "total", "upload_url", "download_url", "success", "message", "new"]
    ),
    anything | st.sampled_from(["4", 4, "datalab://file-a", "https://a.example", "completed"]),
)


def test_the_documented_answer_comes_out_typed() -> None:
    file, drift = decode_file(FILE)
    assert file == File(
        id=4,
        reference="datalab://file-npl94jxy",
        filename="report.pdf",
        content_type="application/pdf",
        size=1234,
        status="completed",
        created_at=datetime(2025, 10, 22, 10, tzinfo=UTC),
    )
    assert (file.hashid, file.is_uploaded) == ("npl94jxy", True)
    assert not drift


def test_a_time_without_a_zone_is_taken_as_utc_and_said_so() -> None:
    file, drift = decode_file({**FILE, "created": "2025-10-22T10:00:00"})
    assert file.created_at == datetime(2025, 10, 22, 10, tzinfo=UTC)
    assert file.timezone_assumed
    assert drift == {Drift(kind="zone", where="file", name="created")}


@pytest.mark.parametrize(
    ("changed", "drift"),
    [
        ({"owner": "me"}, Drift(kind="field", where="file", name="owner")),
        (
            {"upload_status": "scanning"},
            Drift(kind="status", where="file", name="upload_status=scanning"),
        ),
        ({"file_size": [1]}, Drift(kind="shape", where="file", name="file_size=a list")),
        ({"created": "soon"}, Drift(kind="time", where="file", name="created=soon")),
        ({"reference": None}, Drift(kind="shape", where="file", name="reference=null")),
        (
            {"original_filename": 7},
            Drift(kind="shape", where="file", name="original_filename=a number"),
        ),
        ({"file_id": None, "id": "4"}, Drift(kind="shape", where="file", name="file_id=null")),
    ],
)
def test_what_is_odd_is_kept_and_noted(changed: dict[str, Any], drift: Drift) -> None:
    file, seen = decode_file({**FILE, **changed})
    assert file.id == 4
    assert drift in seen
    if "owner" in changed:
        assert file.extra == {"owner": "me"}


@pytest.mark.parametrize("body", [None, [], "a", 4, {}, {"file_id": None}, {"file_id": "npl9"}])
def test_what_is_no_file_is_an_error_that_quotes_it(body: Any) -> None:
    with pytest.raises(InvalidResponseError, match="is not a valid file") as caught:
        decode_file(body)
    assert caught.value.body in str(caught.value)


@given(anything | about_files)
def test_any_json_decodes_or_is_refused_as_such(body: Any) -> None:
    decoders: list[Any] = [
        decode_file,
        decode_files,
        decode_ticket,
        decode_confirmation,
        decode_deletion,
        lambda answer: decode_link(answer, requested_id="npl9"),
    ]
    for decode in decoders:
        with contextlib.suppress(InvalidResponseError, RequestRejectedError):
            value, drift = decode(body)
            assert value is not None
            assert all(isinstance(one, Drift) for one in drift)


@given(about_files)
def test_a_file_survives_json_pickle_and_copy(body: dict[str, Any]) -> None:
    file, _ = decode_file({**body, "file_id": 4})
    assert pickle.loads(pickle.dumps(file)) == file or "nan" in str(file.extra)
    assert copy.deepcopy(file).reference == file.reference
    through_json = json.loads(json.dumps(file.to_dict()))
    assert File.from_dict(through_json).to_dict() == file.to_dict() or "nan" in str(file.extra)
    assert hash(file) == hash(copy.copy(file))


@pytest.mark.parametrize("wrong", [{}, {"file_id": 4}, {"more": 1}, []])
def test_what_to_dict_did_not_write_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="not a file"):
        File.from_dict(wrong)


def test_a_page_leaves_out_what_is_no_file_and_counts_it() -> None:
    page, drift = decode_files({"files": [FILE, "?", {}], "total": 3, "limit": 50, "offset": 0})
    assert [file.id for file in page.items] == [4]
    assert (page.count, page.total) == (3, 3)
    assert Drift(kind="shape", where="list of files", name="file=a string") in drift


def test_a_bare_list_is_a_page_too() -> None:
    page, drift = decode_files([FILE])
    assert (len(page.items), page.total) == (1, None)
    assert drift


def test_a_page_without_files_is_refused() -> None:
    with pytest.raises(InvalidResponseError):
        decode_files({"total": 0})


def test_a_confirmation_that_says_no_is_read_as_such() -> None:
    said: dict[str, Any] = {"file_id": 4, "reference": "r", "message": "?", "success": False}
    confirmation, _ = decode_confirmation(said)
    assert confirmation == Confirmation(4, "r", success=False, message="?")
    assert decode_confirmation({**said, "success": None})[0].success


def test_a_deletion_that_says_no_is_an_error_with_the_servers_words() -> None:
    with pytest.raises(RequestRejectedError, match="in use") as caught:
        decode_deletion({"success": False, "message": "The file is in use"})
    assert caught.value.detail == "The file is in use"


def test_a_link_without_an_id_is_that_of_the_file_that_was_asked_for() -> None:
    link, _ = decode_link({"download_url": presigned()}, requested_id=4)
    assert link.file_id == 4
    with pytest.raises(InvalidResponseError, match="file_id"):
        decode_link({"download_url": presigned()}, requested_id="npl94jxy")


def test_no_signature_is_shown() -> None:
    link, _ = decode_link({"download_url": presigned(), "file_id": 4}, requested_id=4)
    ticket, _ = decode_ticket({"upload_url": presigned(), "file_id": 4})
    assert isinstance(link, FileLink)
    assert SIGNATURE in link.url
    assert SIGNATURE not in repr(link) + repr(ticket)
