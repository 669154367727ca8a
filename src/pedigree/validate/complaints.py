"""Complaints about the photos and breeds of the census: one column for each expectation to check."""

import pandas

from pedigree.common.breeds import display_name, same_breed, wordnet_id
from pedigree.common.names import told_apart


def photo_complaints(photos: pandas.DataFrame) -> pandas.DataFrame:
    """Return the column `photo` and one column of text for each kind of complaint. Empty text means no complaint.

    `problem` comes from the census. The other columns concern usable photos only:

    - `repeats`: the same bytes as an earlier photo of the breed.
    - `elsewhere`: the same bytes as a photo of another breed.
    - `unannotated`: no annotation.
    - `box_problems`: as in the census.
    - `misnamed`: the annotation names another breed than the folder.

    Args:
        photos: one row per photo, from `census.take_census`.
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
    """Return `breed`, `usable` and `imbalance`: the largest breed's number of usable photos divided by this breed's.

    Args:
        breeds: one row per breed, from `census.breed_census`.
    """
    usable = breeds["usable"]
    return breeds[["breed", "usable"]].assign(imbalance=usable.max() / usable.clip(lower=1))


def _repeats(usable: pandas.DataFrame) -> pandas.Series:
    first = usable.groupby(["breed", "sha256"])["photo"].transform("first")
    return ("same as " + first).where(first != usable["photo"], "")


def _elsewhere(usable: pandas.DataFrame) -> pandas.Series:
    """For each photo, name the first photo of another breed that has the same bytes."""
    shared = usable[usable.groupby("sha256")["breed"].transform("nunique") > 1]
    first = shared.groupby("sha256")[["photo", "breed"]].transform("first")
    foreign = shared["breed"] != first["breed"]
    first_foreign = shared[foreign].groupby("sha256")["photo"].first()
    other = first["photo"].where(foreign, shared["sha256"].map(first_foreign))
    return ("same as " + other).reindex(usable.index, fill_value="")


def _misnamed(usable: pandas.DataFrame) -> pandas.Series:
    rows = zip(usable["breed"], usable["annotated_breed"], usable["annotated_folder"], strict=True)
    return pandas.Series([_misnomer(*row) for row in rows], index=usable.index, dtype=str)


def _misnomer(breed: str, names: str, folder: str) -> str:
    """Return the complaint about an annotation that names another breed than the photo's folder; empty if none."""
    others = [name for name in names.split("; ") if name and not _is_name_of(name, breed)]
    if others:
        return f"annotated as {'; '.join(told_apart(name, [breed, display_name(breed)]) for name in others)}"
    if names and wordnet_id(breed) and folder.isdecimal() and f"n{folder}" != wordnet_id(breed):
        return f"annotated with folder {folder}"
    return ""


def _is_name_of(name: str, breed: str) -> bool:
    return same_breed(name, breed) or same_breed(name, display_name(breed))
