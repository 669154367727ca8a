"""The judges of the generator: the feature networks whose features give its scores, the first of them the main one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedigree.common import quiet
from pedigree.common.extractor_names import TRAINED, Lite0Name
from pedigree.common.packed_crops import Crops
from pedigree.features import extractors
from pedigree.features.cache import Images
from pedigree.settings.params import Score

BIAS = "bias"  # the key in metrics.json: why a judge cannot be trusted
TRAINED_GENERATOR = "trained the generator"
HEADS_LOSS = "features_loss"  # a column of history.csv if a discriminator on EfficientNet-Lite0's features was trained

_AT_ONCE = 64  # pictures


def load(settings: Score, crops: Crops, cache: Path) -> list[extractors.Extractor]:
    """Return `settings.extractor` and then `settings.other_judges`.

    Args:
        settings: they name the judges.
        crops: the training crops, which a judge without weights of its own learns from.
        cache: the folder that keeps the weights of such a judge.

    Raises:
        PedigreeError: the weights of a judge are missing or damaged.
    """
    others = [_other(name, crops, cache) for name in settings.other_judges]
    return [extractors.load(settings.extractor, settings.weights), *others]


def own_breeds(judge: extractors.Extractor) -> Callable[[NDArray[np.float32]], NDArray[np.intp]] | None:
    """Return the function from the judge's features to the breeds it predicts, if it has learned these breeds."""
    return judge.breeds if isinstance(judge, extractors.BreedPredictor) else None


def bias(judge: str, history: pd.DataFrame | None) -> str | None:
    """Return why the judge cannot be trusted, or None if no reason is known.

    Args:
        judge: its name.
        history: `reports/history.csv`, the log of the generator's training, or None if there is none.
    """
    trained = history is not None and HEADS_LOSS in history and judge in get_args(Lite0Name)
    return TRAINED_GENERATOR if trained else None


@dataclass(frozen=True, eq=False)
class Drawn:
    """Pictures that are drawn already, as a `Drawer`: every judge sees the pictures of the first."""

    images: Images  # (n, size, size, 3) uint8 RGB

    @property
    def image_size(self) -> int:
        """The side of the pictures, in pixels."""
        return int(self.images.shape[1])

    def batches(self, labels: NDArray[np.int32], seed: int) -> Iterator[Images]:
        """Yield the pictures in parts. They must be those that were drawn for these labels and this seed."""
        for start in range(0, len(labels), _AT_ONCE):
            yield self.images[start : start + _AT_ONCE]


def _other(name: str, crops: Crops, cache: Path) -> extractors.Extractor:
    if name != TRAINED:
        return extractors.load(name, None)
    quiet.import_keras()
    from pedigree.features.extractors.breed_classifier import BreedClassifier

    return BreedClassifier(crops, cache=cache)
