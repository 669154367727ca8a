"""A Prefect server on Postgres. It is skipped where Postgres is not installed: `apt-get install postgresql`."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pipeline.small_project import Project

from flows.postgres import database, installed
from flows.station import Station, free_port

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


def test_missing_heartbeats_end_the_run_of_a_lost_machine_and_free_its_slot(station: Station) -> None:
    assert station.lose_machine_and_server().startswith("No heartbeat for 0.2 minutes")
    assert station.next_run() == "COMPLETED"
    assert not list(station.home.glob("prefect.db*"))  # all of it is in Postgres
