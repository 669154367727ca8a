"""A Prefect server, a worker and a project that the deployments run in, for tests and benchmarks that disturb them."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import automations
import defaults  # of the flows
import httpx
import psutil
from pipeline.small_project import Project

from pedigree.doctor.prefect_server import HEARTBEAT

PATIENCE = 240.0  # seconds, on a busy machine
POLL = 0.1  # seconds
PASSWORD = "tests:of-serving"  # noqa: S105
USER = httpx.BasicAuth(*PASSWORD.split(":"))
LONG = {  # a training that is still running when a test stops it
    "train.precision": "float32",
    "train.steps": 6000,
    "train.sample_every": 3000,
    "train.score_every": 0,
    "train.checkpoint_every": 50,
}
WAITS = """
stages:
  wait:
    cmd: sleep {seconds}
    always_changed: true
"""
FINAL = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
PREFECT = (sys.executable, "-m", "prefect")


def free_port() -> int:
    """Return a port that no program uses."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@dataclass
class Station:
    """A server, a worker and the project that the deployments run in."""

    project: Project
    home: Path
    settings: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    running: "dict[str, subprocess.Popen[bytes]]" = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of Prefect's programs, with the flows' defaults. The worker looks for runs every second."""
        default = {**defaults.DEFAULTS} | {
            "PWD": str(self.project.root),
            "PREFECT_HOME": str(self.home),
            "PREFECT_API_URL": f"http://127.0.0.1:{self.port}/api",
            "PREFECT_SERVER_API_AUTH_STRING": PASSWORD,
            "PREFECT_API_AUTH_STRING": PASSWORD,
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",  # the shortest time that Prefect allows
            "PYTHONPATH": str(self.project.root / "src"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }
        return os.environ | default | self.settings

    def start(self, name: str, *arguments: str) -> None:
        """Start one of Prefect's programs, outside the project's folder."""
        log = (self.home / f"{name}.log").open("ab")
        command = [*PREFECT, *arguments]
        self.running[name] = subprocess.Popen(
            command, cwd=self.home, env=self.environment, stdout=log, stderr=log, process_group=0
        )
        log.close()

    def start_server(self) -> None:
        """Start the server, unless it is running, and wait until it answers."""
        if "server" not in self.running:
            self.start("server", "server", "start", "--port", str(self.port))
        until(self.answers, "the server answers")

    def stop(self) -> None:
        """End worker and server."""
        for name in ("worker", "server"):
            if name in self.running:
                self.end(name)

    def answers(self) -> bool:
        """Return whether the server answers."""
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/api/health").is_success
        except httpx.HTTPError:
            return False

    def start_worker(self) -> None:
        """Start the worker, unless it is running."""
        if "worker" not in self.running:
            self.start("worker", "worker", "start", "--pool", "pedigree")

    def deploy(self) -> None:
        """Create the work pool, the deployments and the automation, as `make serve` does."""
        self.prefect("work-pool", "create", "pedigree", "--type", "process", "--overwrite")
        self.prefect("--no-prompt", "deploy", "--all", "--prefect-file", "flows/prefect.yaml")
        self.automate(automations.MINUTES)

    def automate(self, minutes: float) -> None:
        """Install the automation for dead runs, or change its minutes."""
        command = ("python", "flows/automations.py", "--minutes", str(minutes))
        self.project.run(*command, **self.environment)

    def lose_machine(self) -> None:
        """Kill the worker and its runs at once, as when their machine is lost: none of them can report anything."""
        worker = self.running.pop("worker")
        lost = {*psutil.Process(worker.pid).children(recursive=True), *self.processes()}
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for process in (worker, *lost):
                with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
                    process.send_signal(number)
        worker.wait()

    def end(self, name: str, number: int = signal.SIGTERM) -> None:
        """End a program with a signal."""
        process = self.running.pop(name)
        process.send_signal(number)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def prefect(self, *arguments: str) -> str:
        """Run Prefect in the project; return its output."""
        result = subprocess.run(
            [*PREFECT, *arguments], cwd=self.project.root, env=self.environment, capture_output=True, text=True
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def by_hand(self) -> "subprocess.CompletedProcess[str]":
        """Run the flow `rebuild` as a person does."""
        command = [sys.executable, "flows/rebuild.py"]
        return subprocess.run(
            command, cwd=self.project.root, env=self.environment, capture_output=True, text=True, check=False
        )

    def post(self, path: str, content: Any) -> Any:
        """Send a request to the server; repeat it while its database is busy, as Prefect's own client does."""
        for _ in range(20):
            answer = httpx.post(f"http://127.0.0.1:{self.port}/api/{path}", json=content, timeout=30, auth=USER)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            time.sleep(1)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def run(self, **parameters: Any) -> str:
        """Start a run of the deployment `rebuild`; return its id."""
        return str(self.post(f"deployments/{self.deployment()}/create_flow_run", {"parameters": parameters})["id"])

    def deployment(self) -> str:
        """Return the id of the deployment `rebuild`."""
        return str(self.get("deployments/name/rebuild/rebuild")["id"])

    def get(self, path: str) -> Any:
        """Read from the server."""
        return httpx.get(f"http://127.0.0.1:{self.port}/api/{path}", auth=USER).json()

    def state(self, run: str) -> dict[str, Any]:
        """Return the state of a flow run."""
        state: dict[str, Any] = self.get(f"flow_runs/{run}")["state"]
        return state

    def ended(self, run: str) -> dict[str, Any]:
        """Wait until a flow run has ended; return its state."""
        until(lambda: self.state(run)["type"] in FINAL, f"run {run} ends")
        return self.state(run)

    def lines(self, run: str) -> list[str]:
        """Return a flow run's log."""
        query = {"logs": {"flow_run_id": {"any_": [run]}}, "limit": 200}
        pages = [self.post("logs/filter", query | {"offset": offset}) for offset in (0, 200, 400)]
        return [line["message"] for page in pages for line in page]

    def processes(self) -> list[psutil.Process]:
        """Return the processes that run in the project: stages, their supervisors, flow runs."""
        return [process for process in psutil.process_iter() if self._is_in_project(process)]

    def _is_in_project(self, process: psutil.Process) -> bool:
        try:
            return process.cwd() == str(self.project.root) and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    def train(self, **settings: Any) -> str:
        """Start a run that trains, wait until it has saved a checkpoint, and return its id."""
        run = self.run(params=LONG | settings, targets=["train"])
        self.wait_for_checkpoint(run)
        return run

    def last_for(self, seconds: float) -> None:
        """Give the project a pipeline that only waits."""
        (self.project.root / "dvc.yaml").write_text(WAITS.format(seconds=seconds))

    def wait(self, seconds: float = 600) -> str:
        """Start a run that waits, and return its id when its stage runs."""
        self.last_for(seconds)
        run = self.run()

        def waits() -> bool:
            assert self.state(run)["type"] not in FINAL, (self.state(run), self.lines(run))
            return any(process.name() == "sleep" for process in self.processes())

        until(waits, "the stage runs", lambda: "\n".join(self.lines(run)))
        return run

    def heartbeats(self, run: str) -> list[str]:
        """Return the times of a run's heartbeats, the last one first."""
        events = {"event": {"name": [HEARTBEAT]}, "resource": {"id": [f"prefect.flow-run.{run}"]}}
        found = self.post("events/filter", {"filter": events | {"order": "DESC"}})["events"]
        return [event["occurred"] for event in found]

    def lose_machine_and_server(self) -> str:
        """Lose machine and server during a run; return the message of its state when the automation has ended it.

        The automation waits for 12 seconds, less than the 30 between two heartbeats: it is installed while the run is
        alive, and the run is killed after its next heartbeat.
        """
        dead = self.wait()
        until(lambda: bool(self.heartbeats(dead)), "the first heartbeat is sent")
        self.automate(minutes=0.2)
        installed = datetime.now(UTC)
        until(lambda: datetime.fromisoformat(self.heartbeats(dead)[0]) > installed, "a heartbeat is sent")
        self.lose_machine()
        time.sleep(5)  # the automation must have seen the heartbeat, which was its first
        self.end("server", signal.SIGKILL)
        self.start_server()
        message = str(self.ended(dead)["message"])
        self.automate(automations.MINUTES)
        self.start_worker()
        return message

    def next_run(self) -> str:
        """Run a pipeline that ends at once; return the type of the run's last state."""
        self.last_for(0)
        return str(self.ended(self.run())["type"])

    def slots(self) -> int:
        """Return how many slots of the deployment are taken."""
        return int(self.get("deployments/name/rebuild/rebuild")["global_concurrency_limit"]["active_slots"])

    def wait_for_checkpoint(self, run: str) -> None:
        """Wait until the training saves its next checkpoint."""
        before = self.checkpoints()

        def saved() -> bool:
            return bool(self.checkpoints() - before)

        until(saved, "training saves a checkpoint", lambda: "\n".join(self.lines(run)[-20:]))

    def checkpoints(self) -> set[tuple[str, int]]:
        """Return the checkpoints, each with the time of its last change."""
        checkpoints = set()
        for path in (self.project.root / "runs/checkpoints").glob("*/step-*.npz"):  # whole ones
            with contextlib.suppress(FileNotFoundError):  # the training deletes old ones meanwhile
                checkpoints.add((path.name, path.stat().st_mtime_ns))
        return checkpoints


def until(
    holds: Callable[[], bool], event: str, details: Callable[[], str] = lambda: "", patience: float = PATIENCE
) -> None:
    """Wait until something holds, for so many seconds."""
    deadline = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < deadline, f"{event}: not within {patience:g} s. {details()}"
        time.sleep(POLL)
