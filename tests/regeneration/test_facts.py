"""The page of what is known says what the document and the list of facts say."""

import json
from pathlib import Path

import facts
import pytest
from specs import provenance
from specs.problems import ScriptError

from tests.regeneration.checkouts import Checkout, Spec, vendored

ADDRESS = "https://www.datalab.to/openapi.json"
KNOWN = """
[[section]]
title = "Files"
[[section.fact]]
fact = "they have names"
sure = ["{word}"]
here = "shown"
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "docs" / "explanation").mkdir(parents=True)
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "facts.toml").write_text(KNOWN.format(word="client"))
    (tmp_path / "docs" / "explanation" / "facts.md").write_text("old")
    write(tmp_path, vendored())
    return tmp_path


def write(tree: Path, document: Spec) -> None:
    _ = (tree / "openapi.json").write_text(json.dumps(document))


def test_check_fails_until_the_page_is_written(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert facts.main(["--check"], tree) == 1
    assert "run: python scripts/facts.py" in capsys.readouterr().err
    assert (tree / "docs" / "explanation" / "facts.md").read_text() == "old"
    assert facts.main([], tree) == 0
    assert facts.main(["--check"], tree) == 0


def test_every_operation_of_a_compiled_document_stands_there_with_how_sure_it_is(
    tree: Path,
) -> None:
    page = facts.page(tree)
    for path, item in vendored()["paths"].items():
        for method, operation in item.items():
            sure = operation.get("x-provenance", "verbatim")
            assert f"\n| `{method.upper()} {path}` | {sure} |\n" in page
    assert "| they have names | client | shown |" in page


def test_another_word_in_the_document_makes_another_page(tree: Path) -> None:
    before = facts.page(tree)
    document = vendored()
    document["paths"]["/api/v1/fill"]["post"]["x-provenance"] = "inferred"
    write(tree, document)
    assert facts.page(tree) != before


def test_of_a_fetched_document_the_address_the_date_and_the_hash_stand_there(tree: Path) -> None:
    record = {"address": ADDRESS, "date": "2026-11-26", "sha256": "5" * 64, "only": ["/api"]}
    _ = (tree / provenance.FILE).write_text(json.dumps(record))
    page = facts.page(tree)
    assert all(f"{value}" in page for value in record.values())
    assert "| `GET /api" not in page


def test_a_word_that_is_not_explained_is_refused(tree: Path) -> None:
    (tree / "scripts" / "facts.toml").write_text(KNOWN.format(word="surely"))
    with pytest.raises(ScriptError, match="'surely' is not one of verbatim, documented"):
        _ = facts.page(tree)


def test_a_regeneration_brings_the_page_along(checkout: Checkout) -> None:
    page = checkout.root / "docs" / "explanation" / "facts.md"
    page.parent.mkdir(parents=True)
    _ = page.write_text("old")
    source = checkout.edited(lambda document: document["info"].update(version="9"))
    assert checkout.main("--from", source) == 0
    assert page.read_text() == facts.page(checkout.root)


def test_a_page_that_cannot_be_written_hides_nothing_of_a_regeneration(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    page = checkout.root / "docs" / "explanation" / "facts.md"
    page.parent.mkdir(parents=True)
    _ = page.write_text("old")
    _ = (checkout.root / "scripts" / "facts.toml").write_text("[")
    source = checkout.edited(lambda document: document["info"].update(version="9"))
    assert checkout.main("--from", source) == 0
    said = capsys.readouterr().out
    assert "facts.md is as it was: cannot read" in said
    assert said.endswith("have been replaced.\n")
