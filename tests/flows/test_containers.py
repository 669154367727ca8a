"""Two containers on one folder. DVC knows a process by its number, and does not see those of another container."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import ROOT
from process_namespaces import CONTAINER, skip_without_namespaces
from stages import BusyError, exclusive, run_stages

from flows.conftest import Bakery
from pedigree.doctor import locks, running_stages
from pedigree.settings.overrides import override

FLOW = """
import time
from pathlib import Path
from pedigree.doctor.locks import hold
with hold(Path(".dvc/tmp/rebuild.lock")):
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def containers() -> None:
    skip_without_namespaces()


@contextmanager
def in_container(root: Path, lock: Path, *arguments: str) -> Iterator[None]:
    """Run Python in a process namespace of its own, in the folder `root`, while it holds `lock`."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    with subprocess.Popen([*CONTAINER, sys.executable, *arguments], cwd=root, env=environment) as process:
        try:
            _wait(lock, is_held=True)
            yield
        finally:
            process.kill()
    _wait(lock, is_held=False)  # the kernel ends the processes of the namespace a little later


def _wait(lock: Path, is_held: bool) -> None:
    deadline = time.monotonic() + 60
    while locks.is_held(lock) != is_held:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_flow_is_refused_while_another_container_runs_it(tmp_path: Path) -> None:
    with (
        in_container(tmp_path, tmp_path / ".dvc/tmp/rebuild.lock", "-c", FLOW),
        pytest.raises(BusyError, match=r"Another rebuild is running in .* \(process 1 on "),
        exclusive(tmp_path),
    ):
        pass
    with exclusive(tmp_path):
        pass


def test_a_stage_in_another_container_is_seen_and_keeps_dvcs_locks(new_bakery: Bakery, tmp_path: Path) -> None:
    root = tmp_path / "project"
    shutil.copytree(new_bakery.root, root)
    shutil.copy(ROOT / "params.yaml", root)
    os.mkfifo(root / "images.tar")  # an archive whose reader waits
    override({"data.images": "images.tar"}, root / "params.yaml")
    taken = {"write": {"bread": {"pid": os.getpid(), "cmd": "dvc repro"}}}  # by the number of this process, not DVC's
    (root / locks.DVC_LOCKS).write_text(json.dumps(taken))
    with (
        in_container(root, root / running_stages.FILE, "-m", "pedigree", "unpack"),
        pytest.raises(BusyError, match=r"^A stage is running in .* here or in another container\.$"),
        exclusive(root),
    ):
        run_stages(root)
    assert locks.dead_locks(root)  # DVC's locks may be those of that container
    with exclusive(root):
        assert not locks.dead_locks(root)
