"""The flows' defaults: requests to this machine do not go through a proxy, and a user's own settings stay."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from conftest import ROOT

SHOW = "import defaults, json, os; print(json.dumps([os.environ['NO_PROXY'], os.environ['no_proxy']]))"
REQUEST = """
import defaults, httpx, json, urllib.request
answers = {}
for host in ("127.0.0.1", "localhost", "[::1]", "example.org"):
    with httpx.Client(timeout=5) as client:
        try:
            answers[host] = client.get(f"http://{host}:PORT/").text
        except httpx.HTTPError as error:
            answers[host] = type(error).__name__
print(json.dumps(answers))
"""


def defaults(script: str, **environment: str) -> object:
    """Return what a new process prints."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    shown = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT / "flows",
        env=kept | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(shown.stdout)


@pytest.fixture
def refusing() -> Iterator[int]:
    """A port that nothing listens on: connections are refused at once."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        yield free.getsockname()[1]


@pytest.fixture
def proxy() -> Iterator[str]:
    """A proxy that answers every request with "by the proxy"."""
    script = """
from http.server import BaseHTTPRequestHandler, HTTPServer
class Proxy(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"by the proxy")
server = HTTPServer(("127.0.0.1", 0), Proxy)
print(server.server_port, flush=True)
server.serve_forever()
"""
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        if process.stdout is None:
            raise AssertionError
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.terminate()


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_request_to_this_machine_does_not_go_through_a_proxy(proxy: str, refusing: int, name: str) -> None:
    answers = defaults(REQUEST.replace("PORT", str(refusing)), **{name: proxy})
    refused = dict.fromkeys(("127.0.0.1", "localhost", "[::1]"), "ConnectError")
    assert answers == refused | {"example.org": "by the proxy"}


def test_hosts_that_a_user_has_excluded_stay_excluded() -> None:
    here = "localhost,127.0.0.1,::1"
    assert defaults(SHOW) == [here, here]
    assert defaults(SHOW, no_proxy="a.example,::1") == ["a.example,::1,localhost,127.0.0.1"] * 2
    assert defaults(SHOW, NO_PROXY="a", no_proxy="b") == [f"a,{here}", f"b,{here}"]
