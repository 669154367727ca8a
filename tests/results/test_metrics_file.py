"""Files of scores: from a path or a revision of a real git repository, and every way that can fail, in one line."""

import json
import subprocess
from pathlib import Path

import pytest

from pedigree.common.paths import METRICS
from pedigree.errors import PedigreeError, UsageError
from pedigree.results.metrics_file import read, read_against

OLD = {"efficientnet-lite0": {"samples": 10, "frechet_distance": 3.5, "imagenet_accuracy": None}}
NEW = {"efficientnet-lite0": {"samples": 10, "frechet_distance": 2.5, "standard_error": {"frechet_distance": 0.25}}}


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder, out of sight of any repository or git setting around it."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    monkeypatch.chdir(tmp_path)


def git(*arguments: str) -> None:
    subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *arguments], check=True, capture_output=True)


def commit(scores: object, path: Path = METRICS, tag: str | None = None) -> None:
    """Commit `scores` as `path` of the repository around the working folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(scores))
    git("add", "-A")
    git("commit", "-q", "-m", "scores")
    if tag:
        git("tag", "-m", tag, tag)


@pytest.fixture
def repository() -> None:
    """An empty first commit, old scores tagged `old`, new scores; in the folder something not committed."""
    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "nothing")
    commit(OLD, tag="old")
    commit(NEW)
    METRICS.write_text("{}")
    Path("dvc.yaml").touch()


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(("name", "scores"), [("HEAD", NEW), ("HEAD~1", OLD), ("old", OLD), ("HEAD^{/scores}", NEW)])
def test_a_revision_is_read_by_any_name_git_knows(name: str, scores: object) -> None:
    assert read_against(name) == scores


@pytest.mark.usefixtures("repository")
def test_a_project_in_a_folder_of_a_repository_finds_its_own_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    commit({"mine": {"samples": 3}}, Path("deep/project") / METRICS)
    monkeypatch.chdir("deep/project")
    Path("dvc.yaml").touch()
    assert read_against("HEAD") == {"mine": {"samples": 3}}
    with pytest.raises(PedigreeError, match=r"revision old has no reports/metrics\.json"):
        read_against("old")


@pytest.mark.usefixtures("repository")
def test_a_file_wins_over_a_revision_of_its_name() -> None:
    Path("old").write_text(json.dumps(NEW))
    assert read_against("old") == NEW


def test_a_file_needs_no_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("kept.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(OLD).encode())
    monkeypatch.setenv("PATH", "")
    assert read_against("kept.json") == read_against(str(tmp_path / "kept.json")) == OLD
    with pytest.raises(PedigreeError, match="needs git") as error:
        read_against("HEAD")
    assert error.value.exit_code == 1


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("nope", UsageError, "'nope' is neither a file here nor a revision"),
        ("reports", UsageError, "'reports' is neither"),
        ("--all", UsageError, "'--all' is neither"),
        ("", UsageError, "'' is neither"),
        ("old..HEAD", UsageError, "neither"),
        ("0" * 40, UsageError, "neither"),
        ("HEAD:reports/metrics.json", UsageError, "neither"),
        ("HEAD~2", PedigreeError, "revision HEAD~2 has no reports/metrics.json; `git log"),
    ],
)
def test_what_is_no_revision_is_told(name: str, kind: type[PedigreeError], message: str) -> None:
    with pytest.raises(PedigreeError) as error:
        read_against(name)
    assert type(error.value) is kind
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_no_repository_is_told() -> None:
    with pytest.raises(UsageError, match=r"'HEAD~1' is neither a file here nor a revision: not a git repository"):
        read_against("HEAD~1")


def test_scores_not_yet_made_are_told() -> None:
    with pytest.raises(PedigreeError, match=r"reports/metrics\.json does not exist: run `dvc repro`"):
        read()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not JSON"),
        (b"\xff\xfe\x00", "is not JSON"),
        (b"extractor: {}", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"[]", "expected an object of extractors. Received: []"),
        (b"{}", "expected an object of extractors. Received: {}"),
        (b'{"coverage": 0.5}', "'coverage' should hold numbers by name. Received: 0.5"),
        (b'{"e": {"coverage": [1, 2]}}', "e.coverage should be a number, a word or null. Received: [1, 2]"),
        (b'{"e": {"coverage": true}}', "e.coverage should be"),
        (b'{"e": {"coverage": 1e999}}', "e.coverage should be"),
        (b'{"e": {"coverage": 1' + b"0" * 400 + b"}}", "e.coverage should be"),
        (b'{"e": {"standard_error": 3}}', "e.standard_error should hold numbers by name. Received: 3"),
        (b'{"e": {"standard_error": []}}', "e.standard_error should hold numbers by name. Received: []"),
        (b'{"e": {"standard_error": [3]}}', "e.standard_error should hold numbers by name. Received: 3"),
        (b'{"e": {"standard_error": {"coverage": -1}}}', "e.standard_error.coverage should be a number from 0"),
        (b'{"e": {"standard_error": {"coverage": "1"}}}', "e.standard_error.coverage should be a number from 0"),
    ],
)
def test_a_file_of_another_form_is_told(content: bytes, message: str) -> None:
    Path("odd.json").write_bytes(content)
    with pytest.raises(PedigreeError) as error:
        read_against("odd.json")
    assert "odd.json" in str(error.value)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 200


@pytest.mark.usefixtures("repository")
def test_a_committed_file_of_another_form_names_its_revision() -> None:
    commit({"coverage": 0.5})
    with pytest.raises(PedigreeError, match=r"^reports/metrics\.json at revision HEAD is not a file that"):
        read_against("HEAD")


def test_standard_errors_are_read_from_a_list_and_from_files_of_earlier_versions() -> None:
    listed = {"efficientnet-lite0": NEW["efficientnet-lite0"] | {"standard_error": [{"frechet_distance": 0.25}]}}
    Path("now.json").write_text(json.dumps(listed))
    Path("earlier.json").write_text(json.dumps(NEW))
    assert read(Path("now.json")) == read(Path("earlier.json")) == NEW


def test_a_number_that_is_none_is_unmeasured() -> None:
    Path("odd.json").write_text('{"e": {"coverage": NaN, "recall": Infinity}}')
    assert read(Path("odd.json")) == {"e": {"coverage": None, "recall": None}}
