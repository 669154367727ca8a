"""`pedigree export`: each format draws Keras's pictures, its example runs without Pedigree, and errors are one line."""

import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from conftest import ROOT
from PIL import Image

from export.conftest import BREEDS, write_generator
from pedigree import shipped
from pedigree.cli import main
from pedigree.errors import PedigreeError
from pedigree.export import equality, formats, handover
from pedigree.generator.model import load_generator
from pedigree.parser import build_parser


def test_the_command_knows_every_format(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build_parser([handover.export]).parse_args(["export", "--help"])
    assert f"{{{','.join(formats.FORMATS)}}}" in capsys.readouterr().out


@pytest.mark.parametrize("kind", formats.FORMATS)
def test_the_example_draws_the_pictures_of_keras_without_pedigree(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    folder = tmp_path / "dogs"
    summary = handover.export(model, folder, kind)
    difference = re.search(
        r"64 pictures (are equal to Keras's|differ from Keras's by at most (\d+) of 255 levels)$", summary
    )
    assert difference is not None
    assert int(difference[2] or 0) <= equality.LEVELS
    assert (kind == "keras") <= (difference[2] is None), "Keras's own file draws equal pictures"
    names = {path.name for path in folder.iterdir()}
    assert names == {formats.FORMATS[kind].file, "breeds.json", "example.py", "README.md"}
    code = (folder / "example.py").read_text()
    assert f"```python\n{code}```" in (folder / "README.md").read_text()
    assert "pedigree" not in code
    monkeypatch.chdir(folder)
    drawn = np.asarray(runpy.run_path("example.py")["pictures"])
    count = 1 if kind == "litert" else 4
    with Image.open("dogs.png") as row:
        assert np.array_equal(np.asarray(row), np.hstack(equality.pixels(drawn)))
    latents = np.random.default_rng(0).standard_normal((count, 6), np.float32)
    expected = load_generator(model).draw_latents(latents, np.zeros(count, np.int32))
    assert np.abs(equality.pixels(drawn).astype(int) - expected).max() <= 1
    assert expected.std() > 1


def test_breeds_json_says_what_a_program_needs(model: Path, tmp_path: Path) -> None:
    handover.export(model, tmp_path / "dogs", "keras")
    assert json.loads((tmp_path / "dogs/breeds.json").read_text()) == {
        "breeds": [
            {"index": 0, "folder": BREEDS[0], "name": "Red"},
            {"index": 1, "folder": BREEDS[1], "name": "Blue"},
        ],
        "latent_size": 6,
        "prior": "normal",
        "image_size": 16,
        "value_range": [-1, 1],
    }


def test_the_example_draws_latents_from_the_prior_of_the_generator(tmp_path: Path) -> None:
    model = write_generator(tmp_path / "uniform.keras", "dcgan", latent="uniform")
    handover.export(model, tmp_path / "dogs", "keras")
    assert "random.uniform(-1, 1, (4, 6)).astype(numpy.float32)" in (tmp_path / "dogs/example.py").read_text()


@pytest.mark.parametrize(("architecture", "kind"), [("sagan", "litert"), ("r3gan", "litert"), ("r3gan", "onnx")])
def test_enlarged_pictures_and_grouped_convolutions_can_be_converted(
    tmp_path: Path, architecture: str, kind: str
) -> None:
    model = write_generator(tmp_path / "generator.keras", architecture, channels=16)
    assert "64 pictures" in handover.export(model, tmp_path / "dogs", kind)


@pytest.mark.parametrize(("kind", "reason"), [("onnx", "Type Error: "), ("litert", "Select TensorFlow op")])
def test_what_a_format_cannot_take_is_an_error_with_the_reason(tmp_path: Path, kind: str, reason: str) -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = write_generator(tmp_path / "generator.keras")
    finally:
        keras.config.set_dtype_policy("float32")
    title = formats.FORMATS[kind].title
    message = (
        rf"^{title} cannot take this generator \(.*{reason}.*\): use another --format, such as saved-model or keras"
    )
    with pytest.raises(PedigreeError, match=message) as raised:
        handover.export(model, tmp_path / "dogs", kind)
    assert str(tmp_path) not in str(raised.value)
    assert not (tmp_path / "dogs").exists()


def test_float16_weights_of_a_shipped_generator_are_computed_in_float32_and_its_licence_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = shipped.names()[0]
    assert main(["export", "--model", name, "--to", str(tmp_path / "dogs")]) == 0
    assert "licence" in capsys.readouterr().err
    file = shipped.find(Path(name))
    assert f"Its licence: {shipped.licence(file)}, see CARD.md." in (tmp_path / "dogs/README.md").read_text()
    assert (tmp_path / "dogs/CARD.md").read_bytes() == file.with_suffix(".md").read_bytes()
    network = load_generator(tmp_path / "dogs/generator.keras").network
    assert {weight.dtype for weight in network.weights} == {"float32"}
    assert network.compute_dtype == "float32"


def test_pictures_that_differ_are_an_error_and_leave_no_folder(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other.keras"
    generator = load_generator(model)
    for weight in generator.network.weights:
        weight.assign(weight * 1.1)
    generator.network.save(other)

    def opened(path: Path) -> formats.Run:
        return formats.FORMATS["keras"].open(other)

    spoilt = formats.Format(**vars(formats.FORMATS["onnx"]) | {"open": opened})
    monkeypatch.setitem(formats.FORMATS, "onnx", spoilt)
    with pytest.raises(PedigreeError, match=r"^pictures by ONNX differ from Keras's by up to \d+ of 255 levels"):
        handover.export(model, tmp_path / "dogs", "onnx")
    assert not (tmp_path / "dogs").exists()


def test_a_folder_with_files_is_not_touched(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "kept.txt").write_text("kept")
    assert main(["export", "--model", str(model), "--to", str(tmp_path)]) == 2
    assert (
        capsys.readouterr().err == f"pedigree export: {tmp_path} holds files already: name another folder with --to.\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["kept.txt"]


def test_another_backend_is_one_clear_error(model: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pedigree", "export", "--model", str(model), "--to", str(tmp_path / "dogs")]
    environment = os.environ | {"KERAS_BACKEND": "jax"}
    done = subprocess.run([*command, "--format", "onnx"], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if "loading" not in line]
    assert len(lines) == 1
    assert "TensorFlow backend only, and KERAS_BACKEND is jax: unset KERAS_BACKEND" in lines[0]
    assert not (tmp_path / "dogs").exists()
