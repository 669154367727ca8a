"""Time and peak memory of all metrics of `pedigree score`, at the size of Stanford Dogs and the dimension of Inception.

    python bench/judging.py [--real 20000] [--holdout 4000] [--generated 10000] [--dimension 2048] [--breeds 120]

The features are random, with a centre for each breed, and not negative, like pooled features of a network. The pictures
are noise at 64 px. The memory is the rise of the peak above the features and pictures.
"""

import argparse
import json
import resource
import sys
import time

import numpy as np

from pedigree.score.evaluation import evaluate
from pedigree.score.sample import Sample

UNIT = 1e6 if sys.platform == "darwin" else 1e6 / 1024  # units of ru_maxrss per megabyte
LATENT = 256  # number of dimensions in which breeds and pictures differ


def drawn(count, arguments, mix, centres, seed):
    """Draw a sample of `count` pictures of all breeds."""
    chance = np.random.default_rng(seed)
    labels = np.sort(chance.integers(0, arguments.breeds, count)).astype(np.int32)
    latents = centres[labels] + chance.standard_normal((count, LATENT), np.float32)
    grain = chance.standard_normal((count, arguments.dimension), np.float32)
    features = np.maximum(latents @ mix + 0.3 * grain + np.float32(0.3), 0)
    return Sample(chance.integers(0, 256, (count, 64, 64, 3), dtype=np.uint8), features, labels, None)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (
        ("real", 20000),
        ("holdout", 4000),
        ("generated", 10000),
        ("dimension", 2048),
        ("breeds", 120),
    ):
        parser.add_argument(f"--{name}", type=int, default=default)
    arguments = parser.parse_args()
    chance = np.random.default_rng(0)
    mix = chance.standard_normal((LATENT, arguments.dimension), np.float32) / 16
    centres = 1.5 * chance.standard_normal((arguments.breeds, LATENT), np.float32)
    counts = arguments.real, arguments.holdout, arguments.generated
    samples = [drawn(count, arguments, mix, centres, seed) for seed, count in enumerate(counts, 1)]
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    evaluate(*samples, tuple(f"n{breed:08d}-Breed" for breed in range(arguments.breeds)))
    seconds, peak = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        json.dumps(
            vars(arguments) | {"seconds": round(seconds, 1), "megabytes": round((peak - before) / UNIT)}, indent=1
        )
    )


if __name__ == "__main__":
    main()
