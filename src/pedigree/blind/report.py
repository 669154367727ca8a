"""The answers of the readers in numbers: the content of `reports/blind.json`."""

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from pedigree.blind.answers import MISSING, Answers
from pedigree.blind.key import Key
from pedigree.blind.questions import PHOTOS
from pedigree.common.measures import DEVIATIONS

QUESTIONS = ("dog", "photo", "breed")
Flags = npt.NDArray[np.bool_]
Numbers = dict[str, Any]


def report(key: Key, answers: Sequence[Answers]) -> Numbers:
    """Return the numbers of `reports/blind.json`; at least one reader."""
    given = {name: np.stack([getattr(one, name) for one in answers]) for name in QUESTIONS}
    return {
        "test": key.test,
        "seed": key.seed,
        "readers": [one.reader for one in answers],
        "choices": key.choices,
        "generated": [
            {"model": name, "sha256": digest} | _source(key, answers, key.sources == name)
            for name, digest in key.models.items()
        ],
        "photos": _source(key, answers, key.sources == PHOTOS),
        "agreement": {name: agreement(values) for name, values in given.items()},
    }


def wilson(share: float, count: int) -> tuple[float, float]:
    """Return the 95 % interval of a share seen in `count` cases (Wilson, "Probable Inference", 1927)."""
    square = DEVIATIONS**2
    middle = share + square / (2 * count)
    half = DEVIATIONS * math.sqrt(share * (1 - share) / count + square / (4 * count**2))
    return max(0.0, (middle - half) / (1 + square / count)), min(1.0, (middle + half) / (1 + square / count))


def agreement(given: npt.NDArray[np.int8]) -> float | None:
    """Return in how many of all pairs of answers to a picture by two readers both are equal; None without any pair.

    Args:
        given: `(readers, n)`; `MISSING` where there is no answer.
    """
    pairs = [(one != MISSING) & (other != MISSING) for one, other in combinations(given, 2)]
    equal = [one == other for one, other in combinations(given, 2)]
    total = sum(int(pair.sum()) for pair in pairs)
    return sum(int((pair & same).sum()) for pair, same in zip(pairs, equal, strict=True)) / total if total else None


def _source(key: Key, answers: Sequence[Answers], chosen: Flags) -> Numbers:
    """Return the numbers of the pictures of one source."""
    breeds = sorted(set(key.breeds[chosen].tolist()))
    return {
        "pictures": int(chosen.sum()),
        **_shares(key, answers, chosen),
        "missing": {
            name: sum(int((getattr(one, name)[chosen] == MISSING).sum()) for one in answers) for name in QUESTIONS
        },
        "by_reader": {one.reader: _shares(key, [one], chosen) for one in answers},
        "by_breed": {breed: _counts(key, answers, chosen & (key.breeds == breed)) for breed in breeds},
    }


def _shares(key: Key, answers: Sequence[Answers], chosen: Flags) -> Numbers:
    return {name: _share(hits, answered) for name, (hits, answered) in _outcomes(key, answers, chosen).items()}


def _counts(key: Key, answers: Sequence[Answers], chosen: Flags) -> Numbers:
    outcomes = _outcomes(key, answers, chosen)
    counts = {name: [int(hits.sum()), int(answered.sum())] for name, (hits, answered) in outcomes.items()}
    return {"pictures": int(chosen.sum()), **counts}


def _outcomes(key: Key, answers: Sequence[Answers], chosen: Flags) -> dict[str, tuple[Flags, Flags]]:
    """Return for each measure who says so and who answered, both `(readers, chosen pictures)`."""
    dog, photo, breed = (np.stack([getattr(one, name) for one in answers])[:, chosen] for name in QUESTIONS)
    named, tried = breed == key.right[chosen], breed != MISSING
    return {
        "called_a_dog": (dog == 1, dog != MISSING),
        "taken_for_a_photo": (photo == 1, photo != MISSING),
        "breed_named": (named, tried),
        "breed_named_of_dogs": (named & (dog == 1), tried & (dog == 1)),
    }


def _share(hits: Flags, answered: Flags) -> Numbers:
    """Return the share of `hits` in `answered`, both `(readers, n)`, and its interval.

    Readers agree on many pictures, so that two answers to one picture are not two independent cases. The interval takes
    the pictures as the cases: it is right if all readers agree always, and too wide, never too narrow, if they do not.
    """
    count, pictures = int(answered.sum()), int(answered.any(axis=0).sum())
    share = int(hits.sum()) / count if count else None
    interval = None if share is None else list(wilson(share, pictures))
    return {"share": share, "interval": interval, "answers": count, "pictures": pictures}
