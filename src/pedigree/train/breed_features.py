"""What a pretrained network knows of each breed: the mean features of its training crops."""

import numpy as np
from numpy.typing import NDArray

from pedigree.common.packed_crops import Crops
from pedigree.common.spread import spread
from pedigree.features.cache import cached_features
from pedigree.features.extractors import Extractor

CROPS = 40  # crops of a breed whose features are averaged; with more, this would take longer
COMPONENTS = 64  # 64 principal components have 97 % of the variance of the means of Stanford Dogs' 120 breeds


def breed_features(crops: Crops, extractor: Extractor) -> NDArray[np.float32]:
    """Return the principal components of the mean features of each breed's training crops.

    Args:
        crops: the crops.
        extractor: the feature network. Its features are cached.

    Returns:
        `(breeds, k)`, with a mean of 0 per component and a mean square of 1 over all; k is at most `COMPONENTS`, and
        less than the number of breeds, but at least 1.
    """
    chosen = []
    for breed in range(len(crops.breeds)):
        indices = np.flatnonzero(crops.train_labels == breed)
        chosen.append(indices[spread(min(CROPS, len(indices)), len(indices))])
    features = cached_features(extractor, np.asarray(crops.train_images[np.concatenate(chosen)]))
    parts = np.split(features, np.cumsum([len(part) for part in chosen])[:-1])
    return principal_components(np.stack([part.mean(axis=0) for part in parts]))


def principal_components(means: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the first principal components `(breeds, k)` of means `(breeds, d)`, as `breed_features` does."""
    centred = means - means.mean(axis=0)
    directions, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    count = max(1, min(COMPONENTS, len(means) - 1))
    components = directions[:, :count] * sizes[:count]
    return np.asarray(components / max(np.sqrt(np.mean(components**2)), np.finfo(np.float32).tiny), np.float32)
