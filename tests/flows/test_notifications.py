"""Notifications: a failed run sends one through the configured block; one that cannot be sent fails no run."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from notifications import VARIABLE, notify, notify_failure
from prefect import flow
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.variables import Variable

pytestmark = pytest.mark.usefixtures("server")
RECEIVED: list[dict[str, str]] = []


class Receiver(BaseHTTPRequestHandler):
    """A web hook that keeps the notifications it receives."""

    def do_POST(self) -> None:
        """Keep a notification."""
        RECEIVED.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


@pytest.fixture
def hook() -> Iterator[str]:
    """The URL of a web hook on this machine, configured for notifications."""
    RECEIVED.clear()
    with HTTPServer(("127.0.0.1", 0), Receiver) as receiver:
        threading.Thread(target=receiver.serve_forever, daemon=True).start()
        content = {"subject": "{{subject}}", "text": "{{body}}"}
        url = f"http://127.0.0.1:{receiver.server_port}/"
        CustomWebhookNotificationBlock(name="receiver", url=url, json_data=content).save("receiver", overwrite=True)
        Variable.set(VARIABLE, "custom-webhook/receiver", overwrite=True)
        yield url
        Variable.unset(VARIABLE)
        receiver.shutdown()


@flow(name="stumble", on_failure=[notify_failure])
def stumble() -> None:
    """Fail."""
    raise ValueError("over a bone")


@flow
def report() -> None:
    """Send a notification."""
    notify("Promoted", "a better dog")


def test_a_failed_run_sends_a_notification_through_the_configured_block(hook: str) -> None:
    state = stumble(return_state=True)
    assert state.is_failed()
    (notification,) = RECEIVED
    assert notification["subject"].startswith("stumble ")
    assert notification["subject"].endswith(" failed")
    assert "over a bone" in notification["text"]


@flow(name="crash", on_crashed=[notify_failure])
def crash() -> None:
    """End like a run that gets SIGTERM."""
    raise SystemExit(143)


def test_a_crashed_run_sends_a_notification_too(hook: str) -> None:
    with pytest.raises(SystemExit):
        crash()
    (notification,) = RECEIVED
    assert notification["subject"].startswith("crash ")
    assert notification["subject"].endswith(" crashed")


def test_without_a_block_or_with_a_missing_one_the_notification_is_in_the_log(
    hook: str, caplog: pytest.LogCaptureFixture
) -> None:
    Variable.set(VARIABLE, "custom-webhook/gone", overwrite=True)
    assert report(return_state=True).is_completed()
    Variable.unset(VARIABLE)
    assert report(return_state=True).is_completed()
    lines = [record.getMessage() for record in caplog.records]
    assert lines.count("Promoted: a better dog") == 2
    assert any("could not be sent by custom-webhook/gone" in line for line in lines)
    assert RECEIVED == []
