"""The stage that looks at what arrived: takes the census, has it judged, and tells what it found."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas

from pedigree.common.files import write_text
from pedigree.common.paths import CENSUS, DATA_DOCS, VALIDATION
from pedigree.errors import PedigreeError
from pedigree.photos.census import breed_census, breed_folders, take_census, write_census
from pedigree.settings.params import Validate

if TYPE_CHECKING:
    from pedigree.validate.expectations import Finding

_TOLD = 10  # names on the terminal; the report has all


@dataclass(frozen=True)
class Verdict:
    """What was found: the two census tables, the findings, and why each photo set aside is not usable."""

    photos: pandas.DataFrame
    breeds: pandas.DataFrame
    findings: "list[Finding]"
    set_aside: dict[str, str]

    @property
    def success(self) -> bool:
        """Whether the pipeline may go on: nothing critical failed."""
        return not self.failed("critical")

    def failed(self, severity: str) -> "list[Finding]":
        """Return the findings of that severity that went wrong."""
        return [finding for finding in self.findings if finding.severity == severity and not finding.success]


def validate(
    raw: Path,
    bounds: Validate,
    census: Path = CENSUS,
    report: Path = VALIDATION,
    docs: Path = DATA_DOCS,
) -> Verdict:
    """Take the census of `raw`, judge it, write `census`, `report` and Data Docs, and tell what was found.

    A summary goes to stdout; warnings and the photos set aside go to stderr.

    Raises:
        PedigreeError: where there are no photos; and, once everything is written, where a critical expectation
            failed. Then the message has several lines: a summary and a table of what failed, where and by how much.
    """
    verdict = _judged(raw, bounds, docs)
    write_census(verdict.photos, census)
    write_text(report, json.dumps(_report(verdict), indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    _tell(verdict, census, docs, report)
    failed = verdict.failed("critical")
    if failed:
        raise PedigreeError(f"{raw} fails {_number(failed)} (see {report}):\n{findings_table(failed)}")
    return verdict


def findings_table(findings: "Sequence[Finding]") -> str:
    """Lay findings out as a table for people: expectation, observed, expected, and below each the first offenders."""
    rows = [("expectation", "observed", "expected"), *((f.expectation, f.observed, f.expected) for f in findings)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    offenders = ["", *("".join(f"\n      {offender}" for offender in finding.where) for finding in findings)]
    return "\n".join(f"  {line}{below}" for line, below in zip(lines, offenders, strict=True))


def _judged(raw: Path, bounds: Validate, docs: Path) -> Verdict:
    photos = take_census(raw)
    breeds = breed_census(photos, breed_folders(raw))
    from pedigree.validate.expectations import judge  # takes seconds to import

    findings = judge(photos, breeds, bounds, annotated=(raw / "Annotation").is_dir(), docs=docs)
    broken = photos[~photos["usable"]]
    return Verdict(photos, breeds, findings, dict(zip(broken["photo"], broken["problem"], strict=True)))


def _report(verdict: Verdict) -> dict[str, Any]:
    return {
        "success": verdict.success,
        "photos": len(verdict.photos),
        "breeds": len(verdict.breeds),
        "usable": int(verdict.photos["usable"].sum()),
        "set_aside": verdict.set_aside,
        "expectations": [asdict(finding) for finding in verdict.findings],
        "census": {row["breed"]: _breed_report(row) for row in verdict.breeds.to_dict("records")},
    }


def _breed_report(row: dict[Any, Any]) -> dict[str, Any]:
    """Sum up a breed: numbers, and the quartiles in pixels (null where there is nothing to measure)."""
    numbers = {name: row[name] for name in ("photos", "usable", "boxes")}
    sides = {name: [row[f"{name}_{part}"] for part in (25, 50, 75)] for name in ("width", "height", "box_side")}
    return numbers | {name: None if pandas.isna(parts[0]) else parts for name, parts in sides.items()}


def _tell(verdict: Verdict, census: Path, docs: Path, report: Path) -> None:
    usable, boxes = verdict.photos["usable"].sum(), verdict.breeds["boxes"].sum()
    met = sum(finding.success for finding in verdict.findings)
    print(f"{len(verdict.photos)} photos of {len(verdict.breeds)} breeds: {usable} usable, {boxes} boxes in them.")
    print(f"{met} of {len(verdict.findings)} expectations met.")
    print(f"Census: {census}   Report: {report}   Data Docs: {docs / 'index.html'}")
    if verdict.set_aside and verdict.success:
        _warn(f"{len(verdict.set_aside)} photos are set aside:", _first(verdict.set_aside, report))
    warned = verdict.failed("warning")
    if warned:
        _warn(f"the photos fail {_number(warned)}, which stops nothing:", findings_table(warned))


def _first(set_aside: dict[str, str], report: Path) -> str:
    lines = [f"  {photo}: {why}" for photo, why in list(set_aside.items())[:_TOLD]]
    if len(set_aside) > _TOLD:
        lines.append(f"  and {len(set_aside) - _TOLD} more, all in {report}")
    return "\n".join(lines)


def _number(findings: "Sequence[Finding]") -> str:
    severity = findings[0].severity
    return f"{len(findings)} {severity} expectation{'s' if len(findings) > 1 else ''}"


def _warn(head: str, body: str) -> None:
    print(f"Warning: {head}\n{body}", file=sys.stderr)
