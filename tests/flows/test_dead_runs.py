"""Runs whose process was killed, on a real Prefect server: the doctor finds them, and the next run marks them."""

import os
import shlex
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from doctor.holders import another_holder, killed_holder
from prefect import flow
from prefect.settings import PREFECT_API_URL
from server_access import SERVER_PASSWORD
from stages import exclusive

from pedigree.doctor.locks import FOLDER, killed_holders
from pedigree.doctor.prefect_server import Server, check_server


@pytest.fixture
def api(server: None) -> Iterator[httpx.Client]:
    """A client of the temporary server."""
    user, password = os.environ[SERVER_PASSWORD].split(":")
    with httpx.Client(base_url=str(PREFECT_API_URL.value()), auth=(user, password)) as client:
        yield client


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """The lock of the flow `rebuild` in a project."""
    return tmp_path / FOLDER / "rebuild.lock"


def started(api: httpx.Client) -> str:
    """Start a run on the server, without a process; return its id."""
    flow_id = api.post("/flows/", json={"name": "bake"}).json()["id"]
    return str(api.post("/flow_runs/", json={"flow_id": flow_id, "state": {"type": "RUNNING"}}).json()["id"])


def state(api: httpx.Client, run: str) -> dict[str, str]:
    """Return the state of a run."""
    return dict(api.get(f"/flow_runs/{run}").json()["state"])


@flow
def rebuild(root: Path) -> None:
    """A flow that only takes its lock."""
    with exclusive(root):
        pass


def test_the_doctor_finds_a_killed_run_and_its_remedy_marks_it(api: httpx.Client, lock: Path, tmp_path: Path) -> None:
    url, password = str(PREFECT_API_URL.value()), os.environ[SERVER_PASSWORD]
    server = Server(url, f"Basic {b64encode(password.encode()).decode()}", True)
    run = started(api)
    with another_holder(lock, run) as process:
        assert [finding.level for finding in check_server(server, "Prefect", tmp_path)] == ["fine"]
    _, dead = check_server(server, "Prefect", tmp_path)
    assert f"its process {process.pid} on " in dead.text
    environment = os.environ | {"PREFECT_API_URL": url, "PREFECT_API_AUTH_STRING": password}
    command = [sys.executable, "-m", *shlex.split(dead.remedy)]
    subprocess.run(command, check=True, env=environment, capture_output=True, stdin=subprocess.DEVNULL)
    assert state(api, run)["type"] == "CRASHED"
    assert [finding.level for finding in check_server(server, "Prefect", tmp_path)] == ["fine"]
    assert check_server(Server(url, "", True), "Prefect", tmp_path)[0].text.endswith("the password (401)")


def test_the_next_run_marks_the_killed_one_and_no_other(api: httpx.Client, lock: Path, tmp_path: Path) -> None:
    another, killed = started(api), started(api)
    number = killed_holder(lock, killed)
    rebuild(tmp_path)
    assert state(api, another)["type"] == "RUNNING"
    assert state(api, killed)["type"] == "CRASHED"
    assert f"process {number} on " in state(api, killed)["message"]


def test_a_killed_run_that_has_ended_for_the_server_keeps_its_state(
    api: httpx.Client, lock: Path, tmp_path: Path
) -> None:
    run = started(api)
    api.post(f"/flow_runs/{run}/set_state", json={"state": {"type": "FAILED", "name": "Rejected"}}).raise_for_status()
    killed_holder(lock, run)
    rebuild(tmp_path)
    assert state(api, run)["name"] == "Rejected"


def test_a_killed_run_of_another_server_does_not_matter(api: httpx.Client, lock: Path, tmp_path: Path) -> None:
    killed_holder(lock, "00000000-0000-4000-8000-000000000000")
    assert rebuild(tmp_path, return_state=True).is_completed()
    assert killed_holders(tmp_path) == []
