"""The highlights of a project's reports (`pedigree.results.highlights`) as artifacts in Prefect's UI."""

import base64
from pathlib import Path

import defaults  # noqa: F401  (before Prefect)
from prefect.artifacts import create_image_artifact, create_markdown_artifact, create_table_artifact

from pedigree.results.highlights import Exhibit, highlights


def publish(root: Path) -> None:
    """Publish what the reports of the project at `root` hold."""
    for exhibit in highlights(root):
        show(exhibit)


def show(exhibit: Exhibit) -> None:
    """Publish one exhibit. A picture travels within its address, so that it shows without any file server."""
    if exhibit.table is not None:
        create_table_artifact(exhibit.table, key=exhibit.key, description=exhibit.title)
    elif exhibit.picture is not None:
        address = f"data:image/png;base64,{base64.b64encode(exhibit.picture).decode()}"
        create_image_artifact(address, key=exhibit.key, description=exhibit.title)
    else:
        create_markdown_artifact(exhibit.text or "", key=exhibit.key, description=exhibit.title)
