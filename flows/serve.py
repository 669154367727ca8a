"""Run Prefect's server and UI, a worker and the deployments on one machine: `make serve`.

    python flows/serve.py [--port 4200]

Ctrl-C stops the worker and then the server. A training that is running saves its state, and the next run continues.
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
import server_access
from watcher import watch

ROOT = Path(__file__).parents[1]
DEPLOYMENTS = Path(__file__).with_name("prefect.yaml")
AUTOMATIONS = Path(__file__).with_name("automations.py")
POOL = "pedigree"
START_SECONDS = 180  # for the server to answer
STOP_SECONDS = 150  # for the worker to stop, which waits for a stage that saves its state
PREFECT = [sys.executable, "-m", "prefect"]


def main() -> int:
    """Serve until Ctrl-C; return 0, or 1 if a process does not start or ends by itself."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=4200, help="port of server and UI (default 4200)")
    port = parser.parse_args().port
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # A shell sets SIGINT to be ignored in a background job (&), and Prefect's processes would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    watch()
    if _in_use(port):
        print(f"serve: port {port} is in use. If it is not by this server, choose another: --port N", file=sys.stderr)
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
    environment = _environment(port)
    with ExitStack() as stack:
        server = stack.enter_context(_running([*PREFECT, "server", "start", "--port", str(port)], environment))
        _wait_for(f"{address}/api/health", server)
        _run([*PREFECT, "work-pool", "create", POOL, "--type", "process", "--overwrite"], environment)
        _run([*PREFECT, "--no-prompt", "deploy", "--all", "--prefect-file", str(DEPLOYMENTS)], environment)
        _run([sys.executable, str(AUTOMATIONS)], environment)
        worker = stack.enter_context(_running([*PREFECT, "worker", "start", "--pool", POOL], environment))
        print(f"Serving at {address}. {server_access.how_to_log_in()} Stop with Ctrl-C.", flush=True)
        while server.poll() is None and worker.poll() is None:
            time.sleep(0.5)
        raise ChildProcessError("the server or the worker has ended by itself. See its output above.")


def _environment(port: int) -> dict[str, str]:
    """Return the variables to add for Prefect's processes. A user's own list of origins stays."""
    environment = {
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PWD": str(ROOT),  # prefect.yaml uses $PWD
        server_access.CLIENT_PASSWORD: os.environ[server_access.SERVER_PASSWORD],
    }
    if os.environ[server_access.ORIGINS] == server_access.DEFAULT_ORIGINS:
        environment[server_access.ORIGINS] = server_access.origins(port)
    return environment


@contextmanager
def _running(command: list[str], environment: Mapping[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a command while the block runs, in a process group of its own, so that Ctrl-C does not reach it."""
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | environment, process_group=0) as process:  # noqa: S603
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _run(command: list[str], environment: Mapping[str, str]) -> None:
    subprocess.run(command, cwd=ROOT, env=os.environ | environment, check=True)  # noqa: S603


def _wait_for(address: str, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise ChildProcessError("the server has ended by itself. See its output above.")
        try:
            if httpx.get(address, timeout=5).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.5)
    raise TimeoutError(f"the server does not answer at {address} within {START_SECONDS} seconds.")


def _in_use(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    sys.exit(main())
