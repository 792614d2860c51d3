"""Tell what the wheel depends on, and whether any of that is known to be unsafe.

::

    python scripts/supply.py sbom AUDIT RUNTIME FOLDER   # FOLDER/sbom.json
    python scripts/supply.py audit AUDIT                 # asks a service on the internet

AUDIT and RUNTIME are virtual environments: with the tools, and with what is to be described.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packing import version_of

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / "requirements" / "runtime.txt"


def sbom(tools: Path, described: Path) -> dict[str, Any]:
    """Give a CycloneDX document on what is installed in an environment because of us."""
    command = [
        *(str(tools / "bin" / "cyclonedx-py"), "environment"),
        *("--pyproject", str(ROOT / "pyproject.toml"), "--output-reproducible"),
        str(described / "bin" / "python"),
    ]
    process = subprocess.run(command, capture_output=True, text=True, check=True)
    return completed(json.loads(process.stdout), version_of())


def completed(document: dict[str, Any], version: str) -> dict[str, Any]:
    """Say which version of ours it is about, and leave out what we do not depend on."""
    subject = document["metadata"]["component"]
    needs = {entry["ref"]: entry.get("dependsOn", []) for entry in document["dependencies"]}
    reached: set[str] = set()
    waiting = [subject["bom-ref"]]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += needs.get(name, [])
    metadata = document["metadata"] | {"component": subject | {"version": version}}
    return document | {
        "metadata": metadata,
        "components": [one for one in document["components"] if one["bom-ref"] in reached],
        "dependencies": [one for one in document["dependencies"] if one["ref"] in reached],
    }


def audit(tools: Path) -> int:
    """Ask about the pins of what the wheel depends on.

    Returns:
        0 if each was looked up and nothing is known against it, 1 if something is, and 2 if
        it could not be asked.
    """
    command = [
        *(str(tools / "bin" / "pip-audit"), "--require-hashes", "--disable-pip"),
        *("--progress-spinner", "off", "--format", "json", "--requirement", str(REQUIREMENTS)),
    ]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        report = json.loads(process.stdout)
    except ValueError:
        said = process.stderr.strip().splitlines() or ["nothing"]
        print(f"NOT AUDITED: no service could be asked. {said[-1]}")
        return 2
    code, lines = verdict(report)
    print("\n".join(lines))
    return code


def verdict(report: dict[str, Any]) -> tuple[int, list[str]]:
    """Judge what pip-audit reports; what was not looked up is not safe."""
    unsafe = list(_unsafe(report))
    skipped = [one for one in report["dependencies"] if "skip_reason" in one]
    lines = [*unsafe, *(f"NOT AUDITED: {one['skip_reason']}" for one in skipped)]
    if skipped:
        lines.append(
            f"{len(skipped)} of {len(report['dependencies'])} could not be looked up; the service "
            "is on the internet, and an index that mirrors packages does not answer for it."
        )
    if not report["dependencies"]:
        lines.append("NOT AUDITED: no dependency was found.")
    if not lines:
        lines.append(f"{len(report['dependencies'])} dependencies, nothing known against them.")
        return 0, lines
    return 1 if unsafe else 2, lines


def _unsafe(report: dict[str, Any]) -> Iterator[str]:
    for one in report["dependencies"]:
        for known in one.get("vulns", ()):
            mended = ", ".join(known["fix_versions"]) or "no version yet"
            yield f"{one['name']} {one['version']}: {known['id']}, mended in {mended}"


def main(arguments: list[str]) -> int:
    """Write the document, or ask."""
    match arguments:
        case ["sbom", tools, described, folder]:
            document = sbom(Path(tools), Path(described))
            text = json.dumps(document, indent=2, ensure_ascii=False)
            Path(folder).mkdir(exist_ok=True)
            (Path(folder) / "sbom.json").write_text(f"{text}\n", encoding="utf-8")
            return 0
        case ["audit", tools]:
            return audit(Path(tools))
    print(__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
