"""The numbers of a blind test as text for a terminal: the generated pictures beside the photos."""

from typing import Any

from tabulate import tabulate

from pedigree.blind.questions import PHOTOS
from pedigree.blind.report import QUESTIONS, Numbers
from pedigree.common.plurals import plural

FOOT = (
    "In percent, with the 95 % interval for other pictures of the same source and the same readers. It counts a\n"
    "picture once, however many readers saw it. A missing answer is in no share."
)


def render(numbers: Numbers) -> str:
    """Return the table: a column for each model and one for the photos, and a row for each reader if there are two."""
    columns = {one["model"]: one for one in numbers["generated"]} | {PHOTOS: numbers["photos"]}
    readers = numbers["readers"]
    titles = {
        "called_a_dog": "called a dog",
        "taken_for_a_photo": "taken for a photo",
        "breed_named": f"breed named of {numbers['choices']}",
        "breed_named_of_dogs": "the same, of those called a dog",
    }
    rows = [["pictures", *(str(one["pictures"]) for one in columns.values())]]
    rows += [[title, *(_share(one[name]) for one in columns.values())] for name, title in titles.items()]
    for reader in readers if len(readers) > 1 else []:
        rows.append([f"{reader}: dog, photo, breed", *(_of_reader(one, reader) for one in columns.values())])
    if any(count for one in columns.values() for count in one["missing"].values()):
        missing = ("/".join(str(one["missing"][name]) for name in QUESTIONS) for one in columns.values())
        rows.append(["missing answers: dog/photo/breed", *missing])
    parts = [f"{plural(len(readers), 'reader')}: {', '.join(readers)}"]
    parts.append(
        tabulate(rows, ["", *columns], "simple", disable_numparse=True, colalign=["left"] * (1 + len(columns)))
    )
    if len(readers) > 1:
        equal = ", ".join(f"{name} {_percent(numbers['agreement'][name])}" for name in QUESTIONS)
        parts.append(f"Two readers give the same answer to a picture: {equal}")
    return "\n\n".join([*parts, FOOT])


def _share(measured: dict[str, Any]) -> str:
    """Format a share and its interval: `71 (62 to 78)`."""
    if measured["share"] is None:
        return "-"
    low, high = measured["interval"]
    return f"{_percent(measured['share'])} ({_percent(low)} to {_percent(high)})"


def _of_reader(source: Numbers, reader: str) -> str:
    names = ("called_a_dog", "taken_for_a_photo", "breed_named")
    return ", ".join(_percent(source["by_reader"][reader][name]["share"]) for name in names)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.0f}"
