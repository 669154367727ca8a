"""`pedigree translate --photo`: a photo is cut as the crop stage cuts it, and mistakes get one line."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pedigree import translated_photo
from pedigree.cli import main
from pedigree.crop import heads
from pedigree.crop.cutting import crop_photo
from pedigree.errors import PedigreeError, UsageError
from pedigree.generator.translator import load_translator, save_translator
from pedigree.networks.cyclegan import build_translator
from pedigree.networks.layer_factory import LayerFactory
from pedigree.photos.windows import Point, StoredPhoto, head_window, photo_window
from pedigree.translated_photo import translate_photo

BREEDS = ("n90000001-Snow_spitz", "n90000002-Blue")
PAD = {"fit": "pad", "frames": "boxes", "max_aspect": 4.0, "min_box": 24, "padding": 0.1, "size": 16}
SIZE = (90, 60)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a translator for each way to cut photos."""
    folder = tmp_path_factory.mktemp("models")
    network = build_translator(16, 2, LayerFactory(keras_only=True))[0]
    for fit in ("pad", "head"):
        save_translator(network, BREEDS, PAD | {"fit": fit}, folder / f"{fit}.keras")
    save_translator(network, BREEDS, PAD | {"blur": 3}, folder / "newer.keras")
    return folder


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "my dog.png"
    pixels = np.random.default_rng(0).integers(0, 256, (*SIZE[::-1], 3), dtype=np.uint8)
    Image.fromarray(pixels).resize(SIZE).save(path)
    return path


def pictures(path: Path) -> list[np.ndarray]:
    """Return the two pictures of a sheet, reduced to 16 px."""
    with Image.open(path) as sheet:
        top = sheet.height - 258
        return [
            np.asarray(sheet.crop((left, top, left + 256, top + 256)).resize((16, 16), Image.Resampling.BOX))
            for left in (2, 260)
        ]


def test_the_sheet_has_the_crop_of_the_photo_and_its_translation(models: Path, photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    assert translate_photo(photo, "snow spitz", out, models / "pad.keras") == f"my dog.png as Snow_spitz: {out}"
    crop = crop_photo(photo, [photo_window(StoredPhoto(*SIZE), "pad")], 16)
    translated = load_translator(models / "pad.keras").translate(crop, 0)
    for shown, expected in zip(pictures(out), (crop[0], translated[0]), strict=True):
        assert np.abs(shown.astype(int) - expected).mean() < 12  # enlarged and reduced again
    other = tmp_path / "other.png"
    translate_photo(photo, "Blue", other, models / "pad.keras")
    assert other.read_bytes() != out.read_bytes()


def test_where_photos_are_cut_around_heads_so_is_this_one(
    models: Path, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame, windows = StoredPhoto(*SIZE), []
    monkeypatch.setattr(translated_photo, "load_finder", lambda: None)
    monkeypatch.setattr(heads, "head_points", lambda parts, *_: [Point(30, 20) for _ in parts])
    cut = translated_photo.crop_photo
    monkeypatch.setattr(
        translated_photo, "crop_photo", lambda path, of, size: windows.extend(of) or cut(path, of, size)
    )
    translate_photo(photo, "Blue", tmp_path / "out.png", models / "head.keras")
    monkeypatch.setattr(heads, "head_points", lambda parts, *_: [None for _ in parts])
    translate_photo(photo, "Blue", tmp_path / "out.png", models / "head.keras")
    assert windows == [head_window(Point(30, 20), frame.box, frame, 0.1, 2.3), photo_window(frame, "head")]


def test_warnings_about_a_photo_are_not_shown(models: Path, photo: Path, tmp_path: Path) -> None:
    path, entries = tmp_path / "damaged.jpg", b"\x12\x01\x03\0\x01\0\0\0\x01\0\0\0\x0f\x01\x02\0\xff\0\0\0\xff\xff\0\0"
    with Image.open(photo) as image:  # the second entry, the camera's maker, lies beyond the end of the file
        image.save(path, exif=b"Exif\0\0II*\0\x08\0\0\0\x02\0" + entries + bytes(4))
    with pytest.warns(UserWarning, match="Tag data larger than file"), Image.open(path) as image:
        assert image.getexif()[274] == 1
    translate_photo(path, "Blue", tmp_path / "out.png", models / "pad.keras")  # a warning would be an error here
    assert (tmp_path / "out.png").is_file()


def test_an_unknown_breed_lists_the_two(models: Path, photo: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"the translator knows Snow_spitz and Blue. Received: --to 'pug'"):
        translate_photo(photo, "pug", tmp_path / "out.png", models / "pad.keras")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.png", None, r"none\.png is not here: name the file of a photo by --photo\.$"),
        ("text.png", b"no photo", r"text\.png is no photo that can be read \(cannot identify"),
        ("cut.ppm", b"P6 64 64 255 " + bytes(999), r"cut\.ppm is no photo that can be read \(.*\)\.$"),
        ("small.png", (20, 20), r"small\.png cannot be cut .*: shorter side under 24 px"),
        ("wide.png", (9500, 9500), r"wide\.png is no photo that can be read \(.*exceeds limit"),
        ("", None, r"is no file: name the file of a photo by --photo\.$"),
    ],
)
def test_what_cannot_be_cut_is_refused_in_one_line(
    models: Path, tmp_path: Path, name: str, content: bytes | tuple[int, int] | None, message: str
) -> None:
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content:
        Image.new("RGB", content).save(path)
    with pytest.raises(PedigreeError, match=message):
        translate_photo(path, "Blue", tmp_path / "out.png", models / "pad.keras")


def test_the_photo_itself_is_never_replaced(models: Path, photo: Path, tmp_path: Path) -> None:
    before, link = photo.read_bytes(), tmp_path / "link.png"
    link.symlink_to(photo)
    for out in (photo, link):
        with pytest.raises(UsageError, match=r"--out must be another file than the photo\. Received: "):
            translate_photo(photo, "Blue", out, models / "pad.keras")
    assert photo.read_bytes() == before


def test_a_translator_of_a_newer_version_is_refused(models: Path, photo: Path, tmp_path: Path) -> None:
    with pytest.raises(PedigreeError, match="parameters of crop that this version does not know"):
        translate_photo(photo, "Blue", tmp_path / "out.png", models / "newer.keras")


def test_the_command_writes_the_sheet(
    models: Path, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    (tmp_path / "models/translator.keras").write_bytes((models / "pad.keras").read_bytes())
    assert main(["translate", "--photo", str(photo), "--to", "blue"]) == 0
    assert capsys.readouterr().out == "my dog.png as Blue: translated.png\n"
    assert (tmp_path / "translated.png").is_file()
