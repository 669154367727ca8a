"""`pedigree generate --from`: draw what a picture shows again, with the generator that drew it."""

from pathlib import Path

from pedigree import shipped
from pedigree.drawing.provenance import model_hash
from pedigree.errors import PedigreeError


def generator_with(digest: str, model: Path) -> Path:
    """Return the file of the generator whose hash is `digest`: `model`, or one that comes with Pedigree.

    Raises:
        PedigreeError: none of them has this hash.
    """
    for file in (model, *shipped.files()):
        if file.is_file() and model_hash(file) == digest:
            return file
    try:
        received = f"{model} is {model_hash(shipped.find(model))}"
    except PedigreeError:
        received = f"{model} is not here"
    raise PedigreeError(f"the picture was drawn by the generator {digest}, and {received}: name its file with --model.")
