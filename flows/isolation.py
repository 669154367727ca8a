"""A clone of the project to work in. The checkout is never touched; the DVC cache is shared."""

import contextlib
import filecmp
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import defaults  # noqa: F401  (before DVC)
from stages import open_repo

from pedigree.settings import params

SCRATCH = "runs"  # checkpoints and logs, which outlive the clone


class CommandError(Exception):
    """A git or DVC command has failed. The message is its error and, if it printed several, the first one too."""


def git(folder: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
    """Run git in a folder; return its output without the last newline.

    Raises:
        CommandError: if it fails.
    """
    return _run(folder, ["git", *arguments], ["git", *arguments], environment).stdout.rstrip("\n")


def dvc(folder: Path, *arguments: str) -> str:
    """Run DVC in a folder; return its output and warnings. With `--quiet`, DVC would hide why it fails.

    Raises:
        CommandError: if it fails.
    """
    result = _run(folder, ["dvc", *arguments], [sys.executable, "-m", "dvc", *arguments])
    return f"{result.stdout}\n{result.stderr}".strip()


def pedigree(folder: Path, *arguments: str) -> None:
    """Run a command of Pedigree in a project, with the project's own code.

    Raises:
        CommandError: if it fails.
    """
    _run(folder, ["pedigree", *arguments], [sys.executable, "-m", "pedigree", *arguments])


def _run(
    folder: Path, name: Sequence[str], command: Sequence[str], environment: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run a command, which error messages call `name`."""
    result = subprocess.run(  # noqa: S603
        command, cwd=folder, env=os.environ | (environment or {}), capture_output=True, text=True, check=False
    )
    if result.returncode:
        output = result.stderr.strip() or result.stdout.strip() or f"exit code {result.returncode}"
        raise CommandError(f"{' '.join(name)}: {_reason(output)}")
    return result


def _reason(output: str) -> str:
    """Return the last error in a command's output. DVC's last one counts the errors before it: add the first."""
    errors = [line for line in output.splitlines() if line.startswith(("ERROR:", "fatal:", "error:"))]
    last = (errors or output.splitlines())[-1]
    return f"{last} ({errors[0].removeprefix('ERROR: ')})" if len(errors) > 1 else last


def clone(root: Path, target: Path, scratch: Path, revision: str = "HEAD") -> Path:
    """Check out a commit in the folder `target`; return the folder of the project in it.

    This is `target` itself, unless the project at `root` is a folder of a larger git repository. An existing target is
    replaced. The clone has the DVC cache and the remotes of the project. Its folder `SCRATCH` is a link to `scratch`.

    Raises:
        CommandError: if git fails, or the commit does not contain the project.
    """
    repository, prefix = git(root, "rev-parse", "--show-toplevel"), git(root, "rev-parse", "--show-prefix")
    shutil.rmtree(target, ignore_errors=True)
    git(root, "clone", "--quiet", "--shared", "--no-checkout", repository, str(target))
    git(target, "checkout", "--quiet", "--detach", git(root, "rev-parse", f"{revision}^{{commit}}"))
    project = target / prefix
    if not (project / ".dvc").is_dir():
        raise CommandError(f"{revision} of {repository} has no DVC project in {prefix or 'its root'}: commit it first.")
    with open_repo(root) as original, open_repo(project) as copy, copy.config.edit("local") as config:
        config["cache"] = {"dir": original.cache.local_cache_dir}
        config["remote"] = {name: dict(remote) for name, remote in original.config["remote"].items()}
    scratch.mkdir(parents=True, exist_ok=True)
    (project / SCRATCH).symlink_to(scratch, target_is_directory=True)
    with (target / ".git/info/exclude").open("a") as exclude:
        exclude.write(f"/{prefix}{SCRATCH}\n")
    return project


def bring_data(root: Path, target: Path) -> list[str]:
    """Update the archives in the clone at `target`; return the paths of the changed ones.

    An import is updated from its source. An archive inside the project is copied from the checkout at `root`, committed
    or not.
    """
    with open_repo(target) as repo:
        imports = [stage.relpath for stage in repo.index.stages if stage.is_import]
    for path in imports:
        dvc(target, "update", path)
    data = params.load(params.Data, target / params.FILE)
    archives = (path for path in (data.images, data.annotations) if path)
    local = [path for path in archives if not Path(path).is_absolute() and f"{path}.dvc" not in imports]
    for path in local:
        _copy_if_changed(root / path, target / path)
    return git(target, "diff", "--name-only", "--relative").splitlines()


def _copy_if_changed(source: Path, target: Path) -> None:
    """Copy an archive unless it is the same already; update its .dvc file if it has one."""
    with contextlib.suppress(FileNotFoundError):
        if filecmp.cmp(source, target, shallow=False):
            return
    is_tracked = target.with_name(f"{target.name}.dvc").exists()
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)
    if is_tracked:
        dvc(target.parent, "add", target.name)
