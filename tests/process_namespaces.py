"""Containers as the kernel makes them: a process namespace, in which the program is process 1."""

import shutil
import subprocess

import pytest

CONTAINER = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc"]


def skip_without_namespaces() -> None:
    """Skip the test where a user cannot make a process namespace, as in many containers."""
    if not shutil.which("unshare") or subprocess.run([*CONTAINER, "true"], capture_output=True, check=False).returncode:
        pytest.skip("a process namespace cannot be made here: unshare --user --pid is refused")
