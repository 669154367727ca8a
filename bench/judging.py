"""Seconds and peak memory of all metrics of `pedigree score` at once, at Stanford Dogs' size and Inception's dimension.

    python bench/judging.py [--real 20000] [--holdout 4000] [--generated 10000] [--dimension 2048] [--breeds 120]

Features are drawn: a centre a breed, none negative, as a network pools them; pictures are noise at 64 px. The memory is
what the peak rose by, features and pictures not counted.
"""

import argparse
import json
import resource
import sys
import time

import numpy as np

from pedigree.score.evaluation import evaluate
from pedigree.score.sample import Sample

UNIT = 1e6 if sys.platform == "darwin" else 1e6 / 1024  # what of ru_maxrss makes a megabyte
LATENT = 256  # dimensions that breeds and pictures differ in


def drawn(count, asked, mix, centres, seed):
    """Draw a sample of `count` pictures of all breeds."""
    chance = np.random.default_rng(seed)
    labels = np.sort(chance.integers(0, asked.breeds, count)).astype(np.int32)
    latents = centres[labels] + chance.standard_normal((count, LATENT), np.float32)
    grain = chance.standard_normal((count, asked.dimension), np.float32)
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
    asked = parser.parse_args()
    chance = np.random.default_rng(0)
    mix = chance.standard_normal((LATENT, asked.dimension), np.float32) / 16
    centres = 1.5 * chance.standard_normal((asked.breeds, LATENT), np.float32)
    counts = asked.real, asked.holdout, asked.generated
    samples = [drawn(count, asked, mix, centres, seed) for seed, count in enumerate(counts, 1)]
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    evaluate(*samples, tuple(f"n{breed:08d}-Breed" for breed in range(asked.breeds)))
    seconds, peak = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        json.dumps(vars(asked) | {"seconds": round(seconds, 1), "megabytes": round((peak - before) / UNIT)}, indent=1)
    )


if __name__ == "__main__":
    main()
