"""What other revisions of the project hold: text by git, a generator by DVC; both are called as programs."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pedigree.errors import PedigreeError, UsageError

_HERE = Path()
_LOST = "No storage files available"  # DVC's words where neither cache nor remote has a file
_UNKNOWN = "unexpected error - ['"  # and where the revision has none of its name
_NO_DVC = "No module named dvc"


@dataclass(frozen=True)
class Commit:
    """A commit: its hash in full and in short, and the first line of its message."""

    name: str
    short: str
    subject: str


def no_repository(root: Path = _HERE) -> str | None:
    """Say why the folder `root` is in no git repository, None where it is in one.

    Raises:
        PedigreeError: where git is missing, here as in the functions below.
    """
    place = _git(root, "rev-parse", "--git-dir")
    return _last_line(place.stderr) or f"git ended with {place.returncode}" if place.returncode else None


def commit_of(revision: str, root: Path = _HERE) -> str | None:
    """Return the full hash of the commit that `revision` means, such as a tag or `HEAD~1`; None where it means none."""
    found = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    return None if found.returncode else found.stdout.decode().strip()


def content_of(commit: str, path: Path, root: Path = _HERE) -> bytes | None:
    """Return what git has of `path`, relative to `root`, at the commit `commit`; None where it has no such file."""
    shown = _git(root, "show", f"{commit}:./{path.as_posix()}")
    return None if shown.returncode else shown.stdout


def history(path: Path, root: Path = _HERE) -> list[Commit]:
    """List the commits up to HEAD that changed `path`, relative to `root`, newest first; none outside of git."""
    logged = _git(root, "log", "--no-show-signature", "--format=%H%x00%h%x00%s", "--", path.as_posix())
    return [Commit(*line.split("\0")) for line in logged.stdout.decode(errors="replace").split("\n") if line]


@contextmanager
def fetched(revision: str, path: Path) -> Iterator[Path]:
    """Yield a copy of the file `path` as `revision` has it, out of DVC's cache or remote; the checkout stays as it is.

    The copy goes when the block ends. Where the block raises a PedigreeError about it, that names the revision instead.

    Raises:
        UsageError: where `revision` is none of the project here.
        PedigreeError: where it has no such file, DVC cannot get it, or git or DVC is missing.
    """
    commit = _known(revision)
    with tempfile.TemporaryDirectory(prefix="pedigree-") as scratch:
        copy = Path(scratch) / path.name
        prefix = _git(_HERE, "rev-parse", "--show-prefix").stdout.decode().strip()  # DVC counts paths from git's root
        get = ["get", ".", prefix + path.as_posix(), "--rev", commit, "--out", str(copy)]
        done = subprocess.run([sys.executable, "-m", "dvc", *get], capture_output=True, check=False)  # noqa: S603
        if done.returncode:
            raise PedigreeError(_trouble(done.stderr, revision, path))
        try:
            yield copy
        except PedigreeError as error:
            raise type(error)(str(error).replace(str(copy), f"{path} of {revision}")) from None


def _known(revision: str) -> str:
    if trouble := no_repository():
        raise UsageError(f"there is no revision {revision!r} here: {trouble}. Work from the project's root.")
    commit = commit_of(revision)
    if commit is None:
        raise UsageError(f"{revision!r} is no revision of this repository (`git log` and `git tag` list them).")
    return commit


def _trouble(stderr: bytes, revision: str, path: Path) -> str:
    """Say in one line why DVC could not get a file, and what to do."""
    errors = [line for line in stderr.decode(errors="replace").splitlines() if line.startswith("ERROR: ")]
    told = errors[-1].removeprefix("ERROR: ") if errors else _last_line(stderr)
    if _NO_DVC in told:
        return f"getting {path} of {revision} needs DVC, which is not installed: pip install 'pedigree[pipeline]'."
    if _LOST in told:
        return (
            f"{path} of {revision} is neither in DVC's cache here nor in its remote: `dvc fetch --all-commits` gets it "
            f"from a remote that has it; else check {revision} out elsewhere (`git worktree add`) and `dvc repro` it."
        )
    if told.startswith(_UNKNOWN):
        return f"revision {revision} has no {path}; `git log -- dvc.lock` lists those whose pipeline was run."
    return f"DVC cannot get {path} of {revision}: {' '.join(told.split()).rstrip('.')}."


def _git(root: Path, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    try:
        return subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, check=False)  # noqa: S603, S607
    except FileNotFoundError:
        raise PedigreeError("reading another revision needs git, which is missing.") from None


def _last_line(stderr: bytes) -> str:
    lines = stderr.decode(errors="replace").strip().splitlines()
    return lines[-1].removeprefix("fatal: ").rstrip(".") if lines else ""
