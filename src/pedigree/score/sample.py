"""A sample of pictures with their features."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pedigree.common.spread import spread

Labels = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Sample:
    """Pictures with their features and labels."""

    images: NDArray[np.uint8]  # (n, size, size, 3) RGB
    features: NDArray[np.float32]  # (n, d)
    labels: Labels  # (n,): the breed of a real picture, the requested breed of a generated one
    opinions: NDArray[np.intp] | None  # (n,): the breed by ImageNet's classes; None unless every breed has a class

    def __len__(self) -> int:
        return len(self.labels)

    def evenly(self, count: int) -> NDArray[np.float32]:
        """Return the features of `count` pictures, with the same proportions of breeds."""
        return np.asarray(self.features[np.argsort(self.labels, kind="stable")[spread(count, len(self))]])

    def of(self, breed: int) -> NDArray[np.float32]:
        """Return the features of the pictures of one breed."""
        return np.asarray(self.features[self.labels == breed])
