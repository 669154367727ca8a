"""Best-of-N drawing: draw many pictures of each breed and keep those that a judge finds most typical.

The judge is EfficientNet-Lite2, which never trains a generator. If a breed's folder name has the WordNet id of an
ImageNet class, its pictures are judged by the probability of that class, otherwise by the features of its training
crops. Pictures that are suspiciously near to a training crop are left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pedigree.common import quiet
from pedigree.common.breeds import display_name
from pedigree.common.packed_crops import Crops, load_crops
from pedigree.common.paths import CROPS, FEATURES
from pedigree.common.progress import progress_bar
from pedigree.drawing.generating import Drawn
from pedigree.errors import PedigreeError, UsageError
from pedigree.features import extractors
from pedigree.features.cache import cached_features
from pedigree.features.imagenet import CANINES, class_index
from pedigree.generator.model import Generator
from pedigree.metrics.memorization import nearest_training, suspicious_distance

if TYPE_CHECKING:
    from pedigree.features.extractors.efficientnet_lite import EfficientNetLite

JUDGE = "efficientnet-lite2"
MOST = 20_000  # pictures of a breed: 1 GB at 128 px

Features = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class BreedFeatures:
    """What the judge needs to know of a breed.

    Attributes:
        folder: the name of its folder.
        train: `(n, d)` features of its training crops; n is 0 if there are none.
        holdout: `(m, d)` features of its held-out crops; m is 0 if there are none.
    """

    folder: str
    train: Features
    holdout: Features

    @property
    def by_class(self) -> bool:
        """Whether its pictures are judged by the probability of an ImageNet class."""
        return class_index(self.folder) is not None

    @property
    def checked(self) -> bool:
        """Whether copies can be recognised: that needs training crops and held-out crops."""
        return len(self.train) > 0 and len(self.holdout) > 0


def draw_best(
    generator: Generator,
    folders: Sequence[str],
    count: int,
    seed: int,
    truncation: float | None,
    *,
    candidates: int,
    crops: Path = CROPS,
    cache: Path = FEATURES,
) -> Drawn:
    """Draw `count` × `candidates` pictures of each breed and keep the `count` most typical, the most typical first.

    Args:
        generator: draws the pictures.
        folders: the folders of the breeds.
        count: how many pictures of a breed are kept.
        seed: the seed of the latents.
        truncation: as in `Generator.latents`.
        candidates: how many pictures are drawn for each one kept.
        crops: the folder of the crops. Copies are only recognised if they have the generator's breeds and size.
        cache: the folder that keeps the features of the crops.

    Raises:
        UsageError: there would be more than `MOST` pictures of a breed.
        PedigreeError: a breed cannot be judged, nearly all of its pictures are suspected copies, or the weights of the
            judge are missing.
    """
    total = count * candidates
    if total > MOST:
        raise UsageError(f"--count times --best must be at most {MOST}. Received: {count} × {candidates} = {total}")
    packed, problem = matching_crops(generator, crops)
    for folder in folders:
        if class_index(folder) is None and packed is None:
            raise PedigreeError(
                f"--best cannot judge {display_name(folder)}: its folder name has no WordNet id of an ImageNet dog, "
                f"and {problem}. Make its training crops with `dvc repro crop`, or leave out --best."
            )
    judge = load_judge()
    breeds = [breed_features(judge, packed, folder, cache) for folder in folders]
    rows, left_out = [], 0
    with progress_bar(label=f"judging by {JUDGE}", total=total * len(breeds), unit="image") as bar:
        for breed in breeds:
            labels = np.full(total, generator.breeds.index(breed.folder), np.int32)
            images, features = [], []
            for part in generator.batches(labels, seed, truncation=truncation):
                images.append(part)
                features.append(judge.features(part))
                bar.update(len(part))
            chosen, copies = choose(judge, breed, np.concatenate(features), count)
            rows.append(np.concatenate(images)[chosen])
            left_out += copies
    return Drawn(np.stack(rows), _note(breeds, count, total, left_out, problem))


def choose(
    judge: extractors.ImageNetClassifier, breed: BreedFeatures, features: Features, count: int
) -> tuple[NDArray[np.intp], int]:
    """Choose the `count` most typical pictures of a breed that are no suspected copies.

    Args:
        judge: the network that made the features.
        breed: the breed.
        features: `(n, d)` features of the pictures.
        count: how many to choose.

    Returns:
        Their indices `(count,)`, the most typical first, and the number of suspected copies among all pictures.

    Raises:
        PedigreeError: fewer than `count` pictures are no suspected copies.
    """
    copies = suspected_copies(breed, features)
    order = np.argsort(-typicality(judge, breed, features), kind="stable")
    order = order[~copies[order]]
    if len(order) < count:
        raise PedigreeError(
            f"{copies.sum()} of {len(features)} pictures of {display_name(breed.folder)} are suspected copies of "
            f"training crops, so {count} cannot be kept: lower --count, raise --best, or leave out --best."
        )
    return order[:count], int(copies.sum())


def typicality(judge: extractors.ImageNetClassifier, breed: BreedFeatures, features: Features) -> NDArray[np.float64]:
    """Return how typical pictures with features `(n, d)` are of their breed, `(n,)`: more is more typical.

    With an ImageNet class, this is the logarithm of the class's probability among dogs and their kin. Without one, it
    is minus the Euclidean distance to the mean of the training crops.
    """
    index = class_index(breed.folder)
    if index is None:
        return np.asarray(-np.linalg.norm(features - breed.train.mean(axis=0, dtype=np.float64), axis=1))
    logits = judge.logits(features).astype(np.float64)
    return np.asarray(logits[:, index] - np.logaddexp.reduce(logits[:, CANINES], axis=1))


def suspected_copies(breed: BreedFeatures, features: Features) -> NDArray[np.bool_]:
    """Return which pictures `(n, d)` are nearer to a training crop of the breed than 99 of 100 held-out crops, `(n,)`.

    Without training crops and held-out crops of the breed, no picture is suspected.
    """
    if not breed.checked:
        return np.zeros(len(features), np.bool_)
    bound = suspicious_distance(nearest_training(breed.train, breed.holdout))
    return np.asarray(nearest_training(breed.train, features).distances < bound)


def load_judge() -> "EfficientNetLite":
    """Load the network that judges.

    Raises:
        PedigreeError: its weights are missing.
    """
    quiet.import_keras()
    from pedigree.features.extractors.efficientnet_lite import EfficientNetLite

    return EfficientNetLite(JUDGE)


def matching_crops(generator: Generator, folder: Path) -> tuple[Crops | None, str]:
    """Return the crops, or None and why they cannot be used."""
    if not folder.is_dir():
        return None, f"{folder} is not here"
    crops = load_crops(folder)
    if crops.breeds != generator.breeds:
        return None, f"{folder} has other breeds than the model"
    if crops.size != generator.image_size:
        return None, f"{folder} has {crops.size} px, and the model draws {generator.image_size} px"
    return crops, ""


def breed_features(judge: extractors.Extractor, crops: Crops | None, folder: str, cache: Path) -> BreedFeatures:
    """Compute the features of the crops of a breed, or take them from the cache."""
    none = np.empty((0, judge.dimension), np.float32)
    if crops is None:
        return BreedFeatures(folder, none, none)
    label = crops.breeds.index(folder)
    sides = (crops.train_images[crops.train_labels == label], crops.holdout_images[crops.holdout_labels == label])
    train, holdout = (cached_features(judge, side, folder=cache) if len(side) else none for side in sides)
    if not len(train) and class_index(folder) is None:
        raise PedigreeError(f"--best cannot judge {display_name(folder)}: it has no training crops. Leave out --best.")
    return BreedFeatures(folder, train, holdout)


def _note(breeds: Sequence[BreedFeatures], count: int, total: int, left_out: int, problem: str) -> str:
    """Return what was kept, by what measure, and whether copies were checked."""
    measures = {True: "the breed's probability", False: "the distance to the mean training crop"}
    by = " or ".join(measures[kind] for kind in (True, False) if any(breed.by_class is kind for breed in breeds))
    unchecked = [display_name(breed.folder) for breed in breeds if not breed.checked]
    if problem:
        copies = f"copies not checked: {problem}"
    elif unchecked:
        copies = f"{left_out} suspected copies left out; not checked: {', '.join(unchecked)}"
    else:
        copies = f"{left_out} suspected copies left out"
    return f"best {count} of {total} by {JUDGE} ({by}); {copies}"
