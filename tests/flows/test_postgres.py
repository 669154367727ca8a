"""A Prefect server on Postgres. It is skipped where Postgres is not installed: `apt-get install postgresql`."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from pipeline.small_project import Project

from flows.postgres import database, installed
from flows.station import Station, free_port, until

POSTGRES = installed()


@pytest.fixture
def station(built: Project, tmp_path: Path) -> Iterator[Station]:
    """Server on Postgres, worker and deployments."""
    if POSTGRES is None:
        pytest.skip("Postgres is not installed: apt-get install postgresql")
    (tmp_path / "home").mkdir()
    project = built.copy_to(tmp_path / "project")
    with database(POSTGRES, free_port()) as url:
        station = Station(project, tmp_path / "home", {"PREFECT_SERVER_DATABASE_CONNECTION_URL": url})
        try:
            station.start_server()
            station.deploy()
            station.start_worker()
            yield station
        finally:
            station.stop()
            for process in station.processes():
                process.kill()


def test_a_lost_machine_and_a_killed_server_cost_one_run(station: Station) -> None:
    station.automate(minutes=0.2)
    dead = station.wait()
    until(lambda: bool(station.heartbeats(dead)), "a heartbeat arrives")
    station.lose_machine()
    station.end("server", signal.SIGKILL)
    station.start_server()
    assert station.state(dead)["type"] == "RUNNING"
    station.start_worker()
    assert station.ended(station.run())["type"] == "CANCELLED"
    assert station.ended(dead)["message"].startswith("No heartbeat for 0.2 minutes")
    station.automate(15)
    station.last_for(0)
    run = station.run()
    assert station.ended(run)["type"] == "COMPLETED", station.lines(run)
    assert not list(station.home.glob("prefect.db*"))  # all of it is in Postgres
