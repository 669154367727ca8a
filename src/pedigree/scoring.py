"""How real the generator's pictures are, and how true to the breed asked for: `metrics.json` and `breeds.csv`."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedigree import extractors, generator, imagenet, params
from pedigree.breeds import display_name
from pedigree.dataset import FOLDER as CROPS
from pedigree.dataset import Crops, load_crops
from pedigree.errors import PedigreeError
from pedigree.features import FOLDER as CACHE
from pedigree.features import cached_features
from pedigree.files import replacing_file, write_text
from pedigree.metrics import probe
from pedigree.metrics.frechet import frechet_distance

Labels = NDArray[np.int32]
Metrics = dict[str, int | float | None]

MODEL = Path("models/generator.keras")
METRICS = Path("reports/metrics.json")
BREEDS = Path("reports/breeds.csv")


class Drawer(Protocol):
    """Whatever draws pictures of breeds, as `pedigree.generator.Generator` does."""

    def draw(self, labels: Labels, seed: int, batch_size: int = 64) -> NDArray[np.uint8]:
        """Draw a picture for each breed index of `labels` `(n,)`: `(n, size, size, 3)` uint8 RGB."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Pictures as the extractor sees them."""

    features: NDArray[np.float32]  # (n, d)
    labels: Labels  # (n,): the breed of a real picture, the breed asked for of a drawn one
    opinions: (
        NDArray[np.intp] | None
    )  # (n,): the breed an ImageNet network takes it for; None unless all are ImageNet's

    def evenly(self, count: int) -> NDArray[np.float32]:
        """Return the features of `count` of the pictures, every breed in its proportion."""
        return self.features[np.argsort(self.labels, kind="stable")[_spread(count, len(self.labels))]]


def score(
    settings: params.Score,
    model: Path = MODEL,
    crops: Path = CROPS,
    metrics: Path = METRICS,
    breeds: Path = BREEDS,
    cache: Path = CACHE,
) -> Metrics:
    """Score the generator at `model` against the crops, write both reports and print them.

    Raises:
        PedigreeError: the model or the crops are missing, or do not belong together.
    """
    packed, drawer = load_crops(crops), generator.load(model)
    _check_kinship(drawer, packed, model, crops)
    extractor = extractors.load(settings.extractor)
    numbers, table = score_drawer(drawer, packed, extractor, settings, cache)
    write_text(metrics, json.dumps({extractor.name: numbers}, indent=2) + "\n")
    with replacing_file(breeds) as beside:
        table.to_csv(beside, index=False, lineterminator="\n")
    print(_told(extractor.name, numbers, table))
    return numbers


def score_drawer(
    drawer: Drawer, crops: Crops, extractor: extractors.Extractor, settings: params.Score, cache: Path = CACHE
) -> tuple[Metrics, pd.DataFrame]:
    """Draw `settings.samples` pictures, breeds in the proportion of the training crops, and judge them.

    Returns:
        What `judge` returns.
    """
    asked = np.sort(crops.train_labels)[_spread(settings.samples, len(crops.train_labels))]
    images = drawer.draw(asked, settings.seed)
    indices = imagenet_indices(crops.breeds)

    def sample(features: NDArray[np.float32], labels: Labels) -> Sample:
        return Sample(features, np.asarray(labels), _opinions(extractor, features, indices))

    size = settings.batch_size
    train = sample(cached_features(extractor, crops.train_images, size, cache), crops.train_labels)
    holdout = sample(cached_features(extractor, crops.holdout_images, size, cache), crops.holdout_labels)
    return judge(train, holdout, sample(extractor.features(images, size), asked), crops.breeds)


def judge(train: Sample, holdout: Sample, generated: Sample, breeds: tuple[str, ...]) -> tuple[Metrics, pd.DataFrame]:
    """Compare generated pictures with real ones.

    `frechet_distance` is from all generated pictures to the training crops. `frechet_distance_floor` is from held-out
    photos to the same crops: what new, real photos reach. A smaller sample is further from anything,
    so the floor is to be held against `frechet_distance_at_floor_size`, not `frechet_distance`: it is from as many
    generated pictures as held-out ones, the fewer of `holdout` and `samples`.

    `breed_accuracy` is the share of pictures that a linear probe, fitted to the training crops, takes for the breed
    asked for; `…_holdout` is the same of held-out photos, and `…_chance` what ignoring the breed asked for would score.
    `imagenet_accuracy` asks the extractor's own ImageNet classes instead, only those of the breeds at hand; it is null
    unless each breed is one.

    Returns:
        The numbers by name, to six digits, and a table with a row a breed.
    """
    count = min(len(holdout.labels), len(generated.labels))
    probed = probe.fit(train.features, train.labels, len(breeds))
    named, named_holdout = probed.predict(generated.features), probed.predict(holdout.features)
    numbers: Metrics = {
        "samples": len(generated.labels),
        "real": len(train.labels),
        "holdout": len(holdout.labels),
        "frechet_distance": frechet_distance(train.features, generated.features),
        "frechet_distance_at_floor_size": frechet_distance(train.features, generated.evenly(count)),
        "frechet_distance_floor": frechet_distance(train.features, holdout.evenly(count)),
        "breed_accuracy": probe.accuracy(named, generated.labels),
        "breed_accuracy_holdout": probe.accuracy(named_holdout, holdout.labels),
        "breed_accuracy_chance": probe.chance(generated.labels),
        "imagenet_accuracy": _accuracy(generated),
        "imagenet_accuracy_holdout": _accuracy(holdout),
    }
    columns = {"breed_accuracy": (named, generated.labels), "breed_accuracy_holdout": (named_holdout, holdout.labels)}
    if generated.opinions is not None and holdout.opinions is not None:
        columns["imagenet_accuracy"] = generated.opinions, generated.labels
        columns["imagenet_accuracy_holdout"] = holdout.opinions, holdout.labels
    table = _counts(train, holdout, generated, breeds)
    for name, (predicted, labels) in columns.items():
        table[name] = [_rounded(share) for share in probe.accuracy_per_class(predicted, labels, len(breeds))]
    return {name: _rounded(number) for name, number in numbers.items()}, table


def imagenet_indices(breeds: tuple[str, ...]) -> list[int] | None:
    """Return where each breed stands among ImageNet's classes; None unless each is one, and no two the same."""
    indices = [index for breed in breeds if (index := imagenet.class_index(breed)) is not None]
    return indices if len(set(indices)) == len(breeds) else None


def _opinions(
    extractor: extractors.Extractor, features: NDArray[np.float32], indices: list[int] | None
) -> NDArray[np.intp] | None:
    if indices is None or not isinstance(extractor, extractors.ImageNetClassifier):
        return None
    return np.asarray(extractor.logits(features)[:, indices].argmax(axis=1))


def _accuracy(sample: Sample) -> float | None:
    return None if sample.opinions is None else probe.accuracy(sample.opinions, sample.labels)


def _spread(count: int, total: int) -> NDArray[np.intp]:
    """Return `count` places spread evenly over 0..total-1, repeated where there are fewer places."""
    return np.asarray((np.arange(count) * 2 + 1) * total // (2 * count))


def _counts(train: Sample, holdout: Sample, generated: Sample, breeds: tuple[str, ...]) -> pd.DataFrame:
    sides = {"train": train, "holdout": holdout, "generated": generated}
    counts = {side: np.bincount(sample.labels, minlength=len(breeds)) for side, sample in sides.items()}
    return pd.DataFrame({"breed": breeds, **counts})


def _rounded(number: Any) -> Any:
    return float(f"{number:.6g}") if isinstance(number, float) else number


def _check_kinship(drawer: generator.Generator, crops: Crops, model: Path, folder: Path) -> None:
    """Check that the generator learned from crops like these, and that there are enough of them."""
    if drawer.breeds != crops.breeds:
        odd = sorted(set(drawer.breeds) ^ set(crops.breeds))
        told = f"only one of them has {', '.join(odd[:5])}" if odd else "the same in another order"
        raise PedigreeError(f"{model} and {folder} do not have the same breeds ({told}): run `pedigree train`.")
    if drawer.image_size != crops.size:
        raise PedigreeError(
            f"{model} draws {drawer.image_size} px and {folder} holds {crops.size} px: run `pedigree train`."
        )
    if min(len(crops.train_labels), len(crops.holdout_labels)) < 2:
        raise PedigreeError(
            f"{folder} needs at least 2 crops to train and 2 held out: add photos, or raise crop.holdout."
        )


def _told(name: str, numbers: Metrics, table: pd.DataFrame) -> str:
    """Lay out both reports for a terminal."""
    shown = table.assign(breed=[display_name(breed) for breed in table["breed"]])
    lines = [f"{key:<31}{'-' if value is None else value:>10}" for key, value in numbers.items()]
    return "\n".join([f"by {name}", *lines, "", shown.to_string(index=False, na_rep="-", float_format="{:.3f}".format)])
