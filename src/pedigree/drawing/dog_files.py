"""The names of files with one dog each, such as `pug-7-003.png`: breed, seed and index of the picture."""

from collections import Counter
from collections.abc import Sequence

from pedigree.common.breeds import display_name
from pedigree.common.names import file_name, same_name
from pedigree.drawing.request import Sheet

Files = dict[str, dict[int, str]]  # by the folder of a breed and the index of a picture


def file_names(sheet: Sheet, breeds: Sequence[str]) -> Files:
    """Return the names of the files of a sheet's pictures.

    Args:
        sheet: its breeds, seed, count and index count.
        breeds: all breeds of the generator. Two breeds never have files of the same name.
    """
    starts = _starts(breeds)
    indices = range(sheet.count) if sheet.index is None else [sheet.index]
    return {
        breed: {index: f"{starts[breed]}-{sheet.seed}-{index:03}.png" for index in indices} for breed in sheet.breeds
    }


def _starts(breeds: Sequence[str]) -> dict[str, str]:
    """Return for each breed the shortest name that no other has: without WordNet id, with it, or with a number."""
    spellings = [
        [file_name(display_name(breed)) for breed in breeds],
        [file_name(breed) for breed in breeds],
        [f"{file_name(breed)}_{number}" for number, breed in enumerate(breeds)],
    ]
    counts = [Counter(map(same_name, names)) for names in spellings]
    return {
        breed: next(
            names[place] for names, count in zip(spellings, counts, strict=True) if count[same_name(names[place])] == 1
        )
        for place, breed in enumerate(breeds)
    }
