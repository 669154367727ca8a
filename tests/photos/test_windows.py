"""Where the part of a photo lies that becomes a crop."""

import numpy as np
import pytest

from pedigree.photos.annotations import Box
from pedigree.photos.windows import (
    Point,
    StoredPhoto,
    Window,
    box_window,
    clipped,
    head_window,
    photo_window,
    reason_to_skip,
    square_around,
)


def random_case(seed):
    """Return the size of a photo, a box inside it and a padding, at random."""
    random = np.random.default_rng(seed)
    width, height = (int(n) for n in random.integers(1, 500, 2))
    xmin, ymin = int(random.integers(0, width)), int(random.integers(0, height))
    box = Box(xmin, ymin, int(random.integers(xmin + 1, width + 1)), int(random.integers(ymin + 1, height + 1)))
    return width, height, box, float(random.choice([0.0, 0.1, 0.5, 1.0]))


@pytest.mark.parametrize("seed", range(60))
def test_a_square_lies_inside_the_photo_unless_the_box_alone_is_too_long_for_it(seed):
    width, height, box, padding = random_case(seed)
    square = square_around(box, StoredPhoto(width, height), padding)
    longer = max(box.width, box.height)
    if longer <= min(width, height):
        assert square.xmin >= 0
        assert square.ymin >= 0
        assert square.xmin + square.width <= width + 1e-9
        assert square.ymin + square.width <= height + 1e-9
    else:
        assert square.width == longer


@pytest.mark.parametrize("seed", range(60))
def test_a_square_holds_the_whole_box_and_all_its_padding_if_the_photo_is_large_enough(seed):
    width, height, box, padding = random_case(seed)
    square = square_around(box, StoredPhoto(width, height), padding)
    assert square.xmin <= box.xmin + 1e-9
    assert square.ymin <= box.ymin + 1e-9
    assert square.xmin + square.width >= box.xmax - 1e-9
    assert square.ymin + square.width >= box.ymax - 1e-9
    grown = max(box.width, box.height) * (1 + 2 * padding)
    assert square.width <= grown + 1e-9
    if grown <= min(width, height):
        assert square.width == pytest.approx(grown)


@pytest.mark.parametrize("seed", range(60))
def test_a_square_larger_than_the_photo_spans_its_shorter_side_and_stays_inside_the_other(seed):
    width, height, box, padding = random_case(seed)
    square = square_around(box, StoredPhoto(width, height), padding)
    for start, length in ((square.xmin, width), (square.ymin, height)):
        if square.width > length:
            assert start <= 0
            assert start + square.width >= length
        else:
            assert start >= 0
            assert start + square.width <= length + 1e-9


def test_a_square_is_centred_on_a_box_far_from_the_edges():
    assert square_around(Box(100, 120, 180, 160), StoredPhoto(400, 400), padding=0.25) == Window(80, 80, 120, 120)


def test_a_square_is_shifted_and_not_shrunk_at_a_corner():
    assert square_around(Box(0, 0, 40, 20), StoredPhoto(300, 200), padding=0.1) == Window(0, 0, 48, 48)
    assert square_around(Box(260, 180, 300, 200), StoredPhoto(300, 200), padding=0.1) == Window(252, 152, 48, 48)


def test_padding_is_reduced_before_anything_is_mirrored():
    assert square_around(Box(10, 0, 210, 190), StoredPhoto(400, 200), padding=0.2) == Window(10, 0, 200, 200)


@pytest.mark.parametrize(("width", "height"), [(300, 200), (200, 301), (64, 64), (1, 9)])
def test_a_whole_frame_is_the_largest_square_at_the_centre(width, height):
    square = photo_window(StoredPhoto(width, height), "pad")
    assert square.width == min(width, height)
    assert 2 * square.xmin + square.width == width
    assert 2 * square.ymin + square.width == height


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        (Box(10, 10, 34, 34), ""),
        (Box(10, 10, 33, 90), "shorter side under 24 px"),
        (Box(0, 0, 24, 96), ""),
        (Box(0, 0, 97, 24), "more elongated than 4:1"),
        (Box(-50, 10, 10, 60), "shorter side under 24 px"),
        (Box(150, 10, 190, 60), "no area inside the photo"),
        (Box(60, 10, 20, 60), "no area inside the photo"),
        (Box(20, 20, 20, 60), "no area inside the photo"),
        (Box(-40, -40, 400, 400), ""),
    ],
)
def test_a_box_is_judged_by_its_part_inside_the_photo(box, reason):
    assert reason_to_skip(clipped(box, StoredPhoto(100, 100)), min_box=24, max_aspect=4.0) == reason


@pytest.mark.parametrize(
    ("box", "padding", "expected"),
    [
        (Box(100, 120, 180, 160), 0.0, Window(100, 120, 80, 40)),
        (Box(100, 120, 180, 160), 0.25, Window(80, 100, 120, 80)),
        (Box(0, 10, 80, 190), 0.1, Window(0, 0, 98, 200)),
        (Box(300, 0, 400, 200), 0.5, Window(200, 0, 200, 200)),
    ],
)
def test_stretch_takes_the_box_and_its_padding_as_far_as_the_photo_goes(
    box: Box, padding: float, expected: Window
) -> None:
    assert box_window(box, StoredPhoto(400, 200), "stretch", padding) == expected


def test_stretch_takes_a_whole_photo_whole() -> None:
    assert photo_window(StoredPhoto(300, 200), "stretch") == Window(0, 0, 300, 200)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_cover_is_at_the_top_as_seen_of_an_upright_box_and_at_the_centre_of_a_lying_one(orientation: int) -> None:
    turned = orientation >= 5
    across, along = 60, 100
    near = along - across if orientation in (3, 4, 7, 8) else 0
    tall = Window(0, near, across, across)
    wide = Window(near, 0, across, across)
    centred_tall, centred_wide = Window(0, 20, across, across), Window(20, 0, across, across)
    assert photo_window(StoredPhoto(across, along, orientation), "cover") == (centred_tall if turned else tall)
    assert photo_window(StoredPhoto(along, across, orientation), "cover") == (wide if turned else centred_wide)


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("fit", ["stretch", "cover"])
def test_stretch_and_cover_stay_inside_the_photo_and_cover_is_the_largest_square_of_stretch(
    seed: int, fit: str
) -> None:
    width, height, box, padding = random_case(seed)
    frame = StoredPhoto(width, height)
    stretched, window = box_window(box, frame, "stretch", padding), box_window(box, frame, fit, padding)
    assert window.xmin >= stretched.xmin >= 0
    assert window.ymin >= stretched.ymin >= 0
    assert window.xmin + window.width <= stretched.xmin + stretched.width + 1e-9 <= width + 2e-9
    assert window.ymin + window.height <= stretched.ymin + stretched.height + 1e-9 <= height + 2e-9
    assert window.share_outside(width, height) == pytest.approx(0, abs=1e-12)
    if fit == "cover":
        assert window.width == window.height == min(stretched.width, stretched.height)


@pytest.mark.parametrize(
    ("window", "share"),
    [
        (Window(0, 0, 100, 100), 0),
        (Window(0, -50, 200, 200), 0.5),
        (Window(-100, -50, 200, 200), 0.75),
        (Window(20, 30, 10, 10), 0),
    ],
)
def test_the_share_outside_the_photo_is_of_the_area(window: Window, share: float) -> None:
    assert window.share_outside(200, 100) == pytest.approx(share)


TALL = Box(100, 100, 200, 300)


@pytest.mark.parametrize(
    ("point", "padding", "window"),
    [
        (Point(140, 140), 0.0, Window(100, 100, 80, 80)),  # 40 px from two sides
        (Point(150, 140), 0.0, Window(110, 100, 80, 80)),
        (Point(150, 200), 0.0, Window(100, 150, 100, 100)),  # 50 px: no larger than the shorter side
        (Point(150, 110), 0.0, Window(125, 100, 50, 50)),  # 10 px: no smaller than half of it, shifted inside
        (Point(195, 295), 0.0, Window(150, 250, 50, 50)),
        (Point(150, 110), 0.1, Window(125, 85, 50, 50)),  # distances are those to the tight box
        (Point(140, 140), 0.1, Window(100, 100, 80, 80)),
        (Point(150, 200), 0.1, Window(100, 150, 100, 100)),
        (Point(102, 102), 0.1, Window(80, 80, 50, 50)),  # shifted into the grown box
    ],
)
def test_the_window_of_a_head_is_as_large_as_its_distance_from_the_box(
    point: Point, padding: float, window: Window
) -> None:
    assert head_window(point, TALL, StoredPhoto(400, 400), padding, 2.0) == window


def test_a_head_that_fills_its_box_gets_the_padding() -> None:
    window = head_window(Point(150, 150), Box(100, 100, 200, 200), StoredPhoto(400, 400), 0.1, 2.3)
    assert (window.xmin, window.ymin, window.width) == pytest.approx((92.5, 92.5, 115))


@pytest.mark.parametrize("seed", range(60))
def test_the_window_of_a_head_is_a_square_inside_the_grown_box(seed: int) -> None:
    width, height, box, padding = random_case(seed)
    random = np.random.default_rng(seed)
    point = Point(int(random.integers(box.xmin, box.xmax + 1)), int(random.integers(box.ymin, box.ymax + 1)))
    frame = StoredPhoto(width, height)
    window, grown = head_window(point, box, frame, padding, 2.3), box_window(box, frame, "stretch", padding)
    assert window.width == window.height >= min(box.width, box.height) / 2
    assert window.xmin >= grown.xmin - 1e-9 and window.ymin >= grown.ymin - 1e-9
    assert window.xmin + window.width <= grown.xmin + grown.width + 1e-9
    assert window.ymin + window.height <= grown.ymin + grown.height + 1e-9
