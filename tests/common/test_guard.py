"""What a command prints when it ends: one line about an error, never a traceback."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT

from pedigree.common.guard import NO_MEMORY, guarded
from pedigree.errors import PedigreeError, UsageError


def raising(error: BaseException) -> int:
    raise error


class ResourceExhaustedError(Exception):
    """Named like TensorFlow's."""


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (PedigreeError("data/x.tar: it is empty"), 1, "data/x.tar: it is empty"),
        (UsageError("no breed"), 2, "no breed"),
        (PedigreeError("the name \x1b[31m\u202e\ud800"), 1, r"the name \x1b[31m\u202e\ud800"),
        (FileNotFoundError(2, "No such file", "a\x1bb"), 1, r"No such file: a\x1bb"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (MemoryError(), 1, NO_MEMORY),
        (ResourceExhaustedError("OOM when allocating"), 1, NO_MEMORY),
        (OSError(12, "Cannot allocate memory"), 1, NO_MEMORY),
        (ModuleNotFoundError("x", name="jax.numpy"), 1, "jax is not installed: pip install 'pedigree[jax]'"),
    ],
)
def test_an_error_is_one_line_and_a_code(
    error: BaseException, code: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert guarded(lambda: raising(error), "pedigree train") == code
    assert capsys.readouterr().err == f"pedigree train: {line}\n"


def test_memory_that_numpy_does_not_get_is_short_memory(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(lambda: len(np.empty((2**40, 2**10))), "pedigree") == 1
    assert capsys.readouterr().err == f"pedigree: {NO_MEMORY}\n"


def test_an_unknown_error_is_reported_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert guarded(lambda: raising(ZeroDivisionError("by\nzero\x1b")), "pedigree crop") == 1
    error = capsys.readouterr().err
    (report,) = tmp_path.iterdir()
    assert error.startswith(
        r"pedigree crop: an error inside Pedigree (ZeroDivisionError: by zero\x1b). Please report it"
    )
    assert str(report) in error
    assert error.count("\n") == 1
    assert "Traceback" in report.read_text()
    assert "\x1b" not in report.read_text()


def test_an_unknown_error_is_one_line_where_no_file_can_be_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    assert guarded(lambda: raising(ZeroDivisionError("x" * 10_000)), "pedigree crop") == 1
    assert capsys.readouterr().err.endswith("Please report it.\n")


def run(code: str, stdout: int | None = None, **environment: str) -> subprocess.CompletedProcess[bytes]:
    script = f"import sys\nfrom pedigree.common.guard import guarded\n{code}"
    return subprocess.run(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE if stdout is None else stdout,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")} | environment,
        check=False,
    )


@pytest.mark.parametrize("lines", [1, 100_000])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_has_gone_is_no_error(lines: int, unbuffered: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = run(
        f"sys.exit(guarded(lambda: print('a breed\\n' * {lines}) or 0, 'pedigree'))",
        writing,
        PYTHONUNBUFFERED=unbuffered,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_under_stdout_is_one_line(unbuffered: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = run(
            "sys.exit(guarded(lambda: print('a breed') or 0, 'pedigree'))", full.fileno(), PYTHONUNBUFFERED=unbuffered
        )
    assert (done.returncode, done.stderr) == (1, b"pedigree: No space left on device\n")


def test_a_terminal_without_unicode_gets_escapes() -> None:
    done = run("sys.exit(guarded(lambda: print('柴犬') or 0, 'pedigree'))", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stdout, done.stderr) == (0, rb"\u67f4\u72ac" + b"\n", b"")


def test_a_command_without_memory_says_so(tmp_path: Path) -> None:
    limit = 3 * 2**30  # bytes of addresses: Python starts, and the array does not fit

    done = subprocess.run(
        [sys.executable, "-c", "import sys\nfrom pedigree.common.guard import guarded\n"
         "sys.exit(guarded(lambda: len(bytes(2**33)), 'pedigree'))"],
        capture_output=True, text=True, check=False, cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, f"pedigree: {NO_MEMORY}\n")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_help_whose_reader_has_gone_is_no_error(unbuffered: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = run("from pedigree.cli import main\nguarded(lambda: main(['--help']), 'pedigree')", writing,
               PYTHONUNBUFFERED=unbuffered)  # fmt: skip
    os.close(writing)
    assert done.stderr == b""


def test_a_closed_stdout_is_no_error() -> None:
    script = (
        "import sys\nfrom pedigree.common.guard import guarded\nsys.exit(guarded(lambda: print(1) or 0, 'pedigree'))"
    )
    command = ["sh", "-c", 'exec "$0" -c "$1" >&-', sys.executable, script]
    done = subprocess.run(
        command, stderr=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(ROOT / "src")}, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("closed", ["2>&-", ">&-", "<&- >&- 2>&-"])
def test_nothing_is_written_into_a_file_in_place_of_a_closed_stream(closed: str, tmp_path: Path) -> None:
    script = (
        "import os\nfrom pathlib import Path\nfrom pedigree.common.guard import guarded\n"
        "from pedigree.common.progress import progress\n"
        "def command():\n"
        "    with Path('result').open('wb', buffering=0) as file:\n"
        "        file.write(b'result')\n"
        "        list(progress([1, 2], label='x'))\n"
        "        os.write(1, b'a library')\n        os.write(2, b'a library')\n"
        "    return 0\n"
        "raise SystemExit(guarded(command, 'test'))\n"
    )
    shell = ["sh", "-c", f'exec "$0" -c "$1" {closed}', sys.executable, script]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(shell, cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert done.returncode == 0
    assert (tmp_path / "result").read_bytes() == b"result"
