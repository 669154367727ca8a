"""`reports/validation.html`: the validation for people to read, in one file that needs no network."""

from pathlib import Path
from typing import TYPE_CHECKING

from pedigree import __version__
from pedigree.common.paths import CENSUS, COMPLAINTS, VALIDATION
from pedigree.pages.templates import environment
from pedigree.validate.page import breed_table, failures, groups, headline, histograms, set_aside
from pedigree.validate.page.thumbnails import thumbnails

if TYPE_CHECKING:
    from pedigree.validate.stage import Validation


def render(validation: "Validation", raw: Path) -> str:
    """Return the page as HTML. Equal input gives equal text.

    Args:
        validation: the census and what was found.
        raw: the folder that holds `Images`. Only the photos shown are read; one that cannot be shown leaves a box.
    """
    failed, unusual = failures.find(validation), failures.worth_a_look(validation)
    grouped = groups.lay_out(validation.photos)
    shown = [*(photo for failure in [*failed, *unusual] for photo in failure.shown), *grouped.shown]
    return (
        environment(__name__)
        .get_template("page.html")
        .render(
            version=__version__,
            headline=headline.words(validation, failed),
            tiles=headline.tiles(validation, grouped.count),
            failures=failed,
            unusual=unusual,
            met=[finding for finding in validation.findings if finding.success],
            groups=grouped,
            set_aside=set_aside.lay_out(validation.set_aside),
            charts=histograms.draw(validation.photos),
            columns=breed_table.COLUMNS,
            breeds=breed_table.lay_out(validation),
            thumbnails=thumbnails(shown, raw),
            census=CENSUS.as_posix(),
            report=VALIDATION.as_posix(),
            complaints=COMPLAINTS.as_posix(),
        )
    )
