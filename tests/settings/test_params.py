"""Parameters: errors name what is unknown, missing or out of range by key, value and expectation."""

import re
from pathlib import Path

import pytest
from conftest import ROOT
from ruamel.yaml import YAML

from pedigree.errors import UsageError
from pedigree.settings import params


@pytest.mark.parametrize("name", params.SECTIONS)
def test_every_section_of_the_project_loads(name: str) -> None:
    section = params.load(params.SECTIONS[name], ROOT / "params.yaml")
    assert type(section).__name__.lower() == name


GONE = object()


def written(path: Path, section: str, key: str, value: object) -> Path:
    """Write the project's parameters with one of them changed, or taken away."""
    content = YAML(typ="safe").load((ROOT / "params.yaml").read_text())
    content[section][key] = value
    if value is GONE:
        del content[section][key]
    with path.open("w") as file:
        YAML().dump(content, file)
    return path


@pytest.mark.parametrize(
    ("section", "key", "value", "message"),
    [
        ("crop", "size", 33, "crop.size: Input should be 16, 28, 32, 64 or 128. Received: 33"),
        ("crop", "size", "32", "crop.size: "),
        ("crop", "holdout", 2, "crop.holdout: Input should be less than 1. Received: 2"),
        ("crop", "holdout", 0.0, "crop.holdout: Input should be greater than 0"),
        ("crop", "frames", "squares", "Received: 'squares'"),
        ("crop", "pading", 0.1, "crop.pading is not a parameter (nearest: 'padding')."),
        ("crop", 3, 0.1, "crop.3 is not a parameter."),
        ("crop", "padding", GONE, "crop.padding is missing: add the line `padding: 0.1`, its default."),
        ("train", "generator_learning_rate", GONE, "is missing: add the line `generator_learning_rate: 0.0002`,"),
        ("gate", "no_worse", GONE, "`no_worse: [kernel_distance, frechet_distance, coverage, breed_accuracy]`"),
        ("data", "images", 3, "data.images: Input should be a valid string"),
        ("data", "images", "", "data.images: String should have at least 1"),
        ("unpack", "max_files", 0, "unpack.max_files: Input should be greater than 0"),
        ("unpack", "max_files", True, "unpack.max_files: "),
        ("unpack", "split", "both", "unpack.split: Input should be 'merge' or 'keep'. Received: 'both'"),
        ("validate", "photos_per_breed", [400, 60], "photos_per_breed: the lower bound is above the upper one"),
        ("validate", "photos_per_breed", [60], "validate.photos_per_breed: "),
        ("validate", "breed_pattern", "(", "validate.breed_pattern: not a regular expression"),
        ("validate", "breed_pattern", "a{99999999999}", "validate.breed_pattern: not a regular expression"),
        ("validate", "breed_pattern", "(" * 5000 + ")" * 5000, "validate.breed_pattern: not a regular expression"),
        ("data", "images", "a\0.tar", "data.images: the character NUL"),
        ("score", "weights", "a\0", "score.weights: the character NUL"),
        ("validate", "set_aside", dict.fromkeys(map(str, range(5000)), 1), "validate.set_aside.0: "),
        ("crop", "x" * 50_000, 1, "crop.xxx"),
        ("validate", "min_decodable", 99, "less than or equal to 1. Received: 99"),
        ("train", "architecture", "vae", "train.architecture: "),
        ("train", "batch_size", 6.4, "train.batch_size: "),
        ("train", "generator_batch_size", 2, "generator_batch_size is below batch_size"),
        ("train", "generator_learning_rate", -0.1, "greater than 0"),
        ("train", "generator_learning_rate", float("nan"), "finite"),
        ("train", "real_targets", [1.0, 0.9], "train.real_targets: the lower bound"),
        ("train", "real_targets", [0.9, 1.2], "less than or equal to 1"),
        ("train", "augment", ["flop"], "train.augment.0: "),
        ("score", "extractor", "vgg", "score.extractor: "),
        ("train", "score_extractor", "inception-2015", "train.score_extractor: Input should be 'efficientnet-lite0',"),
        ("train", "condition_ramp", [9, 0], "train.condition_ramp: the lower bound is above the upper one"),
        ("crop", "scheduler", "host:8786", "crop.scheduler: expected null or a Dask scheduler's tcp://host:port"),
        ("gate", "no_worse", ["coverge"], "that can be better or worse (nearest: 'coverage'). Received: 'coverge'"),
        ("score", "other_judges", ["efficientnet-lite0"], "extractor and other_judges must all differ"),
        ("score", "samples", 1, "score.samples: "),
        ("train", "seed", 2**63, "train.seed: "),
    ],
)
def test_a_mistake_is_told_in_one_line(tmp_path: Path, section: str, key: str, value: object, message: str) -> None:
    path = written(tmp_path / "params.yaml", section, key, value)
    with pytest.raises(UsageError) as error:
        params.load(params.SECTIONS[section], path)
    assert message in str(error.value)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 10_000


def test_two_mistakes_are_separated(tmp_path: Path) -> None:
    path = written(tmp_path / "params.yaml", "train", "real_targets", [-1.0, 1.5])
    with pytest.raises(UsageError) as error:
        params.load(params.Train, path)
    first, second = str(error.value).split("; ")
    assert first == f"{path}: train.real_targets.0: Input should be greater than or equal to 0. Received: -1.0"
    assert second == f"{path}: train.real_targets.1: Input should be less than or equal to 1. Received: 1.5"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("crops: {}", "unknown section 'crops'"),
        ("crop: [", "is not valid YAML: line 2, column 1: while parsing a flow"),
        (
            "crop: {}\ncrop: {}",
            "is not valid YAML: line 2, column 1: while constructing a mapping, found duplicate key",
        ),
        ("crop:\n  size: a: b", "is not valid YAML: line 2, column 10: mapping values are not allowed in this context"),
        (
            "crop: {}\n---\ncrop: {}",
            "is not valid YAML: line 2, column 1: expected a single document in the stream, but",
        ),
        ("crop: 2026-13-45", "is not valid YAML: month"),
        ("crop: &a [" + "x, " * 5000 + "]\ndata: [*a]", "must be a section of parameters. Received: ['x', 'x',"),
        ("crop: 3", "crop must be a section of parameters. Received: 3"),
    ],
)
def test_a_file_of_another_form_is_told(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(content)
    with pytest.raises(UsageError) as error:
        params.load(params.Crop, path)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


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


@pytest.mark.parametrize(
    ("section", "key", "text", "value"),
    [
        ("train", "steps", "1e4", 10_000),
        ("train", "seed", "3.0", 3),
        ("train", "discriminator_channels", "6.4e1", 64),
        ("train", "score_samples", "2.56E+2", 256),
        ("train", "condition_ramp", "[0, 1e3]", [0, 1000]),
        ("score", "samples", "1e3", 1000),
        ("crop", "size", "64.0", 64),
        ("validate", "photos_per_breed", "[6e1, 4e2]", [60, 400]),
    ],
)
def test_a_whole_number_may_be_written_as_a_float(
    tmp_path: Path, section: str, key: str, text: str, value: object
) -> None:
    path = tmp_path / "params.yaml"
    content = (ROOT / "params.yaml").read_text()
    head, _, rest = content.partition(f"\n{section}:\n")
    rest = re.sub(rf"^  {key}: [^#\n]*", f"  {key}: {text} ", rest, count=1, flags=re.MULTILINE)
    path.write_text(f"{head}\n{section}:\n{rest}")
    read = getattr(params.load(params.SECTIONS[section], path), key)
    assert (read, repr(read)) == (value, repr(value))


@pytest.mark.parametrize("value", [2.5, 1e400, "1000", True])
def test_what_is_no_whole_number_is_refused(tmp_path: Path, value: object) -> None:
    path = written(tmp_path / "params.yaml", "train", "steps", value)
    with pytest.raises(UsageError, match=r"train\.steps: .*Received: "):
        params.load(params.Train, path)


def test_no_pattern_of_breeds_is_a_value(tmp_path: Path) -> None:
    path = written(tmp_path / "params.yaml", "validate", "breed_pattern", None)
    assert params.load(params.Validate, path).breed_pattern is None


def test_a_section_missing_is_told(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("data:\n  images: a.tar\n  annotations: null\n  license: null\n")
    assert params.load(params.Data, path).annotations is None
    with pytest.raises(UsageError, match="section 'crop' is missing"):
        params.load(params.Crop, path)
