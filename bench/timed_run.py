"""Train for a stated time on whatever device there is, draw and score, and leave all of it in one folder.

    python bench/timed_run.py [OUT] [--minutes 20] [--recipe NAME | --params params.yaml] [--crops data/crops]

Its first steps are checked and timed, and say how many fit. `KERAS_BACKEND=jax` needs no TensorFlow: so this is also a
way to a GPU with JAX alone. OUT gets the generator before and after (`untrained.keras`, `generator.keras`), its
reports as `dvc repro` writes them, the page of scores among them, TensorBoard logs, on JAX a profile of some steps that
XProf reads, and `run.json`: what it ran on, how fast, in how much memory, which operations a step's time goes to, and
the scores before and after.
"""

import argparse
import dataclasses
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from train import on_gpu, resident

from pedigree.errors import PedigreeError
from pedigree.settings import params, recipes

WARM_UP, TIMED = 2, 3  # calls of `penalty_interval` steps
DEAREST = 20  # operations printed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", nargs="?", type=Path, default=Path("runs/timed"))
    parser.add_argument("--minutes", type=float, default=1, help="of training (default 1)")
    parser.add_argument("--recipe", choices=recipes.names("train"), metavar="NAME")
    parser.add_argument(
        "--params", type=Path, default=Path("params.yaml"), help="whose train section, without --recipe"
    )
    parser.add_argument("--crops", type=Path, default=Path("data/crops"))
    parser.add_argument("--samples", type=int, default=1500, help="drawn and scored (default 1500)")
    parser.add_argument("--looks", type=int, default=10, help="grids and scores on the way (default 10)")
    options = parser.parse_args()
    try:
        if options.recipe:
            run(options, recipes.settings(options.recipe))
        else:
            run(options, params.load(params.Train, options.params))
    except PedigreeError as error:
        sys.exit(str(error))


def run(options: argparse.Namespace, settings: params.Train) -> None:
    """Do all of it."""
    from pedigree.common import quiet

    quiet.import_keras()

    import keras

    from pedigree.train.stage import train

    out = options.out
    seconds, operations = first_steps(settings, options.crops, out)
    steps = max(options.looks, int(60 * options.minutes / seconds) // options.looks * options.looks)
    print(
        f"{steps} steps of {1000 * seconds:.1f} ms fit into {options.minutes:g} minutes.", file=sys.stderr, flush=True
    )
    often = steps // options.looks
    looks = {"sample_every": often, "score_every": often, "keep": "kernel_distance"}
    settings = dataclasses.replace(settings, steps=steps, **looks)
    train(settings, options.crops, out / "generator.keras", out / "reports", out / "tensorboard", out / "checkpoints")
    facts = {
        "backend": keras.backend.backend(),
        **json.loads((out / "reports/training.json").read_text()),
        "resident_mb": round(resident()),
        "device_mb": on_gpu(),
        "operations_ms_a_step": operations,
        "untrained": scores(out / "untrained.keras", out / "untrained", options),
        "trained": scores(out / "generator.keras", out / "reports", options),
    }
    (out / "run.json").write_text(json.dumps(facts, indent=2) + "\n")


def first_steps(settings: params.Train, crops: Path, out: Path) -> tuple[float, dict[str, float]]:
    """Keep the untrained generator, see that training goes well, and return a step's seconds and what they go to."""
    import numpy as np

    from pedigree.backends import find_device, make_engine, precision
    from pedigree.common.packed_crops import load_crops
    from pedigree.generator.model import save_generator
    from pedigree.train.batches import stacked
    from pedigree.train.gan import ConditionalGAN
    from pedigree.train.step import compile_steps

    data, engine, count = load_crops(crops), make_engine(settings.devices), settings.penalty_interval
    endless = dataclasses.replace(settings, steps=10**6)
    chosen = precision.choose(settings.precision, find_device())
    gan = ConditionalGAN(endless, data.size, len(data.breeds), chosen, engine)
    save_generator(gan.average, data.breeds, out / "untrained.keras", settings.latent)
    take, batch = compile_steps(gan, count), stacked(range(count), data.train_images, data.train_labels, endless)
    for _ in range(WARM_UP):
        metrics = take(batch)
    start = time.perf_counter()
    for _ in range(TIMED):
        metrics = take(batch)
    if wrong := [name for name, values in metrics.items() if not np.isfinite(values).all()]:
        sys.exit(f"After {(WARM_UP + TIMED) * count} steps these are not finite: {', '.join(wrong)}. Nothing was kept.")
    seconds = (time.perf_counter() - start) / count / TIMED
    return seconds, profile(lambda: take(batch), out / "profile", count)


def scores(model: Path, reports: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Score a generator as `pedigree score` does."""
    from pedigree.score.stage import score

    judged = params.Score(other_judges=[], samples=options.samples)
    return score(judged, model, options.crops, reports / "history.csv", reports, options.out.parent / "features")


def profile(call: Callable[[], object], folder: Path, steps: int) -> dict[str, float]:
    """Watch a call of so many steps; return its dearest operations' milliseconds a step, on JAX alone.

    An operation is called as XLA calls it, without its number.
    """
    import keras

    if keras.backend.backend() != "jax":
        return {}
    import jax

    with jax.profiler.trace(str(folder)):
        call()
    (trace,) = folder.rglob("*.xplane.pb")
    spent: Counter[str] = Counter()
    for plane in jax.profiler.ProfileData.from_file(str(trace)).planes:
        for event in (event for line in plane.lines for event in line.events):
            if operation := dict(event.stats).get("hlo_op"):
                spent[str(operation).partition(".")[0]] += event.duration_ns / 1e6 / steps
    return {name: round(spent[name], 4) for name, _ in spent.most_common(DEAREST)}


if __name__ == "__main__":
    main()
