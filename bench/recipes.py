"""Every recipe for the same time on the same crops: does it learn, how fast is it, what does it reach.

    python bench/recipes.py [CROPS] [--seconds 90] [--samples 600] [--only NAME ...] [--out runs/recipes]

CROPS is a folder that `pedigree crop` packed (default data/crops). Each recipe trains in a process of its own with the
settings of its file but for the number of steps, which is what fits the time by the speed of its first steps, and for
when it is looked at. Scores are `pedigree score`'s, of the generator before its first step and of the one that is kept.
Generators, grids, histories and scores stay in OUT.
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
SHOWN = ("frechet_distance", "kernel_distance", "breed_accuracy")
COLUMNS = ("recipe", "steps", "images/s", *(name.replace("_", " ") for name in SHOWN))


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

    from pedigree import training
    from pedigree.dataset import load_crops

    data, folder = load_crops(asked.crops), asked.out / asked.one
    settings = params.Train(**YAML(typ="safe").load(recipes.text(asked.one))["train"])
    pace = first_steps(dataclasses.replace(settings, steps=10**6), data, folder / "untrained.keras")
    steps = max(LOOKS, int(asked.seconds / pace) // LOOKS * LOOKS)
    looks = {"sample_every": steps // LOOKS, "score_every": steps // LOOKS, "checkpoint_every": steps}
    settings = dataclasses.replace(settings, steps=steps, keep="kernel_distance", **looks)
    kept, reports = folder / "generator.keras", folder / "reports"
    training.train(settings, asked.crops, kept, reports, folder / "logs", folder / "checkpoints")
    before, after = (scores(model, asked) for model in (folder / "untrained.keras", kept))
    speed = json.loads((reports / "training.json").read_text())["images_per_second"]
    told = [f"{before[name]:.3g} → {after[name]:.3g}" for name in SHOWN]
    print(f"| {' | '.join((asked.one, str(steps), f'{speed:.0f}', *told))} |")


def scores(model: Path, asked: argparse.Namespace) -> dict[str, float]:
    """Score a generator; leave the reports in a folder beside it."""
    from pedigree import params, scoring

    judged = params.Score("efficientnet-lite0", None, asked.samples, 32, 0, [])
    reports = model.with_suffix("")
    return scoring.score(judged, model, asked.crops, Path("none"), reports, asked.out / "features")


def first_steps(settings: object, data: object, untrained: Path) -> float:
    """Keep the untrained generator; return how many seconds a step takes."""
    from pedigree import generator, precision
    from pedigree.backends import make_engine
    from pedigree.batches import stacked
    from pedigree.gan import ConditionalGAN

    engine = make_engine("one")
    gan = ConditionalGAN(settings, data.size, len(data.breeds), precision.choose(settings.precision, engine), engine)
    generator.save(gan.average, data.breeds, untrained, settings.latent)
    count = settings.penalty_interval
    take, batch = gan.compile(count), stacked(range(count), data.train_images, data.train_labels, settings)
    take(batch)
    start = time.perf_counter()
    take(batch)
    return (time.perf_counter() - start) / count


if __name__ == "__main__":
    main()
