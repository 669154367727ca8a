"""Claim: the flow adds under 15 s to `dvc repro` with a temporary Prefect server, under 1 s a stage with a running one.

    python bench/flows.py [--rounds 3] [--stages 5]

The stages only copy a file. In a temporary project, `dvc repro` and the flow `flows/rebuild.py` run in turn, with all
stages changed and with all stages cached. The medians are printed, for both kinds of server.
"""

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REPRO = [sys.executable, "-m", "dvc", "repro", "--quiet"]
FLOW = [sys.executable, "flows/rebuild.py"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--stages", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        project = Path(scratch) / "project"
        environment = {
            "PREFECT_HOME": f"{scratch}/home",
            "PREFECT_LOGGING_LEVEL": "ERROR",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        }
        make(project, arguments.stages)
        measure("temporary server", project, environment, arguments.rounds, arguments.stages)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        server = [sys.executable, "-m", "prefect", "server", "start", "--port", port]
        with subprocess.Popen(server, env=os.environ | environment, stdout=subprocess.DEVNULL) as process:
            try:
                time.sleep(30)
                address = {"PREFECT_API_URL": f"http://127.0.0.1:{port}/api"}
                measure("running server", project, environment | address, arguments.rounds, arguments.stages)
            finally:
                process.terminate()


def make(project: Path, stages: int) -> None:
    """Make a project in which each stage copies the output of the stage before."""
    shutil.copytree(ROOT / "flows", project / "flows")
    (project / "file0").write_text("0")
    copies = [
        f"  copy{n}:\n    cmd: cp file{n} file{n + 1}\n    deps: [file{n}]\n    outs: [file{n + 1}]\n"
        for n in range(stages)
    ]
    (project / "dvc.yaml").write_text("stages:\n" + "".join(copies))
    for command in (["git", "init", "--quiet"], [sys.executable, "-m", "dvc", "init", "--quiet"]):
        subprocess.run(command, cwd=project, check=True)


def measure(server: str, project: Path, environment: dict[str, str], rounds: int, stages: int) -> None:
    """Time `dvc repro` and the flow in turn; print the difference."""
    seconds(FLOW, project, environment, all_changed=True)  # the first run creates Prefect's database
    for case, all_changed in (("all stages changed", True), ("all stages cached", False)):
        times = [
            [seconds(command, project, environment, all_changed) for command in (REPRO, FLOW)] for _ in range(rounds)
        ]
        repro, flow = (statistics.median(column) for column in zip(*times, strict=True))
        added = flow - repro
        print(
            f"{server}, {case}: dvc repro {repro:.1f} s, the flow {flow:.1f} s: {added:.1f} s more, "
            f"{added / stages:.2f} s per stage",
            flush=True,
        )


def seconds(command: list[str], project: Path, environment: dict[str, str], all_changed: bool) -> float:
    """Time a command, with all stages changed or none."""
    if all_changed:
        (project / "file0").write_text(str(time.time_ns()))
    start = time.perf_counter()
    subprocess.run(command, cwd=project, env=os.environ | environment, check=True, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
