"""`pedigree translate --photo`: cuts a photo as the crop stage does, and gives its dog another breed's coat."""

import warnings
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pedigree.common.breeds import display_name, find_breed
from pedigree.common.grids import grid, save_png
from pedigree.common.paths import FEATURES, TRANSLATOR
from pedigree.crop.cutting import crop_photo
from pedigree.crop.heads import head_crop_window, load_finder
from pedigree.errors import PedigreeError, UsageError
from pedigree.generator.translator import load_translator
from pedigree.photos.exif import orientation
from pedigree.photos.opening import reason
from pedigree.photos.parts import Part
from pedigree.photos.windows import StoredPhoto, Window, photo_window, reason_to_skip
from pedigree.settings.params import Crop

SHOWN = 256  # pixels that a small picture is enlarged to


def translate_photo(photo: Path, breed: str, out: Path, model: Path = TRANSLATOR, cache: Path = FEATURES) -> str:
    """Translate the dog in a photo, and write a PNG of the crop and its translation side by side.

    Args:
        photo: the file of the photo.
        breed: the breed to translate to, by folder or display name.
        out: the PNG to write.
        model: the file of the translator.
        cache: the folder of cached features, for the places of heads.

    Returns:
        What was written, in one line.

    Raises:
        UsageError: the translator does not know the breed, or `out` is no PNG, or the photo itself.
        PedigreeError: the translator or the photo is missing or damaged, or the photo is too small to be cut.
    """
    if out.suffix.lower() != ".png":
        raise UsageError(f"--out must be a .png file. Received: {out}")
    if out.exists() and photo.exists() and out.samefile(photo):
        raise UsageError(f"--out must be another file than the photo. Received: {out}")
    translator = load_translator(model)
    target = _target(breed, translator.breeds)
    settings = _crop_settings(translator.crop)
    with warnings.catch_warnings(action="ignore"):
        warnings.simplefilter("error", Image.DecompressionBombWarning)  # as `validate`
        crops = crop_photo(photo, [_window(photo, settings, cache)], translator.image_size)
    pictures = np.stack([crops, translator.translate(crops, target)], axis=1)
    name = display_name(translator.breeds[target])
    columns, scale = ["photo", f"as {name}"], max(1, SHOWN // translator.image_size)
    save_png(grid(pictures, columns=columns, scale=scale), out)
    return f"{photo.name} as {name}: {out}"


def _target(breed: str, breeds: tuple[str, ...]) -> int:
    try:
        return breeds.index(find_breed(breed, breeds))
    except UsageError:
        names = " and ".join(map(display_name, breeds))
        raise UsageError(f"the translator knows {names}. Received: --to {breed!r}") from None


def _crop_settings(values: Any) -> Crop:
    try:
        return replace(Crop(), **values)
    except (TypeError, ValueError):
        raise PedigreeError(
            "the translator has parameters of crop that this version does not know: train it again."
        ) from None


def _frame(photo: Path) -> StoredPhoto:
    """Decode a photo, to see that it can be, and return its size and orientation."""
    if not photo.is_file():
        found = "is no file" if photo.exists() else "is not here"
        raise PedigreeError(f"{photo} {found}: name the file of a photo by --photo.")
    try:
        with Image.open(photo) as image:
            image.load()
            return StoredPhoto(image.width, image.height, orientation(image))
    except MemoryError:  # says nothing about the photo
        raise
    except Exception as error:  # decoders raise many kinds of exceptions
        raise PedigreeError(f"{photo} is no photo that can be read ({reason(error)}).") from None


def _window(photo: Path, settings: Crop, cache: Path) -> Window:
    """Return the window of a photo without an annotation: around the head, if photos are cut so, or of all of it."""
    frame = _frame(photo)
    if reason := reason_to_skip(frame.box, min_box=settings.min_box, max_aspect=settings.max_aspect):
        raise PedigreeError(f"{photo} cannot be cut as the photos of the training were: {reason}.")
    window = photo_window(frame, settings.fit)
    if settings.fit != "head":
        return window
    part = Part(photo.name, sha256(photo.read_bytes()).hexdigest(), frame, frame.box)
    return head_crop_window(part, photo.parent, settings.padding, load_finder(), cache) or window
