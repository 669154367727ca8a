"""`pedigree blind`: from a model and crops to a report, through the command line."""

import csv
import json
from pathlib import Path

import pytest

from pedigree import shipped
from pedigree.blind.commands import make, score
from pedigree.cli import main
from pedigree.errors import PedigreeError, UsageError

from .conftest import BREEDS, saved_model


@pytest.fixture
def project(tmp_path: Path, crops_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with crops and a model."""
    for name, source in (("data/crops", crops_path), ("models", model.parent)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).symlink_to(source)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def answered(folder: Path, name: str) -> Path:
    """Fill in the template as a reader who sees the truth, but takes every picture for a dog."""
    key = json.loads((folder / "key.json").read_text())["pictures"]
    path = folder / f"answers-{name}.csv"
    with (folder / "readers/answers-template.csv").open() as template, path.open("w") as file:
        rows = csv.DictReader(template)
        writer = csv.DictWriter(file, rows.fieldnames or [])
        writer.writeheader()
        for row, truth in zip(rows, key, strict=True):
            reply = {"dog": "yes", "photo": "yes" if truth["source"] == "held-out photos" else "no"}
            writer.writerow(row | reply | {"breed": truth["choices"].index(truth["breed"]) + 1})
    return path


def test_from_model_and_crops_to_a_report(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved_model(project / "other.keras", seed=1)
    models = ["--model", "models/generator.keras", "--model", "other.keras"]
    made = ["blind", "make", "--out", "test", *models, "--breeds", "7", "--pictures", "14", "--photos", "9"]
    assert main(made) == 0
    out = capsys.readouterr().out
    assert "14 pictures of models/generator.keras and other.keras and 9 held-out photos" in out
    assert "test/readers and nothing else" in out
    anna = answered(project / "test", "anna")
    assert main(["blind", "score", str(anna)]) == 0
    shown = capsys.readouterr().out
    assert "1 reader: anna" in shown
    numbers = json.loads((project / "reports/blind.json").read_text())
    key = json.loads((project / "test/key.json").read_text())
    assert [one["model"] for one in numbers["generated"]] == ["models/generator.keras", "other.keras"]
    assert {one["model"]: one["sha256"] for one in numbers["generated"]} == key["models"]
    assert len(set(key["models"].values())) == 2
    for source, photo in ((numbers["generated"][1], 0), (numbers["photos"], 1)):
        assert [source[name]["share"] for name in ("called_a_dog", "breed_named", "taken_for_a_photo")] == [1, 1, photo]
        assert len(source["by_breed"]) == 7


def test_a_generator_that_comes_with_pedigree_has_its_name_not_its_path(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipped, "FOLDER", project / "models")
    assert "4 pictures of generator and 3 held-out" in make(Path("test"), [Path("generator")], pictures=4, photos=3)
    assert list(json.loads((project / "test/key.json").read_text())["models"]) == ["generator"]


def test_equal_arguments_give_equal_files_and_a_seed_another_test(project: Path) -> None:
    for out, seed in (("a", 0), ("b", 0), ("c", 1)):
        make(Path(out), pictures=8, photos=4, seed=seed)
    assert files(project / "a") == files(project / "b")
    tests = [json.loads((project / out / "key.json").read_text())["test"] for out in "ac"]
    assert tests[0] != tests[1]
    with pytest.raises(PedigreeError, match="use the key of that test"):
        score([answered(project / "a", "x")], project / "c/key.json")
    assert not (project / "reports").exists()


def test_named_breeds_are_asked_for_in_the_order_of_their_names(project: Path) -> None:
    make(Path("test"), names=["breed h", "Breed_C", "breed-d", "BREED C"], pictures=6, photos=3)
    pictures = json.loads((project / "test/key.json").read_text())["pictures"]
    assert {tuple(one["choices"]) for one in pictures} == {(BREEDS[2], BREEDS[3], BREEDS[7])}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"names": ["Breed_C"]}, "Name at least two breeds"),
        ({"names": ["Breed_C", "Breed_X"]}, "There is no breed 'Breed_X'"),
        ({"models": [Path("m.keras"), Path("m.keras")]}, "Name each model once"),
        ({"out": Path("data")}, "data holds files already"),
        ({"photos": 99}, "lower --photos"),
    ],
)
def test_wrong_usage_is_refused_and_writes_nothing(project: Path, arguments: dict[str, object], message: str) -> None:
    before = sorted(project.rglob("*"))
    with pytest.raises(UsageError, match=message):
        make(**({"out": Path("test"), "pictures": 8, "photos": 4} | arguments))  # type: ignore[arg-type]
    assert sorted(project.rglob("*")) == before


def test_the_key_and_the_answers_are_never_replaced_by_the_report(project: Path) -> None:
    make(Path("test"), pictures=6, photos=4)
    answers = answered(Path("test"), "anna")
    before = files(Path("test"))
    for out in (Path("test/key.json"), answers, Path("test/readers/../key.json")):
        with pytest.raises(UsageError, match="is read by this command"):
            score([answers], out=out)
    assert files(Path("test")) == before


@pytest.mark.parametrize(
    "change",
    [
        {"models": ["m"]},
        {"models": None},
        {"models": {"m": ["00"]}},
        {"test": ["t"]},
        {"seed": "0"},
        {"source": ["m"]},
        {"source": {"m": 1}},
        {"source": None},
        {"choices": list("AB"), "breed": 1},
        {"choices": [1, "A"]},
        {"choices": ["A", *map(str, range(300))]},
    ],
    ids=str,
)
def test_a_key_with_values_of_other_types_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    picture = {"number": 1, "source": "m", "breed": "A", "choices": ["A", "B"]}
    facts = {"test": "t", "seed": 0, "models": {"m": "00"}, "pictures": [picture]}
    for name, value in change.items():
        (facts if name in facts else picture)[name] = value  # type: ignore[index]
    (tmp_path / "key.json").write_text(json.dumps(facts))
    with pytest.raises(PedigreeError, match=r"key\.json is not a key"):
        score([tmp_path / "answers.csv"])


def test_a_missing_or_damaged_key_is_refused(project: Path) -> None:
    with pytest.raises(PedigreeError, match=r"key\.json is not here: name the key"):
        score([Path("answers.csv")])
    for text in ("{}", "[]", "x", '{"test": "a", "seed": 0, "models": {}, "pictures": []}'):
        Path("key.json").write_text(text)
        with pytest.raises(PedigreeError, match=r"key\.json is not a key"):
            score([Path("answers.csv")])
