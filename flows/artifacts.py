"""The highlights of a project's reports (`pedigree.results.highlights`) as artifacts in Prefect's UI."""

import base64
from pathlib import Path

import defaults  # noqa: F401  (before Prefect)
from prefect.artifacts import create_image_artifact, create_markdown_artifact, create_table_artifact

from pedigree.results.highlights import Exhibit, highlights, markdown_text


def publish_reports(root: Path) -> None:
    """Create an artifact for every highlight of the project at `root`."""
    for exhibit in highlights(root):
        publish(exhibit)


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
