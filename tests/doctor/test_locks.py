"""Locks: held while their holder lives, in whatever container; what a killed DVC has left is found and named."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from doctor.holders import another_holder, killed_holder
from pedigree.doctor.locks import DVC_GUARD, DVC_LOCKS, LockedError, dead_locks, hold, is_held


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """The path of a lock in a folder that does not exist yet."""
    return tmp_path / "tmp/rebuild.lock"


def test_a_lock_is_held_by_one_and_the_message_names_the_holder(lock: Path) -> None:
    with another_holder(lock) as process:
        assert is_held(lock)
        with pytest.raises(LockedError, match=f"^process {process.pid} on "), hold(lock):
            pass
        with (
            pytest.raises(LockedError, match=f"^process {process.pid} on "),
            hold(lock),
        ):  # the first try changed nothing
            pass


def test_a_killed_holder_leaves_no_lock_but_its_name(lock: Path) -> None:
    number = killed_holder(lock, "its run")
    with hold(lock, "another run") as killed:
        assert killed is not None
        assert (killed.process, killed.run) == (number, "its run")
        assert is_held(lock)
    assert not is_held(lock)
    with hold(lock) as nobody:  # the other run has released the lock
        assert nobody is None


def test_a_lock_is_held_although_its_holder_has_our_process_number(lock: Path) -> None:
    with another_holder(lock):  # in two containers, both processes are number 1
        holder = json.loads(lock.read_text()) | {"process": os.getpid()}
        lock.write_text(json.dumps(holder))
        with pytest.raises(LockedError), hold(lock):
            pass


def test_a_holder_on_another_machine_is_named_so(lock: Path) -> None:
    with another_holder(lock):
        holder = json.loads(lock.read_text()) | {"host": "trainer", "boot": "another"}
        lock.write_text(json.dumps(holder))
        with pytest.raises(LockedError, match=r"on trainer, another machine$"), hold(lock):
            pass


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A DVC project of one stage, without git."""
    (tmp_path / "dvc.yaml").write_text("stages:\n  a:\n    cmd: echo hi > a\n    outs: [a]\n")
    dvc(tmp_path, "init", "--quiet", "--no-scm")
    return tmp_path


def dvc(root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run DVC in a folder."""
    return subprocess.run([sys.executable, "-m", "dvc", *arguments], cwd=root, capture_output=True, text=True)


@pytest.mark.parametrize("left", ["", '{"write": {"/data/raw": {"pid": 1, "c', "[]", '{"write": {"a": {"pid": 1}}}'])
def test_a_damaged_list_is_found_and_removing_it_is_enough(project: Path, left: str) -> None:
    (project / DVC_LOCKS).write_text(left)
    assert dvc(project, "repro").returncode != 0
    (finding,) = dead_locks(project)
    assert str(finding).endswith(f"remove the file: rm {project / DVC_LOCKS}")
    finding.path.unlink()
    assert dead_locks(project) == []
    assert dvc(project, "repro").returncode == 0


def test_a_listed_process_whose_number_another_program_has_now_is_found(project: Path) -> None:
    def found(number: int, command: str) -> list[str]:
        blocker = {"pid": number, "cmd": command}
        (project / DVC_LOCKS).write_text(json.dumps({"write": {"a": blocker}, "read": {"b": [blocker]}}))
        return [finding.problem for finding in dead_locks(project)]

    command = f"{Path(sys.prefix)}/lib/dvc/__main__.py repro --single-item a"
    assert len(found(os.getpid(), command)) == 1
    with subprocess.Popen(
        [sys.executable, "-c", "input()", "repro", "--single-item", "a"], stdin=subprocess.PIPE
    ) as alive:
        assert found(alive.pid, command) == []
        alive.communicate()
    assert found(alive.pid, command) == []  # ended: DVC removes it itself


def test_a_list_that_dvc_is_writing_is_not_damaged(project: Path) -> None:
    (project / DVC_LOCKS).write_text("{")
    with hold(project / DVC_GUARD):
        assert dead_locks(project) == []
    assert len(dead_locks(project)) == 1
