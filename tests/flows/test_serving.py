"""A real Prefect server with an empty database, a worker and the project's deployments, while things go wrong."""

import shutil
import signal
from collections.abc import Iterator

import httpx
import pytest
from pipeline.small_project import Project

from flows.station import FINAL, USER, Station, until


@pytest.fixture(scope="module")
def served(built: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    """Server, worker and deployments of a folder in which each test puts a copy of the small project."""
    project = built.copy_to(tmp_path_factory.mktemp("serving") / "project")
    station = Station(project, tmp_path_factory.mktemp("home"))
    try:
        station.start_server()
        station.deploy()
        yield station
    finally:
        station.stop()


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
    by_hand = station.by_hand()
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

    def has_resumed() -> bool:
        state, lines = station.state(run)["type"], station.lines(run)
        resumed = any("resuming from step" in line for line in lines)
        assert resumed or state not in FINAL, lines
        return resumed

    until(has_resumed, "the retry resumes the training")
    station.end("server", signal.SIGKILL)
    station.start_server()  # takes many seconds, in which the run is without a server
    assert station.ended(run)["type"] == "COMPLETED", station.lines(run)
    generator = station.project.root / "models/generator.keras"
    content = generator.read_bytes()
    generator.unlink()
    station.project.run("pedigree", "train")
    assert generator.read_bytes() == content


def test_after_a_killed_server_and_a_lost_machine_the_next_run_frees_the_slot(
    station: Station,
) -> None:
    dead = station.wait()
    station.end("server", signal.SIGKILL)
    station.start_server()
    lease = station.state(dead)["state_details"]["deployment_concurrency_lease_id"]
    station.post(f"v2/concurrency_limits/leases/{lease}/renew", {"lease_duration": 300})  # 410 if the server forgot it
    station.lose_machine()
    station.start_worker()
    assert station.ended(station.run())["type"] == "CANCELLED"  # the server cannot know yet
    assert station.state(dead)["type"] == "RUNNING"
    station.last_for(0)
    by_hand = station.by_hand()
    assert by_hand.returncode == 0, by_hand.stderr
    assert station.state(dead)["type"] == "CRASHED"
    assert station.slots() == 0
    run = station.run()
    assert station.ended(run)["type"] == "COMPLETED", station.lines(run)


def test_missing_heartbeats_end_the_run_of_a_lost_machine_and_free_its_slot(station: Station) -> None:
    assert station.lose_machine_and_server().startswith("No heartbeat for 0.2 minutes")
    assert station.next_run() == "COMPLETED"
