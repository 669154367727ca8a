"""A real Prefect server with a database of its own, a worker, and the project's deployments, put through a bad day.

The tests share one project and run in order: its training is cancelled, loses its worker and then its server, and ends
as a training does that nothing has happened to.
"""

import os
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
from pipeline.conftest import SMALL, Project, cut_down, new_project

PATIENCE = 240.0  # seconds, on a busy machine
LONG = {
    "train.precision": "float32",
    "train.steps": 3000,
    "train.sample_every": 1500,
    "train.score_every": 0,
    "train.checkpoint_every": 100,
}
PREFECT = (sys.executable, "-m", "prefect")


@dataclass
class Station:
    """A server, a worker and what they work on."""

    project: Project
    home: Path
    port: int
    running: "dict[str, subprocess.Popen[bytes]]" = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """What Prefect's programs need to find each other; a worker that looks for work every other second."""
        return os.environ | {
            "PWD": str(self.project.root),
            "PREFECT_HOME": str(self.home),
            "PREFECT_API_URL": f"http://127.0.0.1:{self.port}/api",
            "PREFECT_WORKER_QUERY_SECONDS": "2",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PYTHONPATH": str(self.project.root / "src"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }

    def start(self, name: str, *arguments: str) -> None:
        """Start one of Prefect's programs."""
        log = (self.home / f"{name}.log").open("ab")
        command = [*PREFECT, *arguments]
        self.running[name] = subprocess.Popen(
            command, cwd=self.project.root, env=self.environment, stdout=log, stderr=log, process_group=0
        )
        log.close()

    def start_server(self) -> None:
        """Start the server and wait until it answers."""
        self.start("server", "server", "start", "--port", str(self.port))
        until(lambda: self.answers(), "the server answers")

    def answers(self) -> bool:
        """Whether the server does."""
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/api/health").is_success
        except httpx.HTTPError:
            return False

    def start_worker(self) -> None:
        """Start the worker, unless it runs."""
        if "worker" not in self.running:
            self.start("worker", "worker", "start", "--pool", "pedigree")

    def end(self, name: str, number: int = signal.SIGTERM) -> None:
        """End a program by a signal."""
        started = self.running.pop(name)
        started.send_signal(number)
        try:
            started.wait(60)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()

    def prefect(self, *arguments: str) -> str:
        """Run a command of Prefect's; return what it prints."""
        done = subprocess.run(
            [*PREFECT, *arguments], cwd=self.project.root, env=self.environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def post(self, path: str, **content: Any) -> Any:
        """Ask the server for something; again while its database is busy, as Prefect's own client does."""
        for _ in range(20):
            answer = httpx.post(f"http://127.0.0.1:{self.port}/api/{path}", json=content, timeout=30)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            time.sleep(1)
        answer.raise_for_status()
        return answer.json()

    def run(self, **parameters: Any) -> str:
        """Ask for a run of the deployment `rebuild`; return its id."""
        deployment = httpx.get(f"http://127.0.0.1:{self.port}/api/deployments/name/rebuild/rebuild").json()
        return str(self.post(f"deployments/{deployment['id']}/create_flow_run", parameters=parameters)["id"])

    def state(self, run: str) -> dict[str, Any]:
        """Return the state of a flow run."""
        found: dict[str, Any] = httpx.get(f"http://127.0.0.1:{self.port}/api/flow_runs/{run}").json()["state"]
        return found

    def ended(self, run: str) -> dict[str, Any]:
        """Wait until a flow run has ended; return its state."""
        final = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
        until(lambda: self.state(run)["type"] in final, f"run {run} ends")
        return self.state(run)

    def lines(self, run: str) -> list[str]:
        """Return a flow run's log."""
        asked = {"flow_run_id": {"any_": [run]}}
        found = [self.post("logs/filter", logs=asked, offset=offset, limit=200) for offset in (0, 200, 400)]
        return [line["message"] for page in found for line in page]

    def trainings(self) -> list[psutil.Process]:
        """Return the processes that are at work in the project: stages, their keepers, flow runs."""
        return [process for process in psutil.process_iter() if self._ours(process)]

    def _ours(self, process: psutil.Process) -> bool:
        try:
            here = process.cwd() == str(self.project.root) and process.status() != psutil.STATUS_ZOMBIE
            return here and process.pid not in {started.pid for started in self.running.values()}
        except psutil.Error:
            return False

    def train_until_saved(self) -> str:
        """Ask for a run, wait until its training has saved its state, and return the run's id."""
        run = self.run(params=LONG)
        before = {path: path.stat().st_mtime_ns for path in self.checkpoints()}

        def saved() -> bool:
            return any(before.get(path) != path.stat().st_mtime_ns for path in self.checkpoints())

        until(saved, "training saves its state", lambda: "\n".join(self.lines(run)[-20:]))
        return run

    def checkpoints(self) -> list[Path]:
        """Return the files of resumable state."""
        return [path for path in (self.project.root / "runs/checkpoints").rglob("*.npz") if path.is_file()]


def until(holds: Callable[[], bool], what: str, told: Callable[[], str] = lambda: "") -> None:
    """Wait until something holds."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, f"{what}: not within {PATIENCE:g} s. {told()}"
        time.sleep(0.2)


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    """Server, worker and deployments of the small project, which has never been rebuilt."""
    project = new_project(tmp_path_factory.mktemp("serving") / "project")
    for name in ("images", "annotation"):
        cut_down(name, project.root)
    from pedigree.settings.overrides import override

    override(SMALL | {"validate.photos_per_breed": [5, 20]}, project.root / "params.yaml")
    project.commit("The tree as it stands")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    station = Station(project, tmp_path_factory.mktemp("home"), port)
    try:
        station.start_server()
        station.prefect("work-pool", "create", "pedigree", "--type", "process")
        station.prefect("--no-prompt", "deploy", "--all", "--prefect-file", "flows/prefect.yaml")
        station.start_worker()
        yield station
    finally:
        for name in ("worker", "server"):
            if name in station.running:
                station.end(name)
        for process in station.trainings():
            process.kill()


def test_a_schedule_fires_and_what_it_rebuilt_is_shown(station: Station) -> None:
    station.prefect("deployment", "schedule", "create", "rebuild/rebuild", "--interval", "45")
    seen: list[str] = []

    def fired() -> bool:
        runs = station.post("flow_runs/filter", flow_runs={"state": {"type": {"any_": ["COMPLETED", "FAILED"]}}})
        seen[:] = [run["id"] for run in runs]
        return bool(seen)

    until(fired, "a scheduled run ends")
    station.prefect("deployment", "schedule", "clear", "rebuild/rebuild", "--accept-yes")
    assert station.state(seen[0])["type"] == "COMPLETED", station.lines(seen[0])
    found = station.post("artifacts/filter", artifacts={"flow_run_id": {"any_": [seen[0]]}})
    kinds = {artifact["key"]: artifact["type"] for artifact in found}
    assert {
        "validation": "table",
        "census": "table",
        "samples": "image",
        "metrics": "table",
        "pages": "markdown",
    }.items() <= kinds.items()
    assert next(artifact["data"] for artifact in found if artifact["key"] == "samples").startswith(
        "data:image/png;base64,"
    )
    assert any(line.startswith("30 photos of 3 breeds") for line in station.lines(seen[0]))


def test_a_run_beside_another_is_cancelled_with_a_word_and_cancelling_ends_the_training(station: Station) -> None:
    run = station.train_until_saved()
    second = station.ended(station.run())
    assert second["type"] == "CANCELLED"
    assert "concurrency" in second["message"].lower()
    command = [sys.executable, "flows/rebuild.py"]
    by_hand = subprocess.run(
        command, cwd=station.project.root, env=station.environment, capture_output=True, text=True, check=False
    )
    assert by_hand.returncode == 1
    assert "rebuild: Another rebuild is at work" in by_hand.stderr
    station.post(f"flow_runs/{run}/set_state", state={"type": "CANCELLING", "name": "Cancelling"}, force=False)
    assert station.ended(run)["type"] == "CANCELLED"
    until(lambda: not station.trainings(), "all processes end")
    assert station.checkpoints()


def test_a_worker_that_is_killed_leaves_no_process_and_a_run_that_says_so(station: Station) -> None:
    run = station.train_until_saved()
    station.end("worker", signal.SIGKILL)
    until(lambda: not station.trainings(), "all processes end")
    assert station.state(run)["type"] in ("CRASHED", "FAILED")


def test_a_run_survives_that_its_server_is_away_and_ends_as_if_nothing_had_ever_happened(station: Station) -> None:
    station.start_worker()
    run = station.train_until_saved()
    station.end("server")
    time.sleep(8)
    station.start_server()
    assert station.ended(run)["type"] == "COMPLETED", station.lines(run)
    assert any("resuming from step" in line for line in station.lines(run))
    generator = (station.project.root / "models/generator.keras").read_bytes()
    (station.project.root / "models/generator.keras").unlink()
    station.project.run("pedigree", "train")
    assert (station.project.root / "models/generator.keras").read_bytes() == generator
