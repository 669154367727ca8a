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

from doctor.holders import killed_holder
from pedigree.doctor import prefect_server
from pedigree.doctor.locks import FOLDER
from pedigree.doctor.prefect_server import Server, check_server

LOGIN = "pedigree:secret"
BASIC = "Basic cGVkaWdyZWU6c2VjcmV0"  # the same in base64


class _Handler(BaseHTTPRequestHandler):
    """Answers like a Prefect server with a password, with the runs in `runs` and their `heartbeats`."""

    runs: ClassVar[list[dict[str, Any]]] = []
    heartbeats: ClassVar[dict[str, str]] = {}

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"])).decode()
        beats = [{"occurred": time} for run, time in self.heartbeats.items() if f"flow-run.{run}" in content]
        answer = {"/api/flow_runs/filter": self.runs, "/api/events/filter": {"events": beats}}.get(self.path)
        self.send_response(404 if answer is None else 200 if self.headers["Authorization"] == BASIC else 401)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

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


def test_a_server_that_accepts_the_password_is_fine_and_one_that_does_not_says_which_variable(
    url: str, tmp_path: Path
) -> None:
    (finding,) = check_server(Server(f"{url}/api", BASIC, True), "Prefect 3", tmp_path)
    assert finding.level == "fine"
    for authorization in ("", "Basic cGVkaWdyZWU6Z3Vlc3M="):
        (finding,) = check_server(Server(f"{url}/api", authorization, True), "Prefect 3", tmp_path)
        assert (finding.level, "(401)" in finding.text) == ("note", True)
        assert "PREFECT_API_AUTH_STRING" in finding.remedy


def test_an_address_without_api_is_named(url: str, tmp_path: Path) -> None:
    (finding,) = check_server(Server(url, BASIC, True), "Prefect 3", tmp_path)
    assert "ends in /api" in finding.remedy


@pytest.mark.parametrize(("configured", "level"), [(True, "note"), (False, "fine")])
def test_a_closed_port_matters_only_if_the_user_has_named_the_server(
    configured: bool, level: str, tmp_path: Path
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}/api"
        (finding,) = check_server(Server(address, "", configured), "Prefect 3", tmp_path)
    assert finding.level == level


@pytest.mark.parametrize("address", ["127.0.0.1:4200/api", "file:///etc/passwd", "http://[/api"])
def test_a_malformed_address_is_a_note(address: str, tmp_path: Path) -> None:
    (finding,) = check_server(Server(address, "", True), "Prefect 3", tmp_path)
    assert finding.level == "note"


def test_a_run_is_dead_if_it_was_killed_here_or_is_silent(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def minutes_ago(minutes: float) -> str:
        return (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat()

    started = {"killed": 1, "silent": 60, "alive": 60, "old version": 60, "new": 1}
    runs = [{"name": name, "id": name, "start_time": minutes_ago(minutes)} for name, minutes in started.items()]
    monkeypatch.setattr(_Handler, "runs", runs)
    monkeypatch.setattr(_Handler, "heartbeats", {"silent": minutes_ago(20), "alive": minutes_ago(5)})
    process = killed_holder(tmp_path / FOLDER / "retrain.lock", "killed")
    _, *dead = check_server(Server(f"{url}/api", BASIC, True), "Prefect 3", tmp_path)
    assert [finding.text.split(" is Running")[0] for finding in dead] == [
        "the run killed",
        "the run silent",
        "the run old version",
    ]
    assert f"its process {process} on {socket.gethostname()} is gone" in dead[0].text
    assert "/flow_runs/killed/set_state" in dead[0].remedy


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
