"""Saving a large result of a document, in memory and on disk, against the official client.

Each side asks the same small server for the same result, in a process of its own: it submits a
URL, polls once, and saves what the result holds. What is measured is the most that the process
grows, from the moment that its client exists.
"""

from __future__ import annotations

import base64
import importlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from random import Random

import attrs

from benchmarks.apart import apart, started_apart
from benchmarks.measuring import Goal, Quantity, Section, ratios, seconds_and_growth

_KEY = "a-key-that-nobody-checks"
_DOCUMENT = "https://documents.example/report.pdf"
_ID = "Qm3xT0yLr8sWb2ZkVf6NcA"


def serve(path: str, url: str) -> None:
    """Answer each request about documents with the result in a file, or with its URL."""
    size = Path(path).stat().st_size

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            check = f"{self._origin()}/api/v1/convert/{_ID}"
            self._answer({"success": True, "request_id": _ID, "request_check_url": check})

        def do_GET(self) -> None:
            if url and not self.path.endswith("/result.json"):
                found = {"status": "complete", "success": True}
                self._answer({**found, "result_url": f"{self._origin()}/result.json"})
                return
            self._begin(size)
            with Path(path).open("rb") as file:
                shutil.copyfileobj(file, self.wfile)

        def log_request(self, *_: object, **__: object) -> None:
            """Say nothing."""

        def _origin(self) -> str:
            return f"http://{self.headers['host']}"

        def _begin(self, length: int) -> None:
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(length))
            self.end_headers()

        def _answer(self, value: object) -> None:
            body = json.dumps(value).encode()
            self._begin(len(body))
            self.wfile.write(body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()


def save_with_ours(base_url: str, folder: str) -> dict[str, float]:
    """Save with ``client.documents.save``."""
    from datalab_facade import Convert, Datalab

    with Datalab(_KEY, base_url=base_url) as client:

        def save() -> None:
            client.documents.save(client.documents.submit(Convert(), _DOCUMENT), folder)

        return seconds_and_growth(save)


def convert_with_ours(base_url: str, folder: str) -> dict[str, float]:
    """Save with ``client.documents.convert``, which gives the result as well."""
    from datalab_facade import Datalab

    with Datalab(_KEY, base_url=base_url) as client:
        return seconds_and_growth(lambda: client.documents.convert(_DOCUMENT, output_dir=folder))


def save_with_theirs(base_url: str, folder: str) -> dict[str, float]:
    """Save with the official client."""
    sdk = importlib.import_module("datalab_sdk")

    path = Path(folder, "report", "report")
    path.parent.mkdir()
    client = sdk.DatalabClient(api_key=_KEY, base_url=base_url)
    return seconds_and_growth(lambda: client.convert(file_url=_DOCUMENT, save_output=path))


_SAVE, _CONVERT, _THEIRS = "ours, save", "ours, convert", "datalab-python-sdk"
_SIDES = {_SAVE: save_with_ours, _CONVERT: convert_with_ours, _THEIRS: save_with_theirs}
_MOST_OF_THEIRS = Goal(0.5)
_MOST_MIB = Goal(32)


@attrs.frozen(kw_only=True)
class Scale:
    """How much of everything."""

    images: int
    image_bytes: int
    repeats: int


FULL = Scale(images=200, image_bytes=225_000, repeats=5)
QUICK = Scale(images=4, image_bytes=10_000, repeats=1)


def measure(scale: Scale) -> Iterator[Section]:
    """Let the sides save a result, in turn: in the answer itself, and behind a URL."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        body = Path(folder, "result.json")
        # Not here: a process begins with what its parent has held.
        size = apart(
            __name__,
            "write_body",
            path=str(body),
            images=scale.images,
            image_bytes=scale.image_bytes,
        )
        sides = [side for side in _SIDES if side != _THEIRS or find_spec("datalab_sdk")]
        inside = _runs(sides, scale, body, url=False)
        behind = _runs([_SAVE], scale, body, url=True)
    above = {
        side: [max(run["grown_mib"] - size / 2**20, 0.1) for run in runs]
        for side, runs in inside.items()
    }
    quantities = [
        Quantity("growth of the process above the size of the result, MiB", above),
        Quantity(
            "seconds", {side: [run["seconds"] for run in runs] for side, runs in inside.items()}
        ),
    ]
    theirs = above.get(_THEIRS)
    if theirs is not None:
        mine = {side: ratios(above[side], theirs) for side in (_SAVE, _CONVERT)}
        what = "that growth, as a multiple of datalab-python-sdk"
        quantities.insert(0, Quantity(what, mine, _MOST_OF_THEIRS))
    notes = [
        f"{size / 1e6:.1f} MB of JSON, {scale.images} images, from loopback",
        "Ours is synced to the disk; theirs is not.",
    ]
    missing = () if theirs is not None else ("datalab_sdk is not installed",)
    yield Section("Saving a result that is in the answer", notes, quantities, missing)
    grown = {side: [run["grown_mib"] for run in runs] for side, runs in behind.items()}
    seconds = {side: [run["seconds"] for run in runs] for side, runs in behind.items()}
    yield Section(
        "Saving a result that is behind a URL",
        notes,
        [
            Quantity("growth of the process in all, MiB", grown, _MOST_MIB),
            Quantity("seconds", seconds),
        ],
    )


def write_body(path: str, images: int, image_bytes: int) -> int:
    """Write the answer with a result to a file, and give its size."""
    dice = Random(1)
    encoded = {
        f"_page_{number}_Figure_1.jpeg": base64.b64encode(dice.randbytes(image_bytes)).decode()
        for number in range(images)
    }
    links = "\n".join(f"![A figure]({name})\n\nText of page 'é'." for name in encoded)
    result = {
        "status": "complete",
        "success": True,
        "error": "",
        "output_format": "markdown",
        "markdown": f"# Report\n{links}",
        "images": encoded,
        "metadata": {"page_stats": [{"page_id": number} for number in range(images)]},
        "page_count": images,
        "total_cost": 1,
    }
    return Path(path).write_bytes(json.dumps(result).encode())


def _runs(
    sides: list[str], scale: Scale, body: Path, *, url: bool
) -> dict[str, list[dict[str, float]]]:
    found: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
    serving = started_apart(__name__, "serve", path=str(body), url="yes" if url else "")
    with subprocess.Popen(serving, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        base_url = f"http://127.0.0.1:{int(server.stdout.readline())}"
        try:
            for _ in range(scale.repeats):
                for side in sides:
                    with tempfile.TemporaryDirectory(dir=body.parent) as folder:
                        save = _SIDES[side].__name__
                        found[side].append(apart(__name__, save, base_url=base_url, folder=folder))
                        saved = list(Path(folder).rglob("*.jpeg"))
                        if len(saved) != scale.images or any(
                            path.stat().st_size != scale.image_bytes for path in saved
                        ):
                            raise RuntimeError(f"{side} has not saved all images")
        finally:
            server.kill()
    return found
