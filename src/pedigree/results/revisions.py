"""Reads files of other revisions of the project: text from git, generators from DVC."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pedigree.common.files import temporary_folder
from pedigree.errors import PedigreeError, UsageError

_HERE = Path()


@dataclass(frozen=True)
class Commit:
    """A commit: its full hash, its short hash, and the first line of its message."""

    name: str
    short: str
    subject: str


@dataclass(frozen=True)
class TaggedCommit:
    """A tag and its commit: the full hash, the date in ISO 8601, the author's name, the first line of the message."""

    name: str
    commit: str
    date: str
    author: str
    subject: str


def no_repository(root: Path = _HERE) -> str | None:
    """Return why the folder `root` is not in a git repository, or None if it is in one.

    Raises:
        PedigreeError: git is not installed. All functions below raise this too, except `description`.
    """
    place = _git(root, "rev-parse", "--git-dir")
    return _last_line(place.stderr) or f"git ended with {place.returncode}" if place.returncode else None


def outside_project(root: Path = _HERE) -> str:
    """Return a message if the folder `root` is no project's, such as a subfolder of one; else an empty text."""
    if (root / "dvc.yaml").is_file():
        return ""
    return f"{root.resolve()} has no dvc.yaml: run the command in the project's folder."


def commit_of(revision: str, root: Path = _HERE) -> str | None:
    """Return the full hash of the commit of `revision`, such as a tag or `HEAD~1`; None if there is none."""
    parsed = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    return None if parsed.returncode else parsed.stdout.decode().strip()


def description(root: Path = _HERE) -> str:
    """Return the short hash of HEAD, with "-dirty" if tracked files differ from it; empty without git or a commit."""
    with suppress(PedigreeError):
        described = _git(root, "--no-optional-locks", "describe", "--always", "--dirty", "--exclude=*")
        return "" if described.returncode else described.stdout.decode().strip()
    return ""


def content_of(commit: str, path: Path, root: Path = _HERE) -> bytes | None:
    """Return the content of `path`, relative to `root`, at a commit; None if git has no such file there."""
    shown = _git(root, "show", f"{commit}:./{path.as_posix()}")
    return None if shown.returncode else shown.stdout


def history(path: Path, root: Path = _HERE) -> list[Commit]:
    """List the commits up to HEAD that changed `path`, relative to `root`, newest first. Without git, return none."""
    logged = _git(root, "log", "--no-show-signature", "--format=%H%x00%h%x00%s", "--", path.as_posix())
    return [Commit(*line.split("\0")) for line in logged.stdout.decode(errors="replace").split("\n") if line]


def tagged(pattern: str, root: Path = _HERE) -> list[TaggedCommit]:
    """List the lightweight tags that match `pattern`, such as `v1*`, in reverse order of their names."""
    fields = ("refname:short", "objectname", "authordate:iso-strict", "authorname", "contents:subject")
    form = "%00".join(f"%({field})" for field in fields)
    found = _git(root, "for-each-ref", "--sort=-refname", f"--format={form}", f"refs/tags/{pattern}")
    return [TaggedCommit(*line.split("\0")) for line in found.stdout.decode(errors="replace").split("\n") if line]


def known_commit(revision: str) -> str:
    """Return the full hash of the commit of `revision` in the project here.

    Raises:
        UsageError: the project has no such revision.
    """
    if reason := no_repository():
        raise UsageError(f"there is no revision {revision!r} here: {reason}. Run this in the project's root.")
    commit = commit_of(revision)
    if commit is None:
        raise UsageError(f"{revision!r} is not a revision of this repository (`git log` and `git tag` list them).")
    return commit


@contextmanager
def fetched(revision: str, path: Path) -> Iterator[Path]:
    """Yield a copy of the file `path` at `revision`, from DVC's cache or remote. The checkout does not change.

    The copy is removed when the block ends. If the block raises a PedigreeError that mentions the copy, the message
    mentions the revision instead.

    Raises:
        UsageError: the project has no such revision.
        PedigreeError: the revision has no such file, DVC cannot get it, or git or DVC is not installed.
    """
    commit = known_commit(revision)
    with temporary_folder(Path(tempfile.gettempdir())) as scratch:
        copy = scratch / path.name
        _get(revision, commit, path, copy)
        try:
            yield copy
        except PedigreeError as error:
            raise type(error)(str(error).replace(str(copy), f"{path} of {revision}")) from None


def _get(revision: str, commit: str, path: Path, out: Path) -> None:
    """Write the file `path` of the project here, as DVC has it at `commit`, to `out`."""
    try:
        from dvc.api import DVCFileSystem
    except ImportError:
        raise PedigreeError(
            f"getting {path} of {revision} needs DVC, which is not installed: pip install 'pedigree[pipeline]'."
        ) from None
    prefix = _git(_HERE, "rev-parse", "--show-prefix").stdout.decode().strip()  # DVC counts paths from git's root
    place = prefix + path.as_posix()
    try:
        with closing(DVCFileSystem(url=".", rev=commit, subrepos=True)) as files:
            try:
                files.get_file(place, str(out))
                return
            except FileNotFoundError:
                is_known = files.exists(place)
    except Exception as error:  # each type of remote has exceptions of its own
        message = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise PedigreeError(f"DVC cannot get {path} of {revision}: {message}.") from None
    if not is_known:
        raise PedigreeError(
            outside_project()
            or f"revision {revision} has no {path}; `git log -- dvc.lock` lists the revisions whose pipeline was run."
        )
    raise PedigreeError(
        f"{path} of {revision} is neither in DVC's cache here nor in its remote. If another remote has it, run "
        f"`dvc fetch --all-commits`; if not, check out {revision} elsewhere (`git worktree add`) and run `dvc repro`."
    )


def _git(root: Path, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    try:
        return subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, check=False)  # noqa: S603, S607
    except ValueError:  # NUL or a lone surrogate, which no revision has
        return subprocess.CompletedProcess(arguments, 1, b"", b"")
    except FileNotFoundError:
        raise PedigreeError("reading another revision needs git, which is not installed.") from None


def _last_line(stderr: bytes) -> str:
    lines = stderr.decode(errors="replace").strip().splitlines()
    return lines[-1].removeprefix("fatal: ").rstrip(".") if lines else ""
