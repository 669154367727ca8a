"""Claim: precision, recall, density and coverage in at most a third of prdc's time and a fraction of its memory.

    python bench/manifold.py [--real 20000] [--generated 10000] [--dimension 2048] [--rounds 3]

Both sides see the same features, float32 and drawn: like a network's pooled ones, none negative, with a heavy mean that
all share. Each run is a process of its own on all cores; the two take turns. Seconds and megabytes are those of the one
call, features not counted; medians over the rounds. At full size prdc needs about 5 GB and minutes a round.
"""

import argparse
import contextlib
import json
import resource
import statistics
import subprocess
import sys
import time

UNIT = 1e6 if sys.platform == "darwin" else 1e6 / 1024  # what of ru_maxrss makes a megabyte
NAMES = ("precision", "recall", "density", "coverage")
SIDES = ("pedigree", "prdc")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=int, default=20_000)
    parser.add_argument("--generated", type=int, default=10_000)
    parser.add_argument("--dimension", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.side:
        print(json.dumps(measure(asked)))
    else:
        print(json.dumps(compare(asked), indent=1))


def compare(asked):
    """Run both sides in turn; this process imports next to nothing, because a child's peak begins with its parent's."""
    sizes = [f"--real={asked.real}", f"--generated={asked.generated}", f"--dimension={asked.dimension}"]
    runs = {side: [] for side in SIDES}
    for _ in range(asked.rounds):
        for side in SIDES:
            command = [sys.executable, __file__, *sizes, f"--side={side}"]
            answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
            runs[side].append(json.loads(answer))
    ours, theirs = runs.values()
    apart = [abs(one[name] - other[name]) for one, other in zip(ours, theirs, strict=True) for name in NAMES]
    figures = {"real": asked.real, "generated": asked.generated, "dimension": asked.dimension, "rounds": asked.rounds}
    for side in SIDES:
        figures[side] = {name: round(runs[side][0][name], 6) for name in NAMES}
        for what in ("seconds", "megabytes"):
            figures[side][what] = round(statistics.median(run[what] for run in runs[side]), 2)
    for what in ("seconds", "megabytes"):
        ratios = [one[what] / other[what] for one, other in zip(ours, theirs, strict=True)]
        figures[f"{what}_ratio"] = round(statistics.median(ratios), 3)
    return {**figures, "largest_difference": max(apart)}


def measure(asked):
    """Run one side: its four numbers, the seconds the call took, and the megabytes the peak rose by."""
    import numpy as np

    chance = np.random.default_rng(0)
    mean = chance.gamma(0.5, 1.0, asked.dimension).astype(np.float32)
    directions = chance.standard_normal((12, asked.dimension), np.float32) * 0.2
    real = pooled(chance, asked.real, mean, directions)
    generated = pooled(chance, asked.generated, mean * 1.02, directions * 0.95)
    run = load(asked.side)
    run(real[:50], generated[:50])  # imports and threads that a first call brings
    before, start = peak(), time.perf_counter()
    numbers = run(real, generated)
    seconds = time.perf_counter() - start
    return {**numbers, "seconds": seconds, "megabytes": peak() - before}


def pooled(chance, rows, mean, directions):
    """Draw float32 features in place, so that drawing them leaves no peak behind."""
    import numpy as np

    features = chance.standard_normal((rows, len(mean)), np.float32)
    for first in range(0, rows, 1000):
        some = features[first : first + 1000]
        some *= 0.1
        some += chance.standard_normal((len(some), len(directions)), np.float32) @ directions + mean
        np.maximum(some, 0, out=some)
    return features


def load(side):
    """Return a function of real and generated features that returns the four numbers by name."""
    if side == "prdc":
        from prdc import compute_prdc

        def run(real, generated):
            with contextlib.redirect_stdout(None):
                found = compute_prdc(real, generated, nearest_k=5)
            return {name: float(found[name]) for name in NAMES}
    else:
        from pedigree.metrics.manifold import precision_recall_density_coverage

        def run(real, generated):
            return {k: float(v) for k, v in precision_recall_density_coverage(real, generated)._asdict().items()}

    return run


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / UNIT


if __name__ == "__main__":
    main()
