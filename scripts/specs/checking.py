"""Whether generated code does what the document demands: asked of the code, before it is used."""

import json
import pickle
from pathlib import Path
from typing import cast

from specs import generating
from specs.causes import Cause, UnsupportedError
from specs.documents import operations
from specs.repairing import Repaired

_SCRIPTS = Path(__file__).resolve().parent.parent


def check(repaired: Repaired, generated: Path, workshop: Path) -> None:
    """`UnsupportedError` with every operation whose code would not send what it demands."""
    modules = {name: str(one) for name, one in generating.modules(repaired.document).items()}
    source = workshop / "tried.pickle"
    _ = source.write_bytes(pickle.dumps((repaired.demanded, repaired.document, modules)))
    # Importing leaves nothing behind in the folder that is going to be used.
    prelude = (
        f"import sys; sys.dont_write_bytecode = True;"
        f" sys.path[:0] = [{str(_SCRIPTS)!r}, {str(generated)!r}]; from specs import trying;"
        f" trying.main([{generating.PACKAGE!r}, {str(source)!r}])"
    )
    output = generating.run(["-c", prelude], cwd=workshop)
    findings = cast("list[tuple[str, str]]", json.loads(output.splitlines()[-1]))
    if findings:
        names = {str(operation) for operation in operations(repaired.document)}
        causes = [
            Cause(subject, reason, (subject,) if subject in names else ())
            for subject, reason in findings
        ]
        raise UnsupportedError("what was generated is not what the document demands", causes)
