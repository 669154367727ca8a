"""The command `pedigree export`: a folder with the generator in one format, its breeds, and how to use it."""

import json
import shutil
from pathlib import Path

from pedigree import shipped
from pedigree.common.breeds import display_name
from pedigree.common.files import replacing_folder, write_text
from pedigree.common.names import has_control_characters
from pedigree.common.plurals import plural
from pedigree.errors import PedigreeError, UsageError
from pedigree.export.equality import LEVELS, PICTURES, largest_difference
from pedigree.export.formats import FORMATS, Format
from pedigree.generator.model import Generator, load_generator

BREEDS, EXAMPLE, CARD = "breeds.json", "example.py", "CARD.md"
SAVE = """\
pixels = numpy.clip(numpy.rint((pictures + 1) * 127.5), 0, 255).astype("uint8")
Image.fromarray(numpy.hstack(pixels)).save("dogs.png")
"""

_README = """\
# A generator of dogs, in {title}

`{file}` draws pictures of {breeds} at {size} × {size} px. `pedigree export` wrote it.{licence}

    pip install {installs}

```python
{example}```

It writes `dogs.png`, with {shown} of the breed {first}. `pictures` has the shape `({count}, {size}, {size}, 3)` and
numbers in [-1, 1], RGB; `pixels` are the same in 8 bits.

| input | shape | content |
| --- | --- | --- |
| `latent` | `({any}, {latent})`, float32 | {prior}; another latent gives another dog |
| `breed` | `({any},)`, int32 | the index of a breed in `{list}` |

It computes in float32.

Checked when it was written: {difference}.
"""


def export(model: Path, to: Path, kind: str) -> str:
    """Write the generator into the new folder `to`; return a summary.

    The folder has the network, `breeds.json`, `example.py`, `README.md`, and the card of a generator that comes with
    Pedigree as `CARD.md`.

    Args:
        model: the file of the generator.
        to: the folder to write; it must not exist or be empty.
        kind: a name of `FORMATS`.

    Raises:
        UsageError: `to` has files.
        PedigreeError: there is no such model, a package is missing, the format cannot take the network, or its pictures
            differ from Keras's by more than `LEVELS`.
    """
    check_new(to)
    chosen = FORMATS[kind]
    chosen.check_installed()
    generator = load_generator(model)
    with replacing_folder(to) as folder:
        difference = write_network(generator, model, folder, chosen)
        write_text(folder / EXAMPLE, example(chosen, generator))
        licence = shipped.licence(model)
        if licence:
            shutil.copyfile(model.with_suffix(".md"), folder / CARD)
        write_text(folder / "README.md", _readme(chosen, generator, difference, licence))
    breeds = plural(len(generator.breeds), "breed")
    return f"{to}: {chosen.file} ({chosen.title}) with {breeds}; {_checked(difference)}"


def check_new(to: Path) -> None:
    """Raise UsageError if `to` exists and is not an empty folder, or if its name has control characters."""
    if has_control_characters(str(to)):
        raise UsageError(f"--to must name a folder without control characters. Received: {str(to)!r}")
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise UsageError(f"{to} holds files already: name another folder with --to.")


def write_network(generator: Generator, model: Path, folder: Path, chosen: Format) -> int:
    """Write the network and `breeds.json` into `folder`; return the largest difference from Keras, in levels.

    Raises:
        PedigreeError: the format cannot take the network, or the difference is more than `LEVELS`.
    """
    run = chosen.write(generator, model, folder)
    if (difference := largest_difference(generator, run)) > LEVELS:
        raise PedigreeError(
            f"pictures by {chosen.title} differ from Keras's by up to {difference} of 255 levels, and the limit is "
            f"{LEVELS}: use another --format, such as keras."
        )
    write_text(folder / BREEDS, json.dumps(facts(generator), ensure_ascii=False, indent=1) + "\n")
    return difference


def facts(generator: Generator) -> dict[str, object]:
    """Return what a program needs to know of a generator, for `breeds.json`."""
    return {
        "breeds": [
            {"index": index, "folder": folder, "name": display_name(folder)}
            for index, folder in enumerate(generator.breeds)
        ],
        "latent_size": generator.latent_size,
        "prior": generator.latent,  # normal: standard normal; uniform: from -1 to 1
        "image_size": generator.image_size,
        "value_range": [-1, 1],
    }


def example(chosen: Format, generator: Generator) -> str:
    """Return a program that draws pictures of the first breed and writes `dogs.png`. It runs in the folder."""
    count = _count(chosen)
    shape = f"({count}, {generator.latent_size})"
    latents = f"random.standard_normal({shape}, numpy.float32)"
    if generator.latent == "uniform":
        latents = f"random.uniform(-1, 1, {shape}).astype(numpy.float32)"
    draw = chosen.draw.format(latents=latents, breeds=f"numpy.full({count}, 0, numpy.int32)")
    imports = sorted(
        [chosen.imports, "import numpy", "from PIL import Image"], key=lambda line: (line.startswith("from"), line)
    )
    return "\n".join([*imports, "", "random = numpy.random.default_rng(0)", chosen.load, draw, SAVE])


def _count(chosen: Format) -> int:
    """Return how many pictures the example draws."""
    return 1 if chosen.one else 4


def _checked(difference: int) -> str:
    """Say how far the pictures of the written network are from Keras's."""
    if not difference:
        return f"{PICTURES} pictures are equal to Keras's"
    return f"{PICTURES} pictures differ from Keras's by at most {difference} of 255 levels"


def _readme(chosen: Format, generator: Generator, difference: int, licence: str) -> str:
    prior = {"normal": "standard normal numbers", "uniform": "numbers uniform in [-1, 1]"}[generator.latent]
    return _README.format(
        title=chosen.title,
        file=chosen.file,
        installs=chosen.installs,
        breeds=plural(len(generator.breeds), "breed"),
        count=_count(chosen),
        shown=plural(_count(chosen), "picture"),
        first=display_name(generator.breeds[0]),
        any="1" if chosen.one else "n",
        size=generator.image_size,
        latent=generator.latent_size,
        prior=prior,
        list=BREEDS,
        example=example(chosen, generator),
        licence=f" Its licence: {licence}, see {CARD}." if licence else "",
        difference=_checked(difference),
    )
