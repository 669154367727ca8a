"""The verdict of validation: one small file that says whether the pipeline may go on.

It changes only when the decision does. The crop stage reads it in place of the report, so that other words in the
report do not run crop again.
"""

import json
from pathlib import Path

from pedigree.common import json_text
from pedigree.common.files import write_text
from pedigree.common.paths import VERDICT
from pedigree.errors import PedigreeError


def write_verdict(passed: bool, path: Path = VERDICT) -> None:
    """Write whether the photos passed validation to `path`."""
    write_text(path, json.dumps({"passed": passed}) + "\n")


def require_passed(path: Path = VERDICT) -> None:
    """Check that the photos passed validation.

    Raises:
        PedigreeError: if `path` is missing or unreadable, or if it says that validation failed.
    """
    try:
        verdict = json_text.parse(path.read_text(encoding="utf-8"))
    except OSError:
        raise PedigreeError(f"{path} is not here: run `pedigree validate` first.") from None
    except ValueError:
        raise PedigreeError(f"{path} is not JSON: run `pedigree validate` again.") from None
    if not isinstance(verdict, dict) or verdict.get("passed") is not True:
        raise PedigreeError(
            f"{path}: the photos failed validation. Run `pedigree validate` to see why, then correct the photos or "
            "the validate section of params.yaml."
        )
