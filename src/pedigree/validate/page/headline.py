"""The headline and the counts below it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pedigree.common.plurals import noun, plural
from pedigree.pages.wording import listed
from pedigree.validate.page.failures import Failure

if TYPE_CHECKING:
    from pedigree.validate.stage import Validation


@dataclass(frozen=True)
class Tile:
    """A count, what it counts, and a remark, which may be empty."""

    number: int
    what: str
    note: str = ""


def words(validation: "Validation", failed: Sequence[Failure]) -> tuple[str, str]:
    """Say whether the photos passed, and the gravest failure. The second text counts the rest and may be empty.

    Args:
        validation: what was found.
        failed: the failed expectations, the gravest first.
    """
    passed = "Passed" if validation.passed else "Failed"
    if not failed:
        return f"{passed}: all {len(validation.findings)} expectations are met.", ""
    critical = sum(failure.severity == "critical" for failure in failed)
    if validation.passed:
        first = f"Passed with {plural(len(failed), 'warning')}: {failed[0].sentence}."
    else:
        first = f"Failed: {failed[0].sentence}."
    others = [
        plural(number, failure)
        for number, failure in (
            (max(0, critical - 1), "critical failure"),
            (len(failed) - max(1, critical), "warning"),
        )
        if number
    ]
    return first, f"Also: {listed(others)}." if others else ""


def tiles(validation: "Validation", groups: int) -> list[Tile]:
    """Return the counts to show.

    Args:
        validation: what was found.
        groups: the number of groups of near-duplicates.
    """
    photos, left_out = validation.photos, validation.left_out
    breeds, boxes = len(validation.breeds), int(validation.breeds["boxes"].sum())
    return [
        Tile(len(photos), noun(len(photos), "photo")),
        Tile(int(photos["usable"].sum()), "usable"),
        Tile(breeds, noun(breeds, "breed"), f"validate.only leaves out {left_out} more" if left_out else ""),
        Tile(boxes, noun(boxes, "box", "boxes")),
        Tile(len(validation.set_aside), "set aside"),
        Tile(groups, noun(groups, "group of near-duplicates", "groups of near-duplicates")),
        Tile(int((photos["private_tags"] != "").sum()), "with GPS or owner tags", "crops carry no tags"),
        Tile(int(photos["grey"].sum()), "greyscale"),
    ]
