"""Parameters: what is unknown, missing or out of range is told by key, value and expectation."""

from pathlib import Path

import pytest
from conftest import ROOT

from pedigree import params
from pedigree.errors import UsageError

TEXT = (ROOT / "params.yaml").read_text()


@pytest.mark.parametrize("name", params.SECTIONS)
def test_every_section_of_the_project_loads(name: str) -> None:
    section = params.load(params.SECTIONS[name], ROOT / "params.yaml")
    assert type(section).__name__.lower() == name


@pytest.mark.parametrize(
    ("section", "old", "new", "told"),
    [
        ("crop", "size: 32", "size: 33", "crop.size: Input should be 16, 32, 64 or 128. Received: 33"),
        ("crop", "size: 32", "size: '32'", "crop.size: "),
        ("crop", "holdout: 0.2", "holdout: 2", "crop.holdout: Input should be less than 1. Received: 2"),
        ("crop", "holdout: 0.2", "holdout: 0.0", "crop.holdout: Input should be greater than 0"),
        ("crop", "frames: boxes", "frames: squares", "Received: 'squares'"),
        ("crop", "padding: 0.1", "pading: 0.1", "crop.pading is not a parameter."),
        ("crop", "  padding: 0.1 ", "  # ", "crop.padding is missing."),
        ("crop", "crop:\n", "crops:\n", "unknown section 'crops'"),
        ("crop", "crop:\n", "crop: [\n", "is not valid YAML"),
        ("crop", "crop:\n", "crop: 3\nbroken:\n", "unknown section 'broken'"),
        ("data", "images: data/sample/images.tar", "images: 3", "data.images: Input should be a valid string"),
        ("data", "images: data/sample/images.tar", "images: ''", "data.images: String should have at least 1"),
        ("unpack", "max_files: 200000", "max_files: 0", "unpack.max_files: Input should be greater than 0"),
        ("validate", "[60, 400]", "[400, 60]", "validate.photos_per_breed: the lower bound is above the upper one"),
        ("validate", "[60, 400]", "[60]", "validate.photos_per_breed: "),
        ("validate", r"'^n\d{8}-.+$'", "'('", "validate.breed_pattern: not a regular expression"),
        ("validate", "min_decodable: 0.99", "min_decodable: 99", "less than or equal to 1. Received: 99"),
        ("train", "recipe: projection-dcgan", "recipe: vae", "train.recipe: "),
        ("train", "batch_size: 64  ", "batch_size: 6.4  ", "train.batch_size: "),
        ("train", "generator_learning_rate: 0.", "generator_learning_rate: -0.", "greater than 0"),
        ("train", "generator_learning_rate: 0.", "generator_learning_rate: .nan # 0.", "finite"),
        ("train", "real_targets: [1.0, 1.0]", "real_targets: [1.0, 0.9]", "train.real_targets: the lower bound"),
        ("train", "real_targets: [1.0, 1.0]", "real_targets: [0.9, 1.2]", "less than or equal to 1"),
        ("train", "loss: non-saturating", "loss: hinge\n  x: 1", "train.x is not a parameter"),
        ("train", "augment: [flip", "augment: [flop", "train.augment.0: "),
        ("score", "extractor: efficientnet-lite0", "extractor: vgg", "score.extractor: "),
        ("score", "samples: ", "samples: -", "score.samples: "),
    ],
)
def test_a_mistake_is_told_in_one_line(tmp_path: Path, section: str, old: str, new: str, told: str) -> None:
    assert old in TEXT
    path = tmp_path / "params.yaml"
    path.write_text(TEXT.replace(old, new, 1))
    with pytest.raises(UsageError) as error:
        params.load(params.SECTIONS[section], path)
    assert told in str(error.value)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_soft_labels_need_a_loss_that_has_them(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    text = TEXT.replace("loss: non-saturating", "loss: hinge").replace("targets: [1.0, 1.0]", "targets: [0.9, 1.0]")
    path.write_text(text)
    with pytest.raises(UsageError, match="soft labels"):
        params.load(params.Train, path)


@pytest.mark.parametrize("content", ["", "[]", "3", "data", "data:\n"])
def test_a_file_without_sections_is_told(tmp_path: Path, content: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(content)
    with pytest.raises(UsageError, match=r"params\.yaml"):
        params.load(params.Data, path)


def test_a_missing_file_and_one_that_is_no_text_are_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="project's root"):
        params.load(params.Data, tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="UTF-8"):
        params.load(params.Data, tmp_path / "params.yaml")


def test_a_section_missing_is_told(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("data:\n  images: a.tar\n  annotations: null\n")
    assert params.load(params.Data, path).annotations is None
    with pytest.raises(UsageError, match="section 'crop' is missing"):
        params.load(params.Crop, path)
