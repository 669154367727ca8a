"""The expectations that failed, and those met that are worth a look, in words and with pictures of the offenders."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas

from pedigree.pages.wording import capitalized, count
from pedigree.validate.page.names import ShownPhoto, twin

if TYPE_CHECKING:
    from pedigree.validate.expectations import Finding, Severity
    from pedigree.validate.stage import Validation

MOST_PICTURES = 8  # offenders shown of each expectation
MOST_SUSPECTS = 24  # suspect labels shown: those that are doubted most

# What fails, for one and for several, by the column of complaints or, for breeds, by the name of the expectation.
_CLAUSES = {
    "problem": ("does not decode", "do not decode"),
    "repeats": ("repeats another photo of its breed", "repeat other photos of their breed"),
    "elsewhere": ("is also a photo of another breed", "are also photos of another breed"),
    "alike": ("looks like another photo of its breed", "look like another photo of their breed"),
    "alike_elsewhere": ("looks like a photo of another breed", "look like a photo of another breed"),
    "unclear": ("is unclear", "are unclear"),
    "decoder_warning": ("decodes with a warning", "decode with a warning"),
    "mirrored": ("would be partly mirrored in its crop", "would be partly mirrored in their crops"),
    "enlarged": ("would be enlarged in its crop", "would be enlarged in their crops"),
    "unannotated": ("has no annotation", "have no annotation"),
    "box_problems": ("has a box that does not fit it", "have a box that does not fit them"),
    "misnamed": ("is annotated as another breed", "are annotated as another breed"),
    "suspect": ("looks like another breed to the network", "look like another breed to the network"),
    "stranger": ("shows no dog that the network can see", "show no dog that the network can see"),
    "usable photos of a breed": ("has too few or too many usable photos", "have too few or too many usable photos"),
    "folder names match validate.breed_pattern": (
        "has a folder whose name does not match",
        "have a folder whose name does not match",
    ),
    "balance of breeds": ("is too small", "are too small"),
}
_OBSERVED = re.compile(r"(\d+) of (\d+) (\w+) fail")
_LIMIT = re.compile(r"at most (.+)")


@dataclass(frozen=True)
class Offender:
    """A photo that fails an expectation, and the photo that it looks like, if the complaint names one."""

    photo: ShownPhoto
    complaint: str
    twin: ShownPhoto | None

    @property
    def photos(self) -> tuple[ShownPhoto, ...]:
        """The photo, and its twin."""
        return (self.photo, self.twin) if self.twin else (self.photo,)


@dataclass(frozen=True)
class Failure:
    """A failed expectation.

    Attributes:
        expectation: its name.
        severity: "critical" or "warning".
        sentence: what is wrong and what may be, without a full stop.
        observed: what was observed, in words.
        expected: what was expected, in words.
        offenders: some of the photos that fail, each pair of twins once.
        more: the number of other photos that fail.
        breeds: the first breeds that fail, each with its problem.
    """

    expectation: str
    severity: "Severity"
    sentence: str
    observed: str
    expected: str
    offenders: list[Offender]
    more: int
    breeds: tuple[str, ...]

    @property
    def shown(self) -> list[str]:
        """The names of the photos whose pictures are shown."""
        return [photo.name for offender in self.offenders for photo in offender.photos]


def find(validation: "Validation") -> list[Failure]:
    """Return the failed expectations, the critical ones first."""
    photos = frozenset(validation.photos["photo"])
    failed = [*validation.failed("critical"), *validation.failed("warning")]
    return [_failure(finding, validation.complaints, photos) for finding in failed]


def worth_a_look(validation: "Validation") -> list[Failure]:
    """Return the expectations that were met although some photos fail them."""
    photos = frozenset(validation.photos["photo"])
    met = [finding for finding in validation.findings if finding.success and finding.complaint and finding.where]
    return [_failure(finding, validation.complaints, photos) for finding in met]


def sentence(finding: "Finding") -> str:
    """Say what is wrong and what may be: "12 of 738 photos look like a photo of another breed; at most 1 % may"."""
    observed = _OBSERVED.match(finding.observed)
    if not observed:
        return f"{finding.expectation}: {finding.observed}, expected {finding.expected}"
    subject = f"{count(int(observed[1]))} of {count(int(observed[2]))} {observed[3]}"
    unknown = (f"fails “{finding.expectation}”", f"fail “{finding.expectation}”")
    clauses = _CLAUSES.get(finding.complaint or finding.expectation, unknown)
    return f"{subject} {clauses[int(observed[1]) != 1]}; {_allowed(finding)}"


def _allowed(finding: "Finding") -> str:
    limit = _LIMIT.fullmatch(finding.expected)
    if not limit or not finding.complaint:
        return f"expected: {finding.expected}"
    return "none may" if limit[1] == "0 %" else f"{finding.expected} may"


def _failure(finding: "Finding", complaints: pandas.DataFrame, photos: frozenset[str]) -> Failure:
    facts: dict[str, Any] = {
        "expectation": capitalized(finding.expectation),
        "severity": finding.severity,
        "sentence": sentence(finding),
        "observed": finding.observed,
        "expected": finding.expected,
    }
    if not finding.complaint:
        return Failure(**facts, offenders=[], more=0, breeds=finding.where)
    failed = complaints.loc[complaints[finding.complaint] != "", ["photo", finding.complaint]]
    offenders = _suspects(failed) if finding.complaint == "suspect" else _offenders(failed, photos)
    named = {photo.name for offender in offenders for photo in offender.photos}
    more = len(failed) - int(failed["photo"].isin(named).sum())
    return Failure(**facts, offenders=offenders, more=more, breeds=())


def _suspects(failed: pandas.DataFrame) -> list[Offender]:
    """Return the rows (photo, complaint) whose labels are doubted most; the doubt is first in their complaint."""
    worst = failed.sort_values(["suspect", "photo"], ascending=[False, True]).head(MOST_SUSPECTS)
    return [Offender(ShownPhoto(photo), complaint, None) for photo, complaint in worst.itertuples(index=False)]


def _offenders(failed: pandas.DataFrame, photos: frozenset[str]) -> list[Offender]:
    """Return at most `MOST_PICTURES` of the rows (photo, complaint), evenly spaced, and each pair of twins once."""
    pairs: dict[frozenset[str], Offender] = {}
    for photo, complaint in failed.itertuples(index=False):
        other = twin(complaint, photos)
        offender = Offender(ShownPhoto(photo), complaint, ShownPhoto(other) if other else None)
        pairs.setdefault(frozenset((photo, other)), offender)
    offenders = list(pairs.values())
    number = min(MOST_PICTURES, len(offenders))
    return [offenders[place * len(offenders) // number] for place in range(number)]
