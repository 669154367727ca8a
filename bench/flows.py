"""Claim: the flow adds to `dvc repro` under 15 s by Prefect's own server, under 1 s a stage by a running one.

    python bench/flows.py [--rounds 3] [--stages 5]

Of stages that only copy a file, in a temporary project: `dvc repro` and the flow of `flows/rebuild.py` in turn,
each with everything due and everything cached. Medians; the flow by Prefect's own server, then by a running one.
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
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        project, home = Path(scratch) / "project", {"PREFECT_HOME": f"{scratch}/home", "PREFECT_LOGGING_LEVEL": "ERROR"}
        home["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
        make(project, asked.stages)
        measure("own server", project, home, asked.rounds, asked.stages)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        server = [sys.executable, "-m", "prefect", "server", "start", "--port", port]
        with subprocess.Popen(server, env=os.environ | home, stdout=subprocess.DEVNULL) as running:
            try:
                time.sleep(30)
                address = {"PREFECT_API_URL": f"http://127.0.0.1:{port}/api"}
                measure("a running server", project, home | address, asked.rounds, asked.stages)
            finally:
                running.terminate()


def make(project: Path, stages: int) -> None:
    """Make a project of so many stages, each copying the file of the one before."""
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
    """Time both ways in turn and print what the flow adds."""
    seconds(FLOW, project, environment, due=True)  # the first run makes Prefect's database
    for what, due in (("everything due", True), ("everything cached", False)):
        pairs = [[seconds(way, project, environment, due) for way in (REPRO, FLOW)] for _ in range(rounds)]
        repro, flow = (statistics.median(column) for column in zip(*pairs, strict=True))
        added = flow - repro
        print(
            f"{server}, {what}: dvc repro {repro:.1f} s, the flow {flow:.1f} s: {added:.1f} s more, "
            f"{added / stages:.2f} s a stage",
            flush=True,
        )


def seconds(command: list[str], project: Path, environment: dict[str, str], due: bool) -> float:
    """Time a command, with all stages due or none."""
    if due:
        (project / "file0").write_text(str(time.time_ns()))
    start = time.perf_counter()
    subprocess.run(command, cwd=project, env=os.environ | environment, check=True, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
