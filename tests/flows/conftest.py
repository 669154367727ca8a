"""A Prefect server, a DVC project of three quick stages, and the small project of the pipeline."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pipeline.small_project import Project, small_project

DVC_YAML = """
stages:
  bake:
    cmd: {python} bake.py
    params: [oven]
    deps: [flour, bake.py]
    outs: [bread]
  slice:
    cmd: {python} slice.py
    deps: [bread, slice.py]
    outs: [slices]
  count:
    cmd: {python} -c "open('number', 'w').write(str(len(open('slices').read())))"
    deps: [slices]
    outs: [number]
"""
BAKE = """
import sys
for percent in (25, 50, 100):
    sys.stderr.write(f"bake:  {percent}%|##  | {percent}/100 [00:01<00:01]\\r")
open("bread", "w").write(open("flour").read() * 2)
print("well baked")
"""
SLICE = "open('slices', 'w').write(open('bread').read())\n"


@pytest.fixture(scope="session")
def server() -> Iterator[None]:
    """A Prefect server with an empty database, until the tests end."""
    import defaults  # noqa: F401
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield


@dataclass(frozen=True)
class Bakery:
    """The project of quick stages."""

    root: Path

    def run(self, *command: str) -> str:
        """Run a command there; return what it prints."""
        return subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=True).stdout

    def dvc(self, *arguments: str) -> str:
        """Run DVC there; return what it prints."""
        return self.run(sys.executable, "-m", "dvc", *arguments)


@pytest.fixture(scope="session")
def new_bakery(tmp_path_factory: pytest.TempPathFactory) -> Bakery:
    """The project of quick stages, to be copied."""
    bakery = Bakery(tmp_path_factory.mktemp("bakery"))
    (bakery.root / "dvc.yaml").write_text(DVC_YAML.format(python=sys.executable))
    (bakery.root / "params.yaml").write_text("oven: 200\n")
    (bakery.root / "bake.py").write_text(BAKE)
    (bakery.root / "slice.py").write_text(SLICE)
    (bakery.root / "flour").write_text("wheat")
    bakery.run("git", "init", "--quiet")
    bakery.dvc("init", "--quiet")
    return bakery


@pytest.fixture(scope="session")
def baked_bakery(new_bakery: Bakery, tmp_path_factory: pytest.TempPathFactory) -> Bakery:
    """The project of quick stages after `dvc repro`, to be copied."""
    bakery = Bakery(tmp_path_factory.mktemp("baked") / "bakery")
    shutil.copytree(new_bakery.root, bakery.root)
    bakery.dvc("repro", "--quiet")
    return bakery


@pytest.fixture
def bakery(new_bakery: Bakery, tmp_path: Path) -> Bakery:
    """A copy of the project of quick stages, not run yet."""
    shutil.copytree(new_bakery.root, tmp_path, dirs_exist_ok=True)
    return Bakery(tmp_path)


@pytest.fixture
def baked(baked_bakery: Bakery, tmp_path: Path) -> Bakery:
    """A copy of the project of quick stages in which every stage is up to date."""
    shutil.copytree(baked_bakery.root, tmp_path, dirs_exist_ok=True)
    return Bakery(tmp_path)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The small project of the pipeline, its stages run once and committed. To be copied."""
    return small_project(tmp_path_factory)
