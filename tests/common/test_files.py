"""Atomic replacement: all or nothing, and no temporary file is left, however a process ends."""

import errno
import fcntl
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from conftest import ROOT

from pedigree.common import files
from pedigree.common.files import (
    check_replaceable,
    own_temporary_files,
    replacing_entries,
    replacing_file,
    replacing_folder,
    temporary_folder,
    write_text,
)
from pedigree.errors import PedigreeError

AT_WORK = """
import sys, time
from pathlib import Path
from pedigree.common.files import replacing_folder
with replacing_folder(Path(sys.argv[1])) as folder:
    (folder / "half").touch()
    print("at work", flush=True)
    time.sleep(60)
"""
SWAPPING = """
import sys, time
from pathlib import Path
from pedigree.common.files import replacing_folder
print("at work", flush=True)
for number in range(10**6):
    with replacing_folder(Path(sys.argv[1])) as folder:
        for name in "ab":
            (folder / name).write_text(str(number))
"""


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


@contextmanager
def process(code: str, path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Start a process that runs `code` with `path` as its argument. It is killed at the end of the block."""
    with subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout.readline() == "at work\n"
        try:
            yield running
        finally:
            running.kill()


@pytest.fixture(params=["exchange", "two renames"])
def file_system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Whether the file system can exchange two folders in one step."""
    if request.param == "two renames":
        monkeypatch.setattr(files, "_exchanged", lambda one, other: False)
    return request.param


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.txt"
    write_text(path, "old")
    write_text(path, "new")
    assert path.read_text() == "new"
    assert [entry.name for entry in path.parent.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_a_folder_or_a_pipe_is_not_replaced_by_a_file(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "x")
    kind = (tmp_path / "x").stat().st_mode
    with pytest.raises(PedigreeError, match="x is not a regular file, so it is not replaced"):
        write_text(tmp_path / "x", "new")
    assert (tmp_path / "x").stat().st_mode == kind
    assert list(tmp_path.iterdir()) == [tmp_path / "x"]
    with pytest.raises(PedigreeError, match="/dev/null is not a regular file"):
        check_replaceable(Path("/dev/null"))


def test_a_link_is_replaced_and_the_file_that_it_names_stays(tmp_path: Path) -> None:
    (tmp_path / "cached").write_text("old")
    (tmp_path / "x").symlink_to("cached")
    write_text(tmp_path / "x", "new")
    assert ((tmp_path / "cached").read_text(), (tmp_path / "x").read_text()) == ("old", "new")


def test_a_file_is_unchanged_after_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(RuntimeError), replacing_file(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


def test_the_content_is_flushed_before_the_rename_and_the_name_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    seen = []
    monkeypatch.setattr(os, "fsync", lambda handle: seen.append((os.fstat(handle).st_ino, path.read_text())))
    write_text(path, "new")
    assert seen == [(path.stat().st_ino, "old"), (tmp_path.stat().st_ino, "new")]


def test_a_file_has_the_permissions_of_the_umask(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.touch()
    write_text(tmp_path / "a.txt", "x")
    assert (tmp_path / "a.txt").stat().st_mode == plain.stat().st_mode


def test_a_folder_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "data"
    for name in ("old", "new"):
        with replacing_folder(path) as temporary:
            (temporary / name).touch()
    assert [entry.name for entry in path.iterdir()] == ["new"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["data"]


def test_a_folder_is_unchanged_after_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "data"
    with replacing_folder(path) as temporary:
        (temporary / "old").touch()
    with pytest.raises(RuntimeError), replacing_folder(path) as temporary:
        (temporary / "half").touch()
        raise RuntimeError
    assert [entry.name for entry in path.iterdir()] == ["old"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["data"]


def test_entries_are_replaced_together_and_others_stay(tmp_path: Path) -> None:
    for name in ("a", "b", "other"):
        write_text(tmp_path / name, "old")
    with pytest.raises(RuntimeError), replacing_entries(tmp_path) as new:
        (new / "a").write_text("half")
        raise RuntimeError
    with replacing_entries(tmp_path) as new:
        for name in "ab":
            (new / name).write_text("new")
        assert {(tmp_path / name).read_text() for name in "ab"} == {"old"}
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "new", "b": "new", "other": "old"}


def test_what_a_killed_process_left_is_removed_by_the_next_and_what_a_living_one_writes_stays(tmp_path: Path) -> None:
    path = tmp_path / "data"
    with process(AT_WORK, path) as alive:
        (left,) = names(tmp_path)
        with process(AT_WORK, path) as killed:
            killed.kill()
            killed.wait()
        assert len(names(tmp_path)) == 2
        write_text(tmp_path / "a.txt", "x")
        assert names(tmp_path) == sorted([left, "a.txt"])
        alive.kill()
        alive.wait()
    write_text(tmp_path / "a.txt", "x")
    assert names(tmp_path) == ["a.txt"]


def test_temporary_files_of_a_killed_stage_are_removed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = """
import tempfile, time
from pedigree.common.files import own_temporary_files
with own_temporary_files():
    tempfile.mkdtemp()
    tempfile.NamedTemporaryFile(delete=False)
    print("at work", flush=True)
    time.sleep(60)
"""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with process(code, tmp_path):
        (left,) = names(tmp_path)
        assert len(names(tmp_path / left)) == 3  # its lock too
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with own_temporary_files():
        assert left not in names(tmp_path)
    assert names(tmp_path) == []
    assert tempfile.gettempdir() == str(tmp_path)


def test_the_folders_of_other_programs_stay(tmp_path: Path) -> None:
    (tmp_path / ".pedigree-notes").mkdir()
    (tmp_path / ".pedigree-notes/mine.txt").touch()
    (tmp_path / ".pedigree-empty").touch()
    write_text(tmp_path / "a.txt", "x")
    assert names(tmp_path) == [".pedigree-empty", ".pedigree-notes", "a.txt"]


def test_without_locks_files_are_replaced_and_nobody_removes_what_may_be_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(handle: int, how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    with temporary_folder(tmp_path) as other:
        monkeypatch.setattr(fcntl, "flock", no_locks)
        with replacing_folder(tmp_path / "data") as folder:
            (folder / "new").touch()
        assert names(tmp_path) == sorted([other.name, "data"])
        assert names(tmp_path / "data") == ["new"]


def test_git_ignores_what_is_left(tmp_path: Path) -> None:
    with temporary_folder(tmp_path) as scratch:
        left = [f"{folder}/{scratch.name}/new" for folder in ("data", "models", "reports", ".")]
    ignored = subprocess.run(["git", "-C", ROOT, "check-ignore", *left], capture_output=True, text=True, check=False)
    assert ignored.stdout.split() == left


def test_a_folder_that_is_replaced_is_there_and_whole_at_every_moment(tmp_path: Path) -> None:
    path = tmp_path / "data"
    with replacing_folder(path) as folder:
        (folder / "a").touch()
        (folder / "b").touch()
    for _ in range(3):
        with process(SWAPPING, path) as swapping:
            swaps, last = 0, path.stat().st_ino
            while swaps < 20:
                now = path.stat().st_ino  # raises if there is no folder
                swaps, last = swaps + (now != last), now
            swapping.kill()
            swapping.wait()
        assert int((path / "a").read_text()) == int((path / "b").read_text()) >= 10


def fill_file(path: Path, content: str) -> None:
    write_text(path, content)


def fill_folder(path: Path, content: str) -> None:
    with replacing_folder(path) as folder:
        for name in "ab":
            (folder / name).write_text(content)


def content_of(path: Path) -> str | set[str]:
    return {(path / name).read_text() for name in "ab"} if path.is_dir() else path.read_text()


@pytest.mark.parametrize(("fill", "whole"), [(fill_file, ("old", "new")), (fill_folder, ({"old"}, {"new"}))])
def test_an_interruption_at_any_line_leaves_the_old_or_the_new_content_after_the_next_run_at_the_latest(
    fill: Callable[[Path, str], None], whole: tuple[Any, Any], file_system: str, tmp_path: Path
) -> None:
    path, seen = tmp_path / "data", []
    fill(path, "old")
    for line in range(1, 1000):
        if not interrupted(line, lambda: fill(path, "new")):
            break
        if file_system == "exchange" or fill is fill_file:
            assert content_of(path) in whole
        with temporary_folder(tmp_path):
            pass
        assert names(tmp_path) == ["data"], line
        seen.append(content_of(path))
        assert seen[-1] in whole
        fill(path, "old")
    assert [content in seen for content in whole] == [True, True]


def interrupted(line: int, work: Callable[[], None]) -> bool:
    """Run `work`, and raise KeyboardInterrupt at the given line that the module executes; return whether it got there.

    Handles that stay open are closed, as they are when a process ends.
    """
    count = 0

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal count
        if frame.f_code.co_filename != files.__file__:
            return None
        if event == "line":
            count += 1
            if count == line:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(before)
        for handle in Path("/proc/self/fd").iterdir():
            if handle.is_symlink() and files.SCRATCH in str(handle.readlink()):
                os.close(int(handle.name))
    return count >= line
