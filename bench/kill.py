"""Claim: after a stage is killed at any moment, the next `dvc repro` has the same outputs, and nothing is left over.

    python bench/kill.py [--kills 300] [--stages unpack validate crop train score] [--seed 0] [--keep FOLDER]

Builds the tests' small project (three breeds, ten photos each) in a temporary folder. Then each stage gets other
parameters or photos and runs under `dvc repro`, until `kill.c`, which gcc compiles, strikes at a change of its files: a
write, rename, flush, new folder or removal, drawn evenly from all of the stage. The kinds take turns:

- kill: SIGKILL for the stage, half of the write done. group: the same for DVC too.
- term: SIGTERM for the stage. int: SIGINT for the stage and DVC, as Ctrl-C sends it.
- full: from that change on, the disk is full, also for checkpoints and caches.

Then every output must be the old one or the new one, whole. After the next `dvc repro` all must be new: the bytes of a
run that was not disturbed. `reports/training.json`, which holds the speed, is left out. No other file may have come,
except TensorBoard's logs. A stage that can speak prints no traceback. Prints a line for each, and a table.
"""

import argparse
import collections
import hashlib
import json
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests")]

from pipeline.small_project import Project, build  # noqa: E402

HOW = {"kill": "9", "group": "-9", "term": "15", "int": "-2", "full": "full"}
OUTPUTS = {
    "unpack": ("data/raw",),
    "validate": (
        "data/census.csv",
        "data/complaints.csv",
        "data/verdict.json",
        "reports/validation.html",
        "reports/validation.json",
    ),
    "crop": ("data/crops", "reports/crops.json", "reports/crops.png"),
    "train": ("models/generator.keras", "reports/history.csv", "reports/samples", "reports/training.gif"),
    "score": ("reports/breeds.csv", "reports/metrics.json", "reports/scores.html"),
}
REPRO = ("setsid", "--wait", "dvc", "repro", "--no-run-cache", "--single-item")
UNCOUNTED = (".dvc/cache", ".dvc/tmp", ".git", "runs/tensorboard")  # folders that may grow


@dataclass
class Bench:
    """A project to kill stages in, and what its stages write without being killed.

    Attributes:
        project: the project.
        scratch: a folder beside it, for temporary files, the shim and its counter.
        settings: for each stage, two sets of parameters that take turns.
    """

    project: Project
    scratch: Path
    settings: dict[str, list[dict[str, Any]]]

    def repro(self, stage: str, how: str = "count", at: int = 0, shimmed: bool = True) -> tuple[int, bool, str]:
        """Run one stage by `dvc repro`.

        Returns:
            The number of changes that it made, whether it reached the change number `at`, and what it printed.
        """
        counter = self.scratch / "counter"
        counter.write_bytes(bytes(16))
        shim = {
            "LD_PRELOAD": str(self.scratch / "kill.so"),
            "KILL_STAGE": f"-m pedigree {stage}",
            "KILL_ROOT": f"{self.scratch}/",
            "KILL_COUNTER": str(counter),
            "KILL_AT": str(at),
            "KILL_HOW": how,
        }
        temporary = {"TMPDIR": str(self.scratch / "tmp")}
        done = self.project.run(*REPRO, stage, check=False, **temporary, **(shim if shimmed else {}))
        count, reached = struct.unpack("qq", counter.read_bytes())
        if how == "count" and done.returncode:
            raise FailedError(done.stdout + done.stderr)
        return count, bool(reached), done.stdout + done.stderr

    def outputs(self, stage: str) -> dict[str, str]:
        """Return the digest of each output of a stage; no digest for one that is missing."""
        return {name: digest(self.project.root / name) for name in OUTPUTS[stage]}

    def files(self) -> set[str]:
        """Return the names of all files and folders of the project and the temporary folder."""
        roots = (self.project.root, self.scratch / "tmp")
        paths = (path for root in roots for path in root.rglob("*") if not is_probe(path))
        names = {str(path.relative_to(self.scratch)) for path in paths}
        left_out = tuple(f"project/{name}" for name in UNCOUNTED)
        kept = {name for name in names if not name.startswith(left_out) and "__pycache__" not in name}
        return {re.sub(r"\d{8}T\d{6}\.\d+Z", "TIME", name) for name in kept}  # in Great Expectations' names


def is_probe(path: Path) -> bool:
    """Whether a file is one that Python's `tempfile` writes and removes to try out the folder for temporary files."""
    return (
        path.parent.name == "tmp" and len(path.name) == 8 and path.is_file() and b"blat".startswith(path.read_bytes())
    )


class FailedError(Exception):
    """A run that nobody disturbed has failed."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=300, help="how many, spread over the stages (default 300)")
    parser.add_argument("--stages", nargs="+", choices=OUTPUTS, default=list(OUTPUTS), help="default: all")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default 0)")
    parser.add_argument("--keep", type=Path, help="work in this folder, and use the project in it if there is one")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's & ignores it, and so would the stages
    chance, table = random.Random(options.seed), collections.Counter[tuple[str, str, bool]]()  # noqa: S311
    with tempfile.TemporaryDirectory() as folder:
        bench = prepared((options.keep or Path(folder)).resolve())
        for number, stage in enumerate(options.stages):
            kills = len(range(number, options.kills, len(options.stages)))
            for kind, faults in kill_stage(bench, stage, kills, chance):
                table[stage, kind, bool(faults)] += 1
        finish(bench)
    print_table(table)
    sys.exit(any(faulty for _, _, faulty in table))


def prepared(scratch: Path) -> Bench:
    """Compile the shim and build the project in `scratch`, unless it is there."""
    (scratch / "tmp").mkdir(parents=True, exist_ok=True)
    compile_shim(scratch)
    project = Project(scratch / "project")
    if not project.root.exists():
        build(project.root)
    project.override({"train.checkpoint_every": 2})
    photos = project.root / "small/images.tar"
    fewer = photos.with_name("fewer.tar")
    with tarfile.open(photos) as source, tarfile.open(fewer, "w") as target:
        for member in source.getmembers()[1:]:
            target.addfile(member, source.extractfile(member))
    photo = pd.read_csv(project.root / "data/census.csv")["photo"][0]
    settings = {
        "unpack": [{"data.images": f"small/{path.name}"} for path in (photos, fewer)],
        "validate": [{"validate.set_aside": names} for names in ({}, {photo: "a test"})],
        **{stage: [{f"{stage}.seed": seed} for seed in (0, 1)] for stage in ("crop", "train", "score")},
    }
    for first, _ in settings.values():
        project.override(first)
    project.run("dvc", "repro")
    return Bench(project, scratch, settings)


def compile_shim(scratch: Path) -> None:
    """Compile `kill.c` into the folder `scratch`."""
    library = scratch / "kill.so"
    subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-o", library, ROOT / "bench/kill.c", "-ldl"], check=True)


def kill_stage(bench: Bench, stage: str, kills: int, chance: random.Random) -> list[tuple[str, list[str]]]:
    """Kill a stage so many times. Return the kind of each kill and its faults."""
    results, expected, counts, files = [], [], [], []
    for parameters in (1, 0):
        bench.project.override(bench.settings[stage][parameters])
        shutil.rmtree(bench.project.root / "runs/features", ignore_errors=True)
        counts.insert(0, bench.repro(stage)[0])
        expected.insert(0, bench.outputs(stage))
        files.insert(0, bench.files())
    print(f"{stage}: {counts[0]} changes of files", flush=True)
    for kill in range(1, kills + kills % 2 + 1):  # an even number, so that the first parameters are the last too
        parameters, kind = kill % 2, list(HOW)[kill % len(HOW)]
        at = chance.randint(1, max(counts))
        bench.project.override(bench.settings[stage][parameters])
        shutil.rmtree(bench.project.root / "runs/features", ignore_errors=True)
        _, reached, printed = bench.repro(stage, HOW[kind], at)
        faults = disturbed(bench, stage, kind, printed, expected)
        try:
            bench.repro(stage, shimmed=False)
        except FailedError as error:
            faults.append(f"the next run fails: {str(error)[-1000:]}")
        faults += after(bench, stage, expected[parameters], files[parameters])
        moment = f"at change {at}" if reached else f"not reached, change {at}"
        print(f"{stage} {kill}: {kind} {moment}: {'; '.join(faults) or 'the same outputs, nothing left'}", flush=True)
        results.append((kind, faults))
    return results


def disturbed(bench: Bench, stage: str, kind: str, printed: str, expected: list[dict[str, str]]) -> list[str]:
    """Return what is wrong directly after the stage was struck."""
    found = bench.outputs(stage)
    faults = [f"{name} is cut or missing" for name in found if found[name] not in {one[name] for one in expected}]
    if "Traceback" in printed and kind not in ("int", "group"):  # DVC prints one of its own
        faults.append(f"a traceback: {printed[-1500:]}")
    return faults


def after(bench: Bench, stage: str, expected: dict[str, str], files: set[str]) -> list[str]:
    """Return what is wrong after the next run."""
    found, now = bench.outputs(stage), bench.files()
    faults = [f"{name} differs" for name in found if found[name] != expected[name]]
    features = "project/runs/features/"  # one file for each set of pictures
    faults += [f"left over: {name}" for name in sorted(now - files) if not name.startswith(features)]
    faults += [f"missing: {name}" for name in sorted(files - now) if not name.startswith(features)]
    faults += [f"left over: {name}" for name in sorted(now) if ".pedigree-" in name]
    return faults


def finish(bench: Bench) -> None:
    """Check that a whole `dvc repro` finds nothing left to do in the end."""
    for settings in bench.settings.values():
        bench.project.override(settings[0])
    if ran := bench.project.repro():
        print(f"dvc repro still runs {', '.join(ran)}: expected if a training's speed is an output", flush=True)


def digest(path: Path) -> str:
    """Return the digest of a file, or of all files in a folder; "" if it is missing."""
    if not path.exists():
        return ""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    contents = {
        str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.is_file()
    }
    return hashlib.sha256(json.dumps(contents).encode()).hexdigest()


def print_table(table: "collections.Counter[tuple[str, str, bool]]") -> None:
    """Print for each stage and kind how many runs there were, and how many with faults."""
    print(f"\n{'stage':<10}" + "".join(f"{kind:>12}" for kind in HOW))
    for stage in OUTPUTS:
        cells = [(table[stage, kind, True], table[stage, kind, True] + table[stage, kind, False]) for kind in HOW]
        if any(total for _, total in cells):
            print(f"{stage:<10}" + "".join(f"{faulty:>5} of {total:<4}" for faulty, total in cells))


if __name__ == "__main__":
    main()
