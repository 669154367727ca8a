"""Runs the studio until Ctrl-C."""

import socket
import sys
import threading
from pathlib import Path

import uvicorn

from pedigree.errors import PedigreeError, UsageError
from pedigree.studio.app import LARGEST_HEADERS, LOCAL_NAMES, create_app
from pedigree.studio.models import CURRENT, Models
from pedigree.studio.protocol import PatientProtocol

HIDDEN = "the server was started with --hide-photos"


def serve(model: Path, revision: str | None, host: str, port: int, hide_photos: bool) -> None:
    """Serve the page until Ctrl-C or SIGTERM.

    Args:
        model: the generator's file.
        revision: take the project's generator at this git revision instead.
        host: the address to listen on.
        port: the port; 0 chooses a free one.
        hide_photos: never show training photos.

    Raises:
        UsageError: there is no such revision, or no such address on this machine.
        PedigreeError: the port is taken, or `model` names no generator.
    """
    models = Models(model, revision)
    models.check()
    listening = _listen(host, port)
    address = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"
    is_local = host in ("127.0.0.1", "::1", "localhost")
    app = create_app(models, HIDDEN if hide_photos else "", LOCAL_NAMES if is_local else ())
    warming = threading.Thread(target=_warm, args=(models,), daemon=True)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            http=PatientProtocol,
            ws="none",
            log_level="warning",
            server_header=False,
            h11_max_incomplete_event_size=LARGEST_HEADERS,
            timeout_graceful_shutdown=3,
        )
    )
    try:
        print(f"Pedigree studio: {address} (Ctrl-C ends it)", flush=True)
        if not is_local:
            print("Everyone who reaches this address can use it: there is no login.", file=sys.stderr)
        warming.start()
        server.run(sockets=[listening])
    except KeyboardInterrupt:
        if warming.is_alive():
            warming.join()  # TensorFlow may abort the process if Python ends while it is imported
        print("Pedigree studio has ended.")


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.socket(family)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen()  # clients that read the address are not refused; a port that another server uses is noticed
    except (socket.gaierror, ValueError) as error:  # ValueError: NUL, or a name that DNS does not have
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"--host {host} is no address of this machine ({reason}).") from None
    except OSError as error:
        raise PedigreeError(
            f"cannot listen on {host}, port {port} ({error.strerror}): choose another --port."
        ) from None
    return listening


def _warm(models: Models) -> None:
    """Load the generator before the first request needs it. Requests report errors."""
    try:
        models.get(CURRENT)
    except PedigreeError:
        return
