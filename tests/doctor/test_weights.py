"""The extractors' weights: a damaged or missing file is named, with the package to install again."""

import shutil
from pathlib import Path

import pytest
from PIL import features

from pedigree.doctor.weights import check_pictures, check_weights
from pedigree.features.extractors import checkpoint
from pedigree.features.extractors.variants import VARIANTS


def test_the_installed_weights_are_whole() -> None:
    (finding,) = check_weights()
    assert finding.level == "fine"
    assert all(name in finding.text for name in VARIANTS)


def test_a_damaged_copy_is_a_problem_and_names_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    variant = VARIANTS["efficientnet-lite0"]
    whole, copy = checkpoint.locate(variant.distribution, variant.file, variant.sha256), tmp_path / variant.file
    shutil.copy(whole, copy)
    with copy.open("r+b") as file:
        file.seek(1000)
        file.write(b"damage")
    find = checkpoint._shipped
    monkeypatch.setattr(checkpoint, "_shipped", lambda *names: copy if names[1] == variant.file else find(*names))
    (finding,) = check_weights()
    assert finding.level == "problem"
    assert finding.text.startswith(f"efficientnet-lite0: {copy}: the weights are damaged")
    assert finding.remedy.endswith(variant.distribution)


def test_a_pillow_without_a_scalable_font_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_pictures().level == "fine"
    monkeypatch.setattr(features, "check", lambda library: library != "freetype2")
    assert "freetype2" in check_pictures().text
