"""The training crop that is nearest to a dog, and what the distance means."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pedigree.best import BreedFeatures, breed_features, load_judge, matching_crops
from pedigree.common.packed_crops import Crops
from pedigree.common.paths import CROPS, FEATURES
from pedigree.drawing.dogs import Dog
from pedigree.errors import PedigreeError
from pedigree.metrics.memorization import nearest_training, suspicious_distance
from pedigree.pages.wording import breed_name
from pedigree.studio.models import Model

if TYPE_CHECKING:
    from pedigree.features.extractors.efficientnet_lite import EfficientNetLite

MOST_BREEDS = 32  # breeds whose features are kept in memory, about 1 MB each

Images = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Neighbor:
    """The nearest training crop of a dog's breed.

    Attributes:
        breed: the breed, for people.
        index: of the crop among all training crops.
        distance: cosine distance of the features: 0 for the same picture.
        typical: the median of that distance for held-out crops of the breed; None without held-out crops.
        bound: the distance that 1 of 100 held-out crops is below, or their least; None without held-out crops.
    """

    breed: str
    index: int
    distance: float
    typical: float | None
    bound: float | None

    @property
    def is_suspicious(self) -> bool:
        """Whether the dog may be a copy of the crop."""
        return self.bound is not None and self.distance < self.bound

    @property
    def meaning(self) -> str:
        """What the distance means, in sentences."""
        text = "0 is the same picture. EfficientNet-Lite2, which trains no generator, measures the distance."
        if self.typical is None:
            return f"{text} There are no held-out photos of this breed to compare it with."
        text += f" Held-out photos of the breed are typically at {self.typical:.2f} from their nearest training photo."
        if self.is_suspicious:
            return f"{text} This dog is nearer than 99 of 100 of them: it may be a copy."
        return f"{text} Nothing suggests that this dog is a copy."


class NearestPhotos:
    """Finds nearest training crops. It serves one request at a time, because the judge takes all cores.

    Args:
        hidden: why photos are not shown; empty if they are.
        crops: the folder of the crops.
        cache: the folder that keeps the features of the crops.
    """

    def __init__(self, hidden: str = "", crops: Path = CROPS, cache: Path = FEATURES) -> None:
        self._hidden, self._folder, self._cache = hidden, crops, cache
        self._lock = threading.Lock()
        self._judge: EfficientNetLite | None = None
        self._breeds = OrderedDict[tuple[str, int, int], BreedFeatures]()

    def problem(self, model: Model) -> str:
        """Return why the photos cannot be shown; empty if they can."""
        try:
            return self._hidden or matching_crops(model.generator, self._folder)[1]
        except PedigreeError as error:  # damaged, or `pedigree crop` writes them at this moment
            return str(error).rstrip(".")

    def find(self, model: Model, dog: Dog, image: Images) -> Neighbor:
        """Find the training crop of the dog's breed that is nearest to its picture `(size, size, 3)`.

        A mixture counts as the breed with the largest share.

        Raises:
            PedigreeError: the weights of the judge are missing, or the breed has no training crops.
        """
        with self._lock:
            crops = self._crops(model)
            folder = max(dog.breeds, key=lambda breed: breed[1])[0]
            label = crops.breeds.index(folder)
            if label not in crops.train_labels:
                raise PedigreeError(f"{breed_name(folder)} has no training crops.")
            judge = self._judge = self._judge or load_judge()
            known = self._known(judge, crops, folder)
            features = judge.features(image[None])
        nearest = nearest_training(known.train, features)
        index = int(np.flatnonzero(crops.train_labels == label)[nearest.indices[0]])
        if not known.checked:
            return Neighbor(breed_name(folder), index, float(nearest.distances[0]), None, None)
        held = nearest_training(known.train, known.holdout)
        typical, bound = float(np.median(held.distances)), suspicious_distance(held)
        return Neighbor(breed_name(folder), index, float(nearest.distances[0]), typical, bound)

    def crop(self, model: Model, index: int) -> Images | None:
        """Return a training crop `(size, size, 3)`; None if there is none with this index."""
        images = self._crops(model).train_images
        return np.asarray(images[index]) if 0 <= index < len(images) else None

    def _crops(self, model: Model) -> Crops:
        crops, problem = matching_crops(model.generator, self._folder)
        if crops is None:  # the routes ask `problem` first, so it is new
            raise PedigreeError(f"{problem}.")
        return crops

    def _known(self, judge: "EfficientNetLite", crops: Crops, folder: str) -> BreedFeatures:
        """Return the features of a breed's crops. They change if the crops do."""
        images, labels = (self._folder / f"train-{name}.npy" for name in ("images", "labels"))
        key = folder, images.stat().st_mtime_ns, labels.stat().st_mtime_ns
        if key not in self._breeds:
            self._breeds[key] = breed_features(judge, crops, folder, self._cache)
            while len(self._breeds) > MOST_BREEDS:
                self._breeds.popitem(last=False)
        return self._breeds[key]
