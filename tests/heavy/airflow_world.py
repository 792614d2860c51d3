"""A whole Airflow on this machine: its processes, its database, and its API."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx

from datalab_facade.models import JSON

BIN = Path(sys.executable).parent
PARTS = {
    "api-server": ("--workers", "1"),
    "scheduler": (),
    "dag-processor": (),
    "triggerer": (),
}


def eventually(condition: Callable[[], Any], what: str, *, seconds: float) -> Any:
    """Give what a condition gives as soon as it is true."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {seconds:g} seconds: {what}"
        time.sleep(0.2)
    return found


class Home:
    """A home folder of Airflow.

    Args:
        folder: Where.
        connections: The connections, by id.
    """

    def __init__(self, folder: Path, connections: dict[str, JSON]) -> None:
        self.folder = folder
        self.connections = connections
        self.dags = folder / "dags"
        self.dags.mkdir(parents=True)
        with socket.socket() as free, socket.socket() as free_too:
            free.bind(("127.0.0.1", 0))
            free_too.bind(("127.0.0.1", 0))
            self.port, trigger_log_port = free.getsockname()[1], free_too.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            **{name: value for name, value in os.environ.items() if "AIRFLOW" not in name},
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "AIRFLOW_HOME": str(folder),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "true",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API_AUTH__JWT_SECRET": os.urandom(32).hex(),
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(trigger_log_port),
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": "0",
            "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "1",
            "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "8",
            **{
                f"AIRFLOW_CONN_{name.upper()}": c if isinstance(c, str) else json.dumps(c)
                for name, c in connections.items()
            },
        }

    def run(self, *command: str, may_fail: bool = False, **environment: str) -> str:
        """Run a command of Airflow to its end, and give what it printed."""
        return self._run(str(BIN / "airflow"), *command, may_fail=may_fail, **environment)

    def python(self, script: str) -> str:
        """Run Python code to its end, and give what it printed."""
        return self._run(sys.executable, "-W", "ignore", "-c", script)

    def copy(self, folder: Path) -> Home:
        """Give another one, with what the database of this one holds, and no DAGs."""
        ignored = shutil.ignore_patterns("airflow.cfg", "dags")
        shutil.copytree(self.folder, folder, ignore=ignored)
        return Home(folder, self.connections)

    def _run(self, *command: str, may_fail: bool = False, **environment: str) -> str:
        done = subprocess.run(
            command,
            env={**self.environment, **environment},
            cwd=self.folder,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert may_fail or done.returncode == 0, done.stdout
        return done.stdout

    def trigger(self, trigger_id: int) -> tuple[str, dict[str, Any]]:
        """Give the class and the arguments of a trigger, as they are stored."""
        with contextlib.closing(sqlite3.connect(self.folder / "airflow.db")) as database:
            query = "select classpath, kwargs from trigger where id = ?"
            classpath, arguments = database.execute(query, (trigger_id,)).fetchone()
        return classpath, json.loads(arguments)


class Airflow:
    """All of Airflow's processes, over a home."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._http = httpx.Client(base_url=home.url, timeout=30)

    def start(self, part: str) -> None:
        """Start one of the processes."""
        with (self.home.folder / f"{part}.log").open("ab") as log:
            self._running[part] = subprocess.Popen(
                [BIN / "airflow", part, *PARTS[part]],
                env=self.home.environment,
                cwd=self.home.folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self, part: str) -> None:
        """Kill a process and its children, with nothing left to them to do."""
        process = self._running.pop(part)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    @contextlib.contextmanager
    def running(self) -> Iterator[Airflow]:
        """Have it run."""
        try:
            for part in PARTS:
                self.start(part)
            eventually(self._healthy, "Airflow is healthy", seconds=180)
            token = self._http.get("/auth/token").raise_for_status().json()["access_token"]
            self._http.headers["Authorization"] = f"Bearer {token}"
            yield self
        finally:
            for process in self._running.values():
                os.killpg(process.pid, signal.SIGTERM)
            for part, process in list(self._running.items()):
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    self.kill(part)
            self._http.close()

    def _healthy(self) -> bool:
        for part, process in self._running.items():
            assert process.poll() is None, (self.home.folder / f"{part}.log").read_text()
        try:
            told = self._http.get("/api/v2/monitor/health").json()
        except httpx.HTTPError:
            return False
        wanted = ("metadatabase", "scheduler", "triggerer", "dag_processor")
        return all(told[part]["status"] == "healthy" for part in wanted)

    def get(self, path: str) -> Any:
        """Ask Airflow's API."""
        return self._http.get(f"/api/v2/{path}").raise_for_status().json()

    def send(self, method: str, path: str, body: JSON) -> Any:
        """Order something of Airflow's API.

        Before it acts it writes to its audit log, and answers 500 where SQLite is locked
        for too long by another of its requests; then the order is given again.
        """
        answer: httpx.Response = eventually(
            lambda: (
                (told := self._http.request(method, f"/api/v2/{path}", json=body)).status_code
                != 500
                and told
            ),
            f"{method} {path} is answered",
            seconds=60,
        )
        return answer.raise_for_status().json()

    def begin(self, dag_id: str, conf: JSON) -> DagRun:
        """Run a DAG, as soon as Airflow has found it."""
        eventually(
            lambda: self._http.get(f"/api/v2/dags/{dag_id}").is_success,
            f"{dag_id} is found",
            seconds=60,
        )
        self.send("PATCH", f"dags/{dag_id}", {"is_paused": False})
        told = self.send("POST", f"dags/{dag_id}/dagRuns", {"logical_date": None, "conf": conf})
        return DagRun(self, dag_id, told["dag_run_id"])


class DagRun:
    """A run of a DAG."""

    def __init__(self, airflow: Airflow, dag_id: str, run_id: str) -> None:
        self._airflow = airflow
        self._dag_id, self._run_id = dag_id, run_id
        self._path = f"dags/{dag_id}/dagRuns/{run_id}"

    def task(self, task_id: str) -> dict[str, Any]:
        """Give what Airflow tells of a task."""
        found: dict[str, Any] = self._airflow.get(f"{self._path}/taskInstances/{task_id}")
        return found

    def xcoms(self, task_id: str) -> dict[str, Any]:
        """Give the XComs of a task, by key."""
        path = f"{self._path}/taskInstances/{task_id}/xcomEntries"
        keys = [one["key"] for one in self._airflow.get(path)["xcom_entries"]]
        return {key: self._airflow.get(f"{path}/{key}")["value"] for key in keys}

    def mapped(self, task_id: str) -> list[dict[str, Any]]:
        """Give what Airflow tells of the tasks that a mapped one has become."""
        path = f"{self._path}/taskInstances/{task_id}/listMapped"
        found: list[dict[str, Any]] = self._airflow.get(path)["task_instances"]
        return found

    def clear(self, task_id: str) -> None:
        """Have a task run again."""
        self._airflow.send(
            "POST",
            f"dags/{self._dag_id}/clearTaskInstances",
            {
                "dry_run": False,
                "dag_run_id": self._run_id,
                "task_ids": [task_id],
                "only_failed": False,
                "reset_dag_runs": True,
            },
        )

    def until(self, task_id: str, *states: str, seconds: float = 180) -> dict[str, Any]:
        """Wait until a task is in one of these states."""
        found: dict[str, Any] = eventually(
            lambda: (task := self.task(task_id))["state"] in states and task,
            f"{task_id} is {' or '.join(states)}",
            seconds=seconds,
        )
        return found
