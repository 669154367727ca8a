"""The title, meaning and reference of each entry of `metrics.json`, for the score page and the comparisons."""

from dataclasses import dataclass, replace
from typing import Literal

Better = Literal["higher", "lower"]
CopyingVerdict = Literal["fine", "copies"]  # the values of memorization_verdict
NO_COPIES: CopyingVerdict = "fine"  # only means that nothing was copied; it says nothing about quality
COPIES: CopyingVerdict = "copies"

DEVIATIONS = 1.96  # half the width of a 95 % interval, in standard errors of a normal distribution


@dataclass(frozen=True)
class Measure:
    """One number of `metrics.json`."""

    title: str
    meaning: str
    better: Better | None = None  # None: neither direction is better by itself
    real: str | None = None  # the key of the same number for held-out photos, at the same sample size
    sized: bool = False  # depends on the number of pictures: not comparable at different sample sizes


_FRECHET = "The distance between the features of generated pictures and training crops, both as normal distributions"

MEASURES: dict[str, Measure] = {
    "frechet_distance": Measure("Fréchet distance", f"{_FRECHET}.", "lower", sized=True),
    "frechet_distance_at_floor_size": Measure(
        "Fréchet distance, floor's size",
        f"{_FRECHET}; with as many generated pictures as held-out photos.",
        "lower",
        "frechet_distance_floor",
        sized=True,
    ),
    "kernel_distance": Measure(
        "Kernel distance",
        "The squared MMD of the features, unbiased, with a cubic kernel. Near 0 for real photos at any sample size.",
        "lower",
        "kernel_distance_floor",
    ),
    "precision": Measure(
        "Precision", "The share of generated pictures that lie among real ones.", "higher", "precision_holdout"
    ),
    "recall": Measure("Recall", "The share of training crops that lie among generated pictures.", "higher", sized=True),
    "recall_at_floor_size": Measure(
        "Recall, floor's size",
        "Recall with as many generated pictures as held-out photos.",
        "higher",
        "recall_holdout",
        sized=True,
    ),
    "density": Measure(
        "Density",
        "How many neighbourhoods of training crops contain a generated picture, on average. 1 is the expected number.",
        "higher",
        "density_holdout",
    ),
    "coverage": Measure(
        "Coverage", "The share of training crops that have a generated picture nearby.", "higher", sized=True
    ),
    "coverage_at_floor_size": Measure(
        "Coverage, floor's size",
        "Coverage with as many generated pictures as held-out photos.",
        "higher",
        "coverage_holdout",
        sized=True,
    ),
    "breed_accuracy": Measure(
        "Breed accuracy",
        "The share of generated pictures that a probe assigns to the requested breed. It learned from the training "
        "crops and damaged copies of them. A blur or grain that all pictures share does not count.",
        "higher",
        "breed_accuracy_holdout",
    ),
    "imagenet_accuracy": Measure(
        "Breed accuracy by ImageNet",
        "The same with the feature network's own ImageNet classes for these breeds. Blurred pictures mislead it.",
        "higher",
        "imagenet_accuracy_holdout",
    ),
    "memorization_distance": Measure(
        "Memorisation distance",
        "The average distance of a generated picture to its nearest training crop. Less than real photos have: copies.",
        None,
        "memorization_distance_holdout",
    ),
    "memorization_nearer": Measure(
        "Nearer than real photos",
        "How often a generated picture is nearer to its nearest training crop than a held-out photo is. 0.5 is as "
        "often as real photos, 0 is never.",
    ),
    "memorization_suspects": Measure(
        "Suspected copies",
        "The share of generated pictures that are nearer to a training crop than 99 % of held-out photos.",
        "lower",
    ),
    "memorization_informed_frechet_distance": Measure(
        "Memorisation-informed Fréchet distance",
        "The Fréchet distance, divided by the memorisation distance if that suggests copies (Kaggle, 2019).",
        "lower",
        sized=True,
    ),
    "intra_breed_diversity": Measure(
        "Diversity within breeds",
        "The average distance between the features of two pictures of a breed.",
        "higher",
        "intra_breed_diversity_real",
    ),
    "ms_ssim": Measure(
        "MS-SSIM within breeds",
        "The average structural similarity of two pictures of a breed. 1 means identical.",
        "lower",
        "ms_ssim_real",
    ),
    "near_duplicates": Measure(
        "Near duplicates",
        "The share of generated pictures with a near duplicate in their breed: a picture that is nearer than real "
        "photos are to each other, relative to the variety of the breed.",
        "lower",
        "near_duplicates_holdout",
    ),
    "collapsed_breeds": Measure(
        "Collapsed breeds", "The number of breeds whose pictures are clearly too similar.", "lower"
    ),
}

# Names that only apply to the features of Inception-2015.
INCEPTION_NAMES = {
    "fid": "frechet_distance",
    "kid": "kernel_distance",
    "mifid": "memorization_informed_frechet_distance",
}
MEASURES |= {name: replace(MEASURES[key], title=name.upper()) for name, key in INCEPTION_NAMES.items()}

# Numbers that are known exactly. They describe the scoring, not the generator.
CONDITIONS = {
    "samples": "Generated pictures",
    "real": "Training crops",
    "holdout": "Held-out crops",
    "holdout_twins": "Held-out crops with a near-duplicate among the training crops",
    "breed_accuracy_chance": "Breed accuracy, by chance",
}
