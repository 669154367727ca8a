"""The questions of a blind test: generated pictures and held-out photos of the same breeds, in an order by chance."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pedigree.common.breeds import display_name
from pedigree.common.packed_crops import Crops
from pedigree.errors import PedigreeError, UsageError
from pedigree.generator.model import Generator

PHOTOS = "held-out photos"
CHOICES = 6  # breeds to choose from, the right one among them

Images = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Questions:
    """What readers are shown, and the truth.

    Attributes:
        images: `(n, size, size, 3)` uint8 RGB, in the order shown.
        breeds: the folders of the breeds of the test.
        choices: `(n, k)` indices into `breeds`, ascending in each row; k is `CHOICES`, or all if there are fewer.
        labels: `(n,)` the index of the true breed; it is one of the choices.
        sources: `(n,)` names: the file of a model, or `PHOTOS`.
    """

    images: Images
    breeds: tuple[str, ...]
    choices: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    sources: tuple[str, ...]

    @property
    def digest(self) -> str:
        """The name of this test: 16 hexadecimal digits of the SHA-256 of what readers are shown."""
        shown = [self.breeds, self.choices.tolist(), self.images.shape]
        return hashlib.sha256(repr(shown).encode() + self.images.tobytes()).hexdigest()[:16]


def common_breeds(crops: Crops, models: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the folders of the breeds, sorted, that have held-out crops and that all models can draw.

    Raises:
        PedigreeError: if there are fewer than two.
    """
    held = {crops.breeds[label] for label in np.unique(crops.holdout_labels)}
    breeds = sorted(held.intersection(*models.values()))
    if len(breeds) < 2:
        raise PedigreeError(
            f"A blind test needs two breeds with held-out crops that {' and '.join(models)} can draw. Received: "
            f"{len(breeds)}. Use a model that was trained on data/crops."
        )
    return breeds


def choose_breeds(breeds: Sequence[str], count: int, random: np.random.Generator) -> list[str]:
    """Return `count` of `breeds` by chance; all if there are no more."""
    chosen: list[str] = random.choice(list(breeds), min(count, len(breeds)), replace=False).tolist()
    return chosen


def compose(
    generators: Mapping[str, Generator],
    crops: Crops,
    breeds: Sequence[str],
    pictures: int,
    photos: int,
    seed: int,
    random: np.random.Generator,
) -> Questions:
    """Draw the pictures, take the photos and mix them.

    Args:
        generators: the generators by the names of their files.
        crops: the crops; only held-out ones are used.
        breeds: the folders of the breeds of the test, at least two, in the order of the choices.
        pictures: how many each generator draws, spread evenly over the breeds.
        photos: how many photos, spread in the same way.
        seed: the seed of the latents.
        random: chooses photos, order and breeds to choose from.

    Raises:
        PedigreeError: if a generator's pictures are not of the size of the crops.
        UsageError: if a breed has too few held-out crops.
    """
    _check_sizes(generators, crops)
    taken = _held_out(crops, breeds, photos, random)
    images, labels, sources = [], [], []
    for name, generator in generators.items():
        drawn = np.repeat(np.arange(len(breeds)), _spread(pictures, len(breeds), random))
        own = np.array([generator.breeds.index(breed) for breed in breeds], np.int32)
        images.append(generator.draw(own[drawn], seed))
        labels.append(drawn)
        sources += [name] * pictures
    images.append(crops.holdout_images[taken])
    labels.append(np.array([breeds.index(crops.breeds[label]) for label in crops.holdout_labels[taken]]))
    sources += [PHOTOS] * photos
    order = random.permutation(len(sources))
    shuffled = np.concatenate(labels)[order]
    return Questions(
        images=np.concatenate(images)[order],
        breeds=tuple(breeds),
        choices=np.stack([_choices(label, len(breeds), random) for label in shuffled]),
        labels=shuffled,
        sources=tuple(sources[place] for place in order),
    )


def _check_sizes(generators: Mapping[str, Generator], crops: Crops) -> None:
    for name, generator in generators.items():
        if generator.image_size != crops.size:
            raise PedigreeError(
                f"{name} draws {generator.image_size} px and the crops have {crops.size} px, so their size would "
                f"show which is which: set crop.size to {generator.image_size} and run `pedigree crop`."
            )


def _spread(count: int, parts: int, random: np.random.Generator) -> Counts:
    """Split `count` into `parts` numbers that differ by at most one; chance decides which are larger."""
    return count // parts + (random.permutation(parts) < count % parts).astype(np.int64)


def _held_out(crops: Crops, breeds: Sequence[str], count: int, random: np.random.Generator) -> npt.NDArray[np.int64]:
    """Return the indices of `count` held-out crops, spread evenly over the breeds."""
    taken = []
    for breed, wanted in zip(breeds, _spread(count, len(breeds), random), strict=True):
        held = np.flatnonzero(crops.holdout_labels == crops.breeds.index(breed))
        if len(held) < wanted:
            raise UsageError(
                f"{display_name(breed)} has {len(held)} held-out crops and the test needs {wanted}: "
                f"lower --photos, which is {count}, or name other breeds."
            )
        taken.append(random.choice(held, wanted, replace=False))
    return np.concatenate(taken)


def _choices(label: int, breeds: int, random: np.random.Generator) -> npt.NDArray[np.int64]:
    """Return the true breed and others by chance, ascending, so that the order says nothing."""
    others = np.delete(np.arange(breeds), label)
    return np.sort(np.append(random.choice(others, min(CHOICES, breeds) - 1, replace=False), label))
