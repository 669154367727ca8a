"""What the photos must be like, judged by Great Expectations over the two census tables.

| expectation | table | severity | why |
| --- | --- | --- | --- |
| a folder's name matches `breed_pattern` | breeds | critical | the label would be no breed |
| number of breeds | breeds | critical | an archive is incomplete or another one |
| usable photos of a breed | breeds | critical | too few to learn from, or an archive is incomplete |
| photos decode | photos | critical | more is broken than setting aside would excuse |
| annotation names the folder's breed | photos | critical | the label is wrong |
| no duplicates across breeds | photos | critical | one of the labels is wrong |
| no duplicates within a breed | photos | warning | weighs a photo double, and may put it on both sides of the split |
| photos are annotated | photos | warning | the rest is used whole or not at all |
| boxes fit the photo | photos | warning | crop leaves such boxes out |
| balance of breeds | breeds | warning | rare breeds are learned worse |

A photo that does not decode is set aside and judged by nothing else. The three expectations about annotations are
left out where there are none at all.
"""

import math
import os
import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from logging import ERROR, getLogger
from pathlib import Path
from typing import Any, Literal

import pandas

from pedigree.common.files import replacing_folder
from pedigree.settings.params import Validate
from pedigree.validate.complaints import breed_imbalance, photo_complaints

Severity = Literal["critical", "warning"]
SHOWN = 10  # offenders named an expectation; the census has them all


@dataclass(frozen=True)
class Finding:
    """How one expectation went: `observed` and `expected` in words, `where` the first offenders by name."""

    expectation: str
    severity: Severity
    success: bool
    observed: str
    expected: str
    where: tuple[str, ...]


def judge(
    photos: pandas.DataFrame, breeds: pandas.DataFrame, bounds: Validate, *, annotated: bool, docs: Path | None = None
) -> list[Finding]:
    """Judge the census, and write Data Docs over the folder `docs` where one is given; the way in is `index.html`.

    Args:
        photos: of `census.take_census`.
        breeds: of `census.breed_census`.
        bounds: what is allowed.
        annotated: whether there are annotations at all.
        docs: the folder of the Data Docs, which take most of the time.

    Returns:
        A finding an expectation, in the same order for the same bounds.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Great Expectations' own, about its dependencies
        gx = _great_expectations()
        with replacing_folder(docs) if docs else nullcontext() as beside:
            context = _context(gx, beside)
            findings = _run(gx, context, "breed", breed_imbalance(breeds), _breed_checks(gx, bounds))
            return findings + _run(gx, context, "photo", photo_complaints(photos), _photo_checks(gx, bounds, annotated))


@dataclass(frozen=True)
class _Check:
    """An expectation of Great Expectations, which holds its name (`description`) and severity, and words to tell it."""

    expectation: Any
    expected: str
    unit: str  # what the observed number counts

    @property
    def name(self) -> str:
        return str(self.expectation.description)


def _photo_checks(gx: Any, bounds: Validate, annotated: bool) -> list[_Check]:
    """Each allows a share of photos to have words in one column of `photo_complaints`."""
    allowed: list[tuple[str, str, str, float, Severity]] = [
        ("photos decode", "problem", "do not", 1 - bounds.min_decodable, "critical"),
        ("no duplicates within a breed", "repeats", "repeat another", bounds.max_duplicates_within, "warning"),
        ("no duplicates across breeds", "elsewhere", "are elsewhere too", bounds.max_duplicates_across, "critical"),
    ]
    if annotated:
        allowed += [
            ("photos are annotated", "unannotated", "are not", 1 - bounds.min_annotated, "warning"),
            ("boxes fit the photo", "box_problems", "have boxes that do not", bounds.max_bad_boxes, "warning"),
            ("annotation names the folder's breed", "misnamed", "do not", bounds.max_breed_mismatch, "critical"),
        ]
    return [_share_check(gx, *check) for check in allowed]


def _share_check(gx: Any, name: str, column: str, unit: str, most: float, severity: Severity) -> _Check:
    expectation = gx.expectations.ExpectColumnValuesToBeInSet(
        column=column,
        value_set=[""],
        mostly=math.floor(round(1e9 * (1 - most), 3)) / 1e9,  # so that rounding fails no share at its very bound
        severity=severity,
        description=name,
    )
    return _Check(expectation, f"at most {_percent(most)}", unit)


def _breed_checks(gx: Any, bounds: Validate) -> list[_Check]:
    kinds, pattern, (least, most) = gx.expectations, bounds.breed_pattern, bounds.photos_per_breed
    names = kinds.ExpectColumnValuesToMatchRegex(
        column="breed", regex=pattern, severity="critical", description="folder names match validate.breed_pattern"
    )
    photos = kinds.ExpectColumnValuesToBeBetween(
        column="usable", min_value=least, max_value=most, severity="critical", description="usable photos of a breed"
    )
    balance = kinds.ExpectColumnValuesToBeBetween(
        column="imbalance", max_value=bounds.max_imbalance, severity="warning", description="balance of breeds"
    )
    checks = [
        _Check(names, pattern, "do not"),
        _Check(photos, f"{least} to {most}", "have fewer or more"),
        _Check(balance, f"the largest at most {bounds.max_imbalance:g} times as many", "have fewer"),
    ]
    if bounds.breeds is None:
        return checks
    number = kinds.ExpectTableRowCountToEqual(value=bounds.breeds, severity="critical", description="number of breeds")
    return [_Check(number, str(bounds.breeds), "breeds"), *checks]


def _great_expectations() -> Any:
    """Import Great Expectations, which takes seconds, with nothing sent home and nothing said."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "False")
    getLogger("great_expectations").setLevel(ERROR)
    import great_expectations

    return great_expectations


def _context(gx: Any, docs: Path | None) -> Any:
    """Return a context that lives in memory, but for its Data Docs in the folder `docs`."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    for site in list(context.list_data_docs_sites()):
        context.delete_data_docs_site(site)
    if docs:
        context.add_data_docs_site("pedigree", _site(docs))
    return context


def _site(docs: Path) -> dict[str, Any]:
    return {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(docs.resolve())},
    }


def _run(gx: Any, context: Any, noun: str, table: pandas.DataFrame, checks: Sequence[_Check]) -> list[Finding]:
    """Let Great Expectations judge `table`, whose rows are named by the column `noun`."""
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
        observed, where = f"{result.result['observed_value']} {check.unit}", []
    else:
        count, total = result.result["unexpected_count"], result.result["element_count"]
        observed = f"{count} of {total} {check.unit} ({_percent(count / max(total, 1))})"
        where = [_offender(row, noun) for row in result.result["unexpected_index_list"]]
    shown = (*where[:SHOWN], f"and {len(where) - SHOWN} more") if len(where) > SHOWN else tuple(where)
    severity: Severity = check.expectation.severity.value
    return Finding(check.name, severity, bool(result.success), observed, check.expected, shown)


def _offender(row: dict[str, Any], noun: str) -> str:
    """Name a row Great Expectations complains of, with the value it complains of where that is not the name."""
    details = [f"{value:.4g}" if isinstance(value, float) else str(value) for key, value in row.items() if key != noun]
    return ": ".join([row[noun], *details])


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
