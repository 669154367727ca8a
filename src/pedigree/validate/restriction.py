"""The parameter `validate.only`: the breeds to which the pipeline is restricted."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from pedigree.common.breeds import find_breed
from pedigree.common.names import composed
from pedigree.errors import UsageError
from pedigree.photos.census import breed_folders


def chosen_folders(raw: Path, only: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the folders of the breeds that the pipeline uses, and the folders that it leaves out; both sorted.

    Args:
        raw: the folder that holds `Images`.
        only: folder names or display names, as `find_breed` takes them; empty: all breeds.

    Raises:
        PedigreeError: there are no folders.
        UsageError: a name is no breed's. The message has the nearest names.
    """
    folders = breed_folders(raw)
    try:
        chosen = {find_breed(name, folders, listing=f"{raw / 'Images'} has") for name in only} or set(folders)
    except UsageError as error:
        raise UsageError(f"validate.only: {error}") from None
    return sorted(chosen), sorted(set(folders) - chosen)


def reasons_outside(reasons: Mapping[str, str], left_out: Collection[str]) -> dict[str, str]:
    """Return `validate.set_aside` without the photos, "<breed>/<file>", of the folders `left_out`."""
    folders = {composed(folder) for folder in left_out}
    return {photo: reason for photo, reason in reasons.items() if composed(photo).partition("/")[0] not in folders}
