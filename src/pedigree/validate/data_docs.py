"""Great Expectations' Data Docs: the pages of its results."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from logging import ERROR, LogRecord, getLogger
from pathlib import Path
from typing import Any

from pedigree.common.files import replacing_folder
from pedigree.errors import PedigreeError

_LOG = "great_expectations.render.renderer.site_builder"
_REASON = re.compile(r'^ *(\w+: ".*?")\.  Traceback: ', re.MULTILINE)


def new_context(gx: Any, docs: Path | None) -> Any:
    """Return a context in memory. Only its Data Docs are written, to the folder `docs`."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    for site in list(context.list_data_docs_sites()):
        context.delete_data_docs_site(site)
    if docs:
        context.add_data_docs_site("pedigree", _site(docs))
    return context


@contextmanager
def writing(folder: Path) -> Iterator[Path]:
    """Yield a folder for Data Docs, which replaces `folder` after the block.

    Great Expectations logs an error in a page with its traceback, and goes on without the page. Here it is an error.

    Raises:
        PedigreeError: a page could not be written. `folder` stays as it is.
    """
    errors = list[str]()

    def keep(record: LogRecord) -> bool:
        if record.levelno < ERROR:
            return True
        found = _REASON.search(record.getMessage())
        errors.append(found[1] if found else "see its documentation")
        return False

    log = getLogger(_LOG)
    log.addFilter(keep)
    try:
        with replacing_folder(folder) as temporary:
            yield temporary
            if errors:
                raise PedigreeError(f"Great Expectations cannot write its Data Docs ({errors[0]}).")
    finally:
        log.removeFilter(keep)


def _site(docs: Path) -> dict[str, Any]:
    return {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(docs.resolve())},
    }
