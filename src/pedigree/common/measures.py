"""The entries of `metrics.json`: their titles, what they mean, and what they are compared with."""

from dataclasses import dataclass, replace
from typing import Literal

Better = Literal["higher", "lower"]
CopyingVerdict = Literal["fine", "copies"]  # the values of memorization_verdict
NO_COPIES: CopyingVerdict = "fine"  # only means that nothing was copied; it says nothing about quality
COPIES: CopyingVerdict = "copies"

DEVIATIONS = 1.96  # a 95 % interval's half width in standard errors, of a normal distribution


@dataclass(frozen=True)
class Measure:
    """One number of `metrics.json`."""

    title: str
    meaning: str
    better: Better | None = None  # None: neither end is good by itself
    real: str | None = None  # the key that real, held-out photos reach at the same sample size
    sized: bool = False  # depends on how many pictures were drawn: numbers at two sizes do not compare


_FRECHET = "How far the generated pictures' features are from the training crops', each taken for a normal distribution"

MEASURES: dict[str, Measure] = {
    "frechet_distance": Measure("Fréchet distance", f"{_FRECHET}.", "lower", sized=True),
    "frechet_distance_at_floor_size": Measure(
        "Fréchet distance, floor's size",
        f"{_FRECHET}; as many generated pictures as held-out photos.",
        "lower",
        "frechet_distance_floor",
        sized=True,
    ),
    "kernel_distance": Measure(
        "Kernel distance",
        "How far apart the features are, by the unbiased cubic-kernel MMD; near 0 for real photos at any sample size.",
        "lower",
        "kernel_distance_floor",
    ),
    "precision": Measure(
        "Precision", "The share of generated pictures that lie among real ones.", "higher", "precision_holdout"
    ),
    "recall": Measure("Recall", "The share of training crops that lie among generated pictures.", "higher", sized=True),
    "recall_at_floor_size": Measure(
        "Recall, floor's size",
        "Recall of as many generated pictures as there are held-out photos.",
        "higher",
        "recall_holdout",
        sized=True,
    ),
    "density": Measure(
        "Density",
        "How many training crops' neighbourhoods a generated picture lies in, 1 being as many as expected.",
        "higher",
        "density_holdout",
    ),
    "coverage": Measure(
        "Coverage", "The share of training crops with a generated picture near by.", "higher", sized=True
    ),
    "coverage_at_floor_size": Measure(
        "Coverage, floor's size",
        "Coverage by as many generated pictures as there are held-out photos.",
        "higher",
        "coverage_holdout",
        sized=True,
    ),
    "breed_accuracy": Measure(
        "Breed accuracy",
        "The share of generated pictures that a probe takes for the breed asked for. It has learned from the training "
        "crops and damaged copies of them; what moves all pictures alike, softness or grain, does not count.",
        "higher",
        "breed_accuracy_holdout",
    ),
    "imagenet_accuracy": Measure(
        "Breed accuracy by ImageNet",
        "The same by the feature network's own ImageNet classes, those of the breeds at hand; soft pictures fool it.",
        "higher",
        "imagenet_accuracy_holdout",
    ),
    "memorization_distance": Measure(
        "Memorisation distance",
        "How far a generated picture is from its nearest training crop, on average; less than real photos are: copies.",
        None,
        "memorization_distance_holdout",
    ),
    "memorization_nearer": Measure(
        "Nearer than real photos",
        "How often a generated picture is nearer to its nearest training crop than a held-out photo is; 0.5: as often "
        "as not, 0: never.",
    ),
    "memorization_suspects": Measure(
        "Suspected copies",
        "The share of generated pictures nearer to a training crop than 99 of 100 held-out photos are.",
        "lower",
    ),
    "memorization_informed_frechet_distance": Measure(
        "Memorisation-informed Fréchet distance",
        "The Fréchet distance, divided by the memorisation distance where that tells of copies (Kaggle, 2019).",
        "lower",
        sized=True,
    ),
    "intra_breed_diversity": Measure(
        "Diversity within breeds",
        "How far apart two pictures of a breed are on average, in features.",
        "higher",
        "intra_breed_diversity_real",
    ),
    "ms_ssim": Measure(
        "MS-SSIM within breeds",
        "How alike two pictures of a breed are on average, in structure; 1: the same picture.",
        "lower",
        "ms_ssim_real",
    ),
    "near_duplicates": Measure(
        "Near duplicates",
        "The share of generated pictures with a twin of their breed: nearer, for how varied that breed's pictures are, "
        "than real photos come to each other.",
        "lower",
        "near_duplicates_holdout",
    ),
    "collapsed_breeds": Measure("Collapsed breeds", "Breeds whose pictures are clearly too much alike.", "lower"),
}

# The names that Inception-2015's features alone have a right to.
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
    "breed_accuracy_chance": "Breed accuracy, by chance",
}
