"""Notices: a failed run is told by the block that a person has named, and one that cannot be sent fails nothing."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from notices import VARIABLE, failed, notify
from prefect import flow
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.variables import Variable

pytestmark = pytest.mark.usefixtures("server")
HEARD: list[dict[str, str]] = []


class Ear(BaseHTTPRequestHandler):
    """A web hook that keeps what it is sent."""

    def do_POST(self) -> None:
        """Keep it."""
        HEARD.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def hook() -> Iterator[str]:
    """The address of a web hook on this machine, named as the place for notices."""
    HEARD.clear()
    with HTTPServer(("127.0.0.1", 0), Ear) as ear:
        threading.Thread(target=ear.serve_forever, daemon=True).start()
        content = {"subject": "{{subject}}", "text": "{{body}}"}
        address = f"http://127.0.0.1:{ear.server_port}/"
        CustomWebhookNotificationBlock(name="ear", url=address, json_data=content).save("ear", overwrite=True)
        Variable.set(VARIABLE, "custom-webhook/ear", overwrite=True)
        yield address
        Variable.unset(VARIABLE)
        ear.shutdown()


@flow(name="stumble", on_failure=[failed])
def stumble() -> None:
    """Fail."""
    raise ValueError("over a bone")


@flow
def tell() -> None:
    """Tell something."""
    notify("Promoted", "a better dog")


def test_a_failed_run_is_told_by_the_block_named(hook: str) -> None:
    state = stumble(return_state=True)
    assert state.is_failed()
    (heard,) = HEARD
    assert heard["subject"].startswith("stumble ")
    assert heard["subject"].endswith(" failed")
    assert "over a bone" in heard["text"]


@flow(name="crash", on_crashed=[failed])
def crash() -> None:
    """End as a run does that is ended by a signal."""
    raise SystemExit(143)


def test_a_crashed_run_is_told_too(hook: str) -> None:
    with pytest.raises(SystemExit):
        crash()
    (heard,) = HEARD
    assert heard["subject"].startswith("crash ")
    assert heard["subject"].endswith(" crashed")


def test_without_a_block_or_with_one_that_is_gone_the_log_has_it(hook: str, caplog: pytest.LogCaptureFixture) -> None:
    Variable.set(VARIABLE, "custom-webhook/gone", overwrite=True)
    assert tell(return_state=True).is_completed()
    Variable.unset(VARIABLE)
    assert tell(return_state=True).is_completed()
    lines = [record.getMessage() for record in caplog.records]
    assert lines.count("Promoted: a better dog") == 2
    assert any("could not be sent by custom-webhook/gone" in line for line in lines)
    assert HEARD == []
