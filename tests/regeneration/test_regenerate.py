"""The script as a whole, when all goes well."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import regenerate
import yaml
from specs import trees
from specs.comparing import DECODED_BY_HAND
from specs.documents import render

from tests.regeneration.checkouts import EXECUTION, Checkout, Spec, vendored

COOKIES = [
    "repaired      GET /api/v1/workflows/step-types, GET /api/v1/workflows/workflows,"
    " POST /api/v1/workflows/workflows and 10 more places:"
    f" left out the cookie {name!r}, since the SDK sends no cookies"
    for name in ("wos-session", "datalab_active_team")
]


def describe_the_status(document: Spec) -> None:
    answer = document["paths"][EXECUTION]["get"]["responses"]["200"]
    answer["content"]["application/json"]["schema"] = {"$ref": "#/components/schemas/Status"}
    document["components"]["schemas"]["Status"] = {
        "type": "object",
        "properties": {"status": {"type": "string"}},
    }


def test_the_same_bytes_come_from_any_folder_and_any_hash_seed_and_they_are_the_committed_ones(
    tmp_path: Path,
) -> None:
    made = list[trees.Tree]()
    for name, seed in (("one", "1"), ("another one", "2")):
        checkout = Checkout.at(tmp_path / name)
        committed = trees.read(checkout.root, ["openapi.json", "generated"])
        (checkout.package / "client.py").unlink()
        (checkout.package / "py.typed").unlink()
        elsewhere = tmp_path / f"working folder {seed}"
        elsewhere.mkdir()
        # Settings for ruff in a folder above, and in the environment, must not be picked up.
        _ = (tmp_path / "ruff.toml").write_text("line-length = 40")
        run = checkout.run(cwd=elsewhere, env={"PYTHONHASHSEED": seed, "RUFF_NO_CACHE": "false"})
        assert (run.returncode, run.stderr) == (0, "")
        made.append(trees.read(checkout.root, ["openapi.json", "generated"]))
        assert made[-1] == committed
        assert not list(elsewhere.iterdir())
        assert not checkout.staging.exists()
        # What importing leaves behind is not compared above, but must not come from the tools.
        names = {path.name for path in checkout.generated.rglob("*")}
        assert not {name for name in names if name.startswith((".", "__pycache__"))}
    assert made[0] == made[1]


def test_the_vendored_document_is_exactly_its_own_rendering(checkout: Checkout) -> None:
    assert checkout.document.read_bytes() == render(vendored())


def test_check_is_content_with_what_is_committed_and_writes_nothing(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    # Python itself leaves such a folder behind when the package is imported.
    cache = checkout.package / "__pycache__"
    cache.mkdir()
    _ = (cache / "client.cpython-311.pyc").write_bytes(b"\x00")
    before = checkout.snapshot()
    assert checkout.main("--check") == 0
    assert capsys.readouterr() == ("openapi.json and generated/ are up to date.\n", "")
    assert checkout.snapshot() == before


def test_check_tells_of_an_edited_an_added_and_a_missing_file_with_a_patch_that_mends_them(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = trees.read(checkout.root, ["generated"])
    client = checkout.package / "client.py"
    _ = client.write_text(client.read_text() + "# by hand, and with no end of line")
    _ = (checkout.package / "extra.py").write_text("extra = True\n")
    (checkout.package / "errors.py").unlink()
    assert checkout.main("--check", "--json") == 1
    output = capsys.readouterr()
    patch, _, sentence = output.err.rstrip("\n").rpartition("\n")
    assert sentence == (
        "openapi.json and generated/ are out of date; run: python scripts/regenerate.py"
    )
    assert json.loads(output.out) == {
        "outcome": "out of date",
        "files": [
            "generated/datalab_api_client/client.py",
            "generated/datalab_api_client/errors.py",
            "generated/datalab_api_client/extra.py",
        ],
    }
    assert re.findall(r"^(?:---|\+\+\+) (.*)$", patch, re.MULTILINE) == [
        "a/generated/datalab_api_client/client.py",
        "b/generated/datalab_api_client/client.py",
        "/dev/null",
        "b/generated/datalab_api_client/errors.py",
        "a/generated/datalab_api_client/extra.py",
        "/dev/null",
    ]
    _ = subprocess.run(
        ["git", "apply", "-"], input=f"{patch}\n", text=True, cwd=checkout.root, check=True
    )
    assert trees.read(checkout.root, ["generated"]) == wanted


@pytest.mark.parametrize("extra", [["--from", "openapi.json"], ["--only", "/api/v1/files"]])
def test_check_goes_with_no_other_source(checkout: Checkout, extra: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        _ = checkout.main("--check", *extra)
    assert stopped.value.code == 2


def test_a_new_document_replaces_both_and_its_changes_are_told(
    checkout: Checkout,
) -> None:
    source = checkout.edited(describe_the_status)
    run = checkout.run("--json", "--from", source)
    assert run.returncode == 0
    assert run.stderr.splitlines() == [
        "The new document changes the API in one way, none of them breaking.",
        f"not breaking  GET {EXECUTION}: response 200 became typed: Status",
        f"              {DECODED_BY_HAND}",
        *COOKIES,
        "openapi.json and generated/ have been replaced.",
    ]
    record = json.loads(run.stdout)
    assert {made["why"] for made in record.pop("repairs")} == {"the SDK sends no cookies"}
    assert record == {
        "outcome": "replaced",
        "left_out": [],
        "changes": [
            {
                "breaking": False,
                "kind": "altered",
                "method": "GET",
                "path": EXECUTION,
                "function": "get_workflows_executions_id",
                "subject": "response 200",
                "message": "became typed: Status",
                "cause": None,
                "hint": DECODED_BY_HAND,
                "look_at": [{"path": "datalab_facade/transport.py", "line": 1, "function": None}],
            }
        ],
    }
    assert checkout.document.read_bytes() == render(json.loads(source.read_bytes()))
    assert (checkout.package / "models" / "status.py").is_file()
    assert not checkout.staging.exists()


def test_what_is_deprecated_is_listed_for_the_facade_to_warn_of(checkout: Checkout) -> None:
    def deprecate(document: Spec) -> None:
        document["paths"][EXECUTION]["get"]["deprecated"] = True

    assert checkout.main("--from", checkout.edited(deprecate)) == 0
    listed = dict[str, tuple[tuple[str, str, bool], ...]]()
    exec((checkout.package / "operations.py").read_text(), listed)
    assert [one for one in listed["OPERATIONS"] if one[2]] == [("GET", EXECUTION, True)]
    assert len(listed["OPERATIONS"]) == sum(map(len, vendored()["paths"].values()))


def test_a_narrowed_document_is_vendored_and_generated_from(checkout: Checkout) -> None:
    assert checkout.main("--only", "/api/v1/files/") == 0
    document = json.loads(checkout.document.read_bytes())
    assert all(path.startswith("/api/v1/files") for path in document["paths"])
    assert "CreateWorkflowRequest" not in document["components"]["schemas"]
    assert not (checkout.package / "api" / "default").exists()
    assert (checkout.package / "api" / "files" / "get_files.py").is_file()


def test_from_the_same_document_as_yaml_there_is_nothing_to_do_and_nothing_is_written(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    def times() -> dict[Path, int]:
        owned = [checkout.document, *checkout.generated.rglob("*")]
        return {path: path.stat().st_mtime_ns for path in owned}

    before = times()
    source = checkout.root.with_name("openapi.yaml")
    _ = source.write_text(yaml.safe_dump(vendored(), sort_keys=False))
    assert checkout.main("--from", source) == 0
    assert capsys.readouterr().out == "openapi.json and generated/ are already up to date.\n"
    assert times() == before


def test_a_vendored_document_that_is_broken_is_nothing_to_compare_with(checkout: Checkout) -> None:
    said = list[str]()
    _ = checkout.document.write_text("<<<<<<< HEAD\n")
    assert regenerate.report(checkout.root, vendored(), said.append) == []
    assert [line.partition(":")[0] for line in said] == [
        "There is nothing to compare the new document with"
    ]


def test_a_change_that_no_caller_would_notice_is_said_to_be_none(checkout: Checkout) -> None:
    said = list[str]()
    document = vendored()
    document["components"]["schemas"]["Unused"] = {"type": "string"}
    assert regenerate.report(checkout.root, document, said.append) == []
    assert said == ["The new document changes nothing that a caller would notice."]
