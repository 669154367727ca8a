"""Claim: a training killed at any moment, and started again, ends with the same bytes as one never interrupted.

    python bench/kill.py [--kills 20] [--steps 120] [--seed 0]

Trains a small network on random pictures in temporary folders, by `pedigree train`: once undisturbed, then for each
kill from the start until SIGKILL and again to the end. Moments are drawn evenly from the time between the lock on the
run's state, before anything is built, and the end of the undisturbed run; at every fourth one the kill waits for a
checkpoint that is just being written. Compared are the generator, the history and the pictures.
"""

import argparse
import hashlib
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[1]
COMMAND = [sys.executable, "-m", "pedigree", "train"]
PATIENCE = 0.0002  # seconds between two looks
SMALL = {
    "batch_size": 8,
    "generator_batch_size": 8,
    "latent_size": 16,
    "channels": 16,
    "precision": "float32",
    "log_every": 5,
    "sample_every": 30,
    "score_every": 30,
    "score_samples": 16,
    "checkpoint_every": 10,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="how many (default 20)")
    parser.add_argument("--steps", type=int, default=120, help="of training (default 120)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default 0)")
    asked = parser.parse_args()
    chance = random.Random(asked.seed)  # noqa: S311
    with tempfile.TemporaryDirectory() as scratch:
        reference, span = undisturbed(project(Path(scratch) / "undisturbed", asked.steps))
        print(f"undisturbed: {span:.1f} s from the lock to the end", flush=True)
        different = 0
        for kill in range(1, asked.kills + 1):
            folder = project(Path(scratch) / str(kill), asked.steps)
            moment = killed(folder, chance.uniform(0, span), aimed=kill % 4 == 0)
            finish(folder)
            changed = sorted({name for name, _ in reference.items() ^ outputs(folder).items()})
            different += bool(changed)
            verdict = f"DIFFERENT: {', '.join(changed)}" if changed else "all outputs identical"
            print(f"kill {kill:2}: {moment:<58} {verdict}", flush=True)
    sys.exit(f"{different} of {asked.kills} ended otherwise." if different else 0)


def project(folder: Path, steps: int) -> Path:
    """Make a project in `folder` with 40 random crops of two breeds, 16 px, and the default recipe made small."""
    crops = folder / "data" / "crops"
    crops.mkdir(parents=True)
    noise = np.random.default_rng(0)
    for side, count in (("train", 40), ("holdout", 20)):
        np.save(crops / f"{side}-images.npy", noise.integers(0, 256, (count, 16, 16, 3), dtype=np.uint8))
        np.save(crops / f"{side}-labels.npy", np.arange(count, dtype=np.int32) % 2)
    (crops / "breeds.json").write_text(json.dumps(["n90000001-Red", "n90000002-Blue"]))
    parameters = YAML().load(ROOT / "params.yaml")
    parameters["train"] |= SMALL | {"steps": steps}
    YAML().dump(parameters, folder / "params.yaml")
    return folder


def undisturbed(folder: Path) -> tuple[dict[str, str], float]:
    """Train in `folder` to the end; return its outputs and the seconds it took once it had locked the run's state."""
    with started(folder) as process:
        until(process, lambda: locked(folder))
        start = time.perf_counter()
        if process.wait():
            sys.exit(f"`pedigree train` ended with {process.returncode}:\n{(folder / 'log.txt').read_text()[-2000:]}")
    return outputs(folder), time.perf_counter() - start


def killed(folder: Path, wait: float, aimed: bool) -> str:
    """Train in `folder` until `wait` seconds after the lock, or on into the next write; say where the kill fell."""
    with started(folder) as process:
        until(process, lambda: locked(folder))
        time.sleep(wait)
        if aimed:
            until(process, lambda: bool(writing(folder)))
        process.kill()
    if process.returncode >= 0:
        return "not killed: it had ended"
    steps = [int(path.stem.removeprefix("step-")) for path in folder.glob("runs/checkpoints/*/step-*.npz")]
    after = f"after the checkpoint of step {max(steps)}" if steps else "before the first checkpoint"
    return f"in the middle of a write, {after}" if writing(folder) else after


def started(folder: Path) -> "subprocess.Popen[bytes]":
    with (folder / "log.txt").open("a") as log:
        return subprocess.Popen(COMMAND, cwd=folder, stdout=log, stderr=log)


def until(process: "subprocess.Popen[bytes]", seen: Callable[[], bool]) -> None:
    """Wait until `seen()` or the process has ended."""
    while process.poll() is None and not seen():
        time.sleep(PATIENCE)


def locked(folder: Path) -> bool:
    return any(folder.glob("runs/checkpoints/*/lock"))


def writing(folder: Path) -> list[Path]:
    return list(folder.glob("runs/checkpoints/*/.step-*"))


def finish(folder: Path) -> None:
    with started(folder) as process:
        if process.wait():
            sys.exit(f"`pedigree train` ended with {process.returncode}:\n{(folder / 'log.txt').read_text()[-2000:]}")
    if left := list(folder.glob("runs/checkpoints")):
        sys.exit(f"A finished run has left {left[0]}.")


def outputs(folder: Path) -> dict[str, str]:
    """Return the digests of all that training makes, but for the facts that tell of its speed."""
    made = [*folder.glob("models/*"), *folder.glob("reports/history.csv"), *folder.glob("reports/samples/*")]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in made}


if __name__ == "__main__":
    main()
