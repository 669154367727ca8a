"""Packed crops: what is written is read back, and damaged files are clear errors."""

import json

import numpy as np
import pytest

from pedigree.common.packed_crops import load_crops, pack_crops
from pedigree.errors import PedigreeError


@pytest.fixture
def folder(tmp_path):
    for side, count in (("train", 6), ("holdout", 3)):
        np.save(tmp_path / f"{side}-images.npy", np.full((count, 16, 16, 3), count, np.uint8))
        np.save(tmp_path / f"{side}-labels.npy", np.arange(count, dtype=np.int32) % 2)
    (tmp_path / "breeds.json").write_text(json.dumps(["n1-boxer", "n2-pug"]))
    return tmp_path


def test_every_array_is_read_for_its_side(folder):
    crops = load_crops(folder)
    assert crops.size == 16
    assert crops.breeds == ("n1-boxer", "n2-pug")
    assert crops.train_images.shape == (6, 16, 16, 3)
    assert (crops.holdout_images == 3).all()
    assert crops.train_labels.tolist() == [0, 1, 0, 1, 0, 1]
    assert crops.holdout_labels.tolist() == [0, 1, 0]


def test_crops_are_read_as_they_were_packed(tmp_path):
    random = np.random.default_rng(0)
    images = {side: random.integers(0, 256, (6, 8, 8, 3), np.uint8) for side in ("train", "holdout")}
    labels = {side: random.integers(0, 2, 6).astype(np.int32) for side in images}
    parts = [(side, images[side][start : start + 2]) for start in (0, 2, 4) for side in images]
    pack_crops(tmp_path, ["n1-Löwchen", "n2-pug"], labels, iter(parts), 8)
    crops = load_crops(tmp_path)
    assert crops.breeds == ("n1-Löwchen", "n2-pug")
    np.testing.assert_array_equal(crops.train_images, images["train"])
    np.testing.assert_array_equal(crops.holdout_images, images["holdout"])
    np.testing.assert_array_equal(crops.train_labels, labels["train"])
    np.testing.assert_array_equal(crops.holdout_labels, labels["holdout"])


def test_arrays_stay_on_disk_and_cannot_be_written(folder):
    crops = load_crops(folder)
    assert isinstance(crops.train_images, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        crops.train_images[0] = 0


def save(name, array):
    return lambda folder: np.save(folder / name, array)


def write(name, content):
    return lambda folder: (folder / name).write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "breeds.json").unlink(), r"breeds\.json is not here"),
        (write("breeds.json", b"["), r"breeds\.json is not JSON"),
        (write("breeds.json", b"\xff"), r"breeds\.json is not JSON"),
        (write("breeds.json", b"[" * 100_000), r"breeds\.json is not JSON"),
        (write("breeds.json", b"9" * 6_000), r"breeds\.json is not JSON"),
        (write("breeds.json", b'{"0": "boxer"}'), r"breeds\.json is not a list"),
        (write("breeds.json", b'["boxer"]'), r"train-labels\.npy has labels outside those of breeds\.json \(0 to 0\)"),
        (lambda folder: (folder / "train-images.npy").unlink(), r"train-images\.npy is not here"),
        (lambda folder: (folder / "holdout-labels.npy").unlink(), r"holdout-labels\.npy is not here"),
        (write("train-images.npy", b""), r"train-images\.npy is not a whole"),
        (write("train-images.npy", b"\x93NUMPY\x01\x00"), r"train-images\.npy is not a whole"),
        (save("train-images.npy", np.zeros((6, 16, 16, 3))), r"train-images\.npy is not .*float64"),
        (save("train-images.npy", np.zeros((6, 16, 12, 3), np.uint8)), r"train-images\.npy is not .*\(6, 16, 12, 3\)"),
        (save("train-images.npy", np.zeros((0, 16, 16, 3), np.uint8)), r"train-images\.npy is "),
        (save("train-images.npy", np.zeros((5, 16, 16, 3), np.uint8)), r"train-labels\.npy is not \(5,\) int32"),
        (save("holdout-images.npy", np.zeros((3, 8, 8, 3), np.uint8)), "different sizes"),
        (save("holdout-labels.npy", np.zeros(3)), r"holdout-labels\.npy is not .*float64"),
        (
            save("holdout-labels.npy", np.array([0, 1, -1], np.int32)),
            r"holdout-labels\.npy has labels outside those of breeds\.json \(0 to 1\)",
        ),
    ],
)
def test_files_that_do_not_fit_are_one_clear_error(folder, spoil, message):
    spoil(folder)
    with pytest.raises(PedigreeError, match=rf"{message}.*: run `pedigree crop`\.$"):
        load_crops(folder)


def test_a_truncated_array_is_one_clear_error(folder):
    path = folder / "train-images.npy"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(PedigreeError, match=r"train-images\.npy is not a whole"):
        load_crops(folder)


def test_no_bit_of_a_header_flips_into_another_exception(folder):
    path = folder / "train-labels.npy"
    content = path.read_bytes()
    for bit in range(8 * 128):  # NumPy's header has 128 bytes
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        try:
            load_crops(folder)
        except PedigreeError as error:
            assert "run `pedigree crop`" in str(error)


def test_a_breed_twice_is_an_error_before_a_generator_is_trained_that_nobody_can_read(folder):
    (folder / "breeds.json").write_text(json.dumps(["n1-boxer", "n1-boxer"]))
    with pytest.raises(PedigreeError, match=r"breeds\.json names a breed twice: run `pedigree crop`"):
        load_crops(folder)
