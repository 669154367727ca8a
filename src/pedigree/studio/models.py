"""The generators that the studio draws with: the project's own, those that come with Pedigree, those of revisions."""

import dataclasses
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from pedigree import shipped
from pedigree.common.paths import GENERATOR
from pedigree.drawing.provenance import model_hash
from pedigree.errors import PedigreeError, UsageError
from pedigree.generator.mixing import Mixer
from pedigree.generator.model import Generator, load_generator
from pedigree.results import revisions

CURRENT = "current"
REVISION = "rev:"  # the start of the id of a revision's generator
MOST_LOADED = 4  # generators that are kept in memory
MOST_NAMED = 8  # revisions in the list

# The smallest and largest truncation, by prior. Nearly all numbers of a normal latent are within ±2.
TRUNCATIONS = {"normal": (0.3, 2.0), "uniform": (0.2, 1.0)}


@dataclass(frozen=True, eq=False)
class Model:
    """A loaded generator.

    Attributes:
        title: what it is, for people.
        hash: 16 hexadecimal digits of the SHA-256 of its file.
        revision: the short hash of the commit that it is from; empty if it is not from one.
        licence: the name of its licence; empty if it is not known.
        generator: the generator, compiled.
        mixer: draws mixtures of breeds; None if its architecture cannot.
    """

    title: str
    hash: str
    revision: str
    licence: str
    generator: Generator
    mixer: Mixer | None

    @property
    def truncations(self) -> tuple[float, float]:
        """The smallest and the largest truncation that make sense."""
        return TRUNCATIONS[self.generator.latent]

    @property
    def truncation_text(self) -> str:
        """What truncation does, and why it has these limits."""
        low, high = self.truncations
        return (
            f"Smaller values give dogs that vary less around one dog. Below {low:g}, the dogs of a breed are nearly "
            f"that dog; at {high:g} and above, they vary nearly as much as without."
        )


Key = tuple[object, ...]  # changes if a file or a revision changes


class Models:
    """Loads generators when they are first used, and again when their file or revision has changed.

    Args:
        path: the file of the generator with the id `current`. Without a file there, and if it is the project's default,
            the generator that comes with Pedigree takes its place until there is one.
        revision: take the project's generator at this git revision instead.
    """

    def __init__(self, path: Path = GENERATOR, revision: str | None = None) -> None:
        self._path, self._revision = path, revision
        self._loaded, self._revisions = OrderedDict[Key, Model](), list[str]()
        self._lock, self._loading = threading.Lock(), threading.Lock()

    def check(self) -> None:
        """Raise PedigreeError if there is no generator `current`; it is not loaded."""
        self._source(CURRENT)

    def names(self) -> list[str]:
        """List the ids: `current`, those that come with Pedigree, and the revisions used so far."""
        return [CURRENT, *shipped.names(), *self._revisions]

    def revision(self, name: str) -> str | None:
        """Return the git revision that a generator is taken from; None if it is a file."""
        return self._revision if name == CURRENT else name.removeprefix(REVISION) if name.startswith(REVISION) else None

    def is_of_project(self, name: str) -> bool:
        """Whether a generator is the file that the project's pipeline writes."""
        return name == CURRENT and self._revision is None and self._path == GENERATOR and GENERATOR.is_file()

    def get(self, name: str) -> Model:
        """Return a generator. It is loaded if it has changed; this takes seconds.

        Raises:
            UsageError: there is no such id, or no such revision.
            PedigreeError: its file is missing or damaged, or cannot be read.
        """
        try:
            key, load = self._source(name)
            if (model := self._kept(key)) is None:
                with self._loading:
                    model = self._kept(key) or load()
        except OSError as error:  # such as a file that is removed at this moment
            where = error.filename or self._path
            raise PedigreeError(f"{where} cannot be read ({error.strerror}): try again.") from None
        with self._lock:
            self._loaded[key] = model
            while len(self._loaded) > MOST_LOADED:
                self._loaded.popitem(last=False)
            if name.startswith(REVISION) and name not in self._revisions:
                self._revisions = [*self._revisions, name][-MOST_NAMED:]
        return model

    def _kept(self, key: Key) -> Model | None:
        with self._lock:
            if key in self._loaded:
                self._loaded.move_to_end(key)
            return self._loaded.get(key)

    def _source(self, name: str) -> tuple[Key, Callable[[], Model]]:
        """Return what changes if the generator does, and how to load it."""
        if revision := self.revision(name):
            commit = revisions.known_commit(revision)
            return (commit,), partial(_load_revision, revision, commit)
        if name == CURRENT:
            is_missing = self._path == GENERATOR and not GENERATOR.is_file()
            path = shipped.find(Path(shipped.names()[0]) if is_missing else self._path)
        elif name in shipped.names():
            path = shipped.find(Path(name))
        else:
            raise UsageError(f"there is no model {name[:80]!r}: /api/models lists them.")
        return _signature(path), partial(_load, _title(path), path)


def _title(path: Path) -> str:
    if shipped.licence(path):
        return f"{path.stem}, which comes with Pedigree"
    return "The generator of this project" if path == GENERATOR else path.name


def _signature(path: Path) -> Key:
    state = path.stat()
    return str(path), state.st_ino, state.st_size, state.st_mtime_ns


def _load(title: str, path: Path, revision: str | None = None) -> Model:
    digest, generator = model_hash(path), load_generator(path)
    if model_hash(path) != digest:
        raise PedigreeError(f"{path} changed while it was read: try again.")
    compiled = dataclasses.replace(generator, compiled=True)
    try:
        mixer = Mixer(compiled)
    except PedigreeError:
        mixer = None
    if revision is None:
        revision = (revisions.commit_of("HEAD") or "")[:7] if path == GENERATOR else ""
    compiled.draw(np.zeros(1, np.int32), seed=0)  # compiles
    return Model(title, digest, revision, shipped.licence(path), compiled, mixer)


def _load_revision(revision: str, commit: str) -> Model:
    with revisions.fetched(revision, GENERATOR) as copy:
        return _load(f"The generator of {revision}", copy, commit[:7])
