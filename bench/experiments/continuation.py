"""Begin a run with the weights of an earlier one, although its parameters or its code are others.

    PYTHONPATH=PROJECT/src python bench/experiments/continuation.py PROJECT GENERATOR.keras [--steps 500]
    PYTHONPATH=PROJECT/src python bench/experiments/continuation.py PROJECT step-00005000.npz

PROJECT is a project with the crops and the `params.yaml` of the new run. A generator keeps its weights for STEPS steps,
in which only new discriminators learn. From a checkpoint of another run with the same networks, everything is kept but
the learning rates. `python -m pedigree train` in PROJECT goes on from there. Exact resume needs no script: it is for
equal parameters and code.
"""

import argparse
import contextlib
from dataclasses import replace
from pathlib import Path

from pedigree.backends import make_engine
from pedigree.common import paths
from pedigree.common.packed_crops import load_crops
from pedigree.generator.model import load_generator
from pedigree.settings.params import load
from pedigree.settings.train import Train
from pedigree.train.drawing_task import DrawingTask
from pedigree.train.resume.checkpoints import Checkpoint, Checkpoints
from pedigree.train.resume.fingerprint import fingerprint
from pedigree.train.run import chosen_precision
from pedigree.train.session import Session
from pedigree.train.tensorboard_log import TensorBoardLog

STILL = 1e-12  # a learning rate with which float32 weights do not move


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", type=Path)
    parser.add_argument("start", type=Path, metavar="GENERATOR|CHECKPOINT")
    parser.add_argument("--steps", type=int, default=500, help="in which only the discriminators learn (default 500)")
    options = parser.parse_args()
    start = options.start.resolve()
    with contextlib.chdir(options.project):
        settings, data = load(Train, paths.PARAMS), load_crops(paths.CROPS)
        engine = make_engine(settings.devices)
        settings = replace(settings, precision=chosen_precision(settings.precision, engine.workers))
        run = Checkpoints(paths.CHECKPOINTS, fingerprint(settings, data, backend="tensorflow"), settings.architecture)
        if run.latest() is not None:
            parser.error(f"{run.run} has a checkpoint already: remove that folder to begin anew")
        task = DrawingTask(settings, data, engine, TensorBoardLog(None, 0))
        first = (
            from_checkpoint(task, start, run)
            if start.suffix == ".npz"
            else from_generator(task, start, run, options.steps)
        )
        run.save(first)
    print(f"{run.run}: the state after {first.step} steps.")


def from_checkpoint(task: DrawingTask, file: Path, run: Checkpoints) -> Checkpoint:
    """Return a checkpoint of another run with the learning rates of the task."""
    old = Checkpoints(file.parent.parent, file.parent.name).latest(int(file.stem.removeprefix("step-")))
    if old is None:
        raise SystemExit(f"{file} is no checkpoint.")
    rates = {
        f"variable-{index}": variable.numpy()
        for index, variable in enumerate(task.variables)
        if variable.path.endswith("learning_rate")
    }
    return Checkpoint(old.step, old.arrays | rates, old.facts | {"name": run.name})


def from_generator(task: DrawingTask, file: Path, run: Checkpoints, steps: int) -> Checkpoint:
    """Train only the discriminators beside a generator; return the state after it."""
    before = load_generator(file).network.weights
    for network in (task.gan.generator, task.gan.average):
        for weight, value in zip(network.weights, before, strict=True):
            weight.assign(value)
    rate = task.gan.generator_optimizer.learning_rate
    usual = float(rate)
    rate.assign(STILL)
    session = Session(task, None, task.gallery.log, run.name)
    done = 0
    for done in session.steps():
        if done >= steps:
            break
    session.record.bar.close()
    rate.assign(usual)
    return session.checkpoint(done)


if __name__ == "__main__":
    main()
