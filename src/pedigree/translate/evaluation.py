"""What a translator does to held-out crops: the breed they get, what is kept, and what comes back."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pedigree.common.packed_crops import Crops
from pedigree.common.paths import FEATURES
from pedigree.common.spread import spread
from pedigree.features import extractors
from pedigree.features.cache import Images, cached_features
from pedigree.generator.translator import Translator
from pedigree.metrics import frechet, probe
from pedigree.translate.content import early_maps, mean_cosine

JUDGE = "efficientnet-lite2"

Numbers = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Direction:
    """The translations from one breed to the other.

    Attributes:
        source, target: the folders of the breeds.
        crops: held-out crops of `source`, `(n, size, size, 3)` uint8 RGB.
        translations: of the crops, as `target`.
        back: of the translations, as `source` again.
        numbers: by name. Those of the translations, each followed by what it is compared with.
    """

    source: str
    target: str
    crops: Images
    translations: Images
    back: Images
    numbers: Numbers


def evaluate(translator: Translator, pair: Crops, cache: Path = FEATURES) -> tuple[Direction, Direction]:
    """Translate the held-out crops of both breeds there and back, and judge them.

    The numbers of a direction with n held-out crops:

    - `breed_accuracy`: the share of translations that a probe takes for the new breed. It learned from the features of
      training crops, and it judges the translations of both directions as one sample (`metrics.probe`). Beside it, the
      share of the untranslated crops, and of held-out crops of the new breed.
    - `frechet_distance` to the held-out crops of the new breed; beside it that of the untranslated crops, and of n
      training crops of the new breed.
    - `content_kept`: `mean_cosine` of early feature maps of crops and their translations; beside it that of a crop and
      the translation of another.
    - `round_trip`: mean absolute difference, in levels of 255, of crops and their translations there and back; beside
      it that of two different crops.

    Returns:
        The direction to the first breed, and to the second.
    """
    judge = extractors.load(JUDGE, None)
    train = cached_features(judge, pair.train_images, folder=cache, what="training crops")
    holdout = cached_features(judge, pair.holdout_images, folder=cache, what="held-out crops")
    source, crops = pair.holdout_labels, np.asarray(pair.holdout_images)
    there, back = _round_trip(translator, crops, source)
    features = judge.features(there)
    classifier = probe.fit(train, pair.train_labels, 2)
    predicted = {"translated": classifier.predict(features), "real": classifier.predict(holdout)}
    kept, mixed = _content(crops, there, source)

    def direction(target: int) -> Direction:
        moved, at_home = source != target, source == target
        normal, own = frechet.fit(holdout[at_home]), train[pair.train_labels == target]
        apart = np.abs(crops[moved].astype(np.float64) - back[moved])
        numbers = {
            "crops": int(moved.sum()),
            "breed_accuracy": _accuracy(predicted["translated"][moved], target),
            "breed_accuracy_untranslated": _accuracy(predicted["real"][moved], target),
            "breed_accuracy_real": _accuracy(predicted["real"][at_home], target),
            "frechet_distance": normal.distance(features[moved]),
            "frechet_distance_untranslated": normal.distance(holdout[moved]),
            "frechet_distance_real": normal.distance(own[spread(int(moved.sum()), len(own))]),
            "content_kept": float(kept[moved].mean()),
            "content_kept_unrelated": float(mixed[moved].mean()),
            "round_trip": float(apart.mean()),
            "round_trip_unrelated": float(np.abs(crops[moved].astype(np.float64) - _others(crops[moved])).mean()),
        }
        names = pair.breeds[1 - target], pair.breeds[target]
        return Direction(*names, crops[moved], there[moved], back[moved], numbers)

    return direction(0), direction(1)


def _round_trip(translator: Translator, crops: Images, source: NDArray[np.int32]) -> tuple[Images, Images]:
    """Return the translations of crops `(n, size, size, 3)` of the breeds `source` `(n,)`, and those back."""
    there, back = np.empty_like(crops), np.empty_like(crops)
    for breed in (0, 1):
        own = source == breed
        there[own] = translator.translate(crops[own], 1 - breed)
        back[own] = translator.translate(there[own], breed)
    return there, back


def _content(
    crops: Images, there: Images, source: NDArray[np.int32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the cosine of each crop with its translation, and with the translation of another of its breed, `(n,)`."""
    one, other = early_maps(crops), early_maps(there)
    mean = one.mean(axis=0)
    mixed = np.empty_like(other)
    for breed in (0, 1):
        mixed[source == breed] = _others(other[source == breed])
    return mean_cosine(one - mean, other - mean), mean_cosine(one - mean, mixed - mean)


def _others(rows: NDArray[Any]) -> NDArray[Any]:
    """Return the next row in place of each row."""
    return np.roll(rows, 1, axis=0)


def _accuracy(predicted: NDArray[np.integer[Any]], target: int) -> Any:
    return probe.accuracy(predicted, np.full(len(predicted), target))
