"""Putting the names of the wire into generated code, in place of their stand-ins."""

import json
import re
from pathlib import Path

from openapi_python_client.strings import in_f_string_literal

from specs import wire_forms
from specs.documents import Document, table
from specs.repairs import wires

_QUERY = re.compile(rf'^( *)params\["([^"]*{wires.MARK})"\] = (\w+)$', re.MULTILINE)
_IMPORT = "from ...types import Response, UNSET\n"
_NAMED = re.compile(rf"[\w.-]+{wires.MARK}+")


def rewire(document: Document, package: Path) -> None:
    """Replace all stand-ins of a document in the package that was generated from it."""
    noted = wires.wires(document)
    if not noted:
        return
    needed = False
    for path in sorted(package.rglob("*.py")):
        before = path.read_text(encoding="utf-8")
        if wires.MARK not in before:
            continue
        after = rewire_code(before, noted)
        needed = needed or "wire_forms" in after
        _ = path.write_text(after, encoding="utf-8")
    if needed:
        source = Path(wire_forms.__file__).read_bytes()
        _ = (package / "wire_forms.py").write_bytes(source)


def rewire_code(code: str, noted: wires.Wires) -> str:
    """The code of a module with the names of the wire in it."""

    def query(found: re.Match[str]) -> str:
        indent, stand_in, value = found.groups()
        about = table(noted.get(stand_in))
        name, form = json.dumps(about.get("name"), ensure_ascii=False), about.get("form")
        if not form:
            return f"{indent}params[{name}] = {value}"
        return (
            f"{indent}if {value} is not UNSET and {value} is not None:\n"
            f"{indent}    params.update(_wire_forms.{form}({name}, {value}))"
        )

    new = _QUERY.sub(query, code)
    if "_wire_forms." in new:
        new = new.replace(_IMPORT, f"{_IMPORT}from ... import wire_forms as _wire_forms\n", 1)
    for stand_in in sorted({*_NAMED.findall(new)} & noted.keys(), key=len, reverse=True):
        name = str(table(noted[stand_in]).get("name"))
        new = new.replace(f'"{stand_in}"', json.dumps(name, ensure_ascii=False))
        new = new.replace(stand_in, in_f_string_literal(name))
    return new
