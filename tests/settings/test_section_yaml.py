"""The text of a section: it says what the dataclass says, so that a new parameter is declared in one place."""

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field
from pydantic.dataclasses import dataclass
from ruamel.yaml import YAML

from pedigree.errors import UsageError
from pedigree.settings import params, recipes
from pedigree.settings.fields import STRICT, Share, parameter
from pedigree.settings.section_yaml import WIDTH, parameters, section_text, value_text

PROJECT = ROOT / "params.yaml"
TEXTS = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]))
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS


@dataclass(frozen=True, config=STRICT)
class Train(params.Train):
    """The project's section with two more parameters."""

    blur: Share = parameter(0.00005, "how much pictures are blurred", heading="Blur")
    edges: Literal["kept", "lost"] = parameter("kept", "what happens to edges")


def test_the_committed_file_is_what_the_dataclasses_write() -> None:
    values = params.read(PROJECT)
    sections = {name: section_text(section, values[name]) for name, section in params.SECTIONS.items()}
    assert PROJECT.read_text() == "\n".join((sections | {"train": recipes.text("sample")}).values())


@pytest.mark.parametrize("section", params.KNOWN.values(), ids=params.KNOWN)
def test_defaults_written_out_are_what_loads(section: type, tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(section_text(section, {}))
    assert params.load(section, path) == section()


@pytest.mark.parametrize("name", recipes.names("train"))
def test_a_parameter_added_to_the_dataclass_is_in_every_recipe_with_its_comment(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(PROJECT.read_text())
    before = recipes.text(name)
    monkeypatch.setitem(recipes.SECTIONS, "train", Train)
    recipes.write(name, path)
    added = (
        "\n  # Blur\n"
        "  blur: 0.00005               # how much pictures are blurred\n"
        "  edges: kept                 # kept | lost; what happens to edges\n"
    )
    assert recipes.text(name) == before + added
    assert recipes.text(name) in path.read_text()
    assert params.load(Train, path).blur == 0.00005


def test_a_parameter_added_to_the_dataclass_has_to_be_in_the_file_and_the_error_says_how() -> None:
    with pytest.raises(UsageError) as error:
        params.load(Train, PROJECT)
    assert str(error.value) == (
        f"{PROJECT}: train.blur is missing: add the line `blur: 0.00005`, its default. "
        f"{PROJECT}: train.edges is missing: add the line `edges: kept`, its default."
    )


@given(SCALARS | st.lists(SCALARS))
def test_values_are_read_as_they_were_written(value: Any) -> None:
    assert YAML(typ="safe").load(f"key: {value_text(value)}\n") == {"key": value}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5e-05, "0.00005"),
        (20_000_000_000, "20000000000"),
        (100.0, "100.0"),
        (None, "null"),
        (False, "false"),
        ([0.9, 1.0], "[0.9, 1.0]"),
        (["flip", "cutout"], "[flip, cutout]"),
        ("data/sample/images.tar", "data/sample/images.tar"),
        ("tcp://10.0.0.1:8786", "tcp://10.0.0.1:8786"),
        (r"^n\d{8}-.+$", r"'^n\d{8}-.+$'"),
        ("coverage >= 0.5", '"coverage >= 0.5"'),
        ("null", '"null"'),
        ("yes", '"yes"'),
        ("12", '"12"'),
        ("", '""'),
    ],
)
def test_values_look_as_people_write_them(value: Any, text: str) -> None:
    assert value_text(value) == text


def test_a_comment_too_long_for_its_line_stands_above() -> None:
    @dataclass(frozen=True, config=STRICT)
    class Crop:
        short: int = parameter(1, "a short one")
        long: int = parameter(2, "word " * 40)
        bare: int = parameter(3, "")
        several: list[Literal["a", "b"]] = parameter([], "letters")
        ranged: Annotated[int, Field(gt=0)] | None = parameter(None, "")

    lines = section_text(Crop, {"bare": 4}, head=["# A head."], comments={"short": "another"}).splitlines()
    assert lines[:3] == ["# A head.", "crop:", "  short: 1                    # another"]
    assert lines[-4:] == [
        "  long: 2",
        "  bare: 4",
        "  several: []                 # any of a, b; letters",
        "  ranged: null",
    ]
    above = lines[3:-4]
    assert len(above) == 2
    assert all(line.startswith("  # word") and len(line) <= WIDTH for line in above)
    assert sum(line.count("word") for line in above) == 40


def test_no_line_of_a_recipe_is_too_long() -> None:
    assert [line for name in recipes.names() for line in recipes.text(name).splitlines() if len(line) > WIDTH] == []


def test_every_section_explains_itself_in_its_first_line() -> None:
    for name, section in params.KNOWN.items():
        text = section_text(section, {})
        assert text.startswith("# ")
        assert f"\n{name}:\n" in text
        assert list(parameters(section)) == [line.split(":")[0].strip() for line in text.splitlines() if _names(line)]


def _names(line: str) -> bool:
    return line.startswith("  ") and not line.strip().startswith("#")
