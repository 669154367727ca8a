"""Commands in a project, and finding one check's finding."""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from pedigree.doctor.finding import Finding


def git(root: Path, *arguments: str) -> None:
    """Run git in a folder."""
    subprocess.run(["git", "-C", root, *arguments], check=True, capture_output=True)


def dvc(root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run DVC in a folder."""
    return subprocess.run([sys.executable, "-m", "dvc", *arguments], cwd=root, capture_output=True, text=True)


def of(check: str, findings: Iterable[Finding]) -> Finding:
    """Return the only finding of a check."""
    (finding,) = [finding for finding in findings if finding.check == check]
    return finding
