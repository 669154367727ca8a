"""The page of translations: rows of pictures in both directions, every number beside what it is compared with."""

import numpy as np
import pytest
from html_page import Page

from pedigree.metrics.estimate import Estimate
from pedigree.translate import page
from pedigree.translate.evaluation import Direction

NUMBERS = {
    "crops": 12,
    "breed_accuracy": Estimate(0.61, 0.1),
    "breed_accuracy_untranslated": Estimate(0.07, 0.1),
    "breed_accuracy_real": Estimate(0.93, 0.1),
    "frechet_distance": Estimate(123.4, 5.0),
    "frechet_distance_untranslated": Estimate(222.2, 5.0),
    "frechet_distance_real": Estimate(88.8, 5.0),
    "content_kept": 0.71,
    "content_kept_unrelated": 0.04,
    "round_trip": 9.5,
    "round_trip_unrelated": 61.3,
}
HOSTILE = "n90000002-<b>Bold</b>_dog"


@pytest.fixture
def text() -> str:
    chance = np.random.default_rng(0)
    pictures = chance.integers(0, 256, (3, 12, 16, 16, 3), dtype=np.uint8)
    names = ("n90000001-Snow_spitz", HOSTILE)
    return page.render([Direction(*pair, *pictures, NUMBERS) for pair in (names[::-1], names)], 2000)


def test_both_directions_are_shown_with_three_rows_of_pictures(text: str) -> None:
    assert text.index("Snow spitz</bdi> to") < text.index("dog</bdi> to <bdi>Snow spitz")
    sources = Page(text).all("img", "src")
    assert len(sources) == 6
    assert all(source.startswith("data:image/webp;base64,") for source in sources)
    assert text.count("--k:10") == 6


def test_every_number_is_beside_what_it_is_compared_with(text: str) -> None:
    plain = Page(text).text("dl")
    for number in ("61 of 100", "7 of 100", "93 of 100", "123.4", "222.2", "88.8", "0.71", "0.04", "9.5", "61.3"):
        assert plain.count(number) == 2, number
    assert "after 2,000 steps" in text
    assert plain.count("Number of held-out photos: 12.") == 2


def test_names_are_escaped_and_nothing_is_fetched(text: str) -> None:
    assert "<b>Bold" not in text
    assert "&lt;b&gt;Bold&lt;/b&gt; dog" in text
    assert "http://" not in text
    assert "https://" not in text
