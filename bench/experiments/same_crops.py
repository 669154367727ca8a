"""Judge generators on the same crops and the same breeds, even if some draw more breeds than others.

    python bench/experiments/same_crops.py PROJECT GENERATOR.keras [GENERATOR.keras ...] [--samples 1200] [--seed 0]

PROJECT is a project whose crops are made. Every generator draws pictures of its breeds. The judges of its `score`
section compare them with its training and held-out crops, as `pedigree score` does: one table per judge. Features of
the crops are kept in `runs/features` there.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pedigree.common import quiet
from pedigree.common.packed_crops import load_crops
from pedigree.common.paths import CROPS, FEATURES, PARAMS
from pedigree.generator.model import Generator, load_generator
from pedigree.score import judges, stage
from pedigree.score.page.figures import figure, interval
from pedigree.settings.params import Score, load

SHOWN = {  # numbers of metrics.json, and the same of held-out crops
    "frechet_distance": "frechet_distance_floor",
    "kernel_distance": "kernel_distance_floor",
    "breed_accuracy": "breed_accuracy_holdout",
    "imagenet_accuracy": "imagenet_accuracy_holdout",
    "precision": "precision_holdout",
    "recall": "recall_holdout",
    "coverage": "coverage_holdout",
}


class SomeBreeds:
    """Draws pictures of some breeds of a generator, as a `Drawer`."""

    def __init__(self, generator: Generator, breeds: tuple[str, ...]) -> None:
        self.generator = generator
        self.places = np.array([generator.breeds.index(breed) for breed in breeds], np.int32)

    @property
    def image_size(self) -> int:
        """The side of the pictures, in pixels."""
        return self.generator.image_size

    def batches(self, labels: NDArray[np.int32], seed: int) -> Iterator[NDArray[np.uint8]]:
        """Draw one picture for each index of the breeds."""
        return self.generator.batches(self.places[labels], seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", type=Path)
    parser.add_argument("generators", type=Path, nargs="+", metavar="GENERATOR")
    parser.add_argument("--samples", type=int, default=1200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    quiet.import_keras()
    crops, cache = load_crops(options.project / CROPS), options.project / FEATURES
    settings = replace(load(Score, options.project / PARAMS), samples=options.samples, seed=options.seed)
    for judge in judges.load(settings, crops, cache):
        print(f"| {judge.name} | {' | '.join(SHOWN)} |\n|{' --- |' * (1 + len(SHOWN))}")
        for path in options.generators:
            drawer = SomeBreeds(load_generator(path), crops.breeds)
            samples = stage.sample_all(drawer, crops, judge, settings, cache)
            numbers = stage.judged(judge, crops, samples, settings, cache).numbers
            print(f"| {path} | {' | '.join(shown(numbers[key]) for key in SHOWN)} |", flush=True)
        print(f"| held-out crops | {' | '.join(shown(numbers[key]) for key in SHOWN.values())} |\n", flush=True)


def shown(number: Any) -> str:
    """Return a number with its interval, or a dash if the judge does not give it."""
    return "-" if number is None else f"{figure(number)} {interval(number)}".rstrip()


if __name__ == "__main__":
    main()
