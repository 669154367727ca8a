"""The validate stage: takes the census of the photos, judges it, and reports the result."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas

from pedigree.common.files import replacing_file, write_text
from pedigree.common.paths import CENSUS, COMPLAINTS, DATA_DOCS, FEATURES, VALIDATION, VALIDATION_PAGE, VERDICT
from pedigree.common.plurals import plural
from pedigree.common.printable import printable
from pedigree.errors import PedigreeError
from pedigree.photos.census import breed_census, take_census, write_census
from pedigree.photos.photo_groups import with_groups
from pedigree.photos.plans import with_crop_facts
from pedigree.photos.set_aside import problem_texts
from pedigree.photos.verdict import write_verdict
from pedigree.settings.params import Crop, Validate
from pedigree.validate import page
from pedigree.validate.complaints import photo_complaints
from pedigree.validate.opinions import network_opinions
from pedigree.validate.restriction import chosen_folders, reasons_outside

if TYPE_CHECKING:
    from pedigree.validate.expectations import Finding

MOST_NAMES = 10  # photos named on the terminal; the report names all
ADVICE = "  Correct the photos, leave some out with validate.set_aside, or change the limits in params.yaml, validate."


@dataclass(frozen=True)
class Validation:
    """The census of the photos and the findings about it.

    Attributes:
        photos: the census, with the columns that this stage fills in.
        breeds: one row per breed, from `census.breed_census`.
        complaints: one row per photo, from `complaints.photo_complaints`.
        findings: one for each expectation.
        set_aside: for each photo that is not used, the reason.
        left_out: the number of breeds that `validate.only` leaves out. Nothing above counts them.
    """

    photos: pandas.DataFrame
    breeds: pandas.DataFrame
    complaints: pandas.DataFrame
    findings: "list[Finding]"
    set_aside: dict[str, str]
    left_out: int = 0

    @property
    def passed(self) -> bool:
        """Whether the pipeline may go on: no critical expectation failed."""
        return not self.failed("critical")

    def failed(self, severity: str) -> "list[Finding]":
        """Return the failed expectations of one severity."""
        return [finding for finding in self.findings if finding.severity == severity and not finding.success]


def validate(
    raw: Path,
    bounds: Validate,
    cropping: Crop,
    census: Path = CENSUS,
    report: Path = VALIDATION,
    verdict: Path = VERDICT,
    docs: Path = DATA_DOCS,
    html: Path = VALIDATION_PAGE,
    complaints: Path = COMPLAINTS,
    cache: Path = FEATURES,
) -> Validation:
    """Take the census of `raw`, judge it, and write the files named by the arguments, and the Data Docs.

    `cropping` is how the photos will be cut. Nothing is cut here, but what cutting will do to them is judged too. If
    `bounds` name an extractor, its features of the photos are kept in the folder `cache`.

    The summary goes to stdout. Warnings and the photos set aside go to stderr.

    Raises:
        UsageError: if `bounds.only` has a name that is no breed's.
        PedigreeError: if there are no photos; or, after all files are written, if a critical expectation failed.
            The message then has several lines: a summary, a table of the failed expectations, and what to do.
    """
    validation = _judged(raw, bounds, cropping, docs, cache)
    write_census(validation.photos, census)
    write_text(report, json.dumps(_report(validation), indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    with replacing_file(complaints) as beside:
        judged = [finding.complaint for finding in validation.findings if finding.complaint]
        table = validation.complaints.set_index("photo")[judged]
        table[(table != "").any(axis=1)].to_csv(beside, lineterminator="\n", encoding="utf-8")
    write_verdict(validation.passed, verdict)
    write_text(html, page.render(validation, raw))
    _print_summary(validation, census, docs, report, html)
    failed = validation.failed("critical")
    if failed:
        raise PedigreeError(f"{raw} fails {_count(failed)} (see {report}):\n{findings_table(failed)}\n{ADVICE}")
    return validation


def findings_table(findings: "Sequence[Finding]") -> str:
    """Format findings as a table for the terminal, with the first offenders of each finding below its row."""
    rows = [("expectation", "observed", "expected"), *((f.expectation, f.observed, f.expected) for f in findings)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row, offenders in zip(rows, [(), *(finding.where for finding in findings)], strict=True):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        lines += [f"  {'  '.join(cells)}".rstrip(), *(f"      {offender}" for offender in offenders)]
    return "\n".join(lines)


def _judged(raw: Path, bounds: Validate, cropping: Crop, docs: Path, cache: Path) -> Validation:
    folders, left_out = chosen_folders(raw, bounds.only)
    photos = take_census(raw, folders=folders if bounds.only else ())
    photos = _without(photos, reasons_outside(bounds.set_aside, left_out))
    opinions = network_opinions(photos, raw, bounds.extractor, cache) if bounds.extractor else None
    photos = with_crop_facts(with_groups(photos, raw, opinions.twins() if opinions else ()), cropping)
    breeds = breed_census(photos, folders)
    complaints = photo_complaints(photos, opinions.complaints(photos) if opinions else None)
    from pedigree.validate.expectations import judge  # takes seconds to import

    findings = judge(complaints, breeds, bounds, annotated=(raw / "Annotation").is_dir(), docs=docs)
    unusable = photos[~photos["usable"]]
    set_aside = dict(zip(unusable["photo"], unusable["problem"], strict=True))
    return Validation(photos, breeds, complaints, findings, set_aside, len(left_out))


def _without(photos: pandas.DataFrame, reasons: Mapping[str, str]) -> pandas.DataFrame:
    """Return the census with the photos of `reasons` marked as not usable, and the reason as their problem."""
    named = problem_texts(reasons, photos["photo"])
    chosen = photos["photo"].isin(named)
    return photos.assign(
        problem=photos["problem"].mask(chosen, photos["photo"].map(named)), usable=photos["usable"] & ~chosen
    )


def _report(validation: Validation) -> dict[str, Any]:
    return {
        "success": validation.passed,
        "photos": len(validation.photos),
        "breeds": len(validation.breeds),
        "usable": int(validation.photos["usable"].sum()),
        "set_aside": validation.set_aside,
        "expectations": [asdict(finding) for finding in validation.findings],
        "near_duplicates": _near_duplicates(validation.photos),
        "census": {row["breed"]: _breed_report(row) for row in validation.breeds.to_dict("records")},
    }


def _near_duplicates(photos: pandas.DataFrame) -> list[list[str]]:
    """Return the groups of near-duplicates by the names of their photos."""
    return [list(group) for _, group in photos[photos["group"] != ""].groupby("group")["photo"]]


def _breed_report(row: dict[Any, Any]) -> dict[str, Any]:
    """Return a breed's counts, and the quartiles of its sizes in pixels (null if it has no usable photo or no box)."""
    counts = {name: row[name] for name in ("photos", "usable", "boxes")}
    sides = {name: [row[f"{name}_{part}"] for part in (25, 50, 75)] for name in ("width", "height", "box_side")}
    return counts | {name: None if pandas.isna(quartiles[0]) else quartiles for name, quartiles in sides.items()}


def _print_summary(validation: Validation, census: Path, docs: Path, report: Path, html: Path) -> None:
    photos, breeds, findings = validation.photos, validation.breeds, validation.findings
    met = sum(finding.success for finding in findings)
    usable, boxes = photos["usable"].sum(), plural(int(breeds["boxes"].sum()), "box", "boxes")
    print(f"{plural(len(photos), 'photo')} of {plural(len(breeds), 'breed')}: {usable} usable, with {boxes}.")
    if validation.left_out:
        print(f"validate.only leaves out {plural(validation.left_out, 'other breed')}.")
    print(f"{met} of {len(findings)} expectations met.")
    print(f"Census: {census}   Report: {report}   Page: {html}   Data Docs: {docs / 'index.html'}")
    if validation.set_aside and validation.passed:
        _warn(
            f"{plural(len(validation.set_aside), 'photo is', 'photos are')} set aside:",
            _first(validation.set_aside, report),
        )
    warnings = validation.failed("warning")
    if warnings:
        _warn(f"the photos fail {_count(warnings)}; the pipeline goes on:", findings_table(warnings))


def _first(set_aside: dict[str, str], report: Path) -> str:
    lines = [f"  {photo}: {reason}" for photo, reason in list(set_aside.items())[:MOST_NAMES]]
    if len(set_aside) > MOST_NAMES:
        lines.append(f"  and {len(set_aside) - MOST_NAMES} more, all in {report}")
    return "\n".join(lines)


def _count(findings: "Sequence[Finding]") -> str:
    return plural(len(findings), f"{findings[0].severity} expectation")


def _warn(head: str, body: str) -> None:
    print(printable(f"Warning: {head}\n{body}"), file=sys.stderr)
