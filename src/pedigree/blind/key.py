"""`key.json`: which picture is which. Readers must not see it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pedigree.blind.questions import Questions
from pedigree.common import json_text
from pedigree.common.files import write_text
from pedigree.errors import PedigreeError

NAME = "key.json"
MOST_CHOICES = 127  # an answer is an int8


@dataclass(frozen=True, eq=False)
class Key:
    """The truth about the n pictures of a test.

    Attributes:
        test: the digest of the test, as in the answers.
        seed: the seed of the test.
        models: the SHA-256 of each model, by the name of its file.
        sources: `(n,)` the file of a model, or `questions.PHOTOS`.
        breeds: `(n,)` the folders of the true breeds.
        right: `(n,)` the number of the true breed among the choices, from 1.
        choices: how many breeds there are to choose from.
    """

    test: str
    seed: int
    models: dict[str, str]
    sources: npt.NDArray[np.str_]
    breeds: npt.NDArray[np.str_]
    right: npt.NDArray[np.int64]
    choices: int


def write(questions: Questions, models: Mapping[str, Path], seed: int, path: Path) -> None:
    """Write the key. `models` are the files by their names in `questions.sources`."""
    rows = zip(questions.sources, questions.labels, questions.choices, strict=True)
    facts = {
        "test": questions.digest,
        "seed": seed,
        "models": {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in models.items()},
        "pictures": [
            {
                "number": number,
                "source": source,
                "breed": questions.breeds[label],
                "choices": [questions.breeds[choice] for choice in choices],
            }
            for number, (source, label, choices) in enumerate(rows, start=1)
        ],
    }
    write_text(path, json.dumps(facts, ensure_ascii=False, indent=1) + "\n")


def read(path: Path) -> Key:
    """Read a key.

    Raises:
        PedigreeError: if there is no such file, or if it is not a key.
    """
    try:
        facts: dict[str, Any] = json_text.parse(path.read_text(encoding="utf-8"))
        pictures = facts["pictures"]
        _check(facts, pictures)
        return Key(
            test=facts["test"],
            seed=facts["seed"],
            models=facts["models"],
            sources=np.array([picture["source"] for picture in pictures]),
            breeds=np.array([picture["breed"] for picture in pictures]),
            right=np.array([picture["choices"].index(picture["breed"]) + 1 for picture in pictures]),
            choices=len(pictures[0]["choices"]),
        )
    except FileNotFoundError:
        raise PedigreeError(f"{path} is not here: name the key that `pedigree blind make` wrote with --key.") from None
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        raise PedigreeError(f"{path} is not a key that `pedigree blind make` wrote.") from None


def _check(facts: dict[str, Any], pictures: list[dict[str, Any]]) -> None:
    """Raise TypeError or ValueError unless the values have the types that `write` gives them."""
    names = [picture[key] for picture in pictures for key in ("source", "breed")]
    names += [choice for picture in pictures for choice in picture["choices"]]
    names += [facts["test"], *facts["models"], *facts["models"].values()]
    if not all(isinstance(name, str) for name in names) or not isinstance(facts["seed"], int):
        raise TypeError
    if len({len(picture["choices"]) for picture in pictures}) != 1 or len(pictures[0]["choices"]) > MOST_CHOICES:
        raise ValueError
