"""A real Prefect server with an empty database, a worker and the project's deployments, while things go wrong."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from pipeline.small_project import Project

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
PREFECT = (sys.executable, "-m", "prefect")


@dataclass
class Station:
    """A server, a worker and the project that the deployments run in."""

    project: Project
    home: Path
    port: int
    running: "dict[str, subprocess.Popen[bytes]]" = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of Prefect's programs. The worker asks for work every second."""
        return os.environ | {
            "PWD": str(self.project.root),
            "PREFECT_HOME": str(self.home),
            "PREFECT_API_URL": f"http://127.0.0.1:{self.port}/api",
            "PREFECT_SERVER_API_AUTH_STRING": PASSWORD,
            "PREFECT_API_AUTH_STRING": PASSWORD,
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PYTHONPATH": str(self.project.root / "src"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }

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

    def post(self, path: str, content: Any) -> Any:
        """Send a request to the server; repeat it while its database is busy, as Prefect's own client does."""
        for _ in range(20):
            answer = httpx.post(f"http://127.0.0.1:{self.port}/api/{path}", json=content, timeout=30, auth=USER)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            time.sleep(1)
        answer.raise_for_status()
        return answer.json()

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
        final = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
        until(lambda: self.state(run)["type"] in final, f"run {run} ends")
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

    def wait_for_checkpoint(self, run: str) -> None:
        """Wait until the training saves its next checkpoint."""
        before = self.checkpoints()

        def saved() -> bool:
            return bool(self.checkpoints() - before)

        until(saved, "training saves a checkpoint", lambda: "\n".join(self.lines(run)[-20:]))

    def checkpoints(self) -> set[tuple[str, int]]:
        """Return the checkpoints, each with the time of its last change."""
        checkpoints = set()
        for path in (self.project.root / "runs/checkpoints").rglob("step-*.npz"):
            with contextlib.suppress(FileNotFoundError):  # the training deletes old ones meanwhile
                checkpoints.add((path.name, path.stat().st_mtime_ns))
        return checkpoints


def until(holds: Callable[[], bool], event: str, details: Callable[[], str] = lambda: "") -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"{event}: not within {PATIENCE:g} s. {details()}"
        time.sleep(POLL)


@pytest.fixture(scope="module")
def served(built: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    """Server, worker and deployments of a folder in which each test puts a copy of the small project."""
    project = built.copy_to(tmp_path_factory.mktemp("serving") / "project")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    station = Station(project, tmp_path_factory.mktemp("home"), port)
    try:
        station.start_server()
        station.prefect("work-pool", "create", "pedigree", "--type", "process")
        station.prefect("--no-prompt", "deploy", "--all", "--prefect-file", "flows/prefect.yaml")
        yield station
    finally:
        for name in ("worker", "server"):
            if name in station.running:
                station.end(name)


@pytest.fixture
def station(built: Project, served: Station) -> Iterator[Station]:
    """Server and worker, both running, and a fresh copy of the small project."""
    shutil.rmtree(served.project.root)
    built.copy_to(served.project.root)
    served.start_server()
    served.start_worker()
    yield served
    for process in served.processes():
        process.kill()


def test_a_schedule_starts_a_run_and_its_reports_are_artifacts(station: Station) -> None:
    station.project.override({"unpack.max_files": 1000})  # so that a stage has changed
    schedules = f"deployments/{station.deployment()}/schedules"
    (schedule,) = station.post(schedules, [{"schedule": {"interval": 20}, "active": True}])
    completed: list[str] = []

    def has_run() -> bool:
        query = {"flow_runs": {"state": {"type": {"any_": ["COMPLETED", "FAILED"]}}}}
        completed[:] = [run["id"] for run in station.post("flow_runs/filter", query) if run["auto_scheduled"]]
        return bool(completed)

    until(has_run, "a scheduled run ends")
    url = f"http://127.0.0.1:{station.port}/api/{schedules}/{schedule['id']}"
    # The server answers 503 while its database is locked.
    until(lambda: httpx.delete(url, auth=USER).status_code in (204, 404), "the schedule is deleted")
    run = completed[0]
    assert station.state(run)["type"] == "COMPLETED", station.lines(run)
    artifacts = station.post("artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [run]}}})
    kinds = {artifact["key"]: artifact["type"] for artifact in artifacts}
    expected = {"validation": "table", "census": "table", "samples": "image", "metrics": "table", "pages": "markdown"}
    assert expected.items() <= kinds.items()
    (samples,) = [artifact["data"] for artifact in artifacts if artifact["key"] == "samples"]
    assert samples.startswith("data:image/png;base64,")

    def has_logged() -> bool:
        return any(line.startswith("30 photos of 3 breeds") for line in station.lines(run))

    until(has_logged, "the lines of the run arrive")  # Prefect sends them in batches


def test_a_second_run_is_cancelled_and_cancelling_the_first_stops_its_training(station: Station) -> None:
    run = station.train()
    second = station.ended(station.run())
    assert second["type"] == "CANCELLED"
    assert "concurrency" in second["message"].lower()
    command = [sys.executable, "flows/rebuild.py"]
    by_hand = subprocess.run(
        command, cwd=station.project.root, env=station.environment, capture_output=True, text=True, check=False
    )
    assert by_hand.returncode == 1
    assert "rebuild: Another rebuild is running" in by_hand.stderr
    station.post(f"flow_runs/{run}/set_state", {"state": {"type": "CANCELLING", "name": "Cancelling"}, "force": False})
    assert station.ended(run)["type"] == "CANCELLED"
    until(lambda: not station.processes(), "all processes end")
    assert station.checkpoints()


def test_a_killed_worker_leaves_no_process_and_its_run_has_crashed(station: Station) -> None:
    run = station.train()
    station.end("worker", signal.SIGKILL)
    until(lambda: not station.processes(), "all processes end")
    assert station.state(run)["type"] in ("CRASHED", "FAILED")


def test_a_killed_training_and_an_absent_server_change_nothing_in_the_result(station: Station) -> None:
    run = station.train(**{"train.steps": 800})
    (training,) = [process for process in station.processes() if process.cmdline()[1:] == ["-m", "pedigree", "train"]]
    training.kill()
    until(lambda: any("resuming from step" in line for line in station.lines(run)), "the retry resumes the training")
    station.end("server")
    station.start_server()  # takes many seconds, in which the run is without a server
    assert station.ended(run)["type"] == "COMPLETED", station.lines(run)
    generator = station.project.root / "models/generator.keras"
    content = generator.read_bytes()
    generator.unlink()
    station.project.run("pedigree", "train")
    assert generator.read_bytes() == content
