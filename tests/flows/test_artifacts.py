"""Pages of a clone that is deleted are kept. Names from archives are text in the UI of Prefect."""

import json
from pathlib import Path

import artifacts
import pytest
from artifacts import keep_pages, publish, publishing
from prefect import flow
from prefect.artifacts import Artifact
from stages import StageError

from pedigree.common.files import write_text
from pedigree.common.paths import DATA_DOCS, METRICS, SCORES_PAGE, VALIDATION, VALIDATION_PAGE
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


FINDING = {"expectation": "photos decode", "success": False, "severity": "critical", "observed": "1", "expected": "0"}
VALIDATED = json.dumps({"expectations": [FINDING | {"where": []}]})


def artifacts_of(flow_run_id: object) -> set[str | None]:
    """Return the keys of the newest artifacts that a flow run has published."""
    newest = [Artifact.get(key) for key in ("validation", "census", "samples", "metrics", "changes", "pages")]
    return {artifact.key for artifact in newest if artifact and artifact.flow_run_id == flow_run_id}


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("kept", [None, "pages"])
@pytest.mark.parametrize(
    ("fails", "keys", "pages"),
    [
        (True, {"validation", "pages"}, {VALIDATION_PAGE}),
        (False, {"validation", "metrics", "pages"}, {VALIDATION_PAGE, SCORES_PAGE, DATA_DOCS / "index.html"}),
    ],
)
def test_after_a_failure_only_the_reports_of_this_run_are_published(
    project: Path, tmp_path: Path, kept: str | None, fails: bool, keys: set[str], pages: set[Path]
) -> None:
    write_text(project / METRICS, '{"efficientnet-lite0": {"samples": 3, "coverage": 0.5}}')
    write_text(project / VALIDATION, VALIDATED)
    folder = tmp_path / kept if kept else None

    @flow
    def run() -> None:
        with publishing(project, folder):
            write_text(project / VALIDATION, VALIDATED)  # equal, but of this run
            write_text(project / VALIDATION_PAGE, "page")
            if fails:
                raise StageError("validate", 1, "the photos fail")

    state = run(return_state=True)
    assert state.is_failed() == fails
    assert artifacts_of(state.state_details.flow_run_id) == keys
    links = Artifact.get("pages")
    assert links is not None
    root = next(folder.iterdir()) if folder else project
    assert {page for page in (VALIDATION_PAGE, SCORES_PAGE, DATA_DOCS / "index.html")
            if (root.resolve() / page).as_uri() in str(links.data)} == pages  # fmt: skip
    if folder:
        assert (root / SCORES_PAGE).exists() != fails


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
