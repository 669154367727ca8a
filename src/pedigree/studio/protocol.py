"""HTTP as uvicorn speaks it, but errors in requests are JSON, and slow clients are disconnected."""

import asyncio
import json
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

SECONDS = 20  # a client may take for a request


class PatientProtocol(H11Protocol):
    """One connection."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Expect a request."""
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        """Receive a part of a request."""
        if self._deadline is None and self._is_idle():
            self._expect()
        super().data_received(data)
        if self._deadline is not None and not self._is_idle():
            self._deadline.cancel()
            self._deadline = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing more."""
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP request, or has too many headers."""
        text = f"this is no HTTP request that the server understands: {msg}"
        body = json.dumps({"error": text}).encode()
        lines = "HTTP/1.1 400 Bad Request", "Content-Type: application/json", f"Content-Length: {len(body)}"
        head = "\r\n".join([*lines, "Connection: close", "", ""])
        self.transport.write(head.encode() + body)
        self.transport.close()

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _expect(self) -> None:
        self._deadline = self.loop.call_later(SECONDS, self._give_up)

    def _give_up(self) -> None:
        self._deadline = None
        self.transport.close()
