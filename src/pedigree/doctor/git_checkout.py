"""Git: is this a checkout, who commits, and which champion does it have?"""

import shutil
import subprocess
from pathlib import Path

from pedigree.doctor.finding import Finding, Level, fine, first_line

TAG, BRANCH = "champion", "champions"  # as flows/champion.py writes them


def check(root: Path, required: bool) -> list[Finding]:
    """Check the git checkout of the project at `root`.

    Args:
        root: the project's folder.
        required: whether DVC does not work without git here.
    """
    level: Level = "problem" if required else "note"
    if shutil.which("git") is None:
        return [Finding("git", level, "git is not installed", "install git")]
    inside = _git(root, "rev-parse", "--is-inside-work-tree")
    if inside.returncode:
        text = f"this folder is no git checkout: {first_line(inside.stderr.strip())}"
        return [Finding("git", level, text, "git init && git add --all && git commit, or clone the project")]
    return [_checkout(root), _champion(root)]


def _checkout(root: Path) -> Finding:
    if _git(root, "rev-parse", "HEAD").returncode:
        return Finding("git", "note", "the checkout has no commit", "git add --all && git commit")
    if missing := [key for key in ("user.name", "user.email") if not _output(root, "config", key)]:
        text = f"git has no {' and no '.join(missing)}: `git commit` fails, and champions are committed by Pedigree"
        return Finding("git", "note", text, "; ".join(f"git config --global {key} …" for key in missing))
    if _output(root, "rev-parse", "--is-shallow-repository") == "true":
        text = "the clone is shallow: retrain, --rev and --against cannot use older commits"
        return Finding("git", "note", text, "git fetch --unshallow --tags")
    name, email = _output(root, "config", "user.name"), _output(root, "config", "user.email")
    return fine("git", f"commits are by {name} <{email}>")


def _champion(root: Path) -> Finding:
    tag = _output(root, "rev-parse", "--verify", "--quiet", f"refs/tags/{TAG}^{{commit}}")
    branch = _output(root, "rev-parse", "--verify", "--quiet", f"refs/heads/{BRANCH}")
    if not tag and not branch:
        return fine("champion", "there is none yet: the first retrain that passes its gate makes one")
    if tag and not branch:
        text = f"there is the tag {TAG} ({tag[:7]}), but no branch {BRANCH}"
        return Finding("champion", "note", text, f"git branch {BRANCH} {TAG}")
    if not tag:
        text = f"there is the branch {BRANCH} ({branch[:7]}), but no tag {TAG}: retrain would compare with nothing"
        return Finding("champion", "note", text, f"git fetch --tags, or git tag {TAG} {BRANCH}")
    if tag != branch:
        text = f"the tag {TAG} ({tag[:7]}) is not the tip of the branch {BRANCH} ({branch[:7]}): retrain cannot promote"
        remedy = f"git tag --force {TAG} {BRANCH}, or to go back to the tag: git branch --force {BRANCH} {TAG}"
        return Finding("champion", "note", text, remedy)
    return fine("champion", f"{tag[:7]}, {_output(root, 'log', '-1', '--format=%cs, %s', tag)}")


def _output(root: Path, *arguments: str) -> str:
    done = _git(root, *arguments)
    return done.stdout.strip() if done.returncode == 0 else ""


def _git(root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
