"""The crops of two breeds: label 0 is the first of the two, label 1 the second."""

from dataclasses import replace
from typing import Any

import numpy as np

from pedigree.common.breeds import find_breed
from pedigree.common.packed_crops import SIDES, Crops
from pedigree.common.paths import PARAMS
from pedigree.errors import PedigreeError, UsageError

FEWEST = 2  # crops of a breed on each side: a Fréchet distance needs two


def pair_of(crops: Crops, names: list[str]) -> Crops:
    """Return the crops of the breeds `names`, in memory, in the order of the packed crops.

    Raises:
        UsageError: a name is no breed of the crops, or both are the same breed.
        PedigreeError: a breed has too few crops.
    """
    try:
        breeds = tuple(find_breed(name, crops.breeds, listing="data/crops/breeds.json has") for name in names)
    except UsageError as error:
        raise UsageError(f"{PARAMS}: translate.breeds: {error}") from None
    if breeds[0] == breeds[1]:
        raise UsageError(f"{PARAMS}: translate.breeds: both are {breeds[0]}: name two different breeds.")
    pair = replace(crops, breeds=breeds)
    for side in SIDES:
        images, labels = getattr(crops, f"{side}_images"), getattr(crops, f"{side}_labels")
        places = [np.flatnonzero(labels == crops.breeds.index(breed)) for breed in breeds]
        for breed, rows in zip(breeds, places, strict=True):
            if len(rows) < FEWEST:
                raise PedigreeError(f"{breed} has {len(rows)} {side} crops: translate needs {FEWEST} or more of each.")
        chosen = np.sort(np.concatenate(places))
        chosen_labels = np.asarray(labels[chosen] == crops.breeds.index(breeds[1]), np.int32)
        arrays: dict[str, Any] = {f"{side}_images": np.asarray(images[chosen]), f"{side}_labels": chosen_labels}
        pair = replace(pair, **arrays)
    return pair
