"""Training with 1, 2 and 4 processes of JAX on this machine: the same weights, images per second, and kills.

    python bench/jax_processes.py [--counts 1 2 4] [--architecture dcgan] [--size 32] [--steps 20]

Every process is `pedigree train` in a folder of its own, as on a machine without a shared disk, on a processor with
Gloo. For each count it prints:

- difference: after ten steps, the largest difference from one process in all weights, batch-norm statistics and
  moments of Adam, and the largest number of that tensor. The learning rate is 1e-5: with larger ones, Adam enlarges the
  rounding of gradients that are almost zero, also between two devices of one process.
- images/s: of all processes together, without the first call, which compiles; and its ratio to one process
- start: seconds until all processes are connected and have built their networks
- loss: the last process gets SIGKILL after the first checkpoint; how many of the others end with exit code 1 and one
  line
- resume: all start again. The generator must have the bytes of a run without a loss.
"""

import argparse
import dataclasses
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests")]

from ruamel.yaml import YAML  # noqa: E402
from worker_processes import await_step, ended, started  # noqa: E402

from pedigree.settings import params  # noqa: E402
from pedigree.settings.train import Train  # noqa: E402

COMPARED = 10  # steps
CROPS = 256
LOST = "a worker was lost: start all workers again to resume from step"
ENVIRONMENT = {"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT / "src")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", nargs="+", type=int, default=[1, 2, 4])
    parser.add_argument("--architecture", default="dcgan")
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--steps", type=int, default=20)
    options = parser.parse_args()
    print(f"{options.architecture} at {options.size} px, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print("| processes | difference after ten steps | images/s | ratio | start | loss | resume |")
    print(f"|{' --- |' * 7}", flush=True)
    one: dict = {}
    for count in options.counts:
        with tempfile.TemporaryDirectory() as folder:
            result = measured(Path(folder), count, options)
        one = one or result
        speed, ratio = f"{result['speed']:.0f}", f"{result['speed'] / one['speed']:.2f}"
        distance = difference(result["arrays"], one["arrays"])
        cells = [str(count), distance, speed, ratio, f"{result['start']:.0f} s", result["loss"], result["resume"]]
        print(f"| {' | '.join(cells)} |", flush=True)


def difference(ours: list[np.ndarray], theirs: list[np.ndarray]) -> str:
    """Return the largest difference of two lists of arrays, and the largest number of that array."""
    pairs = [(float(np.abs(one - two).max()), float(np.abs(two).max())) for one, two in zip(ours, theirs, strict=True)]
    distance, size = max(pairs)
    return f"{distance:.1e} of {size:.2g}"


def measured(root: Path, count: int, options: argparse.Namespace) -> dict:
    """Train with `count` processes: ten steps, then `options.steps` without and with a loss."""
    ten, whole, killed = (
        [prepared(root / name / str(index), options, steps) for index in range(count)]
        for name, steps in (("ten", COMPARED), ("whole", options.steps), ("killed", options.steps))
    )
    finished(ten)
    start = finished(whole)
    loss = lost(killed)
    finished(killed)
    generators = [(folders[0] / "models/generator.keras").read_bytes() for folders in (whole, killed)]
    (checkpoint,) = ten[0].glob(f"runs/checkpoints/*/step-{COMPARED:08d}.npz")
    with np.load(checkpoint) as members:
        arrays = [
            members[f"arrays/variable-{index}"] for index in range(sum("/variable-" in name for name in members.files))
        ]
    facts = json.loads((whole[0] / "reports/training.json").read_text())
    resume = "same bytes" if generators[0] == generators[1] else "DIFFERENT"
    return {"arrays": arrays, "speed": facts["images_per_second"], "start": start, "loss": loss, "resume": resume}


def prepared(folder: Path, options: argparse.Namespace, steps: int) -> Path:
    """Write crops and params.yaml for a process to a new folder."""
    crops, chance = folder / "data/crops", np.random.default_rng(0)
    crops.mkdir(parents=True)
    for side, count in (("train", CROPS), ("holdout", 8)):
        np.save(crops / f"{side}-images.npy", chance.integers(0, 256, (count, options.size, options.size, 3), np.uint8))
        np.save(crops / f"{side}-labels.npy", np.arange(count, dtype=np.int32) % 2)
    (crops / "breeds.json").write_text(json.dumps(["n90000001-Red", "n90000002-Blue"]))
    settings = dataclasses.replace(
        params.load(Train, ROOT / "params.yaml"),
        architecture=options.architecture,
        steps=steps,
        channels=16,
        precision="float32",
        generator_learning_rate=1e-5,
        discriminator_learning_rate=1e-5,
        log_every=5,
        sample_every=steps,
        score_every=0,
        keep="last",
        checkpoint_every=5,
        warm_start=steps == COMPARED,  # keeps the last checkpoint, which has all numbers
        **({"r1_weight": 0.0} if options.architecture == "dcgan" else {}),
    )
    YAML().dump({"train": dataclasses.asdict(settings)}, folder / "params.yaml")
    return folder


def finished(folders: list[Path]) -> float:
    """Train to the end; return the seconds until the chief has built its networks."""
    since = time.monotonic()
    with started(folders, "jax", ENVIRONMENT) as processes:
        for line in processes[0].stdout:
            if line.startswith("Training on"):
                break
        seconds = time.monotonic() - since
        for code, _, message in map(ended, processes):
            if code:
                sys.exit(f"a process ended with {code}: {message}")
    return seconds


def lost(folders: list[Path]) -> str:
    """Kill the last process after the first checkpoint; return how the others ended."""
    with started(folders, "jax", ENVIRONMENT) as processes:
        await_step(processes, folders[0], 5)
        processes[-1].kill()
        results = [ended(process) for process in processes[:-1]]
    good = sum(code == 1 and LOST in message for code, _, message in results)
    return f"{good} of {len(results)}"


if __name__ == "__main__":
    main()
