"""Recipes: whole `train` sections, one file each.

A file holds its head, comment lines that say what the recipe is and where it comes from, and the parameters that
differ from the defaults of `pedigree.settings.train`. A comment beside a parameter replaces the general one. `write`
puts the whole section into `params.yaml`, which alone decides a run. The file may also name the parameters of `crop`
that the recipe was made for, which `write` does not change.
"""

import re
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from pedigree.common.files import write_text
from pedigree.errors import UsageError
from pedigree.settings.fields import nearest
from pedigree.settings.params import FILE, Crop, Train, load, read
from pedigree.settings.section_yaml import section_text

SECTION = "train:"
REACHES = "# Reaches: "

_COMMENTED = re.compile(r"  (\w+): .*?  # (.*)")


def names() -> list[str]:
    """List the recipes."""
    return sorted(Path(entry.name).stem for entry in files(__package__).iterdir() if entry.name.endswith(".yaml"))


def settings(name: str) -> Train:
    """Return the parameters of a recipe; raises as `text` does."""
    return Train(**_values(name))


def text(name: str) -> str:
    """Return the `train` section of a recipe, with every parameter, as `write` puts it into `params.yaml`.

    Raises:
        UsageError: no recipe has that name. The message suggests the nearest.
    """
    comments = {match[1]: match[2] for line in _file(name) if (match := _COMMENTED.fullmatch(line))}
    return section_text(Train, _values(name), comments=comments, head=_head(name))


def headline(name: str) -> str:
    """Return the first line of a recipe's head: what it is."""
    return _head(name)[0].removeprefix("# ")


def reaches(name: str) -> str:
    """Return the line of a recipe's head that says which scores it reaches, and in what time."""
    return next(line for line in _head(name) if line.startswith(REACHES)).removeprefix(REACHES)


def listing() -> str:
    """List the recipes, two lines each: what it is, and below it what it reaches."""
    width = max(map(len, names())) + 2
    return "\n".join(f"{name:<{width}}{headline(name)}\n{'':<{width}}Reaches: {reaches(name)}" for name in names())


def write(name: str, path: Path = FILE) -> None:
    """Replace the `train` section of `path`, and the comment above it, with a recipe's. The rest stays as it is.

    Raises:
        UsageError: no recipe has that name, or `path` is not a file of parameters with a `train` section.
    """
    section = text(name)
    if SECTION[:-1] not in read(path):
        raise UsageError(f"{path}: section 'train' is missing.")
    lines = path.read_text(encoding="utf-8").splitlines()
    start = lines.index(SECTION)
    end = next((i for i in range(start + 1, len(lines)) if lines[i][:1].strip()), len(lines))
    while start and lines[start - 1].startswith("#"):
        start -= 1
    while lines[end - 1] == "":
        end -= 1
    written = [*lines[:start], *section.splitlines(), *lines[end:]]
    write_text(path, "\n".join(written) + "\n")
    load(Train, path)


def other_crops(name: str, path: Path = FILE) -> str:
    """Return the parameters of `crop` that a recipe was made for and `path` does not have; empty if there are none."""
    made_for, crops = YAML(typ="safe").load("\n".join(_file(name))).get("crop", {}), asdict(load(Crop, path))
    return ", ".join(f"crop.{key}: {value}" for key, value in made_for.items() if crops[key] != value)


def _file(name: str) -> list[str]:
    """Return the lines of a recipe's file."""
    if name not in names():
        raise UsageError(f"no recipe is called {name!r}{nearest(name, names())}. Recipes: {', '.join(names())}.")
    return files(__package__).joinpath(f"{name}.yaml").read_text(encoding="utf-8").splitlines()


def _head(name: str) -> list[str]:
    lines = _file(name)
    return lines[: lines.index(SECTION)]


def _values(name: str) -> dict[str, Any]:
    """Return the parameters that a recipe's file names."""
    values: dict[str, Any] = YAML(typ="safe").load("\n".join(_file(name)))["train"]
    return values
