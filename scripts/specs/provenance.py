"""Where the vendored document comes from, which a reader of it has to know to trust it.

A document that was put together from several sources says of each part, in `x-provenance`, how sure
it is. One that was fetched says nothing of itself: its address, its date and the SHA-256 of what
came are kept beside it, in a file that is replaced together with it.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from specs import loading
from specs.documents import Document, Json, operations, render, table
from specs.problems import ScriptError

FILE = "openapi.provenance.json"
MARK = "x-provenance"


def is_compiled(document: Document, root: Path) -> bool:
    """Whether the document in a tree was put together there, and not fetched."""
    says = any(MARK in operation.body for operation in operations(document))
    return says and not (root / FILE).exists()


def present(root: Path) -> dict[str, Json] | None:
    """What a tree says of where its document was fetched from; None if it was not."""
    try:
        value: Json = json.loads((root / FILE).read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ScriptError(f"{FILE} is not JSON: {error}") from error
    return table(value)


def of_fetched(source: str, content: bytes, only: Sequence[str]) -> dict[str, Json]:
    """What to say of a document that has just come from a file or a URL.

    Of a URL neither a password nor the query is kept, either of which can be a secret; of a path
    only the name.
    """
    record: dict[str, Json] = (
        {"address": loading.redact(source)}
        if loading.is_address(source)
        else {"file": Path(source).name}
    )
    record["date"] = datetime.now(UTC).date().isoformat()
    record["sha256"] = hashlib.sha256(content).hexdigest()
    if only:
        record["only"] = [*only]
    return record


def keep(root: Path, built: Path, fetched: dict[str, Json] | None) -> None:
    """Put beside a document that was built what there is to say of it.

    As long as the document stays what it is, what was said of it stays, too.
    """
    vendored = "openapi.json"
    new = (built / vendored).read_bytes()
    same = (root / vendored).is_file() and (root / vendored).read_bytes() == new
    record = present(root) if fetched is None or same else fetched
    if record is not None:
        _ = (built / FILE).write_bytes(render(record))
