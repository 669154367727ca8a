"""What is judged: pictures, and the features that an extractor finds in them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pedigree.common.spread import spread

Labels = NDArray[np.int32]


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
