"""Checks by an ImageNet network: near-duplicates, suspect labels, and photos without a dog."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas

from pedigree.common.breeds import display_name
from pedigree.common.paths import FEATURES
from pedigree.features import extractors
from pedigree.features.imagenet import CANINES
from pedigree.metrics.cosine import close_pairs
from pedigree.metrics.folds import out_of_fold_scores
from pedigree.pages.wording import percent
from pedigree.validate.portraits import portrait_features

# Photos with this cosine show one scene: the same photo, another cut of it, or the next photo of the session. In 19,380
# photos of Stanford Dogs it finds 27 pairs that perceptual hashes miss. They were looked at: at most two are wrong. Of
# the pairs between 0.90 and 0.92, about one of four shows two dogs.
TWIN_COSINE = 0.94

# How much more the probe believes in another breed, as a share of its whole belief. With 1 % of the labels swapped, it
# finds 91 % of them in 120 breeds and 100 % in 4; it also doubts 1.4 % and 0.8 % of the other photos, some of which do
# have a wrong label. With 5 % swapped, it finds 83 % and 98 %.
LEAST_DOUBT = 0.2

# The probability of dogs and their kin. Below it are all of 76 landscapes, 51 of 52 other animals and 19 of 21 pictures
# of cats; and of dogs, 0.2 % of 19,380 photos of 160 px, none of 738 larger ones, but 17 % of 3,000 photos of 64 px.
LEAST_DOG = 0.3

# Photos of a breed; there is no opinion about the labels of smaller breeds. With 20 photos each of 2 to 8 breeds, 2 to
# 3 % of right labels are doubted; with 10, up to 6 %.
FEWEST = 20

_FOLDS = 5


@dataclass(frozen=True, eq=False)
class Opinions:
    """The features of the usable photos and the predictions of a network.

    Attributes:
        names: of the photos, in the order of the census.
        features: of the photos' portraits, `(photos, dimension)`.
        canine: the probability that a photo shows a dog or its kin, `(photos,)` in 0..1.
    """

    names: list[str]
    features: npt.NDArray[np.float32]
    canine: npt.NDArray[np.float64]

    def twins(self) -> list[tuple[str, str]]:
        """Return the pairs of photos whose cosine is at least `TWIN_COSINE`, by name."""
        return [(self.names[one], self.names[other]) for one, other in close_pairs(self.features, TWIN_COSINE)]

    def complaints(self, photos: pandas.DataFrame) -> pandas.DataFrame:
        """Return the columns `suspect` and `stranger`, with a row of text for each usable photo; empty: no complaint.

        Args:
            photos: the census with its groups of near-duplicates.
        """
        usable = photos[photos["usable"]]
        strangers = [f"dog {percent(share)} %: no dog seen" if share < LEAST_DOG else "" for share in self.canine]
        return pandas.DataFrame(
            {"suspect": _suspects(usable, self.features), "stranger": strangers}, index=usable.index, dtype=str
        )


def network_opinions(photos: pandas.DataFrame, raw: Path, name: str, cache: Path = FEATURES) -> Opinions:
    """Return the opinions of a packaged network. Only photos that are not in the cache are decoded.

    Args:
        photos: one row per photo, from `census.take_census`.
        raw: the folder that holds `Images`.
        name: of the extractor; it must be an ImageNet classifier.
        cache: the folder of cached features.

    Raises:
        PedigreeError: if a photo does not decode, or the network's weights are missing.
    """
    return opinions(photos, raw, extractors.load(name), cache)


def opinions(photos: pandas.DataFrame, raw: Path, extractor: extractors.Extractor, cache: Path) -> Opinions:
    """Return the opinions of a loaded network; see `network_opinions`.

    Raises:
        TypeError: the extractor is no ImageNet classifier.
    """
    if not isinstance(extractor, extractors.ImageNetClassifier):
        raise TypeError(f"Expected an ImageNet classifier. Received: {extractor.name}")
    usable = photos[photos["usable"]]
    features = portrait_features(usable, raw, extractor, cache)
    logits = extractor.logits(features).astype(np.float64)
    chances = np.exp(logits - logits.max(axis=1, keepdims=True))
    canine = chances[:, CANINES].sum(axis=1) / chances.sum(axis=1)
    return Opinions(list(usable["photo"]), features, canine)


def _suspects(usable: pandas.DataFrame, features: npt.NDArray[np.float32]) -> list[str]:
    """Return for each photo which breed it looks like, if a probe that learned from other photos doubts its label."""
    texts = np.full(len(usable), "", dtype=object)
    judged = np.flatnonzero(usable.groupby("breed")["photo"].transform("count") >= FEWEST)
    labels, breeds = pandas.factorize(usable["breed"].iloc[judged], sort=True)
    if len(breeds) < 2:
        return list(texts)
    scores = out_of_fold_scores(features[judged], labels, _folds(usable.iloc[judged]))
    rows = np.arange(len(labels))
    own = scores[rows, labels]
    scores[rows, labels] = -np.inf
    other, doubt = scores.argmax(axis=1), scores.max(axis=1) - own
    for row in np.flatnonzero(doubt >= LEAST_DOUBT):
        texts[judged[row]] = f"doubt {doubt[row]:.2f}: looks like {display_name(breeds[other[row]])}"
    return list(texts)


def _folds(usable: pandas.DataFrame) -> npt.NDArray[np.int64]:
    """Return the fold of each photo: from a hash of its content or, for near-duplicates, of their group's name."""
    keys = usable["group"].where(usable["group"] != "", usable["sha256"])
    return np.array([int(hashlib.sha256(key.encode()).hexdigest()[:8], 16) % _FOLDS for key in keys], np.int64)
