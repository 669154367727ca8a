"""A Prefect server for the flows' tests, and a project of three quick stages under real DVC."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

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
    """A Prefect server with a database of its own, for as long as the tests run."""
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
        done = subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=True)
        return done.stdout

    def dvc(self, *arguments: str) -> str:
        """Run DVC there; return what it prints."""
        return self.run(sys.executable, "-m", "dvc", *arguments)


@pytest.fixture
def bakery(tmp_path: Path) -> Bakery:
    """The quick project, not run yet."""
    bakery = Bakery(tmp_path)
    (tmp_path / "dvc.yaml").write_text(DVC_YAML.format(python=sys.executable))
    (tmp_path / "params.yaml").write_text("oven: 200\n")
    (tmp_path / "bake.py").write_text(BAKE)
    (tmp_path / "slice.py").write_text(SLICE)
    (tmp_path / "flour").write_text("wheat")
    bakery.run("git", "init", "--quiet")
    bakery.dvc("init", "--quiet")
    return bakery
