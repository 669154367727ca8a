"""Prefect's API here needs a password: pages of other sites and other users cannot write to it, and the flows can."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import defaults  # noqa: F401  (before Prefect)
import httpx
import pytest
import serve
from conftest import ROOT
from prefect.settings import PREFECT_API_URL
from server_access import is_here

WRITE = "/variables/"
SHOW = "import defaults, os; print(os.environ.get('PREFECT_API_AUTH_STRING'), os.environ[{name!r}], sep='|')"
SERVER, ORIGINS = "PREFECT_SERVER_API_AUTH_STRING", "PREFECT_SERVER_CORS_ALLOWED_ORIGINS"


def variables(home: Path, name: str = SERVER, **environment: str) -> tuple[str, str]:
    """Return the client's password and another variable of a new process that imports the defaults."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT")}
    command = [sys.executable, "-c", SHOW.format(name=name)]
    shown = subprocess.run(
        command,
        cwd=ROOT / "flows",
        env=kept | {"PREFECT_HOME": str(home)} | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    client, value = shown.stdout.strip().split("|")
    return client, value


@pytest.fixture
def api(server: None) -> Iterator[httpx.Client]:
    """A client of the temporary server without a password."""
    with httpx.Client(base_url=str(PREFECT_API_URL.value())) as client:
        yield client


def test_the_api_refuses_who_has_no_password(api: httpx.Client) -> None:
    content = {"name": "pedigree_notify", "value": "slack-webhook/somebody"}
    assert api.post(WRITE, json=content).status_code == httpx.codes.UNAUTHORIZED
    assert api.post(WRITE, json=content, auth=("pedigree", "guess")).status_code == httpx.codes.UNAUTHORIZED
    user, password = os.environ[SERVER].split(":")
    assert api.post("/variables/filter", json={}, auth=(user, password)).json() == []


def test_a_page_of_another_site_may_not_send_requests(api: httpx.Client) -> None:
    def allowed(origin: str) -> str | None:
        preflight = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        answer: str | None = api.options(WRITE, headers=preflight).headers.get("access-control-allow-origin")
        return answer

    assert allowed("https://example.org") is None
    assert allowed("null") is None
    assert allowed("http://localhost:4200") == "http://localhost:4200"


def test_the_password_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    client, server = variables(tmp_path)
    assert client == server
    assert variables(tmp_path) == (client, server)
    assert variables(tmp_path / "other") != (client, server)
    assert stat.S_IMODE((tmp_path / "pedigree-password").stat().st_mode) == 0o600


def test_the_password_is_not_sent_to_another_machine(tmp_path: Path) -> None:
    client, server = variables(tmp_path, PREFECT_API_URL="http://prefect.example.org/api")
    assert (client, server) == ("None", (tmp_path / "pedigree-password").read_text())
    assert all(map(is_here, [None, "http://127.0.0.1:4200/api", "http://[::1]:4200/api", "http://localhost:4200/api"]))
    assert not any(map(is_here, ["http://localhost.example.org/api", "https://10.0.0.1/api", "nonsense"]))


def test_what_a_user_has_set_stays(tmp_path: Path) -> None:
    own = {"PREFECT_API_AUTH_STRING": "me:1", SERVER: "you:2", ORIGINS: "https://example.org"}
    assert variables(tmp_path, SERVER, **own) == ("me:1", "you:2")
    assert variables(tmp_path, ORIGINS, **own)[1] == "https://example.org"
    assert variables(tmp_path, PREFECT_API_KEY="cloud")[0] == "None"
    tmp_path.joinpath("profiles.toml").write_text(
        'active = "mine"\n[profiles.mine]\nPREFECT_API_AUTH_STRING = "me:3"\nPREFECT_API_URL = "http://localhost:4200/api"\n'
    )
    assert variables(tmp_path)[0] == "None"  # Prefect reads the profile


def test_the_ui_of_another_port_may_use_the_api(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ORIGINS, "http://127.0.0.1:4200,http://localhost:4200")
    assert serve._environment(4300)[ORIGINS] == "http://127.0.0.1:4300,http://localhost:4300"
    monkeypatch.setenv(ORIGINS, "https://example.org")
    assert ORIGINS not in serve._environment(4300)


def test_make_serve_uses_its_own_password_although_the_user_has_another_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "https://prefect.example.org/api")
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "of:another-server")
    assert serve._environment(4300)["PREFECT_API_URL"] == "http://127.0.0.1:4300/api"
    assert serve._environment(4300)["PREFECT_API_AUTH_STRING"] == os.environ[SERVER]
