"""Prefect's server: does it answer, does it accept the password, and does it still count dead runs as running?

Prefect's own settings name the server. Another process reads them, because Prefect takes a second to import.
"""

import base64
import ipaddress
import json
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pedigree.common.pins import installed_version
from pedigree.doctor import locks
from pedigree.doctor.finding import Finding, fine
from pedigree.doctor.subprocesses import ask

SECONDS = 5.0  # for the server to answer
SETTINGS_SECONDS = 30.0  # to import Prefect
USUAL = "http://127.0.0.1:4200/api"  # of `make serve`, which does not set PREFECT_API_URL for other programs
PASSWORD_FILE = "pedigree-password"  # in Prefect's folder; flows/server_access.py writes it  # noqa: S105
HEARTBEAT = "prefect.flow-run.heartbeat"  # an event that a run sends every three minutes
SILENCE = timedelta(minutes=15)  # after which a run is dead; the automation of flows/automations.py uses it too
CRASHED = '{"state": {"type": "CRASHED"}}'
_SETTINGS = """
import json
from prefect.settings import get_current_settings
settings = get_current_settings()
secrets = {name: secret.get_secret_value() if (secret := getattr(settings.api, name)) else ""
           for name in ("auth_string", "key")}
print(json.dumps({"url": settings.api.url, "home": str(settings.home)} | secrets))
"""


@dataclass(frozen=True)
class Server:
    """A server of Prefect.

    Attributes:
        url: of its API.
        authorization: the header that it may require; "" for none.
        configured: whether PREFECT_API_URL names it.
    """

    url: str
    authorization: str
    configured: bool


def check(root: Path) -> list[Finding]:
    """Check Prefect, its server and its runs."""
    version = installed_version("prefect")
    if version is None:
        remedy = "for schedules and retraining: pip install 'pedigree[flows]'"
        return [Finding("prefect", "note", "Prefect is not installed: only `dvc repro` works, not the flows", remedy)]
    answer = ask(["-c", _SETTINGS], SETTINGS_SECONDS, root)
    if answer.error:
        text = f"Prefect {version} cannot be used: {answer.error}"
        return [Finding("prefect", "note", text, "prefect config validate, or make setup")]
    return check_server(_server(answer.facts), f"Prefect {version}", root)


def check_server(server: Server, about: str, root: Path) -> list[Finding]:
    """Check that a server answers and accepts the password, and that it counts no dead runs as running.

    Args:
        server: the server.
        about: Prefect and its version.
        root: the project's folder, where the locks of killed runs are.
    """
    try:
        runs = _running(server)
        dead = [_dead(run, why) for run in runs if (why := _why_dead(run, server, root))]
    except urllib.error.HTTPError as error:
        error.close()
        return [_refused(server, error.code)]
    except (OSError, ValueError, LookupError) as error:
        reason = getattr(error, "reason", error)
        if not server.configured:
            return [fine("prefect", f"{about}; no server runs here: each flow starts its own for its time")]
        text = f"the server of PREFECT_API_URL, {server.url}, does not answer: {reason}"
        remedy = "start it (make serve), or let each flow start its own: prefect config unset PREFECT_API_URL"
        return [Finding("prefect", "note", text, remedy)]
    return [fine("prefect", f"{about}; the server {server.url} answers"), *dead]


def _server(settings: dict[str, Any]) -> Server:
    url = settings["url"] or USUAL
    password, key, file = settings["auth_string"], settings["key"], Path(settings["home"]) / PASSWORD_FILE
    if not password and not key and _is_here(url) and os.access(file, os.R_OK):
        password = file.read_text()
    basic = f"Basic {base64.b64encode(password.encode()).decode()}" if password else ""
    return Server(url, f"Bearer {key}" if key else basic, bool(settings["url"]))


def _refused(server: Server, code: int) -> Finding:
    if code in (401, 403):
        remedy = 'export PREFECT_API_AUTH_STRING="$(cat ~/.prefect/pedigree-password)" (or that of your own server)'
        return Finding("prefect", "note", f"the server {server.url} does not accept the password ({code})", remedy)
    text = f"the server {server.url} answers with {code}: it may be no Prefect server, or of another version"
    return Finding("prefect", "note", text, "check PREFECT_API_URL: it ends in /api")


def _running(server: Server) -> list[dict[str, Any]]:
    runs = _post(server, "flow_runs/filter", {"flow_runs": {"state": {"type": {"any_": ["RUNNING"]}}}})
    if not isinstance(runs, list):
        raise ValueError("its answer is not Prefect's")
    return runs


def _why_dead(run: dict[str, Any], server: Server, root: Path) -> str:
    """Return why a run is dead: it was killed in this project, or is silent. Empty if it seems to be alive."""
    for holder in locks.killed_holders(root):
        if holder.run == run["id"]:
            return f"its process {holder.process} on {holder.host} is gone"
    last = _last_heartbeat(run, server) or run.get("start_time")
    if last and datetime.now(UTC) - datetime.fromisoformat(last) > SILENCE:
        return f"its last sign of life was at {last[11:16]} UTC on {last[:10]}"
    return ""


def _last_heartbeat(run: dict[str, Any], server: Server) -> str | None:
    events = {"event": {"name": [HEARTBEAT]}, "resource": {"id": [f"prefect.flow-run.{run['id']}"]}, "order": "DESC"}
    answer = _post(server, "events/filter", {"filter": events, "limit": 1})
    return str(answer["events"][0]["occurred"]) if answer["events"] else None


def _dead(run: dict[str, Any], why: str) -> Finding:
    text = f"the run {run['name']} is Running, but {why}: new runs of its deployment may be cancelled"
    return Finding("runs", "note", text, f"prefect api POST /flow_runs/{run['id']}/set_state --data '{CRASHED}'")


def _post(server: Server, path: str, body: dict[str, Any]) -> Any:
    """Send a request and return the server's answer.

    Raises:
        OSError: the server does not answer, or refuses (`urllib.error.HTTPError`).
        ValueError: its address or its answer is malformed.
    """
    if urlsplit(server.url).scheme not in ("http", "https"):
        raise ValueError("it must begin with http:// or https://")
    headers = {"Content-Type": "application/json"} | (
        {"Authorization": server.authorization} if server.authorization else {}
    )
    request = urllib.request.Request(f"{server.url}/{path}", json.dumps(body).encode(), headers)  # noqa: S310
    # A proxy cannot reach a server on this machine.
    handlers = [urllib.request.ProxyHandler({})] if _is_here(server.url) else []
    with urllib.request.build_opener(*handlers).open(request, timeout=SECONDS) as response:
        return json.load(response)


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
