"""Every recipe for the same time on the same crops: does it learn, how fast is it, what does it reach.

    python bench/recipes.py [CROPS] [--minutes 1.5] [--samples 600] [--only NAME ...] [--out runs/recipes]

CROPS is a folder that `pedigree crop` packed (default data/crops). Each trains by `bench/timed_run.py`, with what
its file says but for the number of steps and when it is looked at. Scores are `pedigree score`'s, of the generator
before its first step and of the one that is kept. Generators, grids, histories and scores stay in OUT.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from pedigree.settings import recipes

SCRIPT = Path(__file__).with_name("timed_run.py")
SHOWN = ("frechet_distance", "kernel_distance", "breed_accuracy")
COLUMNS = ("recipe", "steps", "images/s", *(name.replace("_", " ") for name in SHOWN))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("crops", nargs="?", type=Path, default=Path("data/crops"))
    parser.add_argument("--minutes", type=float, default=1.5, help="of training (default 1.5)")
    parser.add_argument("--samples", type=int, default=600, help="drawn and scored (default 600)")
    parser.add_argument(
        "--only", nargs="+", choices=recipes.names("train"), default=recipes.names("train"), metavar="NAME"
    )
    parser.add_argument("--out", type=Path, default=Path("runs/recipes"))
    options = parser.parse_args()
    print(f"{options.crops}, {options.minutes:g} minutes of training each\n\n| {' | '.join(COLUMNS)} |")
    print(f"|{' --- |' * len(COLUMNS)}")
    for name in options.only:
        print(row(name, options), flush=True)


def row(name: str, options: argparse.Namespace) -> str:
    """Train and score one recipe, in a process of its own."""
    folder = options.out / name
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, SCRIPT, folder, "--recipe", name, "--crops", options.crops, "--looks", "4"]
    command += ["--minutes", str(options.minutes), "--samples", str(options.samples)]
    with (folder / "log").open("w") as log:
        if subprocess.run(command, stdout=log, stderr=log, check=False).returncode:
            return f"| {name} | failed: see {log.name} |"
    facts = json.loads((folder / "run.json").read_text())
    cells = [f"{facts['untrained'][score]:.3g} → {facts['trained'][score]:.3g}" for score in SHOWN]
    return f"| {' | '.join((name, str(facts['steps']), format(facts['images_per_second'], '.0f'), *cells))} |"


if __name__ == "__main__":
    main()
