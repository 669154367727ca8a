"""Recipes: whole `train` sections, one file each, whose head says what it is and where it comes from.

`params.yaml` stays what governs a run: a recipe only writes its section there, comments and all.
"""

from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path

from pedigree.common.files import write_text
from pedigree.errors import UsageError
from pedigree.settings.params import FILE, Train, load, read

SECTION = "train:"
REACHES = "# Reaches: "


def names() -> list[str]:
    """List the recipes."""
    return sorted(Path(entry.name).stem for entry in files(__package__).iterdir() if entry.name.endswith(".yaml"))


def text(name: str) -> str:
    """Return a recipe's file.

    Raises:
        UsageError: where there is none of that name; the nearest is told.
    """
    if name not in names():
        near = get_close_matches(name, names(), 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names())}."
        raise UsageError(f"no recipe is called {name!r}: {hint}")
    return files(__package__).joinpath(f"{name}.yaml").read_text(encoding="utf-8")


def headline(name: str) -> str:
    """Return the first line of a recipe's head: what it is."""
    return text(name).splitlines()[0].removeprefix("# ")


def reaches(name: str) -> str:
    """Return what a recipe's head says that it reaches, and in what time."""
    return next(line for line in text(name).splitlines() if line.startswith(REACHES)).removeprefix(REACHES)


def listing() -> str:
    """List the recipes, two lines each: what it is, and below it what it reaches."""
    width = max(map(len, names())) + 2
    return "\n".join(f"{name:<{width}}{headline(name)}\n{'':<{width}}Reaches: {reaches(name)}" for name in names())


def write(name: str, path: Path = FILE) -> None:
    """Replace the `train` section of `path`, and the comment above it, with the recipe's; the rest stays as it is.

    Raises:
        UsageError: where there is no such recipe, or `path` is no parameters' file with a train section.
    """
    recipe = text(name)
    if SECTION[:-1] not in read(path):
        raise UsageError(f"{path}: section 'train' is missing.")
    lines = path.read_text(encoding="utf-8").splitlines()
    start = lines.index(SECTION)
    end = next((i for i in range(start + 1, len(lines)) if lines[i][:1].strip()), len(lines))
    while start and lines[start - 1].startswith("#"):
        start -= 1
    while lines[end - 1] == "":
        end -= 1
    written = [*lines[:start], *recipe.splitlines(), *lines[end:]]
    write_text(path, "\n".join(written) + "\n")
    load(Train, path)
