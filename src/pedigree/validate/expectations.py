"""What the photos must be like: expectations about the two census tables, checked by Great Expectations.

| expectation | table | severity | reason |
| --- | --- | --- | --- |
| folder names match `breed_pattern` | breeds | critical | other folders are not breeds |
| number of breeds | breeds | critical | an archive is incomplete or is the wrong one |
| usable photos of a breed | breeds | critical | too few to learn from, or an archive is incomplete |
| photos decode | photos | critical | too many photos are broken to set them aside |
| annotation names the folder's breed | photos | critical | the label is wrong |
| no duplicates across breeds | photos | critical | one of the labels is wrong |
| no duplicates within a breed | photos | warning | the photo counts twice |
| no near-duplicates across breeds | photos | critical | one of the labels is wrong |
| no near-duplicates within a breed | photos | warning | the photo counts almost twice |
| photos are clear | photos | warning | blurred, dark, bright and empty photos teach little |
| photos decode without a warning | photos | warning | a part of the photo may be broken |
| crops lie inside the photo | photos | warning | mirrored surroundings draw dogs with two heads |
| crops are not enlarged | photos | warning | enlarged crops are blurred |
| photos are annotated | photos | warning | photos without annotation are used whole or not at all |
| boxes fit the photo | photos | warning | crop leaves out such boxes |
| labels agree with the network | photos | warning | the label may be wrong |
| photos show dogs | photos | warning | a photo of something else teaches the wrong thing |
| balance of breeds | breeds | warning | the network learns rare breeds less well |

A photo that does not decode is set aside, and only "photos decode" counts it. Without annotations, the three
expectations about them are left out. So are those about names and number of breeds if their parameter is null, and
the two about the network if `validate.extractor` is null.
"""

import math
import os
import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from html import escape, unescape
from logging import ERROR, getLogger
from pathlib import Path
from typing import Any, Literal

import pandas

from pedigree.settings.params import Validate
from pedigree.validate import data_docs
from pedigree.validate.complaints import breed_complaints

Severity = Literal["critical", "warning"]
SHOWN = 10  # offenders named per expectation; the census has all of them


@dataclass(frozen=True)
class Finding:
    """The result of one expectation.

    Attributes:
        expectation: its name.
        severity: "critical" stops the pipeline; "warning" does not.
        success: whether the expectation was met.
        observed: what was observed, in words.
        expected: what was expected, in words.
        where: the names of the first offenders, each with its problem.
        complaint: the column of `complaints.photo_complaints` that names all offenders; empty if these are breeds.
    """

    expectation: str
    severity: Severity
    success: bool
    observed: str
    expected: str
    where: tuple[str, ...]
    complaint: str = ""


def judge(
    complaints: pandas.DataFrame,
    breeds: pandas.DataFrame,
    bounds: Validate,
    *,
    annotated: bool,
    docs: Path | None = None,
) -> list[Finding]:
    """Judge the census, and write the Data Docs if `docs` is given.

    Args:
        complaints: one row per photo, from `complaints.photo_complaints`.
        breeds: one row per breed, from `census.breed_census`.
        bounds: the limits to judge by.
        annotated: whether there are any annotations.
        docs: the folder of the Data Docs, which is replaced; `index.html` is the page to open. None writes no Data
            Docs and takes much less time.

    Returns:
        One finding per expectation. The same bounds give the same order.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Great Expectations warns about its own dependencies
        gx = _great_expectations()
        with data_docs.writing(docs) if docs else nullcontext() as temporary:
            context = data_docs.new_context(gx, temporary)
            findings = _run(
                gx, context, "breed", breed_complaints(breeds, bounds.breed_pattern), _breed_checks(gx, bounds)
            )
            return findings + _run(gx, context, "photo", complaints, _photo_checks(gx, bounds, annotated))


@dataclass(frozen=True)
class _Check:
    """An expectation, and what it expects in words.

    Attributes:
        expectation: the object of Great Expectations; its `description` is the name of the expectation.
        expected: what is expected, in words.
        problem: the format of a failed value.
    """

    expectation: Any
    expected: str
    problem: str = "{}"

    @property
    def name(self) -> str:
        return str(self.expectation.description)


def _photo_checks(gx: Any, bounds: Validate, annotated: bool) -> list[_Check]:
    """Return the checks of photos. Each limits the share of photos with a complaint in one column."""
    limits: list[tuple[str, str, float, Severity]] = [
        ("photos decode", "problem", 1 - bounds.min_decodable, "critical"),
        ("no duplicates within a breed", "repeats", bounds.max_duplicates_within, "warning"),
        ("no duplicates across breeds", "elsewhere", bounds.max_duplicates_across, "critical"),
        ("no near-duplicates within a breed", "alike", bounds.max_near_duplicates_within, "warning"),
        ("no near-duplicates across breeds", "alike_elsewhere", bounds.max_near_duplicates_across, "critical"),
        ("photos are clear", "unclear", bounds.max_unclear, "warning"),
        ("photos decode without a warning", "decoder_warning", bounds.max_decoder_warnings, "warning"),
        ("crops lie inside the photo", "mirrored", bounds.max_mirrored, "warning"),
        ("crops are not enlarged", "enlarged", bounds.max_enlarged, "warning"),
    ]
    if annotated:
        limits += [
            ("photos are annotated", "unannotated", 1 - bounds.min_annotated, "warning"),
            ("boxes fit the photo", "box_problems", bounds.max_bad_boxes, "warning"),
            ("annotation names the folder's breed", "misnamed", bounds.max_breed_mismatch, "critical"),
        ]
    if bounds.extractor:
        limits += [
            ("labels agree with the network", "suspect", bounds.max_suspect_labels, "warning"),
            ("photos show dogs", "stranger", bounds.max_strangers, "warning"),
        ]
    return [_share_check(gx, *limit) for limit in limits]


def _share_check(gx: Any, name: str, column: str, limit: float, severity: Severity) -> _Check:
    """Return the check that at most the share `limit` of photos has a complaint in `column`."""
    expectation = gx.expectations.ExpectColumnValuesToBeInSet(
        column=column,
        value_set=[""],
        mostly=math.floor(round(1e9 * (1 - limit), 3)) / 1e9,  # rounded down, so that a share equal to the limit passes
        severity=severity,
        description=name,
    )
    return _Check(expectation, f"at most {_percent(limit)}")


def _breed_checks(gx: Any, bounds: Validate) -> list[_Check]:
    kinds, pattern, (least, most) = gx.expectations, bounds.breed_pattern, bounds.photos_per_breed
    checks = []
    if bounds.breeds is not None:
        number = kinds.ExpectTableRowCountToEqual(
            value=bounds.breeds, severity="critical", description="number of breeds"
        )
        checks.append(_Check(number, str(bounds.breeds)))
    if pattern is not None:
        names = kinds.ExpectColumnValuesToBeInSet(
            column="unmatched",
            value_set=[""],
            severity="critical",
            description="folder names match validate.breed_pattern",
        )
        checks.append(_Check(names, pattern))
    photos = kinds.ExpectColumnValuesToBeBetween(
        column="usable", min_value=least, max_value=most, severity="critical", description="usable photos of a breed"
    )
    balance = kinds.ExpectColumnValuesToBeBetween(
        column="imbalance", max_value=bounds.max_imbalance, severity="warning", description="balance of breeds"
    )
    balanced = f"the largest breed has at most {bounds.max_imbalance:g} times as many"
    imbalance = "the largest breed has {:.4g} times as many"
    return [*checks, _Check(photos, f"{least} to {most}"), _Check(balance, balanced, imbalance)]


def _great_expectations() -> Any:
    """Import Great Expectations without analytics and log messages. The import takes seconds."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "False")
    getLogger("great_expectations").setLevel(ERROR)
    import great_expectations

    return great_expectations


def _run(gx: Any, context: Any, noun: str, table: pandas.DataFrame, checks: Sequence[_Check]) -> list[Finding]:
    """Check `table` with Great Expectations. The column `noun` holds the names of the rows.

    Its Data Docs do not escape values, and names come from an archive, so text is escaped here.
    """
    table = table.copy()
    for name in table.select_dtypes(exclude=["number", "bool"]).columns:  # whatever type pandas gives to text
        table[name] = table[name].map(lambda value: escape(str(value)))
    asset = context.data_sources.add_pandas(noun).add_dataframe_asset(f"{noun}s")
    suite = context.suites.add(
        gx.ExpectationSuite(name=f"{noun}s", expectations=[check.expectation for check in checks])
    )
    definition = gx.ValidationDefinition(
        name=f"{noun}s", data=asset.add_batch_definition_whole_dataframe("all"), suite=suite
    )
    checkpoint = gx.Checkpoint(
        name=f"{noun}s",
        validation_definitions=[context.validation_definitions.add(definition)],
        actions=[gx.checkpoint.UpdateDataDocsAction(name="data docs")] if context.list_data_docs_sites() else [],
        result_format={"result_format": "COMPLETE", "unexpected_index_column_names": [noun]},
    )
    outcome = context.checkpoints.add(checkpoint).run(batch_parameters={"dataframe": table})
    (results,) = outcome.run_results.values()
    by_name = {result.expectation_config.description: result for result in results.results}
    return [_finding(check, by_name[check.name], noun) for check in checks]


def _finding(check: _Check, result: Any, noun: str) -> Finding:
    if "observed_value" in result.result:
        observed, where = f"{result.result['observed_value']} {noun}s", []
    else:
        count, total = result.result["unexpected_count"], result.result["element_count"]
        observed = f"{count} of {total} {noun}s fail ({_percent(count / max(total, 1))})"
        where = [_offender(row, noun, check.problem) for row in result.result["unexpected_index_list"]]
    shown = (*where[:SHOWN], f"and {len(where) - SHOWN} more") if len(where) > SHOWN else tuple(where)
    severity: Severity = check.expectation.severity.value
    complaint = result.expectation_config.kwargs["column"] if noun == "photo" else ""
    return Finding(check.name, severity, bool(result.success), observed, check.expected, shown, complaint)


def _offender(row: dict[str, Any], noun: str, problem: str) -> str:
    """Return the name of a failed row, followed by the failed value in the format `problem`."""
    details = [problem.format(value) for key, value in row.items() if key != noun]
    return unescape(": ".join([row[noun], *details]))


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
