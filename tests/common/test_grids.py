"""Pictures in rows and columns."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pedigree.common.grids import GAP, grid, save_png, wrapped


def flat(rows, columns, side):
    """Return pictures of one colour each, all different."""
    colours = np.arange(rows * columns * 3, dtype=np.uint8).reshape(rows, columns, 1, 1, 3)
    return np.broadcast_to(colours, (rows, columns, side, side, 3)).copy()


@pytest.mark.parametrize("scale", [1, 3])
@pytest.mark.parametrize("labels", [None, ["boxer", "a breed with quite a long name"]])
def test_each_picture_lies_in_its_row_and_column(scale, labels):
    images = flat(2, 4, 32)
    sheet = np.asarray(grid(images, labels, scale))
    step = 32 * scale + GAP
    for row in range(2):
        for column in range(4):
            middle = sheet[GAP + row * step + step // 2, sheet.shape[1] - (4 - column) * step + step // 2]
            assert (middle == images[row, column, 0, 0]).all()


def test_labels_widen_the_sheet_and_are_written_to_the_left_of_the_pictures():
    plain, labelled = (np.asarray(grid(flat(2, 3, 32), labels)) for labels in (None, ["boxer", "pug"]))
    margin = labelled.shape[1] - plain.shape[1]
    assert margin > 20
    assert np.array_equal(labelled[:, margin:], plain)
    for top in (GAP, 2 * GAP + 32):
        assert labelled[top : top + 32, :margin].min() < 100


def test_there_are_gaps_between_pictures():
    sheet = np.asarray(grid(flat(1, 2, 16)))
    assert sheet.shape == (16 + 2 * GAP, 2 * 16 + 3 * GAP, 3)
    assert (sheet[:, GAP + 16 : 2 * GAP + 16] == 255).all()


def test_headings_and_title_are_written_above_the_pictures_and_do_not_change_them():
    images = flat(2, 3, 32)
    plain, headed = np.asarray(grid(images)), np.asarray(grid(images, columns=["-2", "0", "2"], title="boxer"))
    head = len(headed) - len(plain)
    assert np.array_equal(headed[head:], plain)
    title, columns = headed[: head // 2], headed[head // 2 : head]
    assert title.min() < 100
    for column in range(3):
        left = GAP + column * (32 + GAP)
        assert columns[:, left : left + 32].min() < 100
        assert (columns[:, left - GAP : left] == 255).all()


def test_a_long_title_widens_the_sheet_to_the_right():
    plain, titled = np.asarray(grid(flat(1, 1, 32))), np.asarray(grid(flat(1, 1, 32), title="a breed of a long name"))
    head = len(titled) - len(plain)
    assert titled.shape[1] > plain.shape[1]
    assert np.array_equal(titled[head:, : plain.shape[1]], plain)
    assert (titled[head:, plain.shape[1] :] == 255).all()
    assert (titled[:, -GAP:] == 255).all()


@pytest.mark.parametrize(
    ("images", "labels"),
    [(np.zeros((2, 8, 8, 3), np.uint8), None), (np.zeros((1, 1, 8, 8, 3)), None), (flat(2, 1, 8), ["one"])],
)
def test_a_wrong_shape_type_or_number_of_labels_is_an_error(images, labels):
    with pytest.raises(ValueError, match="Received"):
        grid(images, labels)


def test_a_wrong_number_of_headings_is_an_error():
    with pytest.raises(ValueError, match="one per column"):
        grid(flat(1, 2, 8), columns=["one"])


def test_equal_pictures_give_equal_bytes_and_no_temporary_file_is_left(tmp_path):
    sheet = grid(flat(2, 2, 16), ["boxer", "pug"])
    save_png(sheet, tmp_path / "new" / "one.png")
    save_png(sheet, tmp_path / "new" / "two.png")
    one, two = sorted((tmp_path / "new").iterdir())
    assert one.read_bytes() == two.read_bytes()
    assert one.read_bytes().startswith(b"\x89PNG")


def test_a_field_is_in_the_png_and_nowhere_else(tmp_path: Path) -> None:
    plain, described = tmp_path / "plain.png", tmp_path / "described.png"
    sheet = Image.new("RGB", (3, 2), "red")
    save_png(sheet, plain)
    save_png(sheet, described, {"Description": "best 2 of 4 · schön"})
    with Image.open(plain) as one, Image.open(described) as other:
        assert (one.text, other.text) == ({}, {"Description": "best 2 of 4 · schön"})
        assert np.array_equal(np.asarray(one), np.asarray(other))


@pytest.mark.parametrize(("count", "rows"), [(1, 1), (3, 1), (4, 2), (6, 2), (7, 3)])
def test_pictures_fill_rows_and_white_fills_the_last_one(count, rows):
    images = flat(1, count, 4)[0]
    cells = wrapped(images, 3)
    assert cells.shape == (rows, 3, 4, 4, 3)
    flattened = cells.reshape(-1, 4, 4, 3)
    assert np.array_equal(flattened[:count], images)
    assert (flattened[count:] == 255).all()


def test_names_beyond_ascii_are_written_with_their_letters():
    ink = set()
    for letter in "nñЖΩ犬":
        sheet = np.asarray(grid(flat(1, 1, 64), [f"{letter}{letter}"]))
        margin = sheet[:, : -64 - 2 * GAP]
        columns = np.flatnonzero((margin < 100).any((0, 2)))
        ink.add(margin[:, columns[0] : columns[-1] + 1].tobytes())
    assert len(ink) == 5, "a letter that a font does not have is an empty box, the same for all"
