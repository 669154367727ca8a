"""The trained generators that come with Pedigree, so that it draws dogs without training.

`NAME.keras` is a generator with its weights in float16. `NAME.md` beside it is its card: data, licence, scores and
failures. `tools/ship_generator.py` writes the generator, and the facts in the card.
"""

from pathlib import Path

from pedigree.common.paths import GENERATOR
from pedigree.errors import PedigreeError

FOLDER = Path(__file__).parent
LICENCE = "license_name: "  # the line of the card's front matter, in the spelling of the Hub's cards


def names() -> list[str]:
    """List the generators that come with Pedigree."""
    return [path.stem for path in files()]


def files() -> list[Path]:
    """List their files."""
    return sorted(FOLDER.glob("*.keras"))


def listed() -> str:
    """Return the names as text for a person."""
    return ", ".join(names()) or "none"


def find(model: Path) -> Path:
    """Return the file of a generator.

    Args:
        model: a file, or the name of a generator that comes with Pedigree. If there is such a file, it wins.

    Raises:
        PedigreeError: there is neither.
    """
    if model.is_file():
        return model
    if str(model) in names():
        return FOLDER / f"{model}.keras"
    made = "make it with `dvc repro`, or give --model" if model == GENERATOR else "--model takes"
    raise PedigreeError(
        f"{model} is not here: {made} a file or the name of a generator that comes with Pedigree ({listed()})."
    )


def licence(model: Path) -> str:
    """Return the name of the licence of a generator that comes with Pedigree; empty for the file of any other."""
    if model.resolve().parent != FOLDER.resolve():
        return ""
    lines = model.with_suffix(".md").read_text(encoding="utf-8").splitlines()
    return next(line for line in lines if line.startswith(LICENCE)).removeprefix(LICENCE)


def notice(model: Path) -> str:
    """Return the licence of a generator that comes with Pedigree, in one line; empty for the file of any other."""
    name = licence(model)
    return f"{model.stem}: licence {name}, see {model.with_suffix('.md')}" if name else ""
