"""Every recipe for the same time on the same crops: does it learn, how fast is it, what does it reach.

    python bench/recipes.py [CROPS] [--seconds 90] [--samples 600] [--only NAME ...] [--out runs/recipes]

CROPS is a folder that `pedigree crop` packed (default data/crops). Each recipe trains in a process of its own with the
settings of its file but for the number of steps, which is what fits the time by the speed of its first steps, and for
when it is looked at. "untrained" is the same network before its first step, judged in the same way: kernel distance of
a few pictures to the held-out crops. The other numbers are `pedigree score`'s of the generator kept. Grids, histories
and scores stay in OUT.
"""

import argparse
import dataclasses
import json
import subprocess
import sys
import time
from pathlib import Path

from ruamel.yaml import YAML

from pedigree import recipes

LOOKS = 4  # scores on the way
COLUMNS = ("recipe", "steps", "images/s", "untrained", "kernel", "Fréchet", "accuracy", "precision", "coverage")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("crops", nargs="?", type=Path, default=Path("data/crops"))
    parser.add_argument("--seconds", type=float, default=90, help="of training (default 90)")
    parser.add_argument("--samples", type=int, default=600, help="drawn and scored (default 600)")
    parser.add_argument("--only", nargs="+", default=recipes.names(), metavar="NAME")
    parser.add_argument("--out", type=Path, default=Path("runs/recipes"))
    parser.add_argument("--one", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        run(asked)
        return
    print(f"{asked.crops}, {asked.seconds:.0f} s of training each\n\n| {' | '.join(COLUMNS)} |")
    print(f"|{' --- |' * len(COLUMNS)}")
    for name in asked.only:
        asked.out.mkdir(parents=True, exist_ok=True)
        with (asked.out / f"{name}.log").open("w") as log:
            command = [sys.executable, __file__, *sys.argv[1:], "--one", name]
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=log, text=True, check=False)
        row = done.stdout.splitlines()[-1] if done.returncode == 0 else f"| {name} | failed: see {log.name} |"
        print(row, flush=True)


def run(asked: argparse.Namespace) -> None:
    """Train and score one recipe; print its row."""
    from pedigree import params, quiet

    quiet.import_keras()

    from pedigree import scoring, training
    from pedigree.dataset import load_crops

    data, folder = load_crops(asked.crops), asked.out / asked.one
    settings = params.Train(**YAML(typ="safe").load(recipes.text(asked.one))["train"])
    untrained, pace = first_steps(dataclasses.replace(settings, steps=10**6, score_samples=256), data)
    steps = max(LOOKS, int(asked.seconds / pace) // LOOKS * LOOKS)
    looks = {"sample_every": steps // LOOKS, "score_every": steps // LOOKS, "checkpoint_every": steps}
    settings = dataclasses.replace(settings, steps=steps, keep="kernel_distance", **looks)
    out = {"model": folder / "generator.keras", "reports": folder / "reports"}
    training.train(settings, asked.crops, logs=folder / "logs", scratch=folder / "checkpoints", **out)
    judged = params.Score("efficientnet-lite0", None, asked.samples, 32, 0, [])
    history = folder / "reports/history.csv"
    numbers = scoring.score(judged, crops=asked.crops, history=history, cache=asked.out / "features", **out)
    facts = json.loads((folder / "reports/training.json").read_text())
    names = ("kernel_distance", "frechet_distance", "breed_accuracy", "precision", "coverage")
    told = (
        f"{steps}",
        f"{facts['images_per_second']:.0f}",
        *(f"{value:.3g}" for value in (untrained, *map(numbers.get, names))),
    )
    print(f"| {' | '.join((asked.one, *told))} |")


def first_steps(settings: object, data: object) -> tuple[float, float]:
    """Return the kernel distance of the untrained generator, and how many seconds a step takes."""
    from pedigree import precision
    from pedigree.backends import make_engine
    from pedigree.batches import stacked
    from pedigree.gan import ConditionalGAN
    from pedigree.generator import Generator
    from pedigree.selection import Selection

    engine = make_engine("one")
    gan = ConditionalGAN(settings, data.size, len(data.breeds), precision.choose(settings.precision, engine), engine)
    selection = Selection(Generator(gan.average, data.breeds, settings.latent), data, settings)
    untrained = selection.look(0)[0]["kernel_distance"]
    count = settings.penalty_interval
    take, batch = gan.compile(count), stacked(range(count), data.train_images, data.train_labels, settings)
    take(batch)
    start = time.perf_counter()
    take(batch)
    return untrained, (time.perf_counter() - start) / count


if __name__ == "__main__":
    main()
