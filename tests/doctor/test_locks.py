"""Locks: held while their holder lives, in whatever container; what a killed DVC has left is found and named."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pedigree.doctor.locks import DVC_GUARD, DVC_LOCKS, LockedError, dead_locks, hold, is_held

HOLD = """
import sys, time
from pathlib import Path
from pedigree.doctor.locks import hold
with hold(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """The path of a lock in a folder that does not exist yet."""
    return tmp_path / "tmp/rebuild.lock"


@contextmanager
def another_holder(lock: Path) -> "Iterator[subprocess.Popen[str]]":
    """Another process that holds the lock."""
    command = [sys.executable, "-c", HOLD, str(lock)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None:
            raise AssertionError
        process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


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


def test_a_killed_holder_leaves_no_lock(lock: Path) -> None:
    with another_holder(lock) as process:
        process.kill()
        process.wait()
        assert "process" in lock.read_text()  # it could not remove its name
        with hold(lock):
            assert is_held(lock)
    assert not is_held(lock)


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
