"""The generator in use: the commit with the tag `champion`, on the branch `champions`.

The first parent of a champion is the previous champion, so that `dvc metrics diff champion~1 champion` shows the
changes. Its second parent is the commit that it was built from. The first champion has only this second one.
"""

from datetime import datetime
from pathlib import Path

import defaults  # noqa: F401  (before DVC)
from dvc.dvcfile import LOCK_FILE
from isolation import CommandError, dvc, git
from stages import inputs_hash, open_repo

from pedigree.results.champions import TAG

BRANCH = "champions"


def exists(root: Path) -> bool:
    """Return whether the project has a champion."""
    return bool(git(root, "tag", "--list", TAG))


def restore(target: Path, revision: str = TAG) -> None:
    """Restore the lock file and the reports of a revision in the clone at `target`: DVC then compares with it."""
    with open_repo(target) as repo:
        reports = [str(out) for stage in repo.index.stages for out in stage.outs if not out.use_cache]
    for path in (LOCK_FILE, *reports):
        if git(target, "ls-tree", "--name-only", revision, "--", path):
            git(target, "restore", "--source", revision, "--staged", "--worktree", "--", path)


def promote(root: Path, target: Path, title: str, text: str) -> str:
    """Make the state of the clone at `target` the champion of the project at `root`; return its tag with the time.

    The branch and both tags are pushed in one atomic step. The files of the checkout at `root` do not change.

    Raises:
        CommandError: if git fails.
    """
    git(target, "add", "--update")
    git(target, "add", "--", *_new_results(target))
    tree, source = git(target, "write-tree"), git(target, "rev-parse", "HEAD")
    previous = git(target, "rev-parse", f"{TAG}^{{commit}}") if exists(target) else None
    parents = [argument for parent in (previous, source) if parent for argument in ("-p", parent)]
    message = ("-m", title, "-m", text)
    commit = git(target, "commit-tree", tree, *parents, *message, environment=_author(root))
    dated_tag = f"{TAG}-{datetime.now():%Y%m%d-%H%M%S}"
    references = (f"{commit}:refs/heads/{BRANCH}", f"{commit}:refs/tags/{dated_tag}", f"+{commit}:refs/tags/{TAG}")
    git(target, "push", "--quiet", "--atomic", "origin", *references)
    return dated_tag


def rejected_name(target: Path) -> str:
    """Return the name of the experiment that keeps a rejected candidate of the inputs of the project at `target`."""
    return f"rejected-{inputs_hash(target)}"


def rejected(root: Path, name: str) -> str | None:
    """Return the commit of the rejected candidate of that name in the project at `root`; None if there is none."""
    found = _experiments(root, name)
    return git(root, "rev-parse", found[0]) if found else None


def save_experiment(root: Path, target: Path, reason: str) -> str:
    """Save the state of the clone at `target` as a DVC experiment of the project at `root`; return its name.

    Data, code and parameters decide the name. One with the same name is replaced: it has the same inputs.
    """
    name, author = rejected_name(target), _author(root)
    for key in ("name", "email"):
        git(target, "config", f"user.{key}", author[f"GIT_AUTHOR_{key.upper()}"])
    git(target, "reset", "--quiet")  # DVC cannot save a file that is staged and then changed again
    results = (argument for path in _new_results(target) for argument in ("--include-untracked", path))
    dvc(target, "exp", "save", "--name", name, "--message", reason, *results)
    saved = _experiments(target, name)
    git(target, "push", "--quiet", "origin", *(f"+{ref}:{ref}" for ref in saved))
    for old in set(_experiments(root, name)) - set(saved):
        git(root, "update-ref", "-d", old)
    return name


def user(root: Path) -> str:
    """Return the name of the git user of the checkout."""
    return _author(root)["GIT_AUTHOR_NAME"]


def _new_results(target: Path) -> list[str]:
    """Return the files in the clone at `target` that git does not know yet and that DVC's stages write for git.

    These are the lock file, the outputs that are not in DVC's cache, and the `.gitignore` beside those that are. What a
    killed stage has left behind, such as half of the photos, is not returned.
    """
    with open_repo(target) as repo:
        outs = [out for stage in repo.index.stages for out in stage.outs if out.is_in_repo]
        paths = {str(Path(str(out)).with_name(".gitignore") if out.use_cache else out) for out in outs}
    listed = git(
        target, "--literal-pathspecs", "ls-files", "-z", "--others", "--exclude-standard", "--", LOCK_FILE, *paths
    )
    return [path for path in listed.split("\0") if path]


def _experiments(root: Path, name: str) -> list[str]:
    """Return the git references of the experiments of that name: one or none."""
    return git(root, "for-each-ref", "--format=%(refname)", f"refs/exps/*/*/{name}").splitlines()


def push_outputs(root: Path, target: Path) -> str | None:
    """Push the outputs of the clone at `target` that the project's DVC remote lacks.

    Returns:
        What DVC reports: how many files were pushed, and which are in neither its cache nor the remote. None if the
        project has no remote.

    Raises:
        CommandError: if they cannot be pushed.
    """
    return dvc(target, "push") if _remote(root) else None


def remote_in_checkout(root: Path) -> Path | None:
    """Return the folder of the DVC remote if it is inside the project at `root`: then it is no copy, only a cache."""
    folder = Path(_remote(root) or "/")
    return folder if folder.is_relative_to(root) else None


def _remote(root: Path) -> str | None:
    """Return the address of the project's default DVC remote, if it has one."""
    with open_repo(root) as repo:
        name = repo.config["core"].get("remote")
        return str(repo.config["remote"][name]["url"]) if name else None


def _author(root: Path) -> dict[str, str]:
    """Return the git user of the checkout as environment variables, or Pedigree if git has no user."""
    try:
        name, email = git(root, "config", "user.name"), git(root, "config", "user.email")
    except CommandError:
        name, email = "Pedigree", "pedigree@localhost"
    return {
        f"GIT_{role}_{key}": value
        for role in ("AUTHOR", "COMMITTER")
        for key, value in (("NAME", name), ("EMAIL", email))
    }
