"""DVC: a project without its files, where outputs are linked to, and remotes that cannot be used."""

import socket
from pathlib import Path

import pytest

from doctor.projects import dvc, of
from pedigree.doctor import dvc_project


@pytest.mark.parametrize("name", [".dvc", "dvc.yaml"])
def test_a_project_without_dvcs_files_is_a_problem(project: Path, name: str) -> None:
    (project / name).rename(project / "away")
    finding = of("dvc", dvc_project.check(project))
    assert (finding.level, name in finding.text) == ("problem", True)


def test_a_damaged_configuration_is_a_problem(project: Path) -> None:
    (project / ".dvc/config").write_text("[core\n")
    assert of("dvc", dvc_project.check(project)).level == "problem"


def test_a_remote_inside_the_checkout_is_a_note_and_outside_it_is_fine(project: Path, tmp_path: Path) -> None:
    finding = of("remote", dvc_project.check(project))
    assert (finding.level, "inside this checkout" in finding.text) == ("note", True)
    (tmp_path / "shared").mkdir()
    dvc(project, "remote", "add", "--default", "shared", str(tmp_path / "shared"))
    assert of("remote", dvc_project.check(project)).level == "fine"
    dvc(project, "remote", "modify", "shared", "url", str(tmp_path / "not/mounted"))
    assert "does not exist" in of("remote", dvc_project.check(project)).text
    dvc(project, "config", "--unset", "core.remote")
    assert "no default remote" in of("remote", dvc_project.check(project)).text


def test_a_remote_that_does_not_answer_is_a_note_without_its_password(project: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://ann:secret@127.0.0.1:{closed.getsockname()[1]}/dogs"
        dvc(project, "remote", "add", "--default", "far", address)
        finding = of("remote", dvc_project.check(project))
    assert finding.level == "note"
    assert "does not answer" in finding.text
    assert "secret" not in finding.text


@pytest.mark.parametrize(("kind", "copies"), [("symlink", False), ("hardlink", False), ("copy", True)])
def test_a_cache_of_links_needs_no_second_copy(project: Path, kind: str, copies: bool) -> None:
    dvc(project, "config", "cache.type", kind)
    assert dvc_project.copies_outputs(project) == copies
    assert f"(cache.type: {kind})" in of("cache", dvc_project.check(project)).text


def test_only_a_project_without_scm_needs_no_git(project: Path) -> None:
    assert dvc_project.needs_git(project)
    dvc(project, "config", "core.no_scm", "true")
    assert not dvc_project.needs_git(project)
