"""The optional stage translate under real DVC: off by default, with a pipeline file of its own when switched on."""

import json

from PIL import Image
from ruamel.yaml import YAML

from pedigree.common.paths import TRANSLATOR
from pedigree.generator.translator import load_translator
from pedigree.settings.overrides import override
from pipeline.small_project import Project

SMALL = {
    "translate.steps": 4,
    "translate.batch_size": 2,
    "translate.channels": 2,
    "translate.pool_size": 4,
    "translate.log_every": 2,
    "translate.sample_every": 2,
}


def test_it_runs_on_request_alone_and_translates_a_photo(project: Project) -> None:
    assert not (project.root / "translation").exists()
    project.run("pedigree", "recipe", "cyclegan")
    override(SMALL, project.root / "params.yaml")
    assert project.repro() == []
    output = project.run("dvc", "repro", "translation/dvc.yaml").stdout
    assert [line for line in output.splitlines() if line.startswith("Running stage")] == [
        "Running stage 'translation/dvc.yaml:translate':"
    ]
    translator = load_translator(project.root / TRANSLATOR)
    content = YAML(typ="safe").load((project.root / "params.yaml").read_text())
    assert translator.crop == {name: content["crop"][name] for name in translator.crop}
    numbers = json.loads((project.root / "reports/translation/metrics.json").read_text())
    assert set(numbers) == {"to_Ember_pointer", "to_Snow_spitz"}
    shown = json.loads(project.run("dvc", "metrics", "show", "--json").stdout)[""]["data"]
    assert "breed_accuracy" in shown["reports/translation/metrics.json"]["data"]["to_Snow_spitz"]
    photo = next((project.root / "data/raw/Images").rglob("*.jpg"))
    project.run("pedigree", "translate", "--photo", str(photo), "--to", "Snow_spitz", "--out", "two.png")
    with Image.open(project.root / "two.png") as sheet:
        assert sheet.width > 2 * 256
    project.run("dvc", "repro", "translation/dvc.yaml")
    assert project.run("dvc", "status").stdout.strip() == "Data and pipelines are up to date."
