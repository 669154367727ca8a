"""`pedigree doctor` on a real Prefect server: it logs in, and finds runs whose process is gone."""

import os
import socket
import subprocess
import sys
from base64 import b64encode

import httpx
import pytest
from prefect.settings import PREFECT_API_URL
from server_access import SERVER_PASSWORD

from pedigree.doctor.prefect_server import Server, check_server


@pytest.mark.usefixtures("server")
def test_a_run_whose_process_was_killed_is_found_and_its_remedy_removes_it() -> None:
    url, password = str(PREFECT_API_URL.value()), os.environ[SERVER_PASSWORD]
    server = Server(url, f"Basic {b64encode(password.encode()).decode()}", True)
    with (
        httpx.Client(base_url=url, auth=tuple(password.split(":"))) as client,  # type: ignore[arg-type]
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process,
    ):
        flow = client.post("/flows/", json={"name": "bake"}).json()["id"]
        run = client.post("/flow_runs/", json={"flow_id": flow, "state": {"type": "RUNNING"}}).json()
        pid = f"{socket.gethostname()}:{process.pid}"
        client.patch(f"/flow_runs/{run['id']}", json={"infrastructure_pid": pid}).raise_for_status()

        assert [finding.level for finding in check_server(server, "Prefect")] == ["fine"]
        process.kill()
        process.wait()
        _, dead = check_server(server, "Prefect")
        assert f"its process {process.pid} is gone" in dead.text
        subprocess.run(
            [sys.executable, "-m", *dead.remedy.split()],
            check=True,
            env=os.environ | {"PREFECT_API_URL": url, "PREFECT_API_AUTH_STRING": password},
            capture_output=True,
            input=b"y\n",
        )
        assert [finding.level for finding in check_server(server, "Prefect")] == ["fine"]
    assert check_server(Server(url, "", True), "Prefect")[0].text.endswith("does not accept the password (401)")
