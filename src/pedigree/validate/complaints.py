"""What can be said against a photo or a breed of the census, in columns that an expectation can judge."""

import pandas

from pedigree.common.breeds import display_name, same_breed, wordnet_id


def photo_complaints(photos: pandas.DataFrame) -> pandas.DataFrame:
    """Return `photo` and a column of words a complaint, empty where there is none to make.

    `problem` is the census's own. The others are made of usable photos only: `repeats` (the same bytes as an earlier
    photo of the breed), `elsewhere` (the same bytes as one of another breed), `unannotated`, `box_problems` and
    `misnamed` (the annotation names another breed than the folder).

    Args:
        photos: of `census.take_census`.
    """
    usable = photos[photos["usable"]]
    complaints = pandas.DataFrame(
        {
            "repeats": _repeats(usable),
            "elsewhere": _elsewhere(usable),
            "unannotated": (usable["boxes"] + usable["box_problems"]).eq("").map({True: "no annotation", False: ""}),
            "box_problems": usable["box_problems"],
            "misnamed": _misnamed(usable),
        },
        dtype=str,
    )
    return photos[["photo", "problem"]].join(complaints.reindex(photos.index, fill_value=""))


def breed_imbalance(breeds: pandas.DataFrame) -> pandas.DataFrame:
    """Return `breed`, `usable` and `imbalance`: how many times as many usable photos the largest breed has.

    Args:
        breeds: of `census.breed_census`.
    """
    usable = breeds["usable"]
    return breeds[["breed", "usable"]].assign(imbalance=usable.max() / usable.clip(lower=1))


def _repeats(usable: pandas.DataFrame) -> pandas.Series:
    first = usable.groupby(["breed", "sha256"])["photo"].transform("first")
    return ("same as " + first).where(first != usable["photo"], "")


def _elsewhere(usable: pandas.DataFrame) -> pandas.Series:
    """Name for each photo the first of the same bytes under another breed."""
    shared = usable[usable.groupby("sha256")["breed"].transform("nunique") > 1]
    first = shared.groupby("sha256")[["photo", "breed"]].transform("first")
    foreign = shared["breed"] != first["breed"]
    others = shared[foreign].groupby("sha256")["photo"].first()
    other = first["photo"].where(foreign, shared["sha256"].map(others))
    return ("same as " + other).reindex(usable.index, fill_value="")


def _misnamed(usable: pandas.DataFrame) -> pandas.Series:
    rows = zip(usable["breed"], usable["annotated_breed"], usable["annotated_folder"], strict=True)
    return pandas.Series([_misnomer(*row) for row in rows], index=usable.index, dtype=str)


def _misnomer(breed: str, names: str, folder: str) -> str:
    """Say what an annotation calls the breed where that is not what the photo's folder does."""
    others = [name for name in names.split("; ") if name and not _means(name, breed)]
    if others:
        return f"annotated as {'; '.join(others)}"
    if names and wordnet_id(breed) and folder.isdecimal() and f"n{folder}" != wordnet_id(breed):
        return f"annotated as of folder {folder}"
    return ""


def _means(name: str, breed: str) -> bool:
    return same_breed(name, breed) or same_breed(name, display_name(breed))
