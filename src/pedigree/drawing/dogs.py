"""Dogs as text: which breeds, which latent and which truncation, in a form that fits into a web address.

A text is `BREEDS~LATENT` or `BREEDS~LATENT~TRUNCATION`, for example `n02110958-pug~7`, or a mixture halfway between two
dogs, `n02110958-pug:0.6,n02108089-boxer:0.4~between(7,12,0.5)~1`.

- BREEDS is a folder name, or several with weights. Letters other than those of a URL are percent-encoded.
- LATENT is a seed, or one of `between(LATENT,LATENT,SHARE)`, `cross(LATENT,LATENT,SEED)` and `child(LATENT,SEED,STEP)`.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
import numpy.typing as npt

from pedigree.common.breeds import find_breed
from pedigree.drawing.request import LARGEST_SEED
from pedigree.errors import PedigreeError, UsageError
from pedigree.generator.model import Generator, Latents
from pedigree.generator.walks import lerp, slerp

LONGEST = 2000  # characters
DEEPEST = 16  # latents inside each other
MOST_BREEDS = 4
CENTRE_SEED = 0  # of truncated latents: dogs of all seeds vary around one centre
BLOCK = 4  # neighbouring numbers that a cross takes from the same parent

_TOKEN = re.compile(r"\s*([a-z]+|\d+(?:\.\d+)?(?:e-?\d+)?|[(),])")
_ARGUMENTS = {"between": "LLS", "cross": "LLN", "child": "LNS"}  # L: a latent, S: a share, N: a seed
_PARENTS, _STEPS = 1000, 1001  # streams of random numbers of crosses and children; those of latents are far smaller


@dataclass(frozen=True)
class Latent:
    """A latent: how it is made from seeds.

    Attributes:
        kind: "seed", "between", "cross" or "child".
        parts: the seed; or the arguments, as in the text.
    """

    kind: str
    parts: tuple[Any, ...]

    def __str__(self) -> str:
        inside = ",".join(f"{part:.6g}" if isinstance(part, float) else str(part) for part in self.parts)
        return inside if self.kind == "seed" else f"{self.kind}({inside})"


@dataclass(frozen=True)
class Dog:
    """One picture that a generator can draw.

    Attributes:
        breeds: 1 to 4 folder names with their weights, which are above 0. A single one has the weight 1.
        latent: the latent.
        truncation: as in `Generator.latents`; None for none. It applies to the latents of seeds.
    """

    breeds: tuple[tuple[str, float], ...]
    latent: Latent
    truncation: float | None = None

    def __str__(self) -> str:
        if len(self.breeds) == 1:
            breeds = _encoded(self.breeds[0][0])
        else:
            breeds = ",".join(f"{_encoded(folder)}:{weight:.6g}" for folder, weight in self.breeds)
        return f"{breeds}~{self.latent}" + ("" if self.truncation is None else f"~{self.truncation:.6g}")


def seeded(folder: str, seed: int, truncation: float | None = None) -> Dog:
    """Return the dog of a breed and a seed."""
    return Dog(((folder, 1.0),), Latent("seed", (seed,)), truncation)


def parse(text: str, folders: Sequence[str]) -> Dog:
    """Read a dog of a generator whose breeds are `folders`.

    Raises:
        UsageError: the text is not a dog, or names a breed that the generator does not know.
    """
    if len(text) > LONGEST:
        raise UsageError(f"a dog has at most {LONGEST} characters. Received: {len(text)}")
    parts = text.split("~")
    if not 2 <= len(parts) <= 3:
        raise UsageError(f"expected a dog as BREED~SEED or BREED~SEED~TRUNCATION. Received: {text[:80]!r}")
    truncation = None if len(parts) == 2 else _number(parts[2], "a truncation", 0, 1000)
    if truncation == 0:
        raise UsageError("a truncation must be above 0. Received: 0")
    dog = Dog(_breeds(parts[0], folders), parse_latent(parts[1]), truncation)
    if len(str(dog)) > LONGEST:  # with full names; such a text could not be read again
        raise UsageError(f"a dog has at most {LONGEST} characters. With the names of its folders: {len(str(dog))}")
    return dog


def parse_latent(text: str) -> Latent:
    """Read the text of a latent.

    Raises:
        UsageError: the text is not a latent.
    """
    tokens, place = [], 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise _not_a_latent(text)
        tokens.append(match[1])
        place = match.end()
    tokens.reverse()
    latent = _latent(tokens, text, DEEPEST)
    if tokens:
        raise _not_a_latent(text)
    return latent


def shares_of(generator: Generator, dogs: Sequence[Dog]) -> npt.NDArray[np.float32]:
    """Return the shares of the generator's breeds in each dog, `(n, breeds)`: their weights divided by the sum."""
    shares = np.zeros((len(dogs), len(generator.breeds)), np.float32)
    for row, dog in enumerate(dogs):
        total = sum(weight for _, weight in dog.breeds)
        for folder, weight in dog.breeds:
            shares[row, generator.breeds.index(folder)] = weight / total
    return shares


def latents_of(generator: Generator, dogs: Sequence[Dog]) -> Latents:
    """Return the latents of dogs, `(n, latent_size)`."""
    return np.stack([latent_of(generator, dog.latent, dog.truncation) for dog in dogs])


def latent_of(generator: Generator, latent: Latent, truncation: float | None) -> Latents:
    """Return the numbers of a latent, `(latent_size,)`."""
    if latent.kind == "seed":
        return np.asarray(generator.latents(1, latent.parts[0], truncation, CENTRE_SEED)[0])
    one = latent_of(generator, latent.parts[0], truncation)
    if latent.kind == "child":
        seed, step = latent.parts[1:]
        return _between(generator, one, generator.prior(1, seed, stream=_STEPS)[0], step)
    other = latent_of(generator, latent.parts[1], truncation)
    if latent.kind == "between":
        return _between(generator, one, other, latent.parts[2])
    return np.asarray(np.where(_from_first(len(one), latent.parts[2]), one, other))


def _between(generator: Generator, one: Latents, other: Latents, share: float) -> Latents:
    """Interpolate as walks do: normal latents along an arc, uniform ones along a line."""
    return slerp(one, other, share) if generator.latent == "normal" else lerp(one, other, share)


def _from_first(size: int, seed: int) -> npt.NDArray[np.bool_]:
    """Return which numbers of a cross come from the first parent: half of the blocks, chosen by `seed`."""
    random = np.random.Generator(np.random.Philox(key=seed).jumped(_PARENTS))
    blocks = math.ceil(size / min(BLOCK, max(1, size // 2)))
    first = random.permutation(blocks) < (blocks + 1) // 2
    return np.repeat(first, math.ceil(size / blocks))[:size]


def _breeds(text: str, folders: Sequence[str]) -> tuple[tuple[str, float], ...]:
    parts = [part.partition(":") for part in text.split(",")]
    if len(parts) > MOST_BREEDS:
        raise UsageError(f"at most {MOST_BREEDS} breeds can be mixed. Received: {len(parts)}")
    if any(bool(colon) != (len(parts) > 1) for _, colon, _ in parts):
        raise UsageError("a mixture has a weight for each breed, as in pug:0.6,boxer:0.4, and a single breed has none")
    names = [find_breed(unquote(name), folders) for name, _, _ in parts]
    if len(set(names)) < len(names):
        raise UsageError("a mixture has different breeds: one is named twice")
    weights = [_number(weight, "a weight", 0, 1e6) if colon else 1.0 for _, colon, weight in parts]
    if not sum(weights):
        raise UsageError("a mixture needs a weight above 0")
    mixed = [(name, weight) for name, weight in zip(names, weights, strict=True) if weight]
    return tuple(mixed) if len(mixed) > 1 else ((mixed[0][0], 1.0),)


def _latent(tokens: list[str], text: str, deepest: int) -> Latent:
    """Read a latent from the end of `tokens`, which are in reverse order."""
    if not deepest:
        raise UsageError(f"latents can be inside each other at most {DEEPEST} deep: {text[:80]!r}")
    token = tokens.pop() if tokens else ""
    if token.isdigit():
        return Latent("seed", (_seed(token),))
    if token not in _ARGUMENTS:
        raise _not_a_latent(text)
    values: list[Any] = []
    for number, kind in enumerate(_ARGUMENTS[token]):
        if (tokens.pop() if tokens else "") != ",("[number == 0]:
            raise _not_a_latent(text)
        if kind == "L":
            values.append(_latent(tokens, text, deepest - 1))
            continue
        value = tokens.pop() if tokens else ""
        values.append(_seed(value) if kind == "N" else _number(value, "a share", 0, 1))
    if (tokens.pop() if tokens else "") != ")":
        raise _not_a_latent(text)
    return Latent(token, tuple(values))


def _seed(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 19 or int(text) > LARGEST_SEED:
        raise UsageError(f"a seed is a whole number from 0 to {LARGEST_SEED}. Received: {text[:30]!r}")
    return int(text)


def _number(text: str, what: str, low: float, high: float) -> float:
    """Read a number; six digits of it count, so that a dog and its text draw the same picture."""
    try:
        number = float(f"{float(text):.6g}")
    except ValueError:
        number = math.nan
    if not low <= number <= high:
        raise UsageError(f"{what} is a number from {low:g} to {high:g}. Received: {text[:30]!r}")
    return number


def _not_a_latent(text: str) -> PedigreeError:
    return UsageError(
        f"expected a seed, between(A,B,SHARE), cross(A,B,SEED) or child(A,SEED,STEP). Received: {text[:80]!r}"
    )


def _encoded(folder: str) -> str:
    return quote(folder, safe="").replace("~", "%7E")
