"""Server, UI, deployments and a worker on one machine, for those who have no Prefect yet: `make serve`.

    python flows/serve.py [--port 4200]

Runs until it is interrupted; then the worker ends, with the training it may be at, which the next run goes on from, and
the server after it.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import defaults  # noqa: F401  (before Prefect)
import httpx

ROOT = Path(__file__).parents[1]
DEPLOYMENTS = Path(__file__).with_name("prefect.yaml")
POOL = "pedigree"
START = 180  # seconds a server may take to answer
STOP = 150  # seconds a worker or a server may take to end: more than a stage on its leash may
PREFECT = [sys.executable, "-m", "prefect"]


def main() -> int:
    """Serve until somebody interrupts; return 0, or 1 where something does not start or ends by itself."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=4200, help="of server and UI (default 4200)")
    port = parser.parse_args().port
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # A shell lets what it starts by & ignore SIGINT, and so would Prefect.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if _taken(port):
        print(f"serve: port {port} is taken: is a server running already? Another: --port N", file=sys.stderr)
        return 1
    try:
        _serve(port)
    except KeyboardInterrupt:
        return 0
    except (TimeoutError, ChildProcessError, subprocess.CalledProcessError) as error:
        print(f"serve: {error}", file=sys.stderr)
        return 1
    return 0


def _serve(port: int) -> None:
    address = f"http://127.0.0.1:{port}"
    here = {"PREFECT_API_URL": f"{address}/api", "PWD": str(ROOT)}  # a shell's name for the folder, which deploy reads
    with ExitStack() as stack:
        server = stack.enter_context(_started([*PREFECT, "server", "start", "--port", str(port)], here))
        _wait_for(f"{address}/api/health", server)
        _run([*PREFECT, "work-pool", "create", POOL, "--type", "process", "--overwrite"], here)
        _run([*PREFECT, "--no-prompt", "deploy", "--all", "--prefect-file", str(DEPLOYMENTS)], here)
        worker = stack.enter_context(_started([*PREFECT, "worker", "start", "--pool", POOL], here))
        print(f"Serving: {address}   Ctrl-C ends it.", flush=True)
        while server.poll() is None and worker.poll() is None:
            time.sleep(0.5)
        raise ChildProcessError("the server or the worker has ended by itself; what it said is above.")


@contextmanager
def _started(command: list[str], environment: Mapping[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a command for as long as the block lasts, in a group of its own: Ctrl-C here ends one after the other."""
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | environment, process_group=0) as started:  # noqa: S603
        try:
            yield started
        finally:
            started.terminate()
            try:
                started.wait(STOP)
            except subprocess.TimeoutExpired:
                started.kill()


def _run(command: list[str], environment: Mapping[str, str]) -> None:
    subprocess.run(command, cwd=ROOT, env=os.environ | environment, check=True)  # noqa: S603


def _wait_for(address: str, server: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + START
    while time.monotonic() < until:
        if server.poll() is not None:
            raise ChildProcessError("the server has ended by itself; what it said is above.")
        try:
            if httpx.get(address, timeout=5).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.5)
    raise TimeoutError(f"the server does not answer at {address} after {START} seconds.")


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    sys.exit(main())
