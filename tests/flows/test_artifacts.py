"""Pages of a clone that is deleted are kept. Names from archives are text in the UI of Prefect."""

import json
from pathlib import Path

import artifacts
import pytest
from artifacts import keep_pages, publish
from prefect import flow
from prefect.artifacts import Artifact

from pedigree.common.paths import DATA_DOCS, SCORES_PAGE
from pedigree.results.highlights import Exhibit

NASTY = "<img src=x onerror=alert(1)> ![x](//h/x.png) [a](javascript:alert(1)) `c` *b* a|b \\ \x1b[31m\u202e"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one page, and a page in its scratch folder, which is a link."""
    (tmp_path / "state" / DATA_DOCS.name).mkdir(parents=True)
    (tmp_path / "state" / DATA_DOCS.name / "index.html").write_text("docs")
    root = tmp_path / "candidate"
    (root / SCORES_PAGE).parent.mkdir(parents=True)
    (root / SCORES_PAGE).write_text("scores")
    (root / DATA_DOCS.parent).symlink_to(tmp_path / "state", target_is_directory=True)
    return root


def test_pages_are_copied_and_those_of_the_last_runs_stay(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(artifacts, "KEPT", 2)
    folder = tmp_path / "pages"
    for day in ("20250101-020000", "20250102-020000", "20250103-020000"):
        (folder / day).mkdir(parents=True)
    copy = keep_pages(project, folder)
    assert [kept.name for kept in sorted(folder.iterdir())] == ["20250103-020000", copy.name]
    (project / SCORES_PAGE).unlink()
    (project / DATA_DOCS.parent).unlink()
    assert (copy / SCORES_PAGE).read_text() == "scores"
    assert (copy / DATA_DOCS / "index.html").read_text() == "docs"
    for day in ("30250101-020000", "30250102-020000", "30250103-020000"):
        (folder / day).mkdir()
    keep_pages(project, folder)
    assert not copy.exists()
    assert (tmp_path / "state" / DATA_DOCS.name / "index.html").exists()  # the link was removed, not its target


@pytest.mark.usefixtures("server")
def test_a_name_in_a_table_is_no_markup() -> None:
    flow(publish)(Exhibit("nasty", "A table", table=[{"breed": NASTY, "photos": 3}]))
    artifact = Artifact.get("nasty")
    assert artifact is not None
    (row,) = json.loads(str(artifact.data))
    assert row["photos"] == 3
    left = row["breed"]
    for letter in "\\<>[]`*|":
        left = left.replace(f"\\{letter}", "")
    assert not set("<>[]`*|\\") & set(left)
    assert left.isprintable()
