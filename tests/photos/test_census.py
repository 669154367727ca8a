import hashlib
import io
import os
import re
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from pedigree.crop.cutting import crop_photo
from pedigree.errors import PedigreeError
from pedigree.photos.census import COLUMNS, breed_census, breed_folders, read_census, take_census, write_census
from pedigree.photos.windows import Window

PUG, FOX = "n02110958-pug", "n02095314-wire-haired_fox_terrier"


def picture(seed: int = 0, size: tuple[int, int] = (64, 48), mode: str = "RGB") -> Image.Image:
    width, height = size
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(noise).convert(mode)


def encoded(image: Image.Image, form: str = "JPEG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def voc(*boxes: tuple[int, int, int, int], name: str = "pug", size: tuple[int, int] = (64, 48)) -> str:
    corners = ("xmin", "ymin", "xmax", "ymax")
    objects = "".join(
        f"<object><name>{name}</name><bndbox>"
        + "".join(f"<{corner}>{value}</{corner}>" for corner, value in zip(corners, box, strict=True))
        + "</bndbox></object>"
        for box in boxes
    )
    sides = f"<size><width>{size[0]}</width><height>{size[1]}</height></size>"
    return f"<annotation><folder>02110958</folder>{sides}{objects}</annotation>"


def put(raw: Path, name: str, content: bytes, annotation: str | None = None) -> None:
    photo, note = raw / "Images" / name, raw / "Annotation" / Path(name).with_suffix("")
    photo.parent.mkdir(parents=True, exist_ok=True)
    photo.write_bytes(content)
    if annotation is not None:
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(annotation)


def row_of(raw: Path, name: str = f"{PUG}/a.jpg") -> dict[str, object]:
    return take_census(raw).set_index("photo").loc[name].to_dict()


def huge(side: int) -> bytes:
    """Return a small PNG whose header claims `side` x `side` pixels."""
    content = bytearray(encoded(picture(), "PNG"))
    content[16:24] = side.to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    return bytes(content)


def broken_png() -> bytes:
    content = bytearray(encoded(picture(), "PNG"))
    middle = len(content) // 2
    content[middle : middle + 64] = bytes(64)
    return bytes(content)


BROKEN: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "empty file"),
    "text": (lambda: b"no photo at all", "not a photo"),
    "page": (lambda: b"<!DOCTYPE html><html>404</html>", "not a photo"),
    "postscript": (lambda: encoded(picture(), "EPS"), "not a photo"),
    "header alone": (lambda: encoded(picture())[:20], "not a photo"),
    "truncated by half": (lambda: encoded(picture())[:-1000], "truncated"),
    "truncated by a few bytes": (lambda: encoded(picture())[:-10], "truncated"),
    "truncated progressive": (lambda: encoded(picture(), progressive=True)[:-10], "truncated"),
    "truncated grey": (lambda: encoded(picture(mode="L"))[:-10], "truncated"),
    "truncated CMYK": (lambda: encoded(picture(mode="CMYK"))[:-10], "truncated"),
    "truncated PNG": (lambda: encoded(picture(), "PNG")[:-1000], "truncated"),
    "truncated GIF": (lambda: encoded(picture(), "GIF")[:-500], "truncated"),
    "truncated WebP": (lambda: encoded(picture(), "WEBP")[:-500], "not"),
    "garbled PNG": (broken_png, "broken"),
    "very large": (lambda: huge(10_000), "decompression bomb"),
    "bomb": (lambda: huge(20_000), "decompression bomb"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_photo_has_a_row_that_says_why(tmp_path: Path, kind: str) -> None:
    make, clue = BROKEN[kind]
    content = make()
    put(tmp_path, f"{PUG}/a.jpg", content)
    row = row_of(tmp_path)
    assert clue in str(row["problem"]) and "0x" not in str(row["problem"]) and str(tmp_path) not in str(row["problem"])
    assert not row["usable"] and row["bytes"] == len(content)


@pytest.mark.parametrize("progressive", [False, True])
def test_reduced_decoding_finds_what_decoding_in_full_would(tmp_path: Path, progressive: bool) -> None:
    content = encoded(picture(size=(200, 150)), progressive=progressive)
    cuts = [*range(1, 12), *range(12, len(content) - 700, 997)]
    for cut in cuts:
        put(tmp_path, f"{PUG}/{cut:06}.jpg", content[:-cut])
    usable = take_census(tmp_path)["usable"].tolist()
    assert usable == [decodes(content[:-cut]) for cut in cuts]
    assert not any(usable[10:])


def decodes(content: bytes) -> bool:
    try:
        Image.open(io.BytesIO(content)).load()
    except OSError:
        return False
    return True


def test_pipes_and_devices_among_the_photos_are_unusable_and_not_opened(tmp_path: Path) -> None:
    put(tmp_path, f"{PUG}/1.jpg", encoded(picture()))
    os.mkfifo(tmp_path / f"Images/{PUG}/2.jpg")
    (tmp_path / f"Images/{PUG}/3.jpg").symlink_to("/dev/zero")
    photos = take_census(tmp_path, workers=1)
    assert photos["problem"].tolist() == ["", "not a regular file", "not a regular file"]


def test_a_broken_link_and_a_folder_among_the_photos_are_unusable(tmp_path: Path) -> None:
    put(tmp_path, f"{PUG}/a.jpg", encoded(picture()))
    (tmp_path / "Images" / PUG / "b.jpg").symlink_to(tmp_path / "gone.jpg")
    (tmp_path / "Images" / PUG / "more").mkdir()
    census = take_census(tmp_path).set_index("photo")
    assert census["usable"].to_dict() == {f"{PUG}/a.jpg": True, f"{PUG}/b.jpg": False, f"{PUG}/more": False}
    assert "cannot be read" in census.loc[f"{PUG}/b.jpg", "problem"]
    assert "folder" in census.loc[f"{PUG}/more", "problem"]


@pytest.mark.parametrize(
    ("form", "mode", "read"),
    [
        ("JPEG", "RGB", "RGB"),
        ("JPEG", "L", "L"),
        ("JPEG", "CMYK", "CMYK"),
        ("PNG", "RGBA", "RGBA"),
        ("PNG", "P", "P"),
        ("PNG", "I;16", "I;16"),
        ("PNG", "1", "1"),
        ("WEBP", "RGB", "RGB"),
        ("GIF", "P", "P"),
        ("BMP", "RGB", "RGB"),
        ("TIFF", "RGB", "RGB"),
    ],
)
def test_photos_of_every_format_are_usable_and_measured(tmp_path: Path, form: str, mode: str, read: str) -> None:
    image = picture(mode="L").convert("I;16") if mode == "I;16" else picture(mode=mode)
    put(tmp_path, f"{PUG}/a.jpg", encoded(image, form))
    row = row_of(tmp_path)
    assert (row["problem"], row["width"], row["height"], row["mode"]) == ("", 64, 48, read)


@pytest.mark.parametrize(("tag", "orientation"), [(None, 1), (1, 1), (6, 6), (8, 8), (0, 1), (77, 1)])
def test_orientation_is_recorded_and_the_size_is_as_stored(tmp_path: Path, tag: int | None, orientation: int) -> None:
    exif = Image.Exif()
    if tag is not None:
        exif[ExifTags.Base.Orientation] = tag
    put(tmp_path, f"{PUG}/a.jpg", encoded(picture(), exif=exif.tobytes()))
    row = row_of(tmp_path)
    assert (row["orientation"], row["width"], row["height"]) == (orientation, 64, 48)


@pytest.mark.parametrize(
    ("annotation", "boxes", "clue"),
    [
        (None, "", ""),
        (voc(), "[]", ""),
        (voc((0, 0, 64, 48), (1, 2, 30, 40)), "[[0,0,64,48],[1,2,30,40]]", ""),
        (voc((0, 0, 65, 48)), "[[0,0,65,48]]", "box 1 reaches outside"),
        (voc((1, 1, 5, 5), (0, -1, 64, 48)), "[[1,1,5,5],[0,-1,64,48]]", "box 2 reaches outside"),
        (voc((30, 10, 30, 40)), "[[30,10,30,40]]", "box 1 has no area"),
        (voc((30, 40, 50, 10)), "[[30,10,50,40]]", ""),
        (voc((1, 1, 9, 9), size=(500, 333)), "", "annotated at 500 x 333, the photo is 64 x 48"),
        (voc((1, 1, 9, 9), size=(0, 0)), "[[1,1,9,9]]", ""),
        (re.sub("<size>.*</size>", "", voc((1, 1, 9, 9))), "[[1,1,9,9]]", ""),
        (re.sub(r">(\d+)<", r">\1.0<", voc((20, 10, 50, 40))), "[[20,10,50,40]]", ""),
        (voc((1, 1, 9, 9), size=(128, 96)), "[[1,1,5,5]]", ""),
        ("<annotation>", "", "XML"),
        ("", "", "empty"),
    ],
)
def test_boxes_are_kept_and_their_problems_are_named(
    tmp_path: Path, annotation: str | None, boxes: str, clue: str
) -> None:
    put(tmp_path, f"{PUG}/a.jpg", encoded(picture()), annotation)
    row = row_of(tmp_path)
    assert row["boxes"] == boxes and row["usable"]
    assert clue in str(row["box_problems"]) and bool(clue) == bool(row["box_problems"])
    assert str(tmp_path) not in str(row["box_problems"])


def test_the_annotated_breed_is_recorded(tmp_path: Path) -> None:
    mixed = voc((1, 1, 9, 9), (2, 2, 9, 9)).replace("<name>pug", "<name>fox", 1)
    put(tmp_path, f"{PUG}/a.jpg", encoded(picture()), mixed)
    row = row_of(tmp_path)
    assert (row["annotated_breed"], row["annotated_folder"]) == ("fox; pug", "02110958")


def archive(raw: Path) -> None:
    """Write two breeds with good, broken, repeated and annotated photos, an empty breed, and a file outside them."""
    for number in range(12):
        breed = (PUG, FOX)[number % 2]
        put(raw, f"{breed}/{number:02}.jpg", encoded(picture(number // 2, (40 + number, 60))), voc((1, 2, 30, 40)))
    put(raw, f'{PUG}/x, "y".png', encoded(picture(3), "PNG"))
    put(raw, f"{FOX}/broken.jpg", encoded(picture(5))[:-30])
    put(raw, "Thumbs.db", b"not in a breed's folder")
    (raw / "Images" / "n00000001-empty").mkdir()


def test_the_census_is_the_same_bytes_for_any_number_of_workers(tmp_path: Path) -> None:
    archive(tmp_path / "raw")
    for workers in (1, 4):
        write_census(take_census(tmp_path / "raw", workers), tmp_path / f"{workers}.csv")
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "4.csv").read_bytes()
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["1.csv", "4.csv", "raw"]


def test_reading_a_census_gives_the_census_that_was_written(tmp_path: Path) -> None:
    archive(tmp_path / "raw")
    put(tmp_path / "raw", "NA/1.jpg", encoded(picture()))
    census = take_census(tmp_path / "raw")
    write_census(census, tmp_path / "census.csv")
    again = read_census(tmp_path / "census.csv")
    assert again.equals(census) and list(again.columns) == list(COLUMNS)
    assert list(census["photo"]) == sorted(census["photo"]) and "NA" in set(again["breed"])


def test_every_file_has_a_row_and_files_outside_the_folders_have_no_breed(tmp_path: Path) -> None:
    archive(tmp_path)
    census = take_census(tmp_path).set_index("photo")
    assert len(census) == 15
    stray = census.loc["Thumbs.db"]
    assert stray["breed"] == "" and stray["problem"] == "not in a breed's folder" and not stray["usable"]


def test_only_the_folders_that_are_named_are_opened(tmp_path: Path) -> None:
    archive(tmp_path)
    everything, census = take_census(tmp_path), take_census(tmp_path, folders=[PUG])
    assert set(everything["breed"]) > {PUG, ""}
    assert census.equals(everything[everything["breed"] == PUG].reset_index(drop=True))


def test_each_breed_is_summarised_even_an_empty_one(tmp_path: Path) -> None:
    for number, width in enumerate([40, 50, 60, 70, 80]):
        box = (0, 0, width // 2, 8 * (number + 1))
        put(tmp_path, f"{PUG}/{number}.jpg", encoded(picture(number, (width, 100))), voc(box, size=(width, 100)))
    put(tmp_path, f"{PUG}/broken.jpg", encoded(picture(9, (900, 900)))[:-100], voc((0, 0, 900, 900), size=(900, 900)))
    (tmp_path / "Images" / FOX).mkdir()
    breeds = breed_census(take_census(tmp_path), breed_folders(tmp_path)).set_index("breed")
    assert list(breeds.index) == [FOX, PUG]
    assert breeds.loc[PUG, ["photos", "usable", "boxes"]].tolist() == [6, 5, 5]
    assert breeds.loc[PUG, ["width_25", "width_50", "width_75"]].tolist() == [50, 60, 70]
    assert breeds.loc[PUG, ["box_side_25", "box_side_50", "box_side_75"]].tolist() == [25, 30, 35]
    assert breeds.loc[FOX, ["photos", "usable", "boxes"]].tolist() == [0, 0, 0]
    assert breeds.loc[FOX, ["width_50", "height_50", "box_side_50"]].isna().all()


def test_a_breed_without_a_usable_photo_is_summarised_too(tmp_path: Path) -> None:
    put(tmp_path, f"{PUG}/a.jpg", b"")
    breeds = breed_census(take_census(tmp_path), breed_folders(tmp_path))
    assert breeds[["breed", "photos", "usable", "boxes"]].values.tolist() == [[PUG, 1, 0, 0]]
    (tmp_path / "Images" / PUG / "a.jpg").unlink()
    assert breed_census(take_census(tmp_path), [PUG])["photos"].tolist() == [0]


@pytest.mark.parametrize("images", ["nothing", "no folders", "a file"])
def test_without_photos_the_error_says_to_run_unpack(tmp_path: Path, images: str) -> None:
    if images == "a file":
        (tmp_path / "Images").write_text("")
    elif images == "no folders":
        put(tmp_path, "a.jpg", encoded(picture()))
    with pytest.raises(PedigreeError, match="run `pedigree unpack` first"):
        take_census(tmp_path)


def test_without_a_census_the_error_says_to_run_validate(tmp_path: Path) -> None:
    with pytest.raises(PedigreeError, match="run `pedigree validate` first"):
        read_census(tmp_path / "census.csv")


def test_a_name_that_is_not_utf8_is_an_error_that_names_it(tmp_path: Path) -> None:
    put(tmp_path, f"{PUG}/a.jpg", encoded(picture()))
    try:
        Path(bytes(tmp_path / "Images" / PUG).decode() + "/b\udcff.jpg").write_bytes(b"x")
    except OSError:
        pytest.skip("this file system keeps names in UTF-8")
    with pytest.raises(PedigreeError, match="not UTF-8"):
        take_census(tmp_path)


def test_the_hash_is_of_the_file(tmp_path: Path) -> None:
    content = encoded(picture())
    put(tmp_path, f"{PUG}/a.jpg", content)
    assert row_of(tmp_path)["sha256"] == hashlib.sha256(content).hexdigest()


def test_a_jpeg_that_ends_early_with_an_end_mark_is_set_aside_also_if_a_phone_wrote_it(tmp_path: Path) -> None:
    whole = encoded(picture(size=(400, 300)), quality=95)
    several = encoded(picture(size=(400, 300)), "MPO", save_all=True, append_images=[picture(1, (400, 300))])
    for name, content in {"plain": whole, "phone": several}.items():
        first = content[: content.index(b"\xff\xd9")]
        put(tmp_path / "raw", f"{PUG}/{name}.jpg", first[: len(first) // 2] + b"\xff\xd9" + content[len(first) + 2 :])
        put(tmp_path / "raw", f"{PUG}/{name}-whole.jpg", content)
    census = take_census(tmp_path / "raw").set_index("photo")
    assert census["problem"].to_dict() == {
        f"{PUG}/phone-whole.jpg": "",
        f"{PUG}/phone.jpg": "does not decode: premature end of data segment",
        f"{PUG}/plain-whole.jpg": "",
        f"{PUG}/plain.jpg": "does not decode: premature end of data segment",
    }


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (",group", ",grp", "lacks the column group"),
        ("[[1,2,3,4]]", "[[1,2,3", "is damaged"),
        ("[[1,2,3,4]]", "[[\u0661,2,3,4]]", "is damaged"),
        ("[[1,2,3,4]]", "[[01,2,3,4]]", "is damaged"),
        ("[[1,2,3,4]]", f"[[{'9' * 5000},2,3,4]]", "is damaged"),
        (f"/a.jpg,{PUG},", "/a.jpg,,", "is damaged"),
        (f"/a.jpg,{PUG},", "/a.jpg,other,", "is damaged"),
        (f"{PUG}/a.jpg,{PUG},", "../a.jpg,..,", "is damaged"),
        (",64,48,", ",x,48,", "is damaged"),
        (",64,48,", f",{10**20},48,", "is damaged"),
        (",True,", ",maybe,", "is damaged"),
        ("photo,breed", '"photo,breed', "is damaged|lacks"),
        ("photo", "", "is damaged|lacks"),
    ],
)
def test_a_census_that_is_damaged_or_older_is_one_clear_error(tmp_path: Path, old: str, new: str, message: str) -> None:
    put(tmp_path / "raw", f"{PUG}/a.jpg", encoded(picture()), voc((1, 2, 3, 4)))
    write_census(take_census(tmp_path / "raw"), tmp_path / "census.csv")
    text = (tmp_path / "census.csv").read_text()
    assert old in text
    (tmp_path / "census.csv").write_text(text.replace(old, new, 1) if new else "")
    with pytest.raises(PedigreeError, match=message) as raised:
        read_census(tmp_path / "census.csv")
    assert str(raised.value).endswith("run `pedigree validate` again.") and "\n" not in str(raised.value)


def test_a_file_of_absurd_size_is_set_aside_unread(tmp_path: Path) -> None:
    put(tmp_path, f"{PUG}/1.png", encoded(picture(), "PNG"))
    with (tmp_path / f"Images/{PUG}/1.png").open("ab") as file:
        file.truncate(10**12)
    assert row_of(tmp_path, f"{PUG}/1.png")["problem"] == "larger than 500 MB"


def test_short_memory_is_no_fault_of_a_photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, f"{PUG}/1.png", encoded(picture(), "PNG"))

    def short(_: Image.Image) -> None:
        raise MemoryError

    monkeypatch.setattr("pedigree.photos.census.decoded", short)
    with pytest.raises(MemoryError):
        take_census(tmp_path)
    monkeypatch.setattr("pedigree.crop.cutting.to_rgb", short)
    with pytest.raises(MemoryError):
        crop_photo(tmp_path / f"Images/{PUG}/1.png", [Window(0, 0, 9, 9)], 9)
