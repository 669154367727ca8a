"""The most important results of a project as plain data, in the order of the pipeline, for a flow or page to show.

Each exhibit is made from the project's files. A file that is missing or cannot be read is left out.
"""

import math
import re
import socket
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from pedigree.common import json_text
from pedigree.common.measures import CONDITIONS, MEASURES
from pedigree.common.paths import CENSUS, DATA_DOCS, FINAL_SAMPLES, METRICS, SCORES_PAGE, VALIDATION, VALIDATION_PAGE
from pedigree.common.printable import printable_line
from pedigree.errors import PedigreeError
from pedigree.photos.census import breed_census, read_census
from pedigree.results.comparison import (
    FOOT,
    GROUND,
    Change,
    cells,
    compare,
    compare_each,
    differ,
    split,
    summary,
    written,
)
from pedigree.results.metrics_file import ERRORS, Numbers, Scores, judge_name, read, read_at
from pedigree.results.revisions import Commit, history

PAGES = {
    "The scores, in words and pictures": SCORES_PAGE,
    "The photos, in words and pictures": VALIDATION_PAGE,
    "Data Docs": DATA_DOCS / "index.html",
}
MOST_BYTES = 1_000_000  # of a picture, because it may be stored in a database

Table = list[dict[str, Any]]
_PILLOWS = (SyntaxError, Image.DecompressionBombError)  # Pillow raises these and OSError for a damaged picture
_UNREADABLE = (PedigreeError, OSError, ValueError, KeyError, TypeError, AttributeError, *_PILLOWS)
_HOW = (
    "Browsers do not follow links from a web page to files. Copy the link, and paste it into the address bar of a "
    f"browser on that machine, {socket.gethostname()}."
)
_MARKUP = re.compile(r"([\\`*_{}\[\]<>|#~&])")


@dataclass(frozen=True)
class Exhibit:
    """One result to show, identified by `key` (lower-case letters and dashes).

    It has exactly one of a table (rows are dicts of JSON values), a picture (PNG) and a text (Markdown).

    Raises:
        ValueError: it has none of them, or several.
    """

    key: str
    title: str
    table: Table | None = None
    picture: bytes | None = None
    text: str | None = None

    def __post_init__(self) -> None:
        held = sum(part is not None for part in (self.table, self.picture, self.text))
        if held != 1:
            raise ValueError(f"{self.key}: expected one of table, picture and text. Received: {held}")


def highlights(root: Path, pages: Path | None = None, without: Collection[Path] = ()) -> list[Exhibit]:
    """Return the exhibits of the project at `root`: six at most.

    Args:
        root: the project's folder.
        pages: a folder with copies of the project's pages that stay when the project is deleted; the links lead there.
        without: some of `FILES` that are not shown, because they are of an earlier run.
    """
    exhibits: list[Exhibit | None] = []
    for file, look in _LOOKS:
        if file not in without:
            with suppress(*_UNREADABLE):
                exhibits.append(look(root.resolve()))
    exhibits.append(_pages((pages or root).resolve(), without))
    return [exhibit for exhibit in exhibits if exhibit and exhibit.table != []]


def _validation(root: Path) -> Exhibit:
    findings = json_text.parse((root / VALIDATION).read_text(encoding="utf-8"))["expectations"]
    rows = [
        {
            "expectation": finding["expectation"],
            "result": "met" if finding["success"] else "failed",
            "severity": finding["severity"],
            "observed": finding["observed"],
            "expected": finding["expected"],
            "where": "; ".join(finding["where"]),
        }
        for finding in sorted(findings, key=lambda finding: (finding["success"], finding["severity"]))
    ]
    return Exhibit("validation", "Expectations of the photos, failures first", table=rows)


def _census(root: Path) -> Exhibit:
    photos = read_census(root / CENSUS)
    alike = photos["breed"][photos["group"] != ""].value_counts()
    grey = photos["breed"][photos["grey"]].value_counts()
    rows = [
        _breed(row) | {"near-duplicates": int(alike.get(row["breed"], 0)), "grey": int(grey.get(row["breed"], 0))}
        for row in breed_census(photos).to_dict("records")
    ]
    return Exhibit("census", "The photos, breed by breed; sizes in pixels", table=rows)


def _breed(row: dict[Any, Any]) -> dict[str, Any]:
    medians = {f"median {name.replace('_', ' ')}": float(row[f"{name}_50"]) for name in ("width", "height", "box_side")}
    return {
        "breed": row["breed"],
        **{name: int(row[name]) for name in ("photos", "usable", "boxes")},
        **{name: None if math.isnan(median) else median for name, median in medians.items()},
    }


def _samples(root: Path) -> Exhibit:
    return Exhibit("samples", "Drawn at the end of training", picture=_light((root / FINAL_SAMPLES).read_bytes()))


def _light(content: bytes) -> bytes:
    """Return a picture as PNG of at most `MOST_BYTES`: `content` itself, or scaled down."""
    with Image.open(BytesIO(content), formats=("PNG",)) as picture:
        picture.load()
        share = 1.0
        while len(content) > MOST_BYTES:
            share *= min(0.95, math.sqrt(MOST_BYTES / len(content)))
            content = _scaled(picture, share)
    return content


def _scaled(picture: Image.Image, share: float) -> bytes:
    size = (max(1, round(picture.width * share)), max(1, round(picture.height * share)))
    scaled = BytesIO()
    picture.convert("RGB").resize(size, Image.Resampling.LANCZOS).save(scaled, "PNG", optimize=True)
    return scaled.getvalue()


def _metrics(root: Path) -> Exhibit:
    rows = [row for extractor, numbers in read(root / METRICS).items() for row in _numbers(extractor, numbers)]
    return Exhibit("metrics", "The scores with 95 % intervals, and those of real photos", table=rows)


def _numbers(extractor: str, numbers: Numbers) -> Table:
    """Return a row for each number, in the order of `MEASURES`, with the same number of real photos."""
    rows = [row for row in compare(numbers, numbers) if row.of_generator or row.key in CONDITIONS]
    name = judge_name(extractor, numbers)
    return [{"extractor": name, "number": cells(row)[0], **_values(row.key, numbers)} for row in rows]


def _values(key: str, numbers: Numbers) -> dict[str, str]:
    measure = MEASURES.get(key)
    real = measure.real if measure else None
    return {
        "value": _formatted(key, numbers),
        "real photos": _formatted(real, numbers) if real and numbers.get(real) is not None else "",
        "better": (measure.better if measure else None) or "",
    }


def _formatted(key: str, numbers: Numbers) -> str:
    return " ".join(filter(None, written(numbers[key], numbers.get(ERRORS, {}).get(key))))


def _changes(root: Path) -> Exhibit | None:
    now = read(root / METRICS)
    earlier = _earlier(root, now)
    if earlier is None:
        return None
    commit, compared = earlier
    head = f"## The scores compared with {commit.short}, {markdown_text(commit.subject)}"
    parts = [_markdown(judge_name(extractor, now[extractor]), rows) for extractor, rows in compared.items()]
    return Exhibit("changes", "Better, worse or noise", text="\n\n".join([head, *parts, FOOT]) + "\n")


def _earlier(root: Path, now: Scores) -> tuple[Commit, dict[str, list[Change]]] | None:
    """Find the last commit that wrote other scores of an extractor of `now`. Skip files that are not scores."""
    for commit in history(METRICS, root):
        with suppress(PedigreeError):
            compared = compare_each(read_at(commit.name, commit.short, root), now)
            if differ(compared):
                return commit, compared
    return None


def _markdown(judge: str, rows: list[Change]) -> str:
    """Return the rows as Markdown, like `comparison.render` for a terminal."""
    own, ground = split(rows)
    parts = [f"By {markdown_text(judge)}: {summary(own)}", _table(own)]
    return "\n\n".join([*parts, GROUND, _table(ground)] if ground else parts)


def _table(rows: Sequence[Change]) -> str:
    return markdown_table(("number", "before", "now", "change", ""), [_with_margins(cells(row)) for row in rows])


def _with_margins(texts: tuple[str, ...]) -> list[str]:
    """Join each of a row's numbers with its ±."""
    title, *numbers, word = texts
    pairs = [f"{value} {margin}".rstrip() for value, margin in zip(numbers[::2], numbers[1::2], strict=True)]
    return [title, *pairs, word]


def markdown_table(head: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table in Markdown. The texts of the rows are escaped."""
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    return "\n".join([*lines, *(f"| {' | '.join(map(markdown_text, row))} |" for row in rows)])


def markdown_text(text: str) -> str:
    """Escape `text` for Markdown, as one printable line."""
    return _MARKUP.sub(r"\\\1", printable_line(text))


def _pages(root: Path, without: Collection[Path]) -> Exhibit | None:
    pages = {title: root / page for title, page in PAGES.items() if page not in without and (root / page).is_file()}
    if not pages:
        return None
    lines = [f"- [{title}]({path.as_uri()}): `{path}`" for title, path in pages.items()]
    return Exhibit(
        "pages", "Pages to open on the machine that ran the pipeline", text="\n".join([*lines, "", _HOW]) + "\n"
    )


_LOOKS: tuple[tuple[Path, Callable[[Path], Exhibit | None]], ...] = (
    (VALIDATION, _validation),
    (CENSUS, _census),
    (FINAL_SAMPLES, _samples),
    (METRICS, _metrics),
    (METRICS, _changes),
)
FILES = frozenset([*(file for file, _ in _LOOKS), *PAGES.values()])
