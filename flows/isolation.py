"""A clone of the project to work in: the checkout a person works in is never touched, the DVC cache is shared."""

import contextlib
import filecmp
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import astuple
from pathlib import Path

import defaults  # noqa: F401  (before DVC)
from stages import opened

from pedigree.settings import params

SCRATCH = "runs"  # resumable state, logs: outlives the clone


class CommandError(Exception):
    """A command of git's or DVC's that failed: what it said last."""


def run(folder: Path, *command: str, environment: Mapping[str, str] | None = None) -> str:
    """Run a command in a folder; return what it prints, without the last line's end.

    Raises:
        CommandError: where it fails.
    """
    done = subprocess.run(  # noqa: S603
        command, cwd=folder, env=os.environ | (environment or {}), capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}"
        errors = [line for line in said.splitlines() if line.startswith(("ERROR:", "fatal:", "error:"))]
        raise CommandError(f"{' '.join(command)}: {(errors or said.splitlines())[-1]}")
    return done.stdout.rstrip("\n")


def git(folder: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
    """Run git there; return what it prints."""
    return run(folder, "git", *arguments, environment=environment)


def dvc(folder: Path, *arguments: str) -> str:
    """Run DVC there; return what it prints."""
    return run(folder, sys.executable, "-m", "dvc", *arguments)


def clone(root: Path, target: Path, scratch: Path, revision: str = "HEAD") -> Path:
    """Put a commit of the project at `root` into the folder `target`, which is made anew, and return that.

    The clone has the project's DVC cache and remotes, and a link to `scratch` for what outlives it.
    """
    shutil.rmtree(target, ignore_errors=True)
    git(root.parent, "clone", "--quiet", "--shared", "--no-checkout", str(root), str(target))
    git(target, "checkout", "--quiet", "--detach", git(root, "rev-parse", f"{revision}^{{commit}}"))
    with opened(root) as ours, opened(target) as theirs, theirs.config.edit("local") as changed:
        changed["cache"] = {"dir": ours.cache.local_cache_dir}
        changed["remote"] = {name: dict(remote) for name, remote in ours.config["remote"].items()}
    scratch.mkdir(parents=True, exist_ok=True)
    (target / SCRATCH).symlink_to(scratch, target_is_directory=True)
    with (target / ".git/info/exclude").open("a") as exclude:
        exclude.write(f"/{SCRATCH}\n")
    return target


def bring_data(root: Path, target: Path) -> list[str]:
    """Bring the clone at `target` the archives as they are now; return what has changed, as paths.

    Imports are updated from where they come from; an archive that lies in the project is taken from the checkout at
    `root`, committed or not.
    """
    with opened(target) as repo:
        imports = [stage.relpath for stage in repo.index.stages if stage.is_import]
    for name in imports:
        dvc(target, "update", name)
    archives = (path for path in astuple(params.load(params.Data, target / params.FILE)) if path)
    own = [path for path in archives if not Path(path).is_absolute() and f"{path}.dvc" not in imports]
    for path in own:
        _take(root / path, target / path)
    return git(target, "diff", "--name-only").splitlines()


def _take(ours: Path, theirs: Path) -> None:
    """Make an archive of the clone what it is in the checkout; where DVC tracks it, tell DVC."""
    tracked = theirs.with_name(f"{theirs.name}.dvc").exists()
    with contextlib.suppress(FileNotFoundError):
        if not filecmp.cmp(ours, theirs, shallow=False):
            raise FileNotFoundError
        return
    theirs.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(ours, theirs)
    if tracked:
        dvc(theirs.parent, "add", "--quiet", theirs.name)
