"""Prefect's server: closed, refusing the password, or no Prefect; the password stays on this machine."""

import json
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from pedigree.doctor import prefect_server
from pedigree.doctor.prefect_server import Server, check_server

LOGIN = "pedigree:secret"
BASIC = "Basic cGVkaWdyZWU6c2VjcmV0"  # the same in base64


class _Handler(BaseHTTPRequestHandler):
    """Answers like a Prefect server with a password, and with the list of runs in `runs`."""

    runs: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        known = self.path == "/api/flow_runs/filter"
        self.send_response(404 if not known else 200 if self.headers["Authorization"] == BASIC else 401)
        self.end_headers()
        self.wfile.write(json.dumps(self.runs).encode())

    def log_message(self, *_: object) -> None:
        """Write nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    """The address of a server with a password."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_a_server_that_accepts_the_password_is_fine_and_one_that_does_not_says_which_variable(url: str) -> None:
    (finding,) = check_server(Server(f"{url}/api", BASIC, True), "Prefect 3")
    assert finding.level == "fine"
    for authorization in ("", "Basic cGVkaWdyZWU6Z3Vlc3M="):
        (finding,) = check_server(Server(f"{url}/api", authorization, True), "Prefect 3")
        assert (finding.level, "(401)" in finding.text) == ("note", True)
        assert "PREFECT_API_AUTH_STRING" in finding.remedy


def test_an_address_without_api_is_named(url: str) -> None:
    (finding,) = check_server(Server(url, BASIC, True), "Prefect 3")
    assert "ends in /api" in finding.remedy


@pytest.mark.parametrize(("configured", "level"), [(True, "note"), (False, "fine")])
def test_a_closed_port_matters_only_if_the_user_has_named_the_server(configured: bool, level: str) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}/api"
        (finding,) = check_server(Server(address, "", configured), "Prefect 3")
    assert finding.level == level


@pytest.mark.parametrize("address", ["127.0.0.1:4200/api", "file:///etc/passwd", "http://[/api"])
def test_a_malformed_address_is_a_note(address: str) -> None:
    (finding,) = check_server(Server(address, "", True), "Prefect 3")
    assert finding.level == "note"


def test_a_run_is_dead_if_its_process_is_gone_or_after_a_day(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(name: str, hours: float, process: str | None) -> dict[str, Any]:
        start = datetime.now(UTC) - timedelta(hours=hours)
        return {"name": name, "id": name, "start_time": start.isoformat(), "infrastructure_pid": process}

    here = socket.gethostname()
    runs = [run("gone", 1, f"{here}:4194305"), run("alive", 30, f"{here}:1"), run("old", 30, None)]
    monkeypatch.setattr(_Handler, "runs", [*runs, run("elsewhere", 1, "another-host:4194305"), run("new", 1, None)])
    _, *dead = check_server(Server(f"{url}/api", BASIC, True), "Prefect 3")
    assert [finding.text.split()[2] for finding in dead] == ["gone", "old"]
    assert dead[0].remedy == "prefect flow-run delete gone"
    assert dead[1].remedy.startswith("if its process is gone: ")


@pytest.mark.parametrize(
    ("configured", "sent"),
    [(None, BASIC), ("http://localhost:4200/api", BASIC), ("http://prefect.example.org/api", "")],
)
def test_the_password_of_this_machine_is_sent_to_no_other(tmp_path: Path, configured: str | None, sent: str) -> None:
    (tmp_path / "pedigree-password").write_text(LOGIN)
    settings = {"url": configured, "auth_string": "", "key": "", "home": str(tmp_path)}
    assert prefect_server._server(settings).authorization == sent
    assert prefect_server._server(settings | {"auth_string": "a:b"}).authorization == "Basic YTpi"


def test_prefects_own_settings_name_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    monkeypatch.delenv("PREFECT_API_AUTH_STRING", raising=False)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}/api"
        monkeypatch.setenv("PREFECT_API_URL", address)
        (finding,) = prefect_server.check(tmp_path)
    assert finding.text.startswith(f"the server of PREFECT_API_URL, {address}, does not answer")
