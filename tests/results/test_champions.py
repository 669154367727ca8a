"""The list of champions: newest first, with what is known of each."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT

from pedigree.common.paths import METRICS, PARAMS, VALIDATION
from pedigree.results import champions


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with two champions, the first without reports."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / PARAMS, tmp_path / PARAMS)
    git(tmp_path, "init", "--quiet")
    commit(tmp_path, "A first one")
    git(tmp_path, "tag", "champion-20260101-020000")
    (tmp_path / "reports").mkdir()
    for name in (METRICS, VALIDATION):
        shutil.copy(ROOT / name, tmp_path / name)
    commit(tmp_path, "A new champion, by hand: better heads")
    for tag in ("champion-20260102-020000", "champion"):
        git(tmp_path, "tag", tag)
    return tmp_path


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", "-c", "user.name=Ada", "-c", "user.email=a@example.org", *arguments], cwd=root, check=True)


def commit(root: Path, message: str) -> None:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", message)


def test_champions_are_listed_with_who_why_data_and_scores(project: Path) -> None:
    newest, first = champions.listed(project)
    assert (newest.tag, newest.who, newest.current) == ("champion-20260102-020000", "Ada", True)
    assert (newest.photos, newest.breeds, newest.judge) == (852, 8, "efficientnet-lite0")
    assert newest.numbers["coverage"] == json.loads((ROOT / METRICS).read_text())[newest.judge]["coverage"]
    assert (first.tag, first.current, first.photos, first.numbers) == ("champion-20260101-020000", False, None, {})
    assert json.loads(champions.as_json([newest, first]))[0]["how"] == "A new champion, by hand: better heads"


def test_the_table_has_the_numbers_of_the_gate(project: Path) -> None:
    head, newest, first, *_ = champions.as_text(champions.listed(project)).splitlines()
    assert "Kernel distance" in head
    assert newest.split()[:5] == ["*", "champion-20260102-020000", "Ada", "852", "8"]
    assert "A first one" in first


def test_without_champions_there_is_one_line(tmp_path: Path) -> None:
    assert champions.as_text(champions.listed(tmp_path)) == "There is no champion yet: flows/retrain.py makes one."
