"""What is judged, and what comes out: features of pictures, and all that is found out about a generator."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedigree.common.spread import spread

Labels = NDArray[np.int32]
Metrics = dict[str, int | float | str | None]


@dataclass(frozen=True, eq=False)
class Sample:
    """Pictures, and what the extractor sees in them."""

    images: NDArray[np.uint8]  # (n, size, size, 3) RGB
    features: NDArray[np.float32]  # (n, d)
    labels: Labels  # (n,): the breed of a real picture, the breed asked for of a drawn one
    opinions: NDArray[np.intp] | None  # (n,): the breed an ImageNet network sees; None unless all are ImageNet's

    def __len__(self) -> int:
        return len(self.labels)

    def evenly(self, count: int) -> NDArray[np.float32]:
        """Return the features of `count` of the pictures, every breed in its proportion."""
        return np.asarray(self.features[np.argsort(self.labels, kind="stable")[spread(count, len(self))]])

    def of(self, breed: int) -> NDArray[np.float32]:
        """Return the features of one breed's pictures."""
        return np.asarray(self.features[self.labels == breed])


@dataclass(frozen=True, eq=False)
class Judgement:
    """All that is found out about a generator; the reports only show it."""

    numbers: Metrics  # by name, as in metrics.json; those that chance moves are `Estimate`s
    table: pd.DataFrame  # a row a breed, as in breeds.csv
    confusion: NDArray[np.float64]  # (breeds, breeds): the share of each breed asked for that the probe takes for each
    nearest: NDArray[np.intp]  # (m,): each generated picture's nearest training crop
    nearness: NDArray[np.float64]  # (m,): the cosine distance to it
    suspicious: float  # the distance below which a picture is suspected of being a copy
    realistic: NDArray[np.bool_]  # (m,): whether a generated picture lies among the training crops (precision)
    covered: NDArray[np.bool_]  # (n,): whether a training crop has a generated picture near by (coverage)
    train_map: NDArray[np.float64]  # (n, 2): the training crops' first two principal components
    generated_map: NDArray[np.float64]  # (m, 2): the generated pictures on the same axes
