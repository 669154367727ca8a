"""A stage begins by removing what killed processes have left, also where it will not write this time."""

from pathlib import Path

import pytest

from pedigree.cli import main
from pedigree.common.files import temporary_folder


@pytest.mark.parametrize("folder", [".", "data", "reports/samples", "runs/features"])
def test_a_stage_removes_the_scratch_of_killed_processes_and_keeps_that_of_living_ones(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    place = tmp_path / folder
    place.mkdir(parents=True, exist_ok=True)
    with temporary_folder(place) as living:
        dead = place / ".pedigree-dead"
        dead.mkdir()
        (dead / "lock").touch()
        (dead / "half").write_text("half")
        assert main(["crop"]) != 0  # there is no params.yaml
        assert (dead.exists(), living.exists()) == (False, True)
