"""Programs that save outputs, to be run, limited and killed by tests.

Run as a module with a job and its arguments in JSON; what became of it is printed
in JSON as well.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from datalab_facade import DownloadError, Execution, Output, Status
from datalab_facade.outputs.saving import Saving
from tests.warm import warm
from tests.ways import Kind, Way

_NOWHERE = "http://127.0.0.1:9"


def start(job: str, **arguments: Any) -> subprocess.Popen[str]:
    """Start a job in a process of its own."""
    return _started([*warm(__name__), job, json.dumps(arguments)])


def start_cold(job: str, **arguments: Any) -> subprocess.Popen[str]:
    """Start a job in a Python of its own, which a signal reaches at once, with little memory."""
    return _started([sys.executable, "-m", __name__, job, json.dumps(arguments)])


def _started(command: list[str]) -> subprocess.Popen[str]:
    root = Path(__file__).parent.parent.parent
    return subprocess.Popen(
        command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def outcome(process: subprocess.Popen[str]) -> Any:
    """Wait for a job, and give what it printed."""
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    return json.loads(out)


def save(*, url: str, path: str, kind: Kind = "sync", **options: Any) -> Any:
    """Save one output."""
    output = Output(
        execution_id=1001, step="parse", file_key=None, url=url, status=Status.COMPLETED
    )
    with Way(kind) as way:
        client = way.network_client(base_url=_NOWHERE)
        try:
            return {"bytes": way.done(client.outputs.save(output, path, **options)).bytes}
        except DownloadError as error:
            return {"reason": error.reason}


def save_limited(*, limit: int, **arguments: Any) -> Any:
    """Save one output where no file may grow larger than a limit, as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    return save(**arguments)


def save_measured(*, first: str, **arguments: Any) -> Any:
    """Save a small output, then another one, and measure the memory which that one took."""
    save(**{**arguments, "url": first, "path": arguments["path"] + ".first"})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = save(**arguments)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {**result, "kilobytes": after - before}


def save_all(*, execution: dict[str, Any], folder: str, kind: Kind = "sync", **options: Any) -> Any:
    """Save all outputs of an execution."""
    with Way(kind) as way:
        client = way.network_client(base_url=_NOWHERE)
        saving = client.outputs.save_all(Execution.from_dict(execution), folder, **options)
        return way.done(saving).to_dict()


def save_all_killed(*, at: str, number: int, **arguments: Any) -> Any:
    """Save all outputs of an execution, and be killed at some moment of the so manieth."""
    left = [number]

    def deadly(owner: Any, name: str, *, before: bool) -> None:
        work = getattr(owner, name)

        def do(*args: Any, **options: Any) -> Any:
            left[0] -= 1
            if before and not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            done = work(*args, **options)
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            return done

        setattr(owner, name, do)

    named = (Path, "replace") if arguments.get("overwrite") else (os, "link")
    if at == "before the name":
        deadly(*named, before=True)
    elif at == "after the name":
        deadly(*named, before=False)
    else:
        deadly(Saving, "record_saved", before=True)
    return save_all(**arguments)


_JOBS = {
    job.__name__: job for job in (save, save_limited, save_measured, save_all, save_all_killed)
}

if __name__ == "__main__":
    sys.stdout.write(json.dumps(_JOBS[sys.argv[1]](**json.loads(sys.argv[2]))))
