"""Claim: precision, recall, density and coverage take at most a third of prdc's time and a fraction of its memory.

    python bench/manifold.py [--real 20000] [--generated 10000] [--dimension 2048] [--rounds 3]

Both sides get the same random float32 features. They resemble the pooled features of a network: none is negative, and
all rows share a large mean. Each run is a process of its own on all cores; the two sides take turns. Seconds and
megabytes are those of the call, without the features; medians over the rounds. At full size, prdc needs about 5 GB and
up to minutes per round.
"""

import argparse
import contextlib
import json
import resource
import statistics
import subprocess
import sys
import time

UNIT = 1e6 if sys.platform == "darwin" else 1e6 / 1024  # units of ru_maxrss per megabyte
NAMES = ("precision", "recall", "density", "coverage")
SIDES = ("pedigree", "prdc")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=int, default=20_000)
    parser.add_argument("--generated", type=int, default=10_000)
    parser.add_argument("--dimension", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        print(json.dumps(measure(arguments)))
    else:
        print(json.dumps(compare(arguments), indent=1))


def compare(arguments):
    """Run both sides in turn. This process imports almost nothing, because a child's peak starts at its parent's."""
    sizes = [f"--real={arguments.real}", f"--generated={arguments.generated}", f"--dimension={arguments.dimension}"]
    runs = {side: [] for side in SIDES}
    for _ in range(arguments.rounds):
        for side in SIDES:
            command = [sys.executable, __file__, *sizes, f"--side={side}"]
            output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
            runs[side].append(json.loads(output))
    ours, theirs = runs.values()
    apart = [abs(one[name] - other[name]) for one, other in zip(ours, theirs, strict=True) for name in NAMES]
    figures = {
        "real": arguments.real,
        "generated": arguments.generated,
        "dimension": arguments.dimension,
        "rounds": arguments.rounds,
    }
    for side in SIDES:
        figures[side] = {name: round(runs[side][0][name], 6) for name in NAMES}
        for quantity in ("seconds", "megabytes"):
            figures[side][quantity] = round(statistics.median(run[quantity] for run in runs[side]), 2)
    for quantity in ("seconds", "megabytes"):
        ratios = [one[quantity] / other[quantity] for one, other in zip(ours, theirs, strict=True)]
        figures[f"{quantity}_ratio"] = round(statistics.median(ratios), 3)
    return {**figures, "largest_difference": max(apart)}


def measure(arguments):
    """Run one side. Return its four numbers, the seconds of the call and the rise of peak memory in megabytes."""
    import numpy as np

    chance = np.random.default_rng(0)
    mean = chance.gamma(0.5, 1.0, arguments.dimension).astype(np.float32)
    directions = chance.standard_normal((12, arguments.dimension), np.float32) * 0.2
    real = pooled(chance, arguments.real, mean, directions)
    generated = pooled(chance, arguments.generated, mean * 1.02, directions * 0.95)
    run = load(arguments.side)
    run(real[:50], generated[:50])  # the first call imports modules and starts threads
    before, start = peak(), time.perf_counter()
    numbers = run(real, generated)
    seconds = time.perf_counter() - start
    return {**numbers, "seconds": seconds, "megabytes": peak() - before}


def pooled(chance, rows, mean, directions):
    """Draw float32 features in place, so that this does not raise the peak memory."""
    import numpy as np

    features = chance.standard_normal((rows, len(mean)), np.float32)
    for first in range(0, rows, 1000):
        some = features[first : first + 1000]
        some *= 0.1
        some += chance.standard_normal((len(some), len(directions)), np.float32) @ directions + mean
        np.maximum(some, 0, out=some)
    return features


def load(side):
    """Return a function from real and generated features to the four numbers by name."""
    if side == "prdc":
        from prdc import compute_prdc

        def run(real, generated):
            with contextlib.redirect_stdout(None):
                numbers = compute_prdc(real, generated, nearest_k=5)
            return {name: float(numbers[name]) for name in NAMES}
    else:
        from pedigree.metrics.manifold import precision_recall_density_coverage

        def run(real, generated):
            return {k: float(v) for k, v in precision_recall_density_coverage(real, generated)._asdict().items()}

    return run


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / UNIT


if __name__ == "__main__":
    main()
