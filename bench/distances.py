"""Claim: both distances equal torch-fidelity's and have standard errors; the kernel distance is several times faster.

    python bench/distances.py [--generated 10000] [--real 20000] [--dimension 2048] [--torch-python PYTHON]

Both sides measure the same random float32 features. They resemble those of a network: none is negative, and a few
directions have most of the variance. Each of the four runs is a process of its own. Seconds do not include reading
the arrays; memory is the rise of the peak above the interpreter, libraries and arrays. torch-fidelity uses its
defaults, 100 subsets of 1,000 pictures. PYTHON is an interpreter with torch, torch-fidelity and tqdm. Without it, this
interpreter is used, and tests/oracles.py replaces the parts of torch that torch-fidelity's NumPy formulas need. Prints
JSON.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1] / "tests"
UNIT = 1e6 if sys.platform == "darwin" else 1e6 / 1024  # units of ru_maxrss per megabyte


def draw(folder, generated, real, dimension):
    """Save two samples of features; the generated one is slightly shifted."""
    import numpy as np

    chance = np.random.default_rng(0)
    mix = chance.standard_normal((dimension, dimension), np.float32) / np.arange(1, dimension + 1)[:, None] ** 0.5
    for name, rows, shift in (("real", real, -0.2), ("generated", generated, -0.15)):
        features = chance.standard_normal((rows, dimension), np.float32) @ mix.astype(np.float32) + np.float32(shift)
        np.save(folder / f"{name}.npy", np.maximum(features, 0, out=features))


def ours(metric):
    from pedigree.metrics.frechet import frechet_distance
    from pedigree.metrics.kernel import kernel_distance

    def measure(real, generated):
        value = frechet_distance(real, generated) if metric == "frechet" else kernel_distance(real, generated, seed=0)
        return float(value), value.standard_error

    return measure


def theirs(metric):
    import numpy as np

    sys.path.insert(0, str(TESTS))
    import oracles

    def measure(real, generated):
        if metric == "frechet":
            return oracles.fid(real, generated, np.float32), None
        subset_size = min(1000, len(real), len(generated))
        return oracles.kid(real, generated, 100, subset_size, np.float32)

    return measure


def half(side, metric, folder):
    """Run one metric of one side. Print its value, seconds and memory."""
    import numpy as np

    measure = {"pedigree": ours, "torch-fidelity": theirs}[side](metric)
    real, generated = (np.load(folder / f"{name}.npy") for name in ("real", "generated"))
    before, start = peak(), time.perf_counter()
    value, spread = measure(real, generated)
    seconds = time.perf_counter() - start
    figures = {"value": value, "seconds": seconds, "megabytes": peak() - before}
    if spread is not None:
        figures["standard_error" if side == "pedigree" else "deviation_over_subsets"] = spread
    print(json.dumps(figures))


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / UNIT


def run(python, *arguments):
    """Run this script in another process. This one imports almost nothing, because a child's peak starts at its own."""
    process = subprocess.run([python, __file__, *map(str, arguments)], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(process.stdout or "null")


def compare(metric, torch_python, folder):
    sides = {"pedigree": sys.executable, "torch-fidelity": torch_python or sys.executable}
    results = {side: run(python, "--half", side, metric, folder) for side, python in sides.items()}
    mine, peer = results.values()
    difference = mine["value"] - peer["value"]
    figures = {side: {name: rounded(number) for name, number in numbers.items()} for side, numbers in results.items()}
    figures["relative_difference"] = rounded(abs(difference / peer["value"]))
    figures["difference_in_standard_errors"] = rounded(abs(difference) / mine["standard_error"])
    figures["times_faster"] = rounded(peer["seconds"] / mine["seconds"])
    figures["times_less_memory"] = rounded(peer["megabytes"] / mine["megabytes"])
    return figures


def rounded(number):
    return float(f"{number:.4g}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generated", type=int, default=10_000, help="pictures (default 10000)")
    parser.add_argument("--real", type=int, default=20_000, help="pictures (default 20000)")
    parser.add_argument("--dimension", type=int, default=2048, help="features of a picture (default 2048)")
    parser.add_argument("--torch-python", metavar="PYTHON", default=os.environ.get("TORCH_PYTHON"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        run(sys.executable, "--draw", scratch, arguments.generated, arguments.real, arguments.dimension)
        figures = {metric: compare(metric, arguments.torch_python, Path(scratch)) for metric in ("frechet", "kernel")}
    sizes = {
        "generated": arguments.generated,
        "real": arguments.real,
        "dimension": arguments.dimension,
        "cores": os.cpu_count(),
    }
    print(json.dumps({**sizes, **figures}, indent=1))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--half"]:
        half(sys.argv[2], sys.argv[3], Path(sys.argv[4]))
    elif sys.argv[1:2] == ["--draw"]:
        draw(Path(sys.argv[2]), *map(int, sys.argv[3:]))
    else:
        main()
