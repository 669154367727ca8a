"""Recipes: whole sections of training, `train` or `translate`, one file each.

A file holds its head, comment lines that say what the recipe is and where it comes from, and the parameters that
differ from the defaults of the section's dataclass. A comment beside a parameter replaces the general one. `write`
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
from pedigree.settings.params import FILE, OPTIONAL, Crop, Train, Translate, load, read
from pedigree.settings.section_yaml import section_text

SECTIONS: dict[str, type[Train] | type[Translate]] = {"train": Train, "translate": Translate}  # that recipes are of
REACHES = "# Reaches: "

_COMMENTED = re.compile(r"  (\w+): .*?  # (.*)")


def names(section: str | None = None) -> list[str]:
    """List the recipes, or those of a section."""
    every = sorted(Path(entry.name).stem for entry in files(__package__).iterdir() if entry.name.endswith(".yaml"))
    return [name for name in every if section is None or f"{section}:" in _lines(name)]


def section_of(name: str) -> str:
    """Return the name of the section that a recipe is of; raises as `text` does."""
    lines = _file(name)
    return next(section for section in SECTIONS if f"{section}:" in lines)


def settings(name: str) -> Train | Translate:
    """Return the parameters of a recipe; raises as `text` does."""
    return SECTIONS[section_of(name)](**_values(name))


def text(name: str) -> str:
    """Return the section of a recipe, with every parameter, as `write` puts it into `params.yaml`.

    Raises:
        UsageError: no recipe has that name. The message suggests the nearest.
    """
    comments = {match[1]: match[2] for line in _file(name) if (match := _COMMENTED.fullmatch(line))}
    return section_text(SECTIONS[section_of(name)], _values(name), comments=comments, head=_head(name))


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
    """Replace a section of `path`, and the comment above it, with a recipe's. The rest stays as it is.

    An optional section that is missing is added at the end.

    Raises:
        UsageError: no recipe has that name, or `path` is not a file of parameters with the recipe's section.
    """
    written, section = text(name), section_of(name)
    lines, missing = path.read_text(encoding="utf-8").splitlines(), section not in read(path)
    if missing and section not in OPTIONAL:
        raise UsageError(f"{path}: section {section!r} is missing.")
    before, after = ([*lines, ""], []) if missing else _around(lines, section)
    write_text(path, "\n".join([*before, *written.splitlines(), *after]) + "\n")
    checked: Any = SECTIONS[section]
    load(checked, path)


def _around(lines: list[str], section: str) -> tuple[list[str], list[str]]:
    """Return the lines before a section and the comment above it, and those after it."""
    start = lines.index(f"{section}:")
    end = next((i for i in range(start + 1, len(lines)) if lines[i][:1].strip()), len(lines))
    while start and lines[start - 1].startswith("#"):
        start -= 1
    while lines[end - 1] == "":
        end -= 1
    return lines[:start], lines[end:]


def other_crops(name: str, path: Path = FILE) -> str:
    """Return the parameters of `crop` that a recipe was made for and `path` does not have; empty if there are none."""
    made_for, crops = YAML(typ="safe").load("\n".join(_file(name))).get("crop", {}), asdict(load(Crop, path))
    return ", ".join(f"crop.{key}: {value}" for key, value in made_for.items() if crops[key] != value)


def _file(name: str) -> list[str]:
    """Return the lines of a recipe's file."""
    if name not in names():
        raise UsageError(f"no recipe is called {name!r}{nearest(name, names())}. Recipes: {', '.join(names())}.")
    return _lines(name)


def _lines(name: str) -> list[str]:
    return files(__package__).joinpath(f"{name}.yaml").read_text(encoding="utf-8").splitlines()


def _head(name: str) -> list[str]:
    lines = _file(name)
    return lines[: lines.index(f"{section_of(name)}:")]


def _values(name: str) -> dict[str, Any]:
    """Return the parameters that a recipe's file names."""
    values: dict[str, Any] = YAML(typ="safe").load("\n".join(_file(name)))[section_of(name)]
    return values
