"""Complaints about the photos and breeds of the census: one column for each expectation to check."""

import re

import pandas

from pedigree.common.breeds import display_name, same_breed, wordnet_id
from pedigree.common.names import unambiguous
from pedigree.photos.phash import LEAST_ENTROPY
from pedigree.photos.set_aside import LABEL

SHARP = 0.95  # least sharpness; 0.1 % of Stanford Dogs are below it, and photos that were blurred by 2 pixels of 160
DARK, BRIGHT = 0.33, 0.65  # limits of brightness + 2 contrast (dark) and brightness - 2 contrast (bright), 0 to 1
MIRRORED = 0.1  # share of a crop


def photo_complaints(photos: pandas.DataFrame, opinions: pandas.DataFrame | None = None) -> pandas.DataFrame:
    """Return the column `photo` and one column of text for each kind of complaint. Empty text means no complaint.

    `problem` comes from the census; a photo that a person has set aside has none. The other columns concern usable
    photos only:

    - `repeats`: the same bytes as an earlier photo of the breed.
    - `elsewhere`: the same bytes as a photo of another breed.
    - `alike`: a near-duplicate of an earlier photo of the breed, with other bytes.
    - `alike_elsewhere`: a near-duplicate of a photo of another breed, with other bytes.
    - `unclear`: blurred, dark, bright or empty.
    - `decoder_warning`: as in the census.
    - `mirrored`: a crop would show more than a tenth of itself mirrored.
    - `enlarged`: a crop has fewer pixels in the photo than `crop.size`.
    - `unannotated`: no annotation.
    - `box_problems`: as in the census.
    - `misnamed`: the annotation names another breed than the folder.
    - `suspect`: a network would put the photo into another breed.
    - `stranger`: a network sees no dog.

    Args:
        photos: the census, with the columns that `validate` fills in.
        opinions: the columns `suspect` and `stranger`, from `opinions.Opinions`; None without a network.
    """
    usable = photos[photos["usable"]]
    repeats, elsewhere = _repeats(usable, "sha256", "same as "), _elsewhere(usable, "sha256", "same as ")
    grouped = usable[usable["group"] != ""]
    complaints = pandas.DataFrame(
        {
            "repeats": repeats,
            "elsewhere": elsewhere,
            "alike": _repeats(grouped, "group", "like ").reindex(usable.index, fill_value="").where(repeats == "", ""),
            "alike_elsewhere": _elsewhere(grouped, "group", "like ")
            .reindex(usable.index, fill_value="")
            .where(elsewhere == "", ""),
            "unclear": _unclear(usable),
            "decoder_warning": usable["decoder_warning"],
            "mirrored": _text_if(
                usable["mirrored"] > MIRRORED, (100 * usable["mirrored"]).map("{:.0f} % of a crop mirrored".format)
            ),
            "enlarged": _text_if(usable["enlargement"] > 1, usable["enlargement"].map("enlarged {:.2f} times".format)),
            "unannotated": (usable["boxes"] + usable["box_problems"]).eq("").map({True: "no annotation", False: ""}),
            "box_problems": usable["box_problems"],
            "misnamed": _misnamed(usable),
            "suspect": "" if opinions is None else opinions["suspect"],
            "stranger": "" if opinions is None else opinions["stranger"],
        },
        dtype=str,
    )
    problem = photos["problem"].where(~photos["problem"].str.startswith(LABEL), "")
    return photos[["photo"]].assign(problem=problem).join(complaints.reindex(photos.index, fill_value=""))


def breed_complaints(breeds: pandas.DataFrame, pattern: str | None) -> pandas.DataFrame:
    """Return what is judged of each breed: the columns `breed`, `unmatched`, `usable` and `imbalance`.

    - `unmatched`: text, if the name of the folder does not match; else empty.
    - `usable`: the number of usable photos.
    - `imbalance`: the largest breed's number of usable photos divided by this breed's.

    Args:
        breeds: one row per breed, from `census.breed_census`.
        pattern: a regular expression for the names of the folders; None: any name.
    """
    usable = breeds["usable"]
    matched = [pattern is None or bool(re.match(pattern, breed)) for breed in breeds["breed"]]
    unmatched = ["" if fits else "does not match" for fits in matched]
    return breeds[["breed", "usable"]].assign(unmatched=unmatched, imbalance=usable.max() / usable.clip(lower=1))


def _text_if(holds: pandas.Series, text: pandas.Series) -> pandas.Series:
    return text.astype(str).where(holds, "")


def _repeats(photos: pandas.DataFrame, key: str, words: str) -> pandas.Series:
    """For each photo but the first of those of a breed that have the same `key`, name the first."""
    first = photos.groupby(["breed", key])["photo"].transform("first")
    return (words + first).where(first != photos["photo"], "")


def _elsewhere(photos: pandas.DataFrame, key: str, words: str) -> pandas.Series:
    """For each photo, name the first photo of another breed that has the same `key`."""
    shared = photos[photos.groupby(key)["breed"].transform("nunique") > 1]
    first = shared.groupby(key)[["photo", "breed"]].transform("first")
    foreign = shared["breed"] != first["breed"]
    first_foreign = shared[foreign].groupby(key)["photo"].first()
    other = first["photo"].where(foreign, shared[key].map(first_foreign))
    return (words + other).reindex(photos.index, fill_value="")


def _unclear(usable: pandas.DataFrame) -> pandas.Series:
    """Say of each photo what makes it unclear, the gravest first."""
    light, spread, sharpness = usable["brightness"], 2 * usable["contrast"], usable["sharpness"]
    kinds = {
        "empty": usable["entropy"] < LEAST_ENTROPY,
        "dark": light + spread < DARK,
        "bright": light - spread > BRIGHT,
        "blurred": sharpness < SHARP,
    }
    words = pandas.Series("", index=usable.index, dtype=str)
    for word, holds in reversed(kinds.items()):
        words = words.mask(holds, word)
    return words


def _misnamed(usable: pandas.DataFrame) -> pandas.Series:
    rows = zip(usable["breed"], usable["annotated_breed"], usable["annotated_folder"], strict=True)
    return pandas.Series([_misnomer(*row) for row in rows], index=usable.index, dtype=str)


def _misnomer(breed: str, names: str, folder: str) -> str:
    """Return the complaint about an annotation that names another breed than the photo's folder; empty if none."""
    others = [name for name in names.split("; ") if name and not _is_name_of(name, breed)]
    if others:
        return f"annotated as {'; '.join(unambiguous(name, [breed, display_name(breed)]) for name in others)}"
    if names and wordnet_id(breed) and folder.isdecimal() and f"n{folder}" != wordnet_id(breed):
        return f"annotated with folder {folder}"
    return ""


def _is_name_of(name: str, breed: str) -> bool:
    return same_breed(name, breed) or same_breed(name, display_name(breed))
