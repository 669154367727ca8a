"""Peak memory of every stage, beside that of an interpreter that only imports the stage's heavy libraries.

    python bench/memory.py [FOLDER with images.tar and annotation.tar] [--steps 40] [--samples 100]

Runs the five stages one after the other in a temporary folder, with the project's params.yaml but for the archives,
the steps and samples, and bounds on the number of breeds and photos that suit any archive. Each stage is a process of
its own; the peak is what the kernel counted as resident in it, threads included (no stage starts other processes).
This process imports next to nothing, because a process's count begins with what it was forked from.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[1]
PHOTO_LIBRARIES = "import numpy, pandas, PIL.Image"
KERAS = "import pandas, PIL.Image, tensorboard.summary, tensorflow, keras"
LIBRARIES = {
    "unpack": "import pydantic.dataclasses, ruamel.yaml, tqdm",
    "validate": PHOTO_LIBRARIES + ", great_expectations",
    "crop": PHOTO_LIBRARIES,
    "train": KERAS,
    "score": KERAS,
}
UNIT = 1e6 if sys.platform == "darwin" else 1e6 / 1024  # what of ru_maxrss makes a megabyte


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archives", nargs="?", type=Path, default=ROOT / "data" / "sample")
    parser.add_argument("--steps", type=int, default=40, help="of training (default 40)")
    parser.add_argument("--samples", type=int, default=100, help="drawn and scored (default 100)")
    options = parser.parse_args()
    print(f"{'stage':<10}{'peak':>9}{'imports alone':>16}{'seconds':>10}")
    with tempfile.TemporaryDirectory() as folder:
        write_parameters(options, Path(folder))
        for stage, libraries in LIBRARIES.items():
            alone = measure(Path(folder), "-c", libraries)
            cost = measure(Path(folder), "-m", "pedigree", stage)
            print(f"{stage:<10}{cost.peak:6.0f} MB{alone.peak:13.0f} MB{cost.seconds:10.1f}", flush=True)


def write_parameters(options: argparse.Namespace, folder: Path) -> None:
    yaml = YAML()
    parameters = yaml.load(ROOT / "params.yaml")
    archives = options.archives.resolve()
    parameters["data"] = {"images": str(archives / "images.tar"), "annotations": str(archives / "annotation.tar")}
    parameters["validate"] |= {"breeds": None, "photos_per_breed": [1, 1_000_000]}
    parameters["train"]["steps"] = options.steps
    parameters["score"]["samples"] = options.samples
    yaml.dump(parameters, folder / "params.yaml")


class Cost(NamedTuple):
    """What a process took: peak resident memory in MB, seconds, processor seconds."""

    peak: float
    seconds: float
    processor_seconds: float


def measure(folder: Path, *arguments: str) -> Cost:
    """Run Python in `folder`; return what it took."""
    with (folder / "log.txt").open("w+") as log:
        start = time.perf_counter()
        process = subprocess.Popen([sys.executable, *arguments], cwd=folder, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            log.seek(0)
            sys.exit(f"`python {' '.join(arguments)}` ended with {process.returncode}:\n{log.read()[-2000:]}")
    return Cost(usage.ru_maxrss / UNIT, seconds, usage.ru_utime + usage.ru_stime)


if __name__ == "__main__":
    main()
