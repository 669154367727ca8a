"""The digest of a retraining, and pictures beside each other."""

import copy
from io import BytesIO

from conftest import ROOT
from PIL import Image

from pedigree.common.paths import METRICS
from pedigree.results import gate
from pedigree.results.digest import Digest
from pedigree.results.metrics_file import read
from pedigree.results.side_by_side import HEADING, side_by_side
from pedigree.settings import params

SCORES = read(ROOT / METRICS)
DISTANCE = SCORES["efficientnet-lite0"]["frechet_distance"]


def digest(seconds: dict[str, float]) -> Digest:
    worse = copy.deepcopy(SCORES)
    worse[next(iter(worse))]["frechet_distance"] *= 2
    drift = [{"breed": "Pug", "what": "4 more photos"}, {"breed": "Boxer <b>", "what": "same"}]
    return Digest("Rejected", "The champion stays.", seconds, drift, gate.judge(params.Gate(), worse, SCORES))


def test_a_digest_says_what_ran_what_changed_and_how_the_scores_are() -> None:
    text = digest({"crop": 5.2, "train": 7384.0, "score": 61.0}).exhibit().text
    assert text is not None
    for part in (
        "## Rejected",
        "crop 5 s, train 2 h 3 min, score 1 min 1 s.",
        "1 breed of 2 changed: Pug: 4 more photos.",
        "3 same, 1 worse",
        f"- Fréchet distance went from {DISTANCE:.1f} to {2 * DISTANCE:.1f}",
        f"| Fréchet distance | {DISTANCE:.1f} ± ",
    ):
        assert part in text, text


def test_the_notification_is_one_line() -> None:
    text = digest({}).text()
    assert text.startswith("The champion stays. 1 breed of 2 changed: Pug: 4 more photos. Scores: ")
    assert "\n" not in text


def test_pictures_stand_beside_each_other_below_their_names() -> None:
    files = {}
    for name, colour, size in (("champion", "red", (30, 20)), ("candidate", "blue", (40, 10))):
        file = BytesIO()
        Image.new("RGB", size, colour).save(file, "PNG")
        files[name] = file.getvalue()
    sheet = Image.open(BytesIO(side_by_side(files)))
    assert sheet.size == (70, HEADING + 20)
    assert [sheet.getpixel((x, HEADING + 5)) for x in (5, 35)] == [(255, 0, 0), (0, 0, 255)]
    assert sheet.getpixel((35, HEADING + 15)) == (255, 255, 255)
