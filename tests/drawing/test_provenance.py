"""The provenance in a PNG: what is written is read, and a field of any other file is one clear error."""

import hashlib
import io
import zlib
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from pedigree.common.grids import png_bytes, save_png
from pedigree.drawing.provenance import FIELD, LARGEST, Provenance, model_hash, png_fields, read_provenance
from pedigree.errors import PedigreeError

PICTURE = Image.new("RGB", (3, 2), "red")
ORIGIN = Provenance(
    "0123456789abcdef", "694f848-dirty", {"breeds": ["n1-犬 «ñ»", "pug"], "truncation": None, "seed": 2**62}
)
GOOD = '{"model": "0123456789abcdef", "revision": "", "request": {}}'


def with_field(text: str) -> bytes:
    return png_bytes(PICTURE, {FIELD: text})


def chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4) + kind + content + zlib.crc32(kind + content).to_bytes(4)


def refused(picture: Path | bytes) -> str:
    with pytest.raises(PedigreeError) as error:
        read_provenance(picture)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_what_is_written_is_read_from_the_file_and_from_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "dogs.png"
    save_png(PICTURE, path, {"Description": "two dogs"} | png_fields(ORIGIN))
    assert read_provenance(path) == read_provenance(path.read_bytes()) == ORIGIN
    with Image.open(path) as picture:
        assert set(picture.text) == {"Description", FIELD}
        assert picture.text[FIELD].lang == ""


def test_equal_requests_give_equal_bytes_in_any_order_of_their_keys() -> None:
    request = {"seed": 7, "count": 8, "breeds": ["pug"]}
    one, other = (Provenance("0" * 16, "", r) for r in (request, dict(reversed(request.items()))))
    assert png_bytes(PICTURE, png_fields(one)) == png_bytes(PICTURE, png_fields(other))
    assert png_bytes(PICTURE, png_fields(one)) != png_bytes(PICTURE, png_fields(ORIGIN))


def test_a_field_after_the_pixels_is_read_too() -> None:
    content = png_bytes(PICTURE)
    end = content.index(b"IEND") - 4
    field = chunk(b"iTXt", FIELD.encode() + b"\0\0\0\0\0" + GOOD.encode())
    assert read_provenance(content[:end] + field + content[end:]) == Provenance("0123456789abcdef", "", {})


def test_the_hash_is_the_start_of_the_sha256_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"weights" * 100_000)
    assert model_hash(tmp_path / "model") == hashlib.sha256(b"weights" * 100_000).hexdigest()[:16]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_json_does_not_have_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        png_fields(Provenance("0" * 16, "", {"truncation": value}))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "damaged"),
        ("{", "damaged"),
        ("[]", "expected an object"),
        ("[" * 100_000, "nested too deeply"),
        (GOOD.replace("{}", "[]"), "request is no object"),
        (GOOD.replace("{}", '{"seed": NaN}'), "number NaN"),
        (GOOD.replace("{}", '{"seed": ' + "9" * 5000 + "}"), "damaged"),
        (GOOD.replace("0123456789abcdef", "0123456789ABCDEF"), "no hash"),
        (GOOD.replace('"0123456789abcdef"', "5"), "no hash"),
        (GOOD.replace('""', '"' + "a" * 101 + '"'), "no short text"),
        (GOOD[:-1] + ', "more": 1}', "expected an object"),
    ],
)
def test_a_field_that_pedigree_does_not_write_is_one_clear_error(text: str, reason: str) -> None:
    assert reason in refused(with_field(text))


def test_a_picture_without_the_field_says_so() -> None:
    assert "no field Pedigree" in refused(png_bytes(PICTURE, {"Description": GOOD}))
    assert "no field Pedigree" in refused(with_field(" " * LARGEST + GOOD))


def test_a_damaged_png_is_one_clear_error(tmp_path: Path) -> None:
    content = with_field(GOOD)
    place = content.index(b"model")
    assert "it is damaged or cut off" in refused(content[:place] + b"modem" + content[place + 5 :])
    for length in (8, 20, 40, place):
        assert "it is damaged or cut off" in refused(content[:length])
    for other in (b"", b"\x89PNG", b"GIF89a" * 10):
        assert "it is no PNG" in refused(other)
    huge = content[: place - 40] + (2**32 - 1).to_bytes(4) + b"iTXt"
    assert "it is damaged or cut off" in refused(huge)
    assert "none.png cannot be read (No such file" in refused(tmp_path / "none.png")
    assert "Is a directory" in refused(tmp_path)


def test_a_compressed_field_is_not_read_so_that_it_cannot_grow() -> None:
    texts = PngInfo()
    texts.add_itxt(FIELD, GOOD, zip=True)
    file = io.BytesIO()
    PICTURE.save(file, "PNG", pnginfo=texts)
    assert "no field Pedigree" in refused(file.getvalue())
