"""The embedded sample: the committed archives are what the code draws, and breeds can be learned from them."""

import io
import re
import tarfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from tools.sample.archive import draw_files, draw_sample, packed
from tools.sample.breeds import BREEDS
from tools.sample.rendering import draw_photo

SAMPLE = Path(__file__).parents[1] / "data" / "sample"
FIELDS = ["folder", "filename", "source/database", "size/width", "size/height", "size/depth", "segment"]
OBJECT_FIELDS = ["name", "pose", "truncated", "difficult", "bndbox/xmin", "bndbox/ymin", "bndbox/xmax", "bndbox/ymax"]
SOME = [(breed, number) for breed in range(len(BREEDS)) for number in (1, 3, 40, 77)]


@pytest.fixture(scope="module")
def images():
    return _files(SAMPLE / "images.tar", "Images/", ".jpg")


@pytest.fixture(scope="module")
def annotations():
    files = _files(SAMPLE / "annotation.tar", "Annotation/", "")
    return {path: ElementTree.fromstring(content) for path, content in files.items()}  # noqa: S314 our own file


@pytest.fixture(scope="module")
def pictures(images):
    return {path: np.asarray(Image.open(io.BytesIO(content))) for path, content in images.items()}


def test_the_code_draws_exactly_the_committed_archives():
    for name, entries in zip(("images.tar", "annotation.tar"), draw_sample(), strict=True):
        assert packed(entries) == (SAMPLE / name).read_bytes(), f"{name}: run `python -m tools.sample`"


def test_a_photo_does_not_depend_on_the_photos_drawn_before_it(images):
    for breed, number in reversed(SOME[::3]):
        assert draw_files((breed, number))[0] == images[_path(breed, number)]


def test_seeds_and_numbers_give_different_photos():
    first = draw_photo(0, 1).image
    assert not np.array_equal(first, draw_photo(0, 2).image)
    assert not np.array_equal(first, draw_photo(0, 1, seed=1).image)


def test_archives_are_small_plain_and_anonymous():
    assert sum((SAMPLE / name).stat().st_size for name in ("images.tar", "annotation.tar")) < 5_000_000
    for name in ("images.tar", "annotation.tar"):
        with tarfile.open(SAMPLE / name, "r:") as archive:
            members = archive.getmembers()
        assert [member.name for member in members] == sorted(member.name for member in members)
        assert {(m.uid, m.gid, m.uname, m.gname) for m in members} == {(0, 0, "", "")}
        assert len({m.mtime for m in members}) == 1
        assert {(m.isdir(), m.mode) for m in members} == {(True, 0o755), (False, 0o644)}


def test_folders_and_files_are_named_as_in_stanford_dogs(images, annotations):
    assert list(images) == list(annotations)
    for path in images:
        assert re.fullmatch(r"(n99\d{6})-[A-Z][a-z]+_[a-z]+/\1_\d+", path)


def test_the_photos_per_breed_are_within_bounds_and_differ(images):
    counts = [sum(path.startswith(breed.folder) for path in images) for breed in BREEDS]
    assert counts == [breed.photos for breed in BREEDS]
    assert len(counts) >= 8 and len(set(counts)) > 1
    assert min(counts) >= 80 and max(counts) <= 150


def test_annotations_have_stanfords_fields_in_its_order(annotations):
    for path, root in annotations.items():
        folder, stem = path.split("/")
        assert _leaves(root)[: len(FIELDS)] == FIELDS
        assert root.findtext("folder") == folder[1:9]
        assert root.findtext("filename") == stem
        for dog in root.iter("object"):
            assert _leaves(dog) == OBJECT_FIELDS
            assert dog.findtext("name") == folder.split("-")[1]


def test_photos_are_colour_jpegs_of_the_annotated_size(images, annotations):
    for path, content in images.items():
        with Image.open(io.BytesIO(content)) as photo:
            assert (photo.format, photo.mode) == ("JPEG", "RGB")
            assert photo.size == _size(annotations[path])


def test_sizes_and_aspects_vary(annotations):
    sizes = np.array([_size(root) for root in annotations.values()])
    aspects = sizes[:, 0] / sizes[:, 1]
    assert sizes.min() >= 110 and sizes.max() <= 260
    assert len(np.unique(sizes, axis=0)) > len(sizes) / 2
    assert np.quantile(aspects, 0.1) < 0.85 and np.quantile(aspects, 0.9) > 1.25


def test_boxes_lie_inside_the_photo_and_fill_much_of_it(annotations):
    for root in annotations.values():
        width, height = _size(root)
        boxes = np.array(_boxes(root))
        assert (boxes[:, :2] >= 0).all() and (boxes[:, 2:] <= (width, height)).all()
        spans = (boxes[:, 2:].max(axis=0) - boxes[:, :2].min(axis=0)) / (width, height)
        assert 0.60 < spans.max() < 0.97
        assert (boxes[:, 2:] - boxes[:, :2]).min() >= 24


def test_boxes_are_tight_around_the_drawn_pixels(annotations):
    for breed, number in SOME:
        covers = draw_photo(breed, number).covers
        nearest = covers[-1] >= 0.5
        xmin, ymin, xmax, ymax = _boxes(annotations[_path(breed, number)])[-1]
        inside = nearest[ymin:ymax, xmin:xmax]
        assert inside.sum() == nearest.sum()
        assert inside[0].any() and inside[-1].any() and inside[:, 0].any() and inside[:, -1].any()


def test_dogs_do_not_touch_the_edges_of_the_photo():
    for breed, number in SOME:
        for cover in draw_photo(breed, number).covers:
            assert max(cover[0].max(), cover[-1].max(), cover[:, 0].max(), cover[:, -1].max()) == 0


def test_some_photos_show_two_dogs(annotations):
    dogs = np.array([len(_boxes(root)) for root in annotations.values()])
    assert set(dogs) == {1, 2}
    assert 0.03 < (dogs == 2).mean() < 0.10


def test_breeds_can_be_distinguished_at_32_pixels(pictures, annotations):
    crops = _features(pictures, annotations, lambda picture, box: _shrunk(picture, box, 32))
    assert _accuracy(*crops) > 0.85


def test_breeds_can_be_distinguished_by_the_dog_alone(pictures, annotations):
    """Nearly all of the middle half of a box is dog."""
    middles = _features(pictures, annotations, lambda picture, box: _shrunk(picture, _middle(box), 16))
    assert _accuracy(*middles) > 0.75


def test_backgrounds_do_not_reveal_the_breed(pictures, annotations):
    """There is no dog at the edges of a photo. Always guessing the most frequent breed gives 0.15."""
    borders = _features(pictures, annotations, lambda picture, box: _border(picture))
    assert _accuracy(*borders) < 0.22


def _files(archive, prefix, suffix):
    with tarfile.open(archive, "r:") as tar:
        members = [member for member in tar if member.isfile()]
        return {m.name.removeprefix(prefix).removesuffix(suffix): tar.extractfile(m).read() for m in members}


def _path(breed, number):
    return f"{BREEDS[breed].folder}/{BREEDS[breed].wnid}_{number}"


def _leaves(element, prefix=""):
    leaves = []
    for child in element:
        leaves += _leaves(child, f"{prefix}{child.tag}/") if len(child) else [prefix + child.tag]
    return leaves


def _size(root):
    return int(root.findtext("size/width")), int(root.findtext("size/height"))


def _boxes(root):
    sides = ("xmin", "ymin", "xmax", "ymax")
    return [tuple(int(dog.findtext(f"bndbox/{side}")) for side in sides) for dog in root.iter("object")]


def _middle(box):
    xmin, ymin, xmax, ymax = box
    return (3 * xmin + xmax) / 4, (3 * ymin + ymax) / 4, (xmin + 3 * xmax) / 4, (ymin + 3 * ymax) / 4


def _shrunk(picture, box, size):
    return np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.BOX, box=box))


def _border(picture):
    small = np.asarray(Image.fromarray(picture).resize((32, 32), Image.Resampling.BOX))
    edges = (small[0], small[-1], small[:, 0], small[:, -1])
    return np.stack([edge.reshape(4, 8, 3).mean(axis=1) for edge in edges])


def _features(pictures, annotations, feature):
    """Return features (photos, d) in [0, 1], the index of each breed and the number of each photo."""
    paths = list(pictures)
    values = [feature(pictures[path], _boxes(annotations[path])[-1]) for path in paths]
    breeds = [[breed.folder for breed in BREEDS].index(path.split("/")[0]) for path in paths]
    numbers = [int(path.split("_")[-1]) for path in paths]
    return np.array(values, float).reshape(len(paths), -1) / 255, np.array(breeds), np.array(numbers)


def _accuracy(features, breeds, numbers):
    """Return the accuracy on even photos of a ridge regression fitted to the odd photos."""
    odd = numbers % 2 == 1
    centred = features - features[odd].mean(axis=0)
    inputs, targets = centred[odd], np.eye(len(BREEDS))[breeds[odd]]
    ridge = 0.01 * features.shape[1]
    weights = np.linalg.solve(inputs @ inputs.T + ridge * np.eye(len(inputs)), targets - targets.mean(axis=0))
    guesses = centred[~odd] @ inputs.T @ weights + targets.mean(axis=0)
    return (guesses.argmax(axis=1) == breeds[~odd]).mean()
