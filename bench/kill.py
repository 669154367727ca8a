"""Claim: a training killed at any moment, and started again, ends with the same bytes as one never interrupted.

    python bench/kill.py [--kills 20] [--steps 200] [--seed 0]

Trains a small network on random pictures in temporary folders, by `pedigree train`: once undisturbed, then for each
kill from the start until SIGKILL and again to the end. Moments are drawn evenly over the steps, of those before the
first checkpoint from the lock on the run's state on, before anything is built; at every fourth one the kill waits for
a checkpoint that is just being written. Compared are the generator, the history and the pictures.
"""

import argparse
import hashlib
import json
import random
import shutil
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
EVERY = 10  # steps from one checkpoint to the next
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
    "checkpoint_every": EVERY,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="how many (default 20)")
    parser.add_argument("--steps", type=int, default=200, help="of training (default 200)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default 0)")
    options = parser.parse_args()
    chance = random.Random(options.seed)  # noqa: S311
    with tempfile.TemporaryDirectory() as scratch:
        reference, first, interval = undisturbed(project(Path(scratch) / "undisturbed", options.steps), options.steps)
        print(f"undisturbed: {first:.1f} s to the first checkpoint, then one in {interval:.2f} s", flush=True)
        different = 0
        for kill in range(1, options.kills + 1):
            moment = None
            while moment is None:
                folder = project(Path(scratch) / str(kill), options.steps)
                checkpoint = chance.randrange(0, options.steps, EVERY)
                wait = chance.random() * (interval if checkpoint else first)
                moment = killed(folder, checkpoint, wait, aimed=kill % 4 == 0)
            finish(folder)
            changed = sorted({name for name, _ in reference.items() ^ outputs(folder).items()})
            different += bool(changed)
            verdict = f"DIFFERENT: {', '.join(changed)}" if changed else "all outputs identical"
            print(f"kill {kill:2}: {moment:<58} {verdict}", flush=True)
    sys.exit(f"{different} of {options.kills} ended otherwise." if different else 0)


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


def undisturbed(folder: Path, steps: int) -> tuple[dict[str, str], float, float]:
    """Train in `folder` to the end, `steps` steps.

    Returns:
        Its outputs, the seconds from the lock on its state to the first checkpoint, and those from one to the next.
    """
    with started(folder) as process:
        until(process, lambda: locked(folder))
        lock = time.perf_counter()
        until(process, lambda: bool(saved(folder)))
        first = time.perf_counter()
        done(folder, process.wait())
    return outputs(folder), first - lock, (time.perf_counter() - first) * EVERY / steps


def killed(folder: Path, checkpoint: int, wait: float, aimed: bool) -> str | None:
    """Train in `folder` until `wait` seconds after the checkpoint of that step, or on into the next write.

    Returns:
        Where the kill fell, None where the run had ended.
    """
    with started(folder) as process:
        until(process, lambda: locked(folder) and (saved(folder) or [0])[-1] >= checkpoint)
        time.sleep(wait)
        if aimed:
            until(process, lambda: bool(writing(folder)))
        process.kill()
    if process.returncode >= 0:
        shutil.rmtree(folder)
        return None
    steps = saved(folder)
    after = f"after the checkpoint of step {steps[-1]}" if steps else "before the first checkpoint"
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


def saved(folder: Path) -> list[int]:
    return sorted(int(path.stem.removeprefix("step-")) for path in folder.glob("runs/checkpoints/*/step-*.npz"))


def writing(folder: Path) -> list[Path]:
    return list(folder.glob("runs/checkpoints/*/.step-*"))


def finish(folder: Path) -> None:
    with started(folder) as process:
        done(folder, process.wait())


def done(folder: Path, code: int) -> None:
    """Leave with the log where a training has not ended well or left state behind."""
    if code:
        sys.exit(f"`pedigree train` ended with {code}:\n{(folder / 'log.txt').read_text()[-2000:]}")
    if left := list(folder.glob("runs/checkpoints")):
        sys.exit(f"A finished run has left {left[0]}.")


def outputs(folder: Path) -> dict[str, str]:
    """Return the digests of all that training makes, but for the facts that tell of its speed."""
    made = [*folder.glob("models/*"), *folder.glob("reports/history.csv"), *folder.glob("reports/samples/*")]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in made}


if __name__ == "__main__":
    main()
