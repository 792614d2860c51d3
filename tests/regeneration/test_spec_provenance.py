"""Where a document was fetched from is kept beside it, and replaced together with it."""

import hashlib
import json
import re

import pytest
from specs import provenance, swapping, trees

from tests.regeneration.checkouts import EXECUTION, Checkout, Spec, vendored
from tests.regeneration.test_spec_loading import serving


def as_upstream_has_it(document: Spec) -> None:
    """Take away what only a document of ours says, and let it be another than that."""
    document["info"]["version"] = "upstream"
    every = [operation for item in document["paths"].values() for operation in item.values()]
    for part in [*every, *document["components"]["schemas"].values()]:
        part.pop(provenance.MARK, None)


def kept(checkout: Checkout) -> dict[str, object]:
    record: dict[str, object] = json.loads((checkout.root / provenance.FILE).read_bytes())
    return record


def test_a_document_is_compiled_if_it_says_how_sure_it_is_and_nothing_is_kept_beside_it(
    checkout: Checkout,
) -> None:
    document = vendored()
    document["paths"][EXECUTION]["get"][provenance.MARK] = "inferred"
    (checkout.root / provenance.FILE).unlink(missing_ok=True)
    assert provenance.is_compiled(document, checkout.root)
    as_upstream_has_it(document)
    assert not provenance.is_compiled(document, checkout.root)
    _ = (checkout.root / provenance.FILE).write_text("{}")
    document["paths"][EXECUTION]["get"][provenance.MARK] = "inferred"
    assert not provenance.is_compiled(document, checkout.root)


def test_a_fetched_document_has_its_address_its_date_and_its_hash_beside_it(
    checkout: Checkout,
) -> None:
    document = vendored()
    as_upstream_has_it(document)
    content = json.dumps(document).encode()
    with serving(lambda _: (200, {}, content)) as url:
        secret = url.replace("//", "//user:pass%40word@")
        assert checkout.main("--from", f"{secret}/openapi.json?token=s3cret", "--only", "/") == 0
    record = kept(checkout)
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", str(record.pop("date")))
    assert record == {
        "address": f"{url}/openapi.json",
        "sha256": hashlib.sha256(content).hexdigest(),
        "only": ["/"],
    }
    assert not provenance.is_compiled(document, checkout.root)


def test_of_a_file_the_name_is_kept_and_not_where_it_lay(checkout: Checkout) -> None:
    source = checkout.edited(as_upstream_has_it)
    assert checkout.main("--from", source) == 0
    assert kept(checkout)["file"] == source.name
    assert str(source.parent) not in (checkout.root / provenance.FILE).read_text()


def test_what_is_said_of_a_document_stays_as_long_as_the_document_does(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    source = checkout.edited(as_upstream_has_it)
    assert checkout.main("--from", source) == 0
    record = kept(checkout) | {"date": "2025-01-01"}
    _ = (checkout.root / provenance.FILE).write_text(json.dumps(record, indent=2) + "\n")
    before = trees.read(checkout.root, swapping.OWNED)
    renamed = source.rename(source.with_name("another.json"))
    for arguments in ([], ["--from", renamed], ["--check"]):
        assert checkout.main(*arguments) == 0
        assert "up to date" in capsys.readouterr().out
    # What is generated is mended, and what is said of the document is not touched.
    (checkout.package / "client.py").unlink()
    assert checkout.main() == 0
    assert trees.read(checkout.root, swapping.OWNED) == before


def test_from_the_same_document_there_is_nothing_to_say(checkout: Checkout) -> None:
    assert checkout.main("--from", checkout.edited()) == 0
    assert not (checkout.root / provenance.FILE).exists()


def test_what_is_said_of_a_document_and_is_no_json_stops_a_run(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    _ = (checkout.root / provenance.FILE).write_text("<<<<<<< HEAD\n")
    assert checkout.main() == 1
    assert f"{provenance.FILE} is not JSON" in capsys.readouterr().err


def test_what_is_said_of_a_document_is_checked_to_be_as_a_run_would_leave_it(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    _ = (checkout.root / provenance.FILE).write_text('{"file": "a.json"}')
    assert checkout.main("--check", "--json") == 1
    assert json.loads(capsys.readouterr().out)["files"] == [provenance.FILE]
    assert checkout.main() == 0
    assert checkout.main("--check") == 0
    assert kept(checkout) == {"file": "a.json"}
