"""Claim: whatever dies, Prefect's server knows it after minutes, the slot is free again, and the next run completes.

    python bench/bad_days.py [--days DAY ...] [--minutes 2] [--postgres]

Starts a Prefect server, a worker and the deployments, in a copy of this project whose pipeline only waits. Then each
day disturbs a run, and the script measures what happens by itself: the final state of the run and the seconds until
then, the seconds until the slot of the deployment is free, and the end of the next run. `--minutes` is the time without
a heartbeat after which the automation marks a run; a heartbeat comes every 30 s here. `--postgres` puts the server on
Postgres (Debian's package postgresql). The day `load` has 16 clients write as fast as they can for half a minute, and
counts the requests that the server refused because its database was locked.
"""

import argparse
import collections
import contextlib
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "flows")]
for variable in ("PREFECT_API_URL", "PREFECT_API_AUTH_STRING"):
    os.environ.pop(variable, None)

import httpx  # noqa: E402
from flows.postgres import database, installed  # noqa: E402
from flows.station import FINAL, USER, Station, free_port, until  # noqa: E402
from pipeline.small_project import new_project  # noqa: E402

PATIENCE = 600.0  # seconds until a run must have ended
CLIENTS, LOAD_SECONDS = 16, 30.0
MEMORY = {"PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.memory"}
LONG = 300  # seconds of a run that renews the lease of its slot once, after 225 s


@dataclass
class Measured:
    """What happened after a run was disturbed."""

    state: str = ""
    ended: float | None = None  # seconds
    free: float | None = None  # seconds
    note: str = ""


def watched(station: Station, run: str, patience: float = PATIENCE) -> Measured:
    """Watch a run and its slot until the run has ended and the slot is free."""
    start, measured = time.monotonic(), Measured()
    while time.monotonic() - start < patience and (measured.ended is None or measured.free is None):
        now = time.monotonic() - start
        with contextlib.suppress(httpx.HTTPError, KeyError):
            state = station.state(run)
            measured.state = f"{state['name']}: {state['message'] or ''}".rstrip(": ")
            if state["type"] in FINAL and measured.ended is None:
                measured.ended = now
            if station.slots() == 0 and measured.free is None:
                measured.free = now
        time.sleep(0.5)
    return measured


def machine_lost(station: Station) -> Measured:
    """Worker, run and stage are killed at once; a worker starts again."""
    run = station.wait()
    station.lose_machine()
    station.start_worker()
    return watched(station, run)


def machine_lost_without_automation(station: Station) -> Measured:
    """The same without the automation: the lease of the slot runs out, and the next run marks this one."""
    enable(station, False)
    run = station.wait()
    station.lose_machine()
    station.start_worker()
    start, measured = time.monotonic(), Measured(note="marked by the next run")
    until(lambda: station.slots() == 0 or time.monotonic() - start > 400, "the slot is free", patience=PATIENCE)
    measured.free = time.monotonic() - start
    station.last_for(0)
    station.ended(station.run())
    measured.state, measured.ended = station.state(run)["name"], time.monotonic() - start
    enable(station, True)
    return measured


def machine_lost_before_the_start(station: Station) -> Measured:
    """Worker and run are killed while the run is Pending. No heartbeat has been sent."""
    run = station.run()
    until(lambda: station.state(run)["type"] == "PENDING", "the run is pending")
    station.lose_machine()
    station.start_worker()
    measured = watched(station, run, 400)
    if measured.ended is None:
        station.post(f"flow_runs/{run}/set_state", {"state": {"type": "CRASHED"}})
        measured.note = "then marked by hand"
    return measured


def worker_killed(station: Station) -> Measured:
    """Only the worker is killed."""
    run = station.wait()
    station.end("worker", signal.SIGKILL)
    station.start_worker()
    return watched(station, run)


def run_killed(station: Station) -> Measured:
    """Only the process of the run is killed."""
    run = station.wait()
    (process,) = (process for process in station.processes() if process.cmdline()[-1] == "prefect.engine")
    process.kill()
    return watched(station, run)


def server_killed(station: Station) -> Measured:
    """The server is killed and started again at once. The run goes on, and keeps its slot."""
    return _without_server(station, 0)


def server_away_three_minutes(station: Station) -> Measured:
    """The server is killed, and started again three minutes later."""
    return _without_server(station, 180)


def server_away_six_minutes(station: Station) -> Measured:
    """The server is killed, and started again six minutes later: the lease of the slot runs out meanwhile."""
    return _without_server(station, 360)


def server_killed_leases_in_memory(station: Station) -> Measured:
    """The server is killed and started again at once, with Prefect's default for leases."""
    station.stop()
    station.settings |= MEMORY
    station.start_server()
    station.start_worker()
    measured = _without_server(station, 0)
    station.end("server")
    for name in MEMORY:
        station.settings.pop(name)
    station.start_server()
    return measured


def _without_server(station: Station, seconds: float) -> Measured:
    station.automate(15)
    run = station.wait(LONG + seconds)
    station.end("server", signal.SIGKILL)
    time.sleep(seconds)
    station.start_server()
    second = station.ended(station.run())["name"]
    measured = watched(station, run, LONG + seconds + 120)
    measured.note = f"second run meanwhile: {second}; heartbeats: {len(station.heartbeats(run))}"
    return measured


def machine_and_server_lost(station: Station) -> Measured:
    """Worker, run and server are killed; server and worker start again."""
    run = station.wait()
    until(lambda: bool(station.heartbeats(run)), "a heartbeat arrives")
    station.lose_machine()
    station.end("server", signal.SIGKILL)
    station.start_server()
    station.start_worker()
    return watched(station, run)


def run_paused(station: Station) -> Measured:
    """The run's process is stopped for longer than the automation waits, and goes on."""
    run = station.wait(200)
    paused = [process for process in station.processes() if "sleep" not in process.name()]
    for process in paused:
        process.suspend()
    measured = watched(station, run)
    second = station.ended(station.run())
    for process in paused:
        process.resume()
    until(lambda: station.state(run)["type"] == "COMPLETED", "the paused run completes", patience=PATIENCE)
    measured.note = f"second run meanwhile: {second['name']}; then the run goes on and is Completed"
    return measured


def second_run(station: Station) -> Measured:
    """A run starts while another one is active."""
    run = station.wait(30)
    second = station.ended(station.run())
    measured = watched(station, run)
    measured.note = f"second run: {second['name']}: {second['message']}"
    return measured


def late_runs(station: Station) -> Measured:
    """Three runs are due while no worker is there; it comes a minute later."""
    station.end("worker")
    station.last_for(20)
    runs = [station.run() for _ in range(3)]
    time.sleep(60)
    names = [station.state(run)["name"] for run in runs]
    station.start_worker()
    ends = sorted(station.ended(run)["name"] for run in runs)
    return Measured(state=", ".join(ends), note=f"before the worker came: {', '.join(names)}")


def load(station: Station) -> Measured:
    """Many clients write at the same time, while a run is active."""
    run, counts, slowest = station.wait(LOAD_SECONDS), collections.Counter[str](), [0.0]
    flow, end = station.get("flows/name/rebuild")["id"], time.monotonic() + LOAD_SECONDS

    def write() -> None:
        with httpx.Client(base_url=f"http://127.0.0.1:{station.port}/api", auth=USER, timeout=120) as client:
            while time.monotonic() < end:
                start = time.monotonic()
                try:
                    answer = client.post("/flow_runs/", json={"flow_id": flow, "state": {"type": "SCHEDULED"}})
                    counts[str(answer.status_code)] += 1
                except httpx.HTTPError as error:
                    counts[type(error).__name__] += 1
                slowest[0] = max(slowest[0], time.monotonic() - start)

    threads = [threading.Thread(target=write) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    measured = watched(station, run)
    measured.note = f"answers: {dict(sorted(counts.items()))}; the slowest took {slowest[0]:.1f} s"
    return measured


DAYS: list[Callable[[Station], Measured]] = [
    second_run,
    worker_killed,
    run_killed,
    machine_lost,
    machine_lost_without_automation,
    machine_lost_before_the_start,
    machine_and_server_lost,
    run_paused,
    late_runs,
    load,
    server_killed,
    server_killed_leases_in_memory,
    server_away_three_minutes,
    server_away_six_minutes,
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [day.__name__ for day in DAYS]
    parser.add_argument("--days", nargs="+", choices=names, default=names, metavar="DAY", help=", ".join(names))
    parser.add_argument("--minutes", type=float, default=2.0, help="without a heartbeat (default 2)")
    parser.add_argument("--postgres", action="store_true", help="put the server on Postgres")
    options = parser.parse_args()
    rows = []
    with served(options.postgres) as station:
        for day in (day for day in DAYS if day.__name__ in options.days):
            rows.append(row(station, day, options.minutes))
            print(rows[-1], flush=True)
    print(pd.DataFrame(rows).to_markdown(index=False))


@contextlib.contextmanager
def served(postgres: bool) -> Iterator[Station]:
    """Run server, worker and deployments of a copy of this project."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory())).resolve()
        settings: dict[str, str] = {}
        if postgres:
            programs = installed() or sys.exit("Postgres is not installed: apt-get install postgresql")
            settings["PREFECT_SERVER_DATABASE_CONNECTION_URL"] = stack.enter_context(database(programs, free_port()))
        (folder / "home").mkdir()
        station = Station(new_project(folder / "project"), folder / "home", settings)
        stack.callback(lambda: [process.kill() for process in station.processes()])
        stack.callback(station.stop)
        station.start_server()
        station.deploy()
        yield station


def row(station: Station, day: Callable[[Station], Measured], minutes: float) -> dict[str, str]:
    """Have a day, and then a run that should complete."""
    station.start_server()
    station.automate(minutes)
    station.start_worker()
    measured = day(station)
    station.last_for(0)
    until(lambda: not station.processes(), "all processes end", patience=PATIENCE)
    end = station.ended(station.run())
    return {
        "day": day.__name__.replace("_", " "),
        "the run": measured.state,
        "ended after": "-" if measured.ended is None else f"{measured.ended:.0f} s",
        "slot free after": "-" if measured.free is None else f"{measured.free:.0f} s",
        "next run": end["name"],
        "remarks": measured.note,
    }


def enable(station: Station, enabled: bool) -> None:
    """Switch all automations of the server on or off."""
    for automation in station.post("automations/filter", {}):
        path = f"http://127.0.0.1:{station.port}/api/automations/{automation['id']}"
        httpx.patch(path, json={"enabled": enabled}, auth=USER, timeout=30).raise_for_status()


if __name__ == "__main__":
    main()
