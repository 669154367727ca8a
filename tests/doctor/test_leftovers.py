"""What killed processes leave is found and removed; what belongs to a living process stays."""

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from dvc_objects.fs.utils import tmp_fname

from doctor.projects import dvc, of
from pedigree.doctor import leftovers
from pedigree.doctor.locks import DVC_LOCKS, FOLDER, hold

OWN = """
import sys, time
from pathlib import Path
from pedigree.common.files import replacing_file
with replacing_file(Path(sys.argv[1])) as beside:
    beside.write_text("half")
    print("writing", flush=True)
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files that no other program uses."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@contextmanager
def writer(path: Path) -> "Iterator[subprocess.Popen[str]]":
    """A process that writes a file and does not finish."""
    with subprocess.Popen([sys.executable, "-c", OWN, path], stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout is None:
                raise AssertionError
            process.stdout.readline()
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("folder", ["", "data", "reports/samples", "runs/features", "../temporary"])
def test_the_scratch_folder_of_a_killed_process_is_removed_and_of_a_living_one_not(project: Path, folder: str) -> None:
    with writer(project / folder / "file") as process:
        assert of("left-overs", leftovers.check_scratch(project)).level == "fine"
        process.send_signal(signal.SIGKILL)
        process.wait()
        (scratch,) = (project / folder).resolve().glob(".pedigree-*")
        finding = of("left-overs", leftovers.check_scratch(project))
        assert (finding.level, str(scratch) in finding.text) == ("note", True)
        assert finding.fix is not None
        assert finding.fix() == [str(scratch)]
        assert not scratch.exists()


def test_a_folder_that_gets_an_owner_after_the_check_stays(project: Path) -> None:
    scratch = project / ".pedigree-reused"
    scratch.mkdir()
    (scratch / "lock").touch()
    finding = of("left-overs", leftovers.check_scratch(project))
    with hold(scratch / "lock"):
        assert finding.fix is not None
        assert finding.fix() == []
    assert scratch.exists()


@contextmanager
def running_dvc(project: Path) -> "Iterator[subprocess.Popen[bytes]]":
    """A `dvc repro` whose stage runs: DVC's list of locks names it, and DVC does not write it for now."""
    (project / "dvc.yaml").write_text("stages:\n  slow:\n    cmd: touch started && sleep 600\n    outs: [slow]\n")
    command = [sys.executable, "-m", "dvc", "repro", "--quiet"]
    with subprocess.Popen(command, cwd=project, start_new_session=True) as process:
        try:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline and not (project / "started").exists():
                time.sleep(0.1)
            yield process
        finally:
            subprocess.run(["kill", "-KILL", "--", f"-{process.pid}"], check=False)


def test_an_unfinished_copy_of_dvc_is_removed_only_when_no_dvc_command_runs(project: Path) -> None:
    copy, own = project / "reports/samples" / tmp_fname(), project / "reports/.my-own-notes-of-today.tmp"
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_text("half")
    own.write_text("mine")
    with running_dvc(project):
        assert of("copies", leftovers.check_copies(project)).level == "fine"
        assert leftovers.remove_copies(project) == []
    finding = of("copies", leftovers.check_copies(project))
    assert (finding.level, str(copy) in finding.text) == ("note", True)
    assert finding.fix is not None
    assert finding.fix() == [str(copy)]
    assert own.exists()


def test_a_dead_lock_of_dvc_is_removed_only_when_no_dvc_command_runs(project: Path) -> None:
    with running_dvc(project) as process:
        held = of("locks", leftovers.check_locks(project))
        assert held.level == "note"
        assert f"dvc repro --quiet (process {process.pid})" in held.text.replace(f"{sys.executable} -m ", "")
        whole = (project / DVC_LOCKS).read_text()
        (project / DVC_LOCKS).write_text(whole[: len(whole) // 2])  # as a kill during the write leaves it
        finding = of("locks", leftovers.check_locks(project))
        assert finding.level == "problem"
        assert finding.fix is not None
        assert finding.fix() == []  # the command still runs
    (project / "dvc.yaml").write_text("stages:\n  quick:\n    cmd: echo > quick\n    outs: [quick]\n")
    assert dvc(project, "repro").returncode != 0
    assert finding.fix() == [str(project / DVC_LOCKS)]
    assert of("locks", leftovers.check_locks(project)).level == "fine"
    assert dvc(project, "repro").returncode == 0


def test_a_flow_that_runs_is_named_and_keeps_dead_locks(project: Path) -> None:
    with hold(project / FOLDER / "retrain.lock"):
        assert "the flow retrain (process " in of("locks", leftovers.check_locks(project)).text
        (project / DVC_LOCKS).write_text("{")
        finding = of("locks", leftovers.check_locks(project))
        assert finding.fix is not None
        assert finding.fix() == []
    assert finding.fix() == [str(project / DVC_LOCKS)]
