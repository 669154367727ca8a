"""`pedigree card`: the Hub's own parser reads the cards, which show what the files of the project say."""

import json
import math
import re
import runpy
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT
from huggingface_hub import DatasetCard, ModelCard, RepoCard

from card.conftest import BREEDS, HASH, census, lock, set_parameter, set_scores
from pedigree.card import hub_folder
from pedigree.cli import main
from pedigree.errors import PedigreeError, UsageError
from pedigree.generator.model import load_generator
from pedigree.photos.census import write_census

SCORES = json.loads((ROOT / "reports/metrics.json").read_text())
LITE0, OWN = "efficientnet-lite0", "breed-classifier"


def text(name: str) -> str:
    return Path("dogs", name).read_text()


def interval(value: float, standard_error: float) -> str:
    """Return a value with its 95 % interval, both to the second digit of the interval."""
    half = 1.96 * standard_error
    digits = 1 - math.floor(math.log10(half))
    return f"{value:.{digits}f} ± {half:.{digits}f}".replace("-", "−")


def test_the_hub_reads_the_front_matter_and_the_scores_of_the_model_card(project: Path) -> None:
    hub_folder.write_cards(Path("dogs"))
    card = ModelCard.load("dogs/README.md")
    data = card.data
    assert (data.library_name, data.license, data.pipeline_tag) == (
        "keras",
        "unknown",
        "unconditional-image-generation",
    )
    assert (data.datasets, data.model_name) == (["images"], "dogs")
    found = {(one.metric_type, one.metric_args["judge"]): one for one in data.eval_results}
    kernel = found["kernel_distance", LITE0]
    (errors,) = SCORES[LITE0]["standard_error"]
    assert kernel.metric_value == interval(SCORES[LITE0]["kernel_distance"], errors["kernel_distance"])
    photos = interval(SCORES[LITE0]["kernel_distance_floor"], errors["kernel_distance_floor"])
    assert kernel.metric_name == f"Kernel distance, by {LITE0} (photos {photos})"
    assert {judge for _, judge in found} == {LITE0, OWN}
    assert "Compared: 1,000 pictures, 717 training crops and 179 held-out crops." in card.text
    assert {one.task_type for one in data.eval_results} == {"unconditional-image-generation"}


def test_the_model_card_says_where_the_generator_comes_from(project: Path) -> None:
    for command in (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=b", "commit", "-qm", "all"]):
        subprocess.run(["git", *command], check=True, capture_output=True)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    hub_folder.write_cards(Path("dogs"))
    card = text("README.md")
    assert f"| Code | git `{commit}` |" in card
    assert f"| Photos | images.tar, MD5 `{HASH['unpack']}` |" in card
    assert f"| Crops | MD5 `{HASH['crop']}` |" in card
    training = json.loads((project / "reports/training.json").read_text())
    minutes = round(2400 * 32 / training["images_per_second"] / 60)
    assert f"| Training | 2,400 steps in about {minutes} minutes, without scoring |" in card
    assert f"| Device | {training['device']}, in {training['precision']} |" in card
    assert "  generator_learning_rate: 0.002\n" in card
    assert "data/sample" not in card, "the folders of this machine are nobody's business"
    set_parameter(project, "data", "license", "MIT")
    hub_folder.write_cards(Path("again"))
    assert f"| Code | git `{commit}`, with changes of params.yaml |" in Path("again/README.md").read_text()


@pytest.mark.parametrize(
    ("license_", "fields"),
    [
        (None, {"license": "unknown"}),
        ("CC-BY-NC-4.0", {"license": "cc-by-nc-4.0"}),
        ("Research only: yes", {"license": "other", "license_name": "research-only-yes"}),
    ],
)
def test_the_license_of_the_photos_is_in_all_cards(project: Path, license_: str | None, fields: dict[str, str]) -> None:
    set_parameter(project, "data", "license", license_)
    hub_folder.write_cards(Path("dogs"))
    for card in (ModelCard.load("dogs/README.md"), DatasetCard.load("dogs/dataset/README.md")):
        values = card.data.to_dict()
        assert {key: values[key] for key in values if key.startswith("license")} == fields
    assert ("unknown" in text("README.md").split("## License")[1][:200]) == (license_ is None)


def test_a_number_of_a_judge_that_trained_the_generator_never_stands_alone(project: Path) -> None:
    biased: dict[str, Any] = {LITE0: SCORES[LITE0] | {"bias": "trained the generator"}}
    set_scores(project, biased)
    hub_folder.write_cards(Path("alone"))
    card = ModelCard.load("alone/README.md")
    assert card.data.eval_results is None
    assert "125.288" not in card.content
    assert "150" not in card.content.split("## Scores")[1].split("## Where")[0]
    assert "No judge that did not train the generator gives a verdict" in card.content

    set_scores(project, biased | {OWN: SCORES[OWN]})
    hub_folder.write_cards(Path("dogs"))
    card = ModelCard.load("dogs/README.md")
    judges = {one.metric_args["judge"] for one in card.data.eval_results}
    assert judges == {f"{LITE0} (biased)", OWN}
    assert f"{LITE0} helped to train this generator" in card.content
    assert "No judge that did not train the generator gives a verdict" in card.content, "the other one gives none"

    set_scores(project, biased | {"efficientnet-lite2": SCORES[LITE0] | {"memorization_verdict": "copies"}})
    hub_folder.write_cards(Path("two"))
    copies = text("../two/README.md").split("## Copies")[1].split("## Where")[0]
    assert "- efficientnet-lite0 (biased): fine." in copies
    assert "- efficientnet-lite2: copies." in copies


def test_no_text_of_a_report_becomes_markup(project: Path) -> None:
    facts, markup = json.loads(Path("reports/training.json").read_text()), "<b>x</b>|`y`"
    Path("reports/training.json").write_text(json.dumps(facts | {"architecture": markup, "device": markup}))
    set_scores(project, {markup: SCORES[LITE0] | {"memorization_verdict": markup, "bias": markup}, OWN: SCORES[OWN]})
    hub_folder.write_cards(Path("dogs"))
    body = ModelCard.load("dogs/README.md").text
    assert "<b>" not in body
    shown = r"&lt;b&gt;x&lt;/b&gt;\|\`y\`"
    device = f"| Device | {{}}, in {facts['precision']} |"
    for place in ("| Architecture | {} |", device, "| number, by | {} (biased) | "):
        assert place.format(shown) in body
    assert f"{shown} helped to train this generator" in body


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("training", "[" * 100_000),
        ("training", {"steps": "2400"}),
        ("training", {"kept_step": None}),
        ("training", {"images_per_second": 0.0}),
        ("training", {"images_per_second": float("nan")}),
        ("training", {"device": {"name": "CPU"}}),
        ("crops", "[" * 100_000),
        ("crops", {"crops": 1}),
        ("crops", {"photos": {"train": 1}}),
        ("crops", {"photos": {"train": "1", "holdout": 2}}),
        ("crops", {"skipped": ["small"]}),
    ],
)
def test_a_damaged_report_is_one_clear_error(project: Path, name: str, content: str | dict[str, object]) -> None:
    path = Path(f"reports/{name}.json")
    if isinstance(content, dict):
        content = json.dumps(json.loads(path.read_text()) | content)
    path.write_text(content)
    lock(project)
    with pytest.raises(PedigreeError, match=rf"{name}\.json is not a file that `pedigree"):
        hub_folder.write_cards(Path("dogs"))
    assert not Path("dogs").exists()


def test_a_word_in_place_of_a_score_is_no_score(project: Path) -> None:
    set_scores(project, {LITE0: SCORES[LITE0] | {"kernel_distance": "word"}})
    hub_folder.write_cards(Path("dogs"))
    keys = {one.metric_type for one in ModelCard.load("dogs/README.md").data.eval_results}
    assert "precision" in keys
    assert "kernel_distance" not in keys


def test_a_hash_in_the_lock_is_a_hash(project: Path) -> None:
    path = Path("dvc.lock")
    path.write_text(path.read_text().replace("c" * 32, "<b>"))
    with pytest.raises(PedigreeError, match=r"dvc\.lock lacks a result of the pipeline \(data/crops has no MD5 hash\)"):
        hub_folder.write_cards(Path("dogs"))


@pytest.mark.parametrize("name", ["a\nb", "\udcff", "a\x1b[31m"])
def test_a_folder_with_control_characters_is_wrong_usage(project: Path, name: str) -> None:
    with pytest.raises(UsageError, match="--to must name a folder without control characters"):
        hub_folder.write_cards(Path(name))


def test_scores_of_inception_2015_have_their_own_names(project: Path) -> None:
    names = {"fid": "frechet_distance", "kid": "kernel_distance", "mifid": "memorization_informed_frechet_distance"}
    (errors,) = SCORES[LITE0]["standard_error"]
    inception = SCORES[LITE0] | {name: SCORES[LITE0][key] for name, key in names.items()}
    inception["standard_error"] = [errors | {name: errors[key] for name, key in names.items()}]
    set_scores(project, {"inception-2015": inception, OWN: SCORES[OWN]})
    hub_folder.write_cards(Path("dogs"))
    results = ModelCard.load("dogs/README.md").data.eval_results
    by = {one.metric_type: one.metric_name for one in results if one.metric_args["judge"] == "inception-2015"}
    assert by["fid"] == "FID, by inception-2015"
    assert by["kid"].startswith("KID, by inception-2015 (photos ")
    assert by["mifid"] == "MiFID, by inception-2015"
    assert "kernel_distance" not in by, "the same number, under its other name"
    fid = interval(SCORES[LITE0]["frechet_distance"], errors["frechet_distance"])
    assert f"| FID | {fid} | – |" in text("README.md")
    assert re.search(r"\| Kernel distance \| – \| −?0\.\d+ ± 0\.\d+ \(photos", text("README.md"))


def test_the_dataset_card_describes_the_census(project: Path) -> None:
    hub_folder.write_cards(Path("dogs"))
    card = DatasetCard.load("dogs/dataset/README.md")
    assert card.data.task_categories == ["image-classification", "unconditional-image-generation"]
    assert card.data.size_categories == ["n<1K"]
    assert "10 photos of 2 breeds. Pedigree's validation uses 8 of them." in card.text
    assert "| Red dog | 6 | 5 | 102 × 100 |" in card.text
    assert r"| Blue\|&lt;b&gt;dog | 4 | 3 | 81 × 80 |" in card.text
    assert "- 1 × set aside\n" in card.text
    assert r"0001-Red\_dog/5.jpg | set aside: shows a \*cat\* |" in card.text
    assert "681 photos are for training and 171 are held out" in card.text


def test_a_census_whose_photos_are_all_used_says_so(project: Path) -> None:
    photos = census()
    write_census(photos[photos["usable"]], Path("data/census.csv"))
    hub_folder.write_cards(Path("dogs"))
    assert "## What was set aside\n\nNothing: all photos are used.\n" in text("dataset/README.md")


def test_breeds_of_the_same_name_have_their_folders_as_names_in_the_space(project: Path) -> None:
    hub_folder.write_cards(Path("dogs"))
    facts = json.loads(text("space/breeds.json"))
    for breed in facts["breeds"]:
        breed["name"] = "dog"
    Path("dogs/space/breeds.json").write_text(json.dumps(facts))
    assert runpy.run_path("dogs/space/generator.py")["BREEDS"] == dict(zip(BREEDS, (0, 1), strict=True))


def test_the_space_draws_with_the_exported_generator(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub_folder.write_cards(Path("dogs"))
    space = Path("dogs/space")
    assert {path.name for path in space.iterdir()} == {
        *("README.md", "app.py", "breeds.json", "generator.onnx", "generator.py", "requirements.txt")
    }
    pins = dict(re.findall(r"^([\w-]+)==([\d.]+)$", (space / "requirements.txt").read_text(), re.MULTILINE))
    assert len(pins) == len((space / "requirements.txt").read_text().splitlines())
    code = (space / "app.py").read_text() + (space / "generator.py").read_text()
    imported = {name.split(".")[0] for name in re.findall(r"^(?:import|from) (\S+)", code, re.MULTILINE)}
    assert imported - {"json", "pathlib", "generator"} == {name.replace("pillow", "PIL") for name in pins}
    card = RepoCard.load(space / "README.md").data.to_dict()
    assert (card["sdk"], card["sdk_version"], card["app_file"]) == ("gradio", pins["gradio"], "app.py")

    drawn = runpy.run_path(str(space / "generator.py"))["draw"]("Red_dog", 3, 5)
    latents = np.random.default_rng(5).standard_normal((3, 6)).astype(np.float32)
    expected = load_generator(Path("models/generator.keras")).draw_latents(latents, np.zeros(3, np.int32))
    assert [one.size for one in drawn] == [(256, 256)] * 3
    small = np.stack([np.asarray(one.resize((16, 16))) for one in drawn]).astype(int)
    assert np.abs(small - expected).mean() < 3


def test_the_folder_has_the_generator_and_its_samples(project: Path) -> None:
    hub_folder.write_cards(Path("dogs"))
    assert Path("dogs/generator.keras").read_bytes() == Path("models/generator.keras").read_bytes()
    assert Path("dogs/samples.png").read_bytes() == Path("reports/samples/final.png").read_bytes()
    assert [one["folder"] for one in json.loads(text("breeds.json"))["breeds"]] == list(BREEDS)


@pytest.mark.parametrize(
    ("gone", "message"),
    [
        ("dvc.lock", "dvc.lock is not here: run `dvc repro`"),
        ("models/generator.keras", "models/generator.keras is not here: run `dvc repro`, or `dvc checkout`"),
        ("data/census.csv", "data/census.csv is not here: run `pedigree validate` first"),
        ("reports/crops.json", "reports/crops.json is not here: run `dvc repro`"),
        ("reports/samples/final.png", "reports/samples/final.png is not here"),
    ],
)
def test_a_missing_file_is_one_line_and_leaves_no_folder(
    project: Path, capsys: pytest.CaptureFixture[str], gone: str, message: str
) -> None:
    Path(gone).unlink()
    assert main(["card", "--to", "dogs"]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"pedigree card: {message}")
    assert error.count("\n") == 1
    assert not Path("dogs").exists()


@pytest.mark.parametrize("name", ["models/generator.keras", "reports/training.json", "reports/metrics.json"])
def test_a_file_of_another_run_than_dvc_lock_names_is_an_error(project: Path, name: str) -> None:
    with Path(name).open("ab") as file:
        file.write(b" ")
    with pytest.raises(PedigreeError, match=rf"^{name} is not the one that dvc.lock names"):
        hub_folder.write_cards(Path("dogs"))


def test_scores_of_another_generator_are_an_error(project: Path) -> None:
    lock = Path("dvc.lock").read_text()
    head, score = lock.split("  score:")
    Path("dvc.lock").write_text(head + "  score:" + re.sub(r"md5: \w+", f"md5: {'f' * 32}", score, count=1))
    with pytest.raises(PedigreeError, match=r"metrics\.json has the scores of another generator"):
        hub_folder.write_cards(Path("dogs"))
