"""Names from archives and annotations are text on every page that `validate` writes, never elements or scripts."""

import dataclasses
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import pytest
from conftest import ROOT
from html_page import Page
from PIL import Image

from pedigree.errors import PedigreeError
from pedigree.settings import params
from pedigree.validate import stage

BREEDS = ("n90000001-<img src=x onerror=alert(1)>", "n90000002-&lt;img src=x onerror=alert(2)&gt; $v__0 {{ 7*7 }} %s")
PHOTO = "<svg onload=alert(3)>\"' onmouseover=alert(4) ${x} \\1.jpg"
NAME = "</td></script><script>alert(5)</script><img src=x onerror='alert(6)'> $v__1"


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Two breeds with the same four photos, with annotations that name another breed."""
    for breed in BREEDS:
        images, boxes = tmp_path / "raw/Images" / breed, tmp_path / "raw/Annotation" / breed
        images.mkdir(parents=True)
        boxes.mkdir(parents=True)
        for number in range(4):
            pixels = np.random.default_rng(number).integers(0, 255, (60, 60, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(images / f"{number}{PHOTO}", "JPEG")
            (boxes / f"{number}{PHOTO}").with_suffix("").write_text(
                "<annotation><folder>1</folder><size><width>60</width><height>60</height></size><object>"
                f"<name>{escape(NAME)}</name><bndbox><xmin>0</xmin><ymin>0</ymin><xmax>999</xmax><ymax>9</ymax></bndbox>"
                "</object></annotation>"
            )
    return tmp_path / "raw"


def test_no_name_becomes_markup_on_a_page(raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    bounds = dataclasses.replace(params.load(params.Validate, ROOT / "params.yaml"), breed_pattern="<img src=x>")
    with pytest.raises(PedigreeError, match="critical expectations"):
        stage.validate(raw, bounds, params.load(params.Crop, ROOT / "params.yaml"))
    pages = {path: path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.html")}
    assert len(pages) == 6, "validation.html and the Data Docs"
    assert sum("alert(5)" in text for text in pages.values()) == 2, "the names are there"
    for path, text in pages.items():
        page = Page(text)
        assert "svg" not in dict(page.tags) or path.name == "validation.html"  # its charts
        for tag, attributes in page.tags:
            assert attributes.get("src") != "x", path
            handlers = [value for name, value in attributes.items() if name.startswith("on")]
            assert not any("alert" in str(value) for value in handlers), (path, tag)
        assert "alert(" not in page.texts.get("script", ""), path
