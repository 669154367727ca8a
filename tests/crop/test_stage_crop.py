"""The crop stage on real files: photos, annotations, census and verdict."""

import json
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas
import pytest
from conftest import ROOT
from PIL import Image, ImageDraw

from pedigree.common.packed_crops import load_crops
from pedigree.crop.stage import crop
from pedigree.errors import PedigreeError
from pedigree.photos.census import take_census, write_census
from pedigree.photos.photo_groups import with_groups
from pedigree.photos.verdict import write_verdict
from pedigree.settings import params

BOXER, PUG = "n00000001-boxer", "n00000002-pug"
SETTINGS = params.Crop(
    size=16, frames="boxes", padding=0.1, min_box=24, max_aspect=4.0, holdout=0.25, seed=0, scheduler=None
)
STANFORD = ROOT.parent / "shared" / "data" / "stanford4"


def draw(path, seed, size=(120, 90)):
    """Write a photo of smooth noise, different for each seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(path, quality=90)


def annotate(path, *boxes, size=(120, 90)):
    dogs = "".join(
        f"<object><name>dog</name><bndbox><xmin>{a}</xmin><ymin>{b}</ymin><xmax>{c}</xmax><ymax>{d}</ymax></bndbox></object>"
        for a, b, c, d in boxes
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"<annotation><size><width>{size[0]}</width><height>{size[1]}</height><depth>3</depth></size>{dogs}</annotation>"
    )


class Project:
    """A project's root with photos of two breeds, one dog each."""

    def __init__(self, root):
        self.root, self.raw, self.verdict = root, root / "data" / "raw", root / "data" / "verdict.json"
        self.target, self.sheet = root / "data" / "crops", root / "reports" / "crops.png"
        self.facts = root / "reports" / "crops.json"
        write_verdict(True, self.verdict)
        for breed, first in ((BOXER, 0), (PUG, 100)):
            for number in range(8):
                self.add(f"{breed}/{number}", first + number, (10, 10, 70, 60 + number))

    def add(self, name, seed, *boxes, size=(120, 90)):
        draw(self.raw / "Images" / f"{name}.jpg", seed, size)
        annotate(self.raw / "Annotation" / name, *boxes, size=size)

    def crop(self, workers=None, **changes):
        census = self.root / "data" / "census.csv"
        write_census(with_groups(take_census(self.raw), self.raw), census)
        settings = replace(SETTINGS, **changes)
        cache = self.root / "runs" / "features"
        crop(self.raw, census, self.verdict, settings, self.target, self.sheet, self.facts, workers, cache)
        return load_crops(self.target), self.table()

    def table(self):
        return pandas.read_csv(self.target / "crops.csv")

    def written(self):
        files = [*self.target.iterdir(), self.sheet, self.facts]
        return {file.name: file.read_bytes() for file in files}


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


def test_labels_breeds_and_table_rows_belong_to_the_images_at_the_same_index(project):
    for number in range(8):
        Image.new("RGB", (120, 90), (20 * number, 0, 0)).save(project.raw / "Images" / BOXER / f"{number}.jpg")
        Image.new("RGB", (120, 90), (0, 0, 20 * number)).save(project.raw / "Images" / PUG / f"{number}.jpg")
    crops, table = project.crop()
    assert crops.breeds == (BOXER, PUG)
    for side, images, labels in (
        ("train", crops.train_images, crops.train_labels),
        ("holdout", crops.holdout_images, crops.holdout_labels),
    ):
        rows = table[table["split"] == side]
        assert rows["index"].tolist() == list(range(len(images)))
        for row, image, label in zip(rows.itertuples(), images, labels, strict=True):
            number = int(Path(row.photo).stem)
            expected = [20 * number, 0, 0] if row.breed == BOXER else [0, 0, 20 * number]
            assert np.abs(image.astype(int) - expected).max() <= 3
            assert crops.breeds[label] == row.breed == row.photo.split("/")[0]
            assert (row.xmin, row.ymin, row.xmax, row.ymax) == (10, 10, 70, 60 + number)


def test_all_files_are_the_same_bytes_for_any_number_of_workers_and_runs(project):
    project.add(f"{BOXER}/two", 50, (5, 5, 50, 50), (60, 20, 110, 80))
    project.crop(workers=1, frames="both")
    alone = project.written()
    project.crop(workers=4, frames="both")
    assert project.written() == alone
    assert set(alone) == {
        *("train-images.npy", "train-labels.npy", "holdout-images.npy", "holdout-labels.npy"),
        *("breeds.json", "crops.csv", "crops.png", "crops.json"),
    }


def test_all_crops_of_a_photo_and_of_its_copies_are_on_one_side(project):
    for number in range(8, 20):
        project.add(f"{BOXER}/{number}", number // 2, (5, 5, 50, 50), (60, 20, 110, 80))
    for seed in range(5):
        _, table = project.crop(seed=seed)
        table["content"] = [(project.raw / "Images" / photo).read_bytes() for photo in table["photo"]]
        assert (table.groupby("content")["split"].nunique() == 1).all()
        assert (table.groupby("photo")["split"].nunique() == 1).all()


def test_each_breed_holds_out_its_share(project):
    _, table = project.crop(holdout=0.25)
    counts = table.groupby(["breed", "split"])["photo"].nunique()
    assert counts.to_dict() == {
        (breed, side): n for breed in (BOXER, PUG) for side, n in (("train", 6), ("holdout", 2))
    }


@pytest.mark.parametrize(("frames", "crops"), [("boxes", [2, 1, 0]), ("whole", [1, 1, 1]), ("both", [3, 1, 1])])
def test_frames_decides_the_crops_of_photos_with_and_without_annotation_or_dogs(project, frames, crops):
    project.add(f"{PUG}/annotated", 50, (5, 5, 50, 50), (60, 20, 110, 80))
    draw(project.raw / "Images" / PUG / "bare.jpg", 51)
    project.add(f"{PUG}/dogless", 52)
    _, table = project.crop(frames=frames)
    counts = table["photo"].value_counts()
    assert [int(counts.get(f"{PUG}/{name}.jpg", 0)) for name in ("annotated", "bare", "dogless")] == crops


def test_skipped_boxes_and_photos_are_counted_by_reason(project, capsys):
    project.add(f"{PUG}/small", 50, (5, 5, 20, 50), (5, 5, 25, 80), (10, 10, 60, 60))
    project.add(f"{PUG}/long", 51, (0, 0, 400, 30), size=(400, 60))
    project.add(f"{PUG}/outside", 52, (130, 0, 180, 80), (60, 60, 60, 20))
    project.add(f"{PUG}/dogless", 53)
    project.add(f"{PUG}/unreadable", 54)
    (project.raw / "Annotation" / PUG / "unreadable").write_text("<annotation>")
    project.add(f"{PUG}/shrunk", 55, (10, 10, 60, 60))
    draw(project.raw / "Images" / PUG / "shrunk.jpg", 55, size=(60, 60))
    draw(project.raw / "Images" / PUG / "tiny.jpg", 56, size=(60, 20))
    (project.raw / "Images" / PUG / "broken.jpg").write_bytes(b"\xff\xd8 not much")
    crops, _ = project.crop()
    assert len(crops.train_images) + len(crops.holdout_images) == 17
    output = capsys.readouterr().out
    for line in (
        f"17 crops of 17 photos at 16 px: {len(crops.train_images)} to train on, {len(crops.holdout_images)} held out.",
        "Skipped 1 × photo (not usable).",
        "Skipped 2 × box (shorter side under 24 px).",
        "Skipped 1 × box (more elongated than 4:1).",
        "Skipped 2 × box (no area inside the photo).",
        "Skipped 1 × photo (annotated without a dog).",
        "Skipped 1 × photo (unreadable annotation).",
        "Skipped 1 × photo (annotated at another size).",
        "Skipped 1 × photo (shorter side under 24 px).",
    ):
        assert line in output.splitlines()


def test_the_only_photo_of_a_breed_is_for_training(project):
    project.add("n00000003-corgi/only", 50, (5, 5, 50, 50))
    crops, _ = project.crop()
    assert 2 in crops.train_labels
    assert 2 not in crops.holdout_labels


def test_the_contact_sheet_has_one_row_per_breed(project):
    project.crop()
    with Image.open(project.sheet) as sheet:
        assert 2 * 64 < sheet.height < 3 * 64
        assert sheet.width > 10 * 64


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"verdict\.json is not here"),
        ("{", r"verdict\.json is not JSON"),
        ('{"passed": false}', "the photos failed"),
        ('{"passed": 1}', "the photos failed"),
        ("[]", "the photos failed"),
    ],
)
def test_photos_that_have_not_passed_validation_are_refused(project, content, message):
    project.verdict.unlink() if content is None else project.verdict.write_text(content)
    with pytest.raises(PedigreeError, match=rf"{message}.*pedigree validate"):
        project.crop()
    assert not project.target.exists()


def test_a_missing_census_is_refused(project):
    with pytest.raises(PedigreeError, match=r"census\.csv is not here: run `pedigree validate`"):
        crop(project.raw, project.root / "census.csv", project.verdict, SETTINGS, project.target, project.sheet)


CORGI = "n00000003-corgi"


def small(project):
    project.add(f"{CORGI}/a", 50, (5, 5, 10, 10), (0, 0, 120, 25))


def unreadable(project):
    for number in range(3):
        project.add(f"{CORGI}/{number}", 50 + number)
        (project.raw / "Annotation" / CORGI / str(number)).write_text("<annotation>")


def of_other_pictures(project):
    project.add(f"{CORGI}/a", 50, (10, 10, 60, 60))
    draw(project.raw / "Images" / CORGI / "a.jpg", 50, size=(60, 60))
    project.add(f"{CORGI}/b", 51)


def tiny(project):
    draw(project.raw / "Images" / CORGI / "a.jpg", 50, size=(60, 20))


def broken(project):
    project.add(f"{CORGI}/a", 50, (10, 10, 60, 60))
    (project.raw / "Images" / CORGI / "a.jpg").write_bytes(b"")


@pytest.mark.parametrize(
    ("spoil", "frames", "message"),
    [
        (
            small,
            "boxes",
            "1 × box (more elongated than 4:1), 1 × box (shorter side under 24 px). "
            "Lower crop.min_box, raise crop.max_aspect, or set crop.frames to whole.",
        ),
        (
            unreadable,
            "boxes",
            "3 × photo (unreadable annotation). Correct the annotations or set crop.frames to whole.",
        ),
        (
            of_other_pictures,
            "boxes",
            "1 × photo (annotated at another size), 1 × photo (annotated without a dog). "
            "Correct the annotations, annotate the dogs, or set crop.frames to whole.",
        ),
        (tiny, "boxes", "1 × photo (shorter side under 24 px). Lower crop.min_box."),
        (tiny, "both", "1 × photo (shorter side under 24 px). Lower crop.min_box."),
        (
            broken,
            "whole",
            "1 × photo (not usable). Replace the photos that are not usable (data/census.csv says why).",
        ),
    ],
)
def test_a_breed_without_crops_is_an_error_that_counts_the_reasons_and_says_what_helps(project, spoil, frames, message):
    spoil(project)
    with pytest.raises(PedigreeError) as error:
        project.crop(frames=frames)
    assert str(error.value) == f"No crops of {CORGI}. Skipped: {message}"


def test_many_breeds_without_crops_are_named_in_part(project):
    for number in range(12):
        project.add(f"n000001{number:02}-x/a", 50 + number, (5, 5, 10, 10))
    with pytest.raises(PedigreeError, match=r"^No crops of n00000100-x, .*n00000109-x and 2 more\. Skipped: 12 × box"):
        project.crop()


def scene(box, size):
    """Return a green photo with a red dog in the box."""
    photo = Image.new("RGB", size, (0, 140, 0))
    ImageDraw.Draw(photo).rectangle((box[0], box[1], box[2] - 1, box[3] - 1), fill=(220, 0, 0))
    return photo


def test_boxes_of_photos_resized_after_annotation_hold_the_dog(project):
    box = (40, 40, 160, 160)
    for number in range(8):
        for breed in (BOXER, PUG):
            annotate(project.raw / "Annotation" / breed / str(number), box, size=(400, 400))
            photo = scene(box, (400, 400)).resize((200, 200))
            photo.putpixel((number, 0), (0, 0, 0 if breed == PUG else 255))
            photo.save(project.raw / "Images" / breed / f"{number}.jpg", quality=95, subsampling=0)
    crops, table = project.crop(size=32, padding=0.1)
    red = (crops.train_images[..., 0] > 150) & (crops.train_images[..., 1] < 80)
    assert red.mean() == pytest.approx(1 / 1.2**2, abs=0.05)
    assert table[["xmin", "ymin", "xmax", "ymax"]].drop_duplicates().values.tolist() == [[20, 20, 80, 80]]


@pytest.mark.parametrize(("fit", "reds"), [("pad", 0.5), ("stretch", 1.0), ("cover", 1.0)])
def test_each_fit_shows_its_part_of_the_photo(project, fit, reds):
    box = (40, 10, 100, 130)
    for number in range(8):
        for breed in (BOXER, PUG):
            annotate(project.raw / "Annotation" / breed / str(number), box, size=(300, 200))
            photo = scene(box, (300, 200))
            photo.putpixel((290, 20 * number), (0, 0, 0 if breed == PUG else 255))
            photo.save(project.raw / "Images" / breed / f"{number}.jpg", quality=95, subsampling=0)
    crops, _ = project.crop(fit=fit, padding=0.0)
    red = (crops.train_images[..., 0] > 150) & (crops.train_images[..., 1] < 80)
    assert red.mean() == pytest.approx(reds, abs=0.04)


def test_an_empty_side_of_the_split_is_an_error(project):
    for folder in ("Images", "Annotation"):
        for breed in (BOXER, PUG):
            for file in sorted((project.raw / folder / breed).iterdir())[1:]:
                file.unlink()
    with pytest.raises(PedigreeError, match=r"No photos on the holdout side of the split \(2 photos in all\)"):
        project.crop()


def test_a_photo_that_broke_after_the_census_leaves_the_old_crops_unchanged(project):
    project.crop()
    before = project.written()
    census = project.root / "data" / "census.csv"
    (project.raw / "Images" / PUG / "3.jpg").write_bytes(b"")
    with pytest.raises(PedigreeError, match=r"3\.jpg does not decode"):
        crop(project.raw, census, project.verdict, SETTINGS, project.target, project.sheet)
    assert project.written() == before
    assert [path.name for path in project.target.parent.iterdir() if path.name.startswith(".")] == []


@pytest.mark.skipif(not STANFORD.is_dir(), reason="needs ../shared/data/stanford4, which is not distributed")
def test_real_photos_decoded_at_reduced_scale_differ_little_from_full_decoding(tmp_path, monkeypatch):
    project = Project(tmp_path)
    for archive, folder in (("images.tar", "Images"), ("annotation.tar", "Annotation")):
        with tarfile.open(STANFORD / archive) as tar:
            members = [member for member in tar if member.isfile()][::12]
            for member in members:
                target = project.raw / folder / Path(member.name).parent.name / Path(member.name).name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(tar.extractfile(member).read())
    reduced, table = project.crop(size=32, frames="both")
    reduced = np.array(reduced.train_images, float)
    monkeypatch.setattr("pedigree.crop.cutting.DECODED_FOR_CROPPED", 1e9)
    full, again = project.crop(size=32, frames="both")
    assert table.equals(again)
    difference = np.abs(reduced - full.train_images)
    assert 0 < difference.mean() < 1.2
    assert difference.mean(axis=(1, 2, 3)).max() < 8


def test_near_duplicates_are_on_one_side_and_a_leak_is_an_error_that_names_the_pair(project):
    for number in range(8):
        with Image.open(project.raw / "Images" / BOXER / f"{number}.jpg") as photo:
            photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(
                project.raw / "Images" / PUG / f"twin{number}.jpg", quality=70
            )
        annotate(project.raw / "Annotation" / PUG / f"twin{number}", (50, 10, 110, 60 + number))
    project.crop(holdout=0.5)
    assert json.loads(project.facts.read_text())["holdout_twins"] == 0
    side = project.table().set_index("photo")["split"]
    twins = [(f"{BOXER}/{number}.jpg", f"{PUG}/twin{number}.jpg") for number in range(8)]
    assert all(side[one] == side[other] for one, other in twins) and set(side) == {"train", "holdout"}

    rows = [f"{name},{'holdout' if 'twin' in name else 'train'}" for name in side.index]
    (project.raw / "split.csv").write_text("\n".join(["photo,split", *rows]) + "\n")
    before = project.written()
    with pytest.raises(PedigreeError, match="is like") as raised:
        project.crop()
    assert project.written() == before
    assert "look like a training crop; crop.max_holdout_twins allows 0 %" in str(raised.value)
    assert "\n" not in str(raised.value) and f"{PUG}/twin0.jpg is like {BOXER}/0.jpg" in str(raised.value)
    project.crop(max_holdout_twins=1.0)
    assert json.loads(project.facts.read_text())["holdout_twins"] == 1


def test_a_contact_sheet_that_cannot_be_written_leaves_all_outputs(project, monkeypatch):
    project.crop()
    before = project.written()
    monkeypatch.setattr("pedigree.crop.stage.save_png", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        project.crop(seed=5)
    assert project.written() == before


def test_crops_that_look_alike_although_their_photos_do_not_are_on_one_side(project):
    for number in range(8):
        draw(project.raw / "Images" / BOXER / f"part{number}.jpg", 50 + number, (120, 90))
        with Image.open(project.raw / "Images" / BOXER / f"part{number}.jpg") as part:
            photo = Image.new("RGB", (480, 360), (30, 90, 60))
            photo.paste(part, (300, 20))
            photo.save(project.raw / "Images" / BOXER / f"whole{number}.jpg", quality=95)
        annotate(project.raw / "Annotation" / BOXER / f"part{number}", (5, 5, 85, 85))
        annotate(project.raw / "Annotation" / BOXER / f"whole{number}", (305, 25, 385, 105), size=(480, 360))
    project.crop(padding=0.0, holdout=0.5)
    side = project.table().set_index("photo")["split"]
    assert all(side[f"{BOXER}/part{number}.jpg"] == side[f"{BOXER}/whole{number}.jpg"] for number in range(8))
    assert json.loads(project.facts.read_text())["holdout_twins"] == 0


def test_the_split_of_the_archive_is_kept(project):
    names = [f"{breed}/{number}.jpg" for breed in (BOXER, PUG) for number in range(8)]
    rows = [f"{name},{'holdout' if name.endswith(('1.jpg', '6.jpg')) else 'train'}" for name in names]
    (project.raw / "split.csv").write_text("\n".join(["photo,split", *rows]) + "\n")
    _, table = project.crop(holdout=0.5)
    assert [f"{row.photo},{row.split}" for row in table.sort_values("photo").itertuples()] == rows


def test_a_kept_split_must_name_every_photo_and_leave_each_breed_something_to_train_on(project):
    names = [f"{breed}/{number}.jpg" for breed in (BOXER, PUG) for number in range(8)]
    held = {f"{PUG}/{number}.jpg" for number in range(7)} | {f"{BOXER}/1.jpg"}
    rows = [f"{name},{'holdout' if name in held else 'train'}" for name in names]
    (project.raw / "split.csv").write_text("\n".join(["photo,split", *rows[:-1]]) + "\n")
    with pytest.raises(PedigreeError, match=rf"{PUG}/7\.jpg is on no side of the archive's split"):
        project.crop()
    (project.raw / "split.csv").write_text("\n".join(["photo,split", *rows]) + "\n")
    annotate(project.raw / "Annotation" / PUG / "7", (1, 1, 9, 9))
    with pytest.raises(PedigreeError, match=rf"No crops of {PUG} to train on.*Set unpack\.split to merge\."):
        project.crop()


def test_marks_in_a_breeds_name_do_not_reach_the_terminal(project, capsys):
    for folder in ("Images", "Annotation"):
        (project.raw / folder / PUG).rename(project.raw / folder / f"{PUG}\u202e")
    for number in range(8):
        draw(project.raw / "Images" / f"{PUG}\u202e" / f"{number}.jpg", 100)
    project.crop(holdout=0.5)
    output = capsys.readouterr().out
    assert "Nothing is held out of pug\\u202e" in output
    assert "\u202e" not in output


def test_a_breed_whose_photos_belong_together_is_named(project, capsys):
    for number in range(8):
        draw(project.raw / "Images" / PUG / f"{number}.jpg", 100)
    _, table = project.crop(holdout=0.5)
    assert set(table["breed"][table["split"] == "holdout"]) == {BOXER}
    output = capsys.readouterr().out
    assert "Nothing is held out of pug: one photo, or photos that belong together, stay together." in output


def test_a_breed_of_one_photo_is_named(project, capsys):
    for number in range(1, 8):
        (project.raw / "Images" / PUG / f"{number}.jpg").unlink()
    _, table = project.crop(holdout=0.5)
    assert set(table["breed"][table["split"] == "holdout"]) == {BOXER}
    assert "Nothing is held out of pug: one photo," in capsys.readouterr().out


class UpperLeftFinder:
    """Finds every head in the middle of the upper left quarter, and none in black pictures."""

    name, image_size, dimension, fingerprint = "upper left", 8, 3, "one"

    def features(self, images, batch_size=32):
        quarter = np.full((len(images), 3), 0.25, np.float32)
        quarter[:, 2] = images.any(axis=(1, 2, 3))
        return quarter


def test_heads_are_cropped_and_boxes_without_one_are_counted(project, monkeypatch, capsys):
    monkeypatch.setattr("pedigree.crop.stage.load_finder", UpperLeftFinder)
    for name in ("black", "split"):
        project.add(f"{PUG}/{name}", 50, (0, 0, 80, 80))
    Image.new("RGB", (120, 90)).save(project.raw / "Images" / PUG / "black.jpg")
    split = Image.new("RGB", (120, 90), "blue")
    split.paste("red", (0, 0, 48, 48))
    split.save(project.raw / "Images" / PUG / "split.jpg", quality=95)
    crops, table = project.crop(fit="head", padding=0.0, size=28)
    row = table[table["photo"] == f"{PUG}/split.jpg"].iloc[0]
    images = crops.train_images if row["split"] == "train" else crops.holdout_images
    assert np.abs(images[row["index"]].astype(int) - [254, 0, 0]).max() < 12
    facts = json.loads(project.facts.read_text())
    assert facts["headless"] == 1
    assert facts["enlarged"] == pytest.approx(12 / 18, abs=1e-6)  # sides of 25 to 28.5 px, and 40 and 80
    assert "Cut as cover 1 × box (no visible head)." in capsys.readouterr().out.splitlines()
    before = project.written()
    project.crop(fit="head", padding=0.0, size=28, workers=1)
    assert project.written() == before


def test_other_fits_look_for_no_heads(project, monkeypatch):
    monkeypatch.setattr("pedigree.crop.stage.load_finder", None)
    for fit in ("pad", "stretch", "cover"):
        project.crop(fit=fit)
    assert "headless" not in json.loads(project.facts.read_text())
