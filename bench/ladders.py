"""Which metric detects which damage: every metric of `pedigree score` for several kinds of damage, mild to strong.

    python bench/ladders.py [FOLDER with images.tar and annotation.tar] [--out FOLDER] [--cache FOLDER]

Real photos, cropped whole at 64 px by pedigree's own code, are split: 7 of 15 are training crops, 2 are held out, and 6
are the pictures of a perfect generator. The latter are then damaged. The first rung of each ladder is undamaged. *Fewer
distinct* repeats a few pictures to the same number; it depends on their choice, so its rungs are the mean of twelve
draws. *Labels shuffled* gives a share of the pictures another breed. *Training crops* replaces a share of the pictures
with training crops.

`damage/sight.py` defines when a metric detects a damage. Takes about ten minutes on two cores, or seven with cached
features.
"""

import argparse
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from damage import pictures
from damage.sight import Table, as_json, markdown, tabulated
from numpy.typing import NDArray

from pedigree.common.breeds import display_name
from pedigree.common.files import write_text
from pedigree.common.paths import FEATURES
from pedigree.common.progress import progress
from pedigree.crop.holdout import HoldoutCandidate, held_out
from pedigree.crop.threads import crop_photos
from pedigree.features import extractors
from pedigree.features.cache import cached_features
from pedigree.photos.census import take_census
from pedigree.photos.plans import Plan, plan_crops
from pedigree.score.damage import damaged_copies
from pedigree.score.evaluation import evaluate
from pedigree.score.sample import Sample
from pedigree.score.stage import imagenet_indices, opinions
from pedigree.settings import params
from pedigree.unpack.stage import unpack

TINYDOGS = Path(__file__).parents[2] / "shared" / "data" / "tinydogs6"
SIZE, DRAWS, SEED = 64, 12, 0
WHOLE = params.Crop(
    size=SIZE, frames="whole", padding=0.0, min_box=1, max_aspect=4.0, holdout=0.5, seed=SEED, scheduler=None
)

Maker = Callable[[int], Sample]


def unpacked_plans(archives: Path, root: Path) -> list[Plan]:
    """Unpack both archives into `root` and plan a whole frame of each usable photo."""
    unpack(archives / "images.tar", archives / "annotation.tar", params.load(params.Unpack), root)
    return plan_crops(take_census(root), WHOLE)[0]


def split(plans: Sequence[Plan]) -> dict[str, list[Plan]]:
    """Split the photos 7 : 6 : 2 within every breed. Copies of a photo stay together."""
    candidates = [HoldoutCandidate(plan.photo, plan.breed, plan.content) for plan in plans]
    drawn = held_out(candidates, 6 / 15, SEED)
    kept = held_out([photo for photo in candidates if photo.photo not in drawn], 2 / 9, SEED)
    side = {plan.photo: "generated" if plan.photo in drawn else "holdout" for plan in plans}
    side |= {plan.photo: "train" for plan in plans if plan.photo not in drawn | kept}
    return {name: [plan for plan in plans if side[plan.photo] == name] for name in ("train", "generated", "holdout")}


class Eye:
    """Makes samples of pictures with the default extractor."""

    def __init__(self, breeds: tuple[str, ...], cache: Path) -> None:
        self.extractor, self.breeds, self.cache = extractors.load("efficientnet-lite0"), breeds, cache
        self.indices = imagenet_indices(breeds)

    def sample(self, images: pictures.Images, labels: pictures.Labels) -> Sample:
        features = self.features(images)
        return Sample(images, features, labels, opinions(self.extractor, features, self.indices))

    def features(self, images: pictures.Images) -> NDArray[np.float32]:
        return cached_features(self.extractor, images, folder=self.cache)


def real_samples(archives: Path, cache: Path) -> tuple[Eye, dict[str, Sample]]:
    with tempfile.TemporaryDirectory() as folder:
        sides = split(unpacked_plans(archives, Path(folder)))
        breeds = tuple(sorted({plan.breed for plan in sides["train"]}))
        eye, samples = Eye(breeds, cache), {}
        for side, plans in sides.items():
            images = np.concatenate(list(crop_photos(Path(folder) / "Images", plans, SIZE, workers=2)))
            samples[side] = eye.sample(images, np.array([breeds.index(plan.breed) for plan in plans], np.int32))
    return eye, samples


def chosen(sample: Sample, places: NDArray[np.intp]) -> Sample:
    """Return the pictures at `places`, with their labels."""
    opinions = None if sample.opinions is None else sample.opinions[places]
    return Sample(sample.images[places], sample.features[places], sample.labels[places], opinions)


def labelled(sample: Sample, labels: pictures.Labels) -> Sample:
    return Sample(sample.images, sample.features, labels, sample.opinions)


def copying(train: Sample, sample: Sample, share: float, seed: int) -> Sample:
    """Replace a share of the pictures with training crops of the same breeds."""
    both = Sample(
        np.concatenate([sample.images, train.images]),
        np.concatenate([sample.features, train.features]),
        np.concatenate([sample.labels, train.labels]),
        None if sample.opinions is None or train.opinions is None else np.append(sample.opinions, train.opinions),
    )
    random, places = pictures.chance(seed), np.arange(len(sample.labels))
    for breed in np.unique(sample.labels):
        old = np.flatnonzero(sample.labels == breed)
        new = random.permutation(np.flatnonzero(train.labels == breed))[: round(share * len(old))]
        places[old[: len(new)]] = len(places) + new
    return chosen(both, places)


def ladders(eye: Eye, train: Sample, real: Sample) -> dict[str, dict[str, tuple[int, Maker]]]:
    """Return, by damage and strength, the number of draws of a rung and a function that draws it from a seed."""

    def damaged(change: Callable[[pictures.Images], pictures.Images], seed: int) -> Sample:
        return eye.sample(change(real.images), real.labels)

    def fewer(share: float, seed: int) -> Sample:
        return chosen(real, pictures.distinct(real.labels, share, seed))

    def mislabelled(share: float, seed: int) -> Sample:
        return labelled(real, pictures.relabelled(real.labels, share, seed))

    def copied(share: float, seed: int) -> Sample:
        return copying(train, real, share, seed)

    rungs: dict[str, dict[str, tuple[int, Maker]]] = {
        damage: {strength: (1, partial(damaged, change)) for strength, change in strengths.items()}
        for damage, strengths in pictures.ON_PIXELS.items()
    }
    tenths = {"10 %": 0.1, "50 %": 0.5, "all": 1.0}
    rungs["fewer distinct"] = {"a tenth": (DRAWS, partial(fewer, 0.1)), "one a breed": (DRAWS, partial(fewer, 0.0))}
    rungs["labels shuffled"] = {name: (1, partial(mislabelled, share)) for name, share in tenths.items()}
    rungs["training crops"] = {name: (1, partial(copied, share)) for name, share in tenths.items()}
    return rungs


def climb(archives: Path, cache: Path) -> tuple[Table, dict[str, Any], str]:
    """Evaluate every rung. Return the table, the numbers of the undamaged pictures and a description of the samples."""
    eye, samples = real_samples(archives, cache)
    train, holdout, real = (samples[side] for side in ("train", "holdout", "generated"))
    copies = [(eye.features(images), labels) for images, labels in damaged_copies(train.images, train.labels)]

    def numbers(draws: int, maker: Maker) -> list[dict[str, Any]]:
        drawn = (maker(seed) for seed in range(SEED, SEED + draws))
        return [evaluate(train, holdout, sample, eye.breeds, copies=copies).numbers for sample in drawn]

    undamaged, results = numbers(1, lambda seed: real), {}
    for ladder, rungs in progress(ladders(eye, train, real).items(), label="ladders", unit="ladder"):
        results[ladder] = {"none": undamaged} | {name: numbers(*rung) for name, rung in rungs.items()}
    counts = ", ".join(f"{len(sample)} {side}" for side, sample in samples.items())
    names = ", ".join(display_name(breed) for breed in eye.breeds)
    return tabulated(results), undamaged[0], f"{counts}; whole frames at {SIZE} px of {names}; {eye.extractor.name}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archives", nargs="?", type=Path, default=TINYDOGS)
    parser.add_argument("--out", type=Path, default=Path("runs/ladders"), help="for ladders.md and ladders.json")
    parser.add_argument("--cache", type=Path, default=FEATURES, help="of features")
    arguments = parser.parse_args()
    table, floors, samples = climb(arguments.archives, arguments.cache)
    text = f"{samples}\n\n{markdown(table, floors)}"
    write_text(arguments.out / "ladders.md", text)
    write_text(arguments.out / "ladders.json", as_json(table))
    print(text)


if __name__ == "__main__":
    main()
