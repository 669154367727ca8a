"""Claim: both distances are torch-fidelity's, with standard errors; the kernel distance takes a fraction of its time.

    python bench/distances.py [--generated 10000] [--real 20000] [--dimension 2048] [--torch-python PYTHON]

Both measure the same drawn features, float32, shaped as a network's: none negative, a few directions with most of the
variance. Each of the four runs is a process of its own: its seconds without reading the arrays, and by how much its
peak resident memory grew over what it held before (interpreter, libraries and arrays). torch-fidelity keeps its
defaults, 100 subsets of 1,000 pictures. PYTHON is an interpreter with torch, torch-fidelity and tqdm; without one this
one is used, where tests/oracles.py stands in for what its NumPy formulas need of torch. Prints JSON.
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
UNIT = 1e6 if sys.platform == "darwin" else 1e6 / 1024  # what of ru_maxrss makes a megabyte


def draw(folder, generated, real, dimension):
    """Save two samples of features, the generated one a little shifted."""
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
        found = frechet_distance(real, generated) if metric == "frechet" else kernel_distance(real, generated, seed=0)
        return float(found), found.standard_error

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
    """Measure one metric of one side and print what it found, took and needed."""
    import numpy as np

    measure = {"pedigree": ours, "torch-fidelity": theirs}[side](metric)
    real, generated = (np.load(folder / f"{name}.npy") for name in ("real", "generated"))
    before, start = peak(), time.perf_counter()
    value, spread = measure(real, generated)
    seconds = time.perf_counter() - start
    found = {"value": value, "seconds": seconds, "megabytes": peak() - before}
    if spread is not None:
        found["standard_error" if side == "pedigree" else "deviation_over_subsets"] = spread
    print(json.dumps(found))


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / UNIT


def run(python, *arguments):
    """Run this script's other half; this process imports next to nothing, since peaks begin with what it holds."""
    process = subprocess.run([python, __file__, *map(str, arguments)], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(process.stdout or "null")


def compare(metric, torch_python, folder):
    sides = {"pedigree": sys.executable, "torch-fidelity": torch_python or sys.executable}
    found = {side: run(python, "--half", side, metric, folder) for side, python in sides.items()}
    mine, peer = found.values()
    apart = mine["value"] - peer["value"]
    figures = {side: {name: rounded(number) for name, number in numbers.items()} for side, numbers in found.items()}
    figures["relative_difference"] = rounded(abs(apart / peer["value"]))
    figures["difference_in_standard_errors"] = rounded(abs(apart) / mine["standard_error"])
    figures["times_faster"] = rounded(peer["seconds"] / mine["seconds"])
    figures["times_less_memory"] = rounded(peer["megabytes"] / mine["megabytes"])
    return figures


def rounded(number):
    return float(f"{number:.4g}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generated", type=int, default=10_000, help="pictures (default 10000)")
    parser.add_argument("--real", type=int, default=20_000, help="pictures (default 20000)")
    parser.add_argument("--dimension", type=int, default=2048, help="of a picture's features (default 2048)")
    parser.add_argument("--torch-python", metavar="PYTHON", default=os.environ.get("TORCH_PYTHON"))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        run(sys.executable, "--draw", scratch, asked.generated, asked.real, asked.dimension)
        figures = {metric: compare(metric, asked.torch_python, Path(scratch)) for metric in ("frechet", "kernel")}
    sizes = {"generated": asked.generated, "real": asked.real, "dimension": asked.dimension, "cores": os.cpu_count()}
    print(json.dumps({**sizes, **figures}, indent=1))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--half"]:
        half(sys.argv[2], sys.argv[3], Path(sys.argv[4]))
    elif sys.argv[1:2] == ["--draw"]:
        draw(Path(sys.argv[2]), *map(int, sys.argv[3:]))
    else:
        main()
