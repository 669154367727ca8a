"""Overrides: parameters are set by name, the rest of the file stays, and what is wrong changes nothing."""

import shutil
from pathlib import Path

import pytest
from conftest import ROOT

from pedigree.errors import UsageError
from pedigree.settings import params
from pedigree.settings.overrides import override


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A copy of the project's parameters."""
    return Path(shutil.copy(ROOT / "params.yaml", tmp_path / "params.yaml"))


def test_values_are_set_and_comments_and_all_else_stay(file: Path) -> None:
    before = file.read_text().splitlines()
    override({"train.steps": 7, "train.score_extractor": "resnet50-v2", "crop.frames": "whole"}, file)
    assert (params.load(params.Train, file).steps, params.load(params.Crop, file).frames) == (7, "whole")
    changed = [(old, new) for old, new in zip(before, file.read_text().splitlines(), strict=True) if old != new]
    assert [new.split("#")[0].strip() for _, new in changed] == [
        "frames: whole",
        "steps: 7",
        "score_extractor: resnet50-v2",
    ]
    assert all(old.partition("#")[2] == new.partition("#")[2] for old, new in changed)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"train.stepz": 1}, "has no parameter 'train.stepz'"),
        ({"steps": 1}, "has no parameter 'steps'"),
        ({"trane.steps": 1}, "has no parameter 'trane.steps'"),
        ({"crop.size": 64, "train.steps": -1}, "train.steps: Input should be greater than 0. Received: -1"),
    ],
)
def test_what_is_wrong_is_told_and_changes_nothing(file: Path, values: dict[str, object], message: str) -> None:
    before = file.read_bytes()
    with pytest.raises(UsageError) as caught:
        override(values, file)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(file))
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == ["params.yaml"]
