"""The generator in use: the commit that the tag `champion` names, on the branch `champions`.

A champion's first parent is the champion before it, or else the commit it was made from, so that
`dvc metrics diff champion~1 champion` shows what changed; its second parent is then that commit.
"""

from datetime import datetime
from pathlib import Path

import defaults  # noqa: F401  (before DVC)
from dvc.dvcfile import LOCK_FILE
from isolation import CommandError, dvc, git
from stages import opened

TAG = "champion"
BRANCH = "champions"


def exists(root: Path) -> bool:
    """Whether the project has one yet."""
    return bool(git(root, "tag", "--list", TAG))


def take_over(target: Path) -> None:
    """Give the clone at `target` the champion's lock file and reports: due is then what differs from the champion."""
    with opened(target) as repo:
        small = [str(out) for stage in repo.index.stages for out in stage.outs if not out.use_cache]
    for path in (LOCK_FILE, *small):
        if git(target, "ls-tree", "--name-only", TAG, "--", path):
            git(target, "restore", "--source", TAG, "--staged", "--worktree", "--", path)


def promote(root: Path, target: Path, title: str, text: str) -> str:
    """Make what lies in the clone at `target` the champion of the project at `root`; return its tag with the time.

    Branch and tags change together or not at all; no file of the checkout at `root` does.

    Raises:
        CommandError: where git refuses.
    """
    git(target, "add", "--all")
    tree, made_from = git(target, "write-tree"), git(target, "rev-parse", "HEAD")
    before = git(target, "rev-parse", f"{TAG}^{{commit}}") if exists(target) else None
    parents = [part for parent in (before, made_from) if parent for part in ("-p", parent)]
    message = ("-m", title, "-m", text)
    commit = git(target, "commit-tree", tree, *parents, *message, environment=_author(root))
    dated = f"{TAG}-{datetime.now():%Y%m%d-%H%M%S}"
    moved = (f"{commit}:refs/heads/{BRANCH}", f"{commit}:refs/tags/{dated}", f"+{commit}:refs/tags/{TAG}")
    git(target, "push", "--quiet", "--atomic", "origin", *moved)
    return dated


def keep(root: Path, target: Path, reason: str) -> str:
    """Keep what lies in the clone at `target` as an experiment of the project at `root`; return its name.

    The name follows from data, code, parameters and results, so that the same candidate is kept once.
    """
    name = f"rejected-{git(target, 'hash-object', LOCK_FILE)[:8]}"
    if not _experiments(root, name):
        author = _author(root)
        for what in ("name", "email"):
            git(target, "config", f"user.{what}", author[f"GIT_AUTHOR_{what.upper()}"])
        git(target, "reset", "--quiet")  # DVC cannot save what is in the index and changed again besides
        dvc(target, "exp", "save", "--name", name, "--message", reason)
        git(target, "push", "--quiet", "origin", *(f"{ref}:{ref}" for ref in _experiments(target, name)))
    return name


def _experiments(root: Path, name: str) -> list[str]:
    """Return the references of the experiments of that name: one, or none."""
    return git(root, "for-each-ref", "--format=%(refname)", f"refs/exps/*/*/{name}").splitlines()


def send(root: Path, target: Path) -> bool:
    """Push the outputs of the clone at `target` to the project's DVC remote; return whether there is one."""
    with opened(root) as repo:
        remote = repo.config["core"].get("remote")
    if remote:
        dvc(target, "push", "--quiet")
    return bool(remote)


def _author(root: Path) -> dict[str, str]:
    """Return who commits: who does in the checkout, or Pedigree where git knows nobody."""
    try:
        name, email = git(root, "config", "user.name"), git(root, "config", "user.email")
    except CommandError:
        name, email = "Pedigree", "pedigree@localhost"
    return {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", name), ("EMAIL", email))
    }
