"""The highlights of a project's reports (`pedigree.results.highlights`) as artifacts in Prefect's UI."""

import base64
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import defaults  # noqa: F401  (before Prefect)
from prefect.artifacts import create_image_artifact, create_markdown_artifact, create_table_artifact
from stages import StageError

from pedigree.common.paths import RUNS
from pedigree.results.highlights import FILES, PAGES, Exhibit, highlights, markdown_text

KEPT = 5  # runs whose pages are kept


@contextmanager
def publishing(root: Path, kept: Path | None = None) -> Iterator[None]:
    """Create an artifact for every highlight of the project at `root` when the stages in the block have run.

    If one of them fails, only reports that were written in the block are shown: a stage that fails or does not run
    leaves the outputs of the run before.

    Args:
        root: the project's folder.
        kept: a folder to keep copies of the pages in, if the project will be deleted.
    """
    before = _versions(root)
    try:
        yield
    except StageError:
        after = _versions(root)
        _publish_reports(root, kept, [file for file, version in before.items() if after.get(file) == version])
        raise
    _publish_reports(root, kept)


def _versions(root: Path) -> dict[Path, tuple[int, int]]:
    """Return what changes when a report is written again, by file."""
    found = {file: (root / file).stat() for file in FILES if (root / file).is_file()}
    return {file: (status.st_ino, status.st_mtime_ns) for file, status in found.items()}


def _publish_reports(root: Path, kept: Path | None, without: Collection[Path] = ()) -> None:
    pages = None if kept is None else keep_pages(root, kept, without)
    for exhibit in highlights(root, pages, without):
        publish(exhibit)


def keep_pages(root: Path, folder: Path, without: Collection[Path] = ()) -> Path:
    """Copy the pages of the project at `root`, which will be deleted, to a new folder in `folder`; return that.

    Pages in `without` are left out.

    Only the last `KEPT` of these folders stay. The scratch folder of the project is a link, and so is that of the copy.
    """
    copy = folder / f"{datetime.now():%Y%m%d-%H%M%S}"
    copy.mkdir(parents=True, exist_ok=True)
    for page in PAGES.values():
        if page in without:
            continue
        if page.is_relative_to(RUNS):
            (copy / RUNS).unlink(missing_ok=True)
            (copy / RUNS).symlink_to((root / RUNS).resolve(), target_is_directory=True)
        elif (root / page).is_file():
            (copy / page).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / page, copy / page)
    for old in sorted(folder.iterdir())[:-KEPT]:
        shutil.rmtree(old)
    return copy


def publish(exhibit: Exhibit) -> None:
    """Create one artifact. An image is embedded in its URL, so that no file server is needed.

    Prefect's UI shows texts in tables as Markdown, so they are escaped: names come from archives.
    """
    if exhibit.table is not None:
        table = [
            {key: markdown_text(value) if isinstance(value, str) else value for key, value in row.items()}
            for row in exhibit.table
        ]
        create_table_artifact(table, key=exhibit.key, description=exhibit.title)
    elif exhibit.picture is not None:
        url = f"data:image/png;base64,{base64.b64encode(exhibit.picture).decode()}"
        create_image_artifact(url, key=exhibit.key, description=exhibit.title)
    else:
        create_markdown_artifact(exhibit.text or "", key=exhibit.key, description=exhibit.title)
