"""Claim: after a flow is killed at any moment, the next one ends by itself in the same generator, and nothing is left.

    python bench/kill_flows.py [--kills 40] [--flows rebuild retrain] [--seed 0]

Builds the tests' small project with a champion. For each kill, a copy of it gets another seed for training, and a flow
runs until `kill.c` strikes at a change of a file, by the flow itself or by any program that it starts: git, DVC, the
stages. The changes are drawn evenly. The kinds take turns: SIGKILL for the process that makes the change, SIGKILL for
its process group, SIGTERM and SIGINT for the process. Then the flow runs again, undisturbed. It must end with exit code
0, in the generator and the scores of a flow that was not disturbed, with no other files than that one and a clean
checkout. No process may be left a minute after the kill.
"""

import argparse
import collections
import random
import shutil
import struct
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from kill import UNCOUNTED, compile_shim, digest
from pipeline.small_project import Project, build
from ruamel.yaml import YAML

HOW = {"kill": "9", "group": "-9", "term": "15", "int": "2"}
GATE = {"gate.no_worse": ["breed_accuracy"], "gate.slack": 1.0, "gate.new_collapses": 3, "gate.require": []}
WANTED = ("models/generator.keras", "reports/metrics.json")
PATIENCE = 60  # seconds until every process has ended


@dataclass
class Bench:
    """The project to copy, and the folder for everything else."""

    scratch: Path
    base: Project

    def run(self, project: Project, flow: str, how: str | None = None, at: int = 0) -> tuple[int, bool, int, str]:
        """Run a flow, undisturbed unless `how` is given.

        Returns:
            The number of changes, whether the one number `at` was reached, the exit code, and the output.
        """
        counter = self.scratch / "counter"
        counter.write_bytes(bytes(16))
        done = project.run(
            "setsid",
            "--wait",
            "python",
            f"flows/{flow}.py",
            check=False,
            LD_PRELOAD=str(self.scratch / "kill.so") if how else "",
            KILL_STAGE=" ",
            KILL_ROOT=f"{project.root}/",
            KILL_COUNTER=str(counter),
            KILL_AT=str(at),
            KILL_HOW=how or "",
            PREFECT_HOME=str(self.scratch / "prefect"),
            TMPDIR=str(self.scratch / "tmp"),
        )
        count, reached = struct.unpack("qq", counter.read_bytes())
        return count, bool(reached), done.returncode, done.stdout + done.stderr

    def copy(self) -> Project:
        """Return a fresh copy of the project."""
        folder = self.scratch / "work"
        shutil.rmtree(folder, ignore_errors=True)
        return self.base.copy_to(folder / "project")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=40, help="how many, spread over the flows (default 40)")
    parser.add_argument("--flows", nargs="+", choices=["rebuild", "retrain"], default=["rebuild", "retrain"])
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default 0)")
    options = parser.parse_args()
    chance, table = random.Random(options.seed), collections.Counter[tuple[str, str, bool]]()  # noqa: S311
    with tempfile.TemporaryDirectory() as folder:
        bench = prepared(Path(folder).resolve())
        for number, flow in enumerate(options.flows):
            kills = len(range(number, options.kills, len(options.flows)))
            for kind, faults in kill_flow(bench, flow, kills, chance):
                table[flow, kind, bool(faults)] += 1
    for flow in options.flows:
        counts = [(table[flow, kind, True], table[flow, kind, True] + table[flow, kind, False]) for kind in HOW]
        print(f"{flow:<10}" + "".join(f"  {kind}: {bad} of {n}" for kind, (bad, n) in zip(HOW, counts, strict=True)))
    sys.exit(any(faulty for _, _, faulty in table))


def prepared(scratch: Path) -> Bench:
    """Compile the shim, build the project, make its generator the champion, and change the seed."""
    (scratch / "tmp").mkdir()
    compile_shim(scratch)
    project = Project(scratch / "base")
    build(project.root)
    project.override(GATE)
    project.commit("A gate")
    bench = Bench(scratch, project)
    _, _, code, output = bench.run(project, "retrain")
    if code:
        sys.exit(output)
    project.override({"train.seed": 1})
    project.commit("Another seed")
    return bench


def kill_flow(bench: Bench, flow: str, kills: int, chance: random.Random) -> list[tuple[str, list[str]]]:
    """Kill a flow so many times. Return the kind of each kill and its faults."""
    project, results = bench.copy(), []
    count, _, code, output = bench.run(project, flow, "count")
    if code:
        sys.exit(output)
    expected, files = outcome(project, flow), names(project)
    print(f"{flow}: {count} changes of files", flush=True)
    for kill in range(kills):
        kind, at = list(HOW)[kill % len(HOW)], chance.randint(1, count)
        project = bench.copy()
        _, reached, _, output = bench.run(project, flow, HOW[kind], at)
        faults = [f"a traceback: {output[-800:]}"] if "Traceback" in output and kind in ("term", "int") else []
        faults += [f"left running: {name}" for name in left_running(bench)]
        _, _, code, output = bench.run(project, flow)
        if code:
            faults.append(f"the next one ends with {code}: {output[-800:]}")
        found, now = outcome(project, flow), names(project)
        faults += [f"{name} differs" for name in expected if found[name] != expected[name]]
        faults += [f"left over: {name}" for name in sorted(now - files)]
        faults += [f"missing: {name}" for name in sorted(files - now)]
        moment = f"at change {at}" if reached else f"not reached, change {at}"
        print(f"{flow} {kill + 1}: {kind} {moment}: {'; '.join(faults) or 'the same outcome'}", flush=True)
        results.append((kind, faults))
    return results


def outcome(project: Project, flow: str) -> dict[str, Any]:
    """Return what a flow is for: the outputs here, or what DVC has of the champion; and the state of the checkout."""
    state = {"checkout": project.run("git", "status", "--porcelain", "--untracked-files=all").stdout}
    if flow == "rebuild":
        return {name: digest(project.root / name) for name in WANTED} | {"checkout": None}
    lock = YAML(typ="safe").load(project.run("git", "show", "champion:dvc.lock").stdout)
    outs = {out["path"]: out["md5"] for stage in lock["stages"].values() for out in stage.get("outs", [])}
    return {name: outs[name] for name in WANTED} | state


def names(project: Project) -> set[str]:
    """Return the names of the project's files and folders, but for those that may grow."""
    found = {str(path.relative_to(project.root)) for path in project.root.rglob("*")}
    kept = {name for name in found if not name.startswith((*UNCOUNTED, "runs/")) and "__pycache__" not in name}
    return kept


def left_running(bench: Bench) -> list[str]:
    """Wait until no process works in the folder; return the commands of those that do not end."""
    for _ in range(PATIENCE):
        alive = [process for process in psutil.process_iter(["cmdline", "environ"]) if works_in(process, bench.scratch)]
        if not alive:
            return []
        time.sleep(1)
    return [" ".join(process.info["cmdline"] or [])[:100] for process in alive]


def works_in(process: psutil.Process, folder: Path) -> bool:
    return (process.info["environ"] or {}).get("PREFECT_HOME") == str(folder / "prefect")


if __name__ == "__main__":
    main()
