"""The score page: it shows every number, says what is the matter, and is one file that opens anywhere."""

import base64
import io
import re
import shutil
from dataclasses import replace
from functools import cache
from importlib import resources

import numpy as np
import pandas as pd
import pytest
from html_page import Page, browsed
from PIL import Image, ImageFilter

from pedigree.common.measures import MEASURES
from pedigree.metrics.estimate import Estimate
from pedigree.pages.axes import around
from pedigree.pages.wording import breed_name, of_100
from pedigree.score import page
from pedigree.score.evaluation import Evaluation
from pedigree.score.sample import Sample

HOSTILE = ("n99000001-<script>alert(1)</script>", "n99000002-\"Fox\" & 'Hound'", "n99000003-柴犬_{{ 7*7 }}")
PLAIN = ("n99000001-Snow_spitz", "n99000002-Fog_shagcoat", "n99000003-Toffee_shortleg")
HISTORY = pd.DataFrame(
    {
        "step": [20, 40, 60],
        "discriminator_loss": [1.2, 1.1, 1.3],
        "generator_loss": [0.9, 1.0, 1.1],
        "real_logit": [0.5, 0.6, 0.4],
        "fake_logit": [-0.5, -0.2, -0.3],
    }
)
GOOD = {
    "samples": 60,
    "real": 90,
    "holdout": 30,
    "frechet_distance": Estimate(151.53, 3.1),
    "frechet_distance_at_floor_size": Estimate(175.45, 5.2),
    "frechet_distance_floor": Estimate(160.81, 4.4),
    "kernel_distance": Estimate(0.01234, 0.00051),
    "kernel_distance_floor": Estimate(-0.00012, 0.0003),
    "precision": Estimate(0.904, 0.021),
    "precision_holdout": Estimate(0.93, 0.03),
    "recall": Estimate(0.61, 0.031),
    "recall_at_floor_size": Estimate(0.52, 0.041),
    "recall_holdout": Estimate(0.55, 0.044),
    "density": Estimate(0.95, 0.06),
    "density_holdout": Estimate(1.01, 0.07),
    "coverage": Estimate(0.83, 0.027),
    "coverage_at_floor_size": Estimate(0.66, 0.037),
    "coverage_holdout": Estimate(0.7, 0.036),
    "breed_accuracy": Estimate(0.9, 0.022),
    "breed_accuracy_holdout": Estimate(0.95, 0.015),
    "breed_accuracy_chance": 0.334,
    "imagenet_accuracy": Estimate(0.81, 0.05),
    "imagenet_accuracy_holdout": Estimate(0.91, 0.04),
    "memorization_distance": Estimate(0.213, 0.0061),
    "memorization_distance_holdout": Estimate(0.204, 0.0072),
    "memorization_nearer": Estimate(0.47, 0.026),
    "memorization_suspects": Estimate(0.017, 0.004),
    "memorization_verdict": "fine",
    "memorization_informed_frechet_distance": Estimate(151.5, 3.3),
    "intra_breed_diversity": Estimate(0.31, 0.012),
    "intra_breed_diversity_real": Estimate(0.34, 0.011),
    "ms_ssim": Estimate(0.24, 0.013),
    "ms_ssim_real": Estimate(0.21, 0.012),
    "near_duplicates": Estimate(0.02, 0.008),
    "near_duplicates_holdout": Estimate(0.01, 0.005),
    "collapsed_breeds": 0,
    "fid": Estimate(151.53, 3.1),
    "kid": Estimate(0.01234, 0.00051),
    "mifid": Estimate(151.5, 3.3),
}
BY_ALL = {key.removesuffix("_at_floor_size") for key in MEASURES if key.endswith("_at_floor_size")}


def pictures(rng, count, size):
    """Pictures that compress about as photos do: blurred noise on a gradient."""
    noise = rng.integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    return np.stack([np.asarray(Image.fromarray(one).filter(ImageFilter.GaussianBlur(1.5))) for one in noise])


@cache
def sample(seed, breeds, each, size=16):
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(breeds), dtype=np.int32), each)
    features = rng.normal(labels[:, None], 4, (len(labels), 8)).astype(np.float32)
    return Sample(pictures(rng, len(labels), size), features, labels, None)


def arguments(breeds=PLAIN, numbers=GOOD, collapsed=(), size=16, each=(30, 10, 20)):
    """Return what `render` takes for an evaluation made by hand."""
    rng, count = np.random.default_rng(9), len(breeds)
    train, holdout, generated = (sample(seed, breeds, n, size) for seed, n in enumerate(each))
    table = pd.DataFrame(
        {
            "breed": breeds,
            "train": each[0],
            "holdout": each[1],
            "generated": each[2],
            "frechet_distance": 90.0 + np.arange(count),
            "frechet_distance_error": 4.0,
            "frechet_distance_floor": 88.0,
            "breed_accuracy": np.linspace(0.5, 1, count),
            "breed_accuracy_holdout": 0.95,
            "mistaken_for": [breeds[0] if label else None for label in range(count)],
            "mistaken_share": 0.1,
            "precision": 0.9,
            "diversity_ratio": 0.8,
            "diversity_ratio_error": 0.03,
            "near_duplicates": 0.02,
            "different": 18.5,
            "ms_ssim": 0.25,
            "ms_ssim_real": 0.21,
            "collapsed": [label in collapsed for label in range(count)],
            "trouble": np.arange(count) % 7 + np.arange(count) / 1000,
        }
    )
    m, n = len(generated.labels), len(train.labels)
    evaluation = Evaluation(
        numbers=numbers | ({"collapsed_breeds": len(collapsed)} if collapsed else {}),
        table=table,
        confusion=rng.dirichlet(np.ones(count), count),
        nearest=rng.permutation(n)[:m],
        nearness=np.linspace(0.1, 0.5, m),
        suspicious=0.12,
        realistic=rng.random(m) < 0.7,
        covered=rng.random(n) < 0.6,
        train_map=rng.normal(size=(n, 2)),
        generated_map=rng.normal(size=(m, 2)),
    )
    return ["efficientnet-lite0", breeds, train, holdout, generated, evaluation, HISTORY, {}]


def render(**changes):
    return page.render(*arguments(**changes))


@pytest.fixture(scope="module")
def text():
    return render()


@pytest.mark.parametrize("key", [key for key in MEASURES if key not in BY_ALL])
def test_every_number_is_shown_with_its_interval_and_what_real_photos_reach(text, key):
    shown = Page(text).text(key).replace("−", "-").replace(",", "")
    expected = [GOOD[key]] + ([GOOD[MEASURES[key].real]] if MEASURES[key].real else [])
    if key.endswith("_at_floor_size"):
        expected.append(GOOD[key.removesuffix("_at_floor_size")])
    found = [(float(value), float(half)) for value, half in re.findall(r"(-?[\d.]+) ± ([\d.]+)", shown)]
    if isinstance(GOOD[key], int):
        assert shown.endswith(f" {GOOD[key]}")
    else:
        halves = [1.96 * number.standard_error for number in expected]
        assert [half for _, half in found] == pytest.approx(halves, rel=0.05)
        assert all(abs(value - number) < half / 10 for (value, half), number in zip(found, expected, strict=True))


def test_how_many_pictures_the_numbers_are_of_is_said(text):
    shown = Page(text)
    assert {"60 generated", "90 training crops", "30 held-out crops"} <= set(
        re.findall(r"\d+ [a-z- ]*[a-z]", shown.text("header"))
    )
    assert "30 pictures, as many as held-out crops; of all 60: 151.5 ± 6.1" in shown.text(
        "frechet_distance_at_floor_size"
    )


def test_a_bar_puts_the_number_between_a_useless_generator_and_real_photos():
    places = {}
    for value in (0.0, 0.465, 0.93):
        text = render(numbers=GOOD | {"precision": Estimate(value, 0.01)}).partition('data-key="precision"')[2]
        goal, _, dot = (float(left) for left in re.findall(r"<i class=[^>]*left:([\d.]+)%", text)[:3])
        places[value] = dot / goal
    assert places == pytest.approx({0.0: 0.0, 0.465: 0.5, 0.93: 1.0}, abs=0.01)


@pytest.mark.parametrize("value", [None, float("nan")])
@pytest.mark.parametrize("key", [key for key in MEASURES if key not in BY_ALL])
def test_a_number_that_is_missing_is_left_out_and_the_others_stay(key, value):
    shown = Page(render(numbers=GOOD | {key: value, key.removesuffix("_at_floor_size"): value}))
    keys = {attributes["data-key"] for attributes in shown.all("div") if "data-key" in attributes}
    assert keys == set(MEASURES) - BY_ALL - {key}
    assert "nan" not in shown.text("measures").lower().split()


def test_with_hardly_any_numbers_the_page_says_so():
    shown = Page(render(numbers={"samples": 60, "real": 90, "holdout": 30}))
    assert shown.text("h1") == "There are no numbers about this generator."


def test_other_judges_stand_beside_the_first_with_their_own_real_photos():
    other = {"precision": Estimate(0.312, 0.02), "memorization_verdict": "copies"}
    shown = by_two_judges({}, other).text("judges")
    assert "efficientnet-lite0 real photos breed-classifier real photos" in shown
    assert "Precision higher is better 0.904 ± 0.041 0.930 ± 0.059 0.312 ± 0.039 0.930 ± 0.059" in shown
    assert "Memorisation verdict fine – copies –" in shown
    assert Page(render()).text("judges") == ""


def by_two_judges(first, second):
    """Return the page with these numbers of efficientnet-lite0 and of breed-classifier; the others are good."""
    args = arguments(numbers=GOOD | first)
    args[-1] = {"breed-classifier": arguments(numbers=GOOD | second)[5]}
    return Page(page.render(*args))


def test_judges_that_agree_share_one_sentence():
    assert by_two_judges({}, {}).text("h1") == "These numbers show no problem."
    low, lower = {"precision": Estimate(0.28, 0.02)}, {"precision": Estimate(0.19, 0.02)}
    assert by_two_judges(low, lower).text("h1") == "Only 28 of 100 pictures look real."


@pytest.mark.parametrize("first_is_kinder", [True, False])
def test_judges_that_disagree_are_both_in_the_first_sentence_and_the_worse_counts(first_is_kinder):
    low = {"precision": Estimate(0.19, 0.02)}
    shown = by_two_judges(*(({}, low) if first_is_kinder else (low, {})))
    kinder, worse = ["efficientnet-lite0", "breed-classifier"][:: 1 if first_is_kinder else -1]
    assert shown.text("h1") == f"By {worse} only 19 of 100 pictures look real, but by {kinder} the pictures look real."
    numbers = shown.text("measures")
    assert "Do they look real? poor" in numbers
    assert f"By {worse}: 19 of 100 pictures lie among real photos." in numbers
    assert f"By {kinder}: 90 of 100 pictures lie among real photos." in numbers
    assert "The judges disagree: look at the pictures below." in numbers


def test_judges_that_disagree_about_two_things_are_named_once_each():
    low = {"precision": Estimate(0.19, 0.02), "coverage_at_floor_size": Estimate(0.02, 0.01)}
    assert by_two_judges(low, {}).text("h1") == (
        "By efficientnet-lite0 only 19 of 100 pictures look real and the pictures have little of the variety of "
        "photos, but by breed-classifier the pictures look real and are as varied as real photos."
    )


def test_pictures_of_known_breeds_are_not_called_nothing_like_photos():
    off = {"precision": Estimate(0.008, 0.004), "density": Estimate(0.002, 0.001)}
    assert Page(render(numbers=GOOD | off)).text("h1") == "Only 1 of 100 pictures look real."
    none = off | {"precision": Estimate(0.0, 0.0)}
    assert Page(render(numbers=GOOD | none)).text("h1") == "No picture looks real."


def test_a_number_without_its_floor_stands_alone():
    numbers = {key: value for key, value in GOOD.items() if key != "precision_holdout"}
    shown = Page(render(numbers=numbers)).text("precision")
    assert "0.904 ± 0.041" in shown
    assert "real photos" not in shown


def test_a_good_generator_is_told_by_name():
    shown = Page(render())
    assert shown.text("h1") == "These numbers show no problem."
    assert "no sign of copying" in shown.text("header")


def test_collapsed_breeds_are_named_in_words():
    shown = Page(render(collapsed=[0, 2]))
    assert shown.text("h1") == "Snow spitz and Toffee shortleg have collapsed."
    assert shown.text("galleries").count("collapsed") == 2
    assert shown.text("breeds").count("collapsed") == 2
    assert Page(render(collapsed=[0, 1, 2])).text("h1") == "All 3 breeds have collapsed."
    assert Page(render(collapsed=[1])).text("h1") == "Fog shagcoat has collapsed."


def test_an_untrained_generator_is_nothing_like_photos_and_not_praised_for_not_copying():
    untrained = {"precision": Estimate(0.0, 0.0), "density": Estimate(0.0, 0.0), "breed_accuracy": Estimate(0.34, 0.05)}
    untrained |= {"coverage_at_floor_size": Estimate(0.0, 0.0)}
    shown = Page(render(numbers=GOOD | untrained))
    assert shown.text("h1").startswith(
        "The pictures are nothing like real photos; the requested breed is ignored; the pictures have little"
    )
    assert "no sign of copying, but that means little for pictures unlike photos" in shown.text("header").lower()


def test_copying_is_said_first_where_all_else_is_fine():
    shown = Page(render(numbers=GOOD | {"memorization_verdict": "copies"}))
    assert shown.text("h1") == "Training photos are copied."
    assert "nearer to a training photo than held-out photos are" in shown.text("neighbors")


@pytest.mark.parametrize(("share", "words"), [(0.999, "99"), (0.001, "1"), (1.0, "100"), (0.0, "0"), (0.724, "72")])
def test_all_of_100_is_said_of_all_alone(share, words):
    assert of_100(share).split() == [words, "of", "100"]


def test_names_are_shown_as_they_are_and_never_run():
    text = render(breeds=HOSTILE, collapsed=[0, 1, 2])
    shown = Page(text)
    assert len(shown.all("script")) == 1
    assert "alert" not in re.search(r"<script>(.*?)</script>", text, re.DOTALL)[1]
    rows = shown.text("breeds")
    for name in ("<script>alert(1)</script>", "\"Fox\" & 'Hound'", "柴犬 {{ 7*7 }}"):
        assert name in rows
        assert any(name in alt for alt in shown.all("img", "alt"))


def test_nothing_is_fetched(text):
    assert "http:" not in text
    assert "https:" not in text
    shown = Page(text)
    sources = [value for _, attributes in shown.tags for name, value in attributes.items() if name in ("src", "href")]
    assert sources
    assert all(source.startswith(("data:", "#")) for source in sources)
    assert {source[1:] for source in sources if source[0] == "#"} <= {
        value for _, a in shown.tags if (value := a.get("id"))
    }
    assert not re.search(r"@import|url\(", text)


def test_equal_input_gives_equal_text(text):
    assert render() == text


def test_breeds_stand_in_the_order_of_trouble():
    breeds = tuple(f"n990000{number:02}-Breed_{number:02}" for number in range(20))
    args = arguments(breeds=breeds, each=(4, 2, 3))
    expected = args[5].table.sort_values("trouble", ascending=False)["breed"].str[10:].str.replace("_", " ").tolist()
    shown = Page(page.render(*args))
    assert [attributes["data-v"] for attributes in shown.all("th") if "data-v" in attributes] == expected
    assert re.findall(r"Breed \d\d", shown.text("galleries")) == expected
    assert "descending" in shown.all("th", "aria-sort")


@pytest.mark.parametrize("column", arguments()[5].table.columns.drop("breed"))
def test_a_column_that_is_missing_is_left_out(column):
    args = arguments()
    args[5] = replace(args[5], table=args[5].table.drop(columns=column))
    shown = Page(page.render(*args))
    assert len(re.findall("Snow spitz|Fog shagcoat|Toffee shortleg", shown.text("tbody"))) >= 3


def test_a_breed_that_was_never_drawn_is_shown_without_pictures():
    args = arguments()
    drawn = args[4].labels > 0
    one = args[4]
    args[4] = Sample(one.images[drawn], one.features[drawn], one.labels[drawn], None)
    evaluation = args[5]
    evaluation.confusion[0] = np.nan
    evaluation.table.loc[0, ["frechet_distance", "breed_accuracy", "precision", "trouble"]] = np.nan
    fewer = {name: getattr(evaluation, name)[drawn] for name in ("nearest", "nearness", "realistic", "generated_map")}
    args[5] = replace(evaluation, **fewer)
    shown = Page(page.render(*args))
    assert "none" in shown.text("galleries")
    assert "nan" not in shown.text("main").lower().split()


def test_suspects_stand_beside_their_nearest_training_photo():
    args = arguments()
    colors = np.random.default_rng(3).integers(0, 256, (200, 3), dtype=np.uint8)
    flat = np.broadcast_to(colors[:, None, None], (200, 16, 16, 3))
    args[2] = replace(args[2], images=flat[: len(args[2].labels)])
    args[4] = replace(args[4], images=flat[100 : 100 + len(args[4].labels)])
    evaluation = args[5]
    shown = Page(page.render(*args))
    sources = [one["src"] for one in shown.all("img") if one["alt"].startswith("a generated")]
    assert len(sources) == 12
    for rank, source in enumerate(sources):  # nearness rises with the index
        pair = np.asarray(Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))).convert("RGB")).astype(int)
        assert abs(pair[8, 8] - colors[100 + rank]).max() < 24
        assert abs(pair[8, -8] - colors[evaluation.nearest[rank]]).max() < 24
    assert len(re.findall(r"\d suspect\b", shown.text("neighbors"))) == 3
    assert "The threshold is 0.120: 3 of 60 pictures lie below it." in shown.text("neighbors")


def test_the_most_confused_pair_comes_first():
    args = arguments()
    args[5] = replace(args[5], confusion=np.array([[0.9, 0.1, 0.0], [0.65, 0.35, 0.0], [0.2, 0.0, 0.8]]))
    pairs = Page(page.render(*args)).text("ol")
    assert pairs == (
        "65 % Fog shagcoat mistaken for Snow spitz 20 % Toffee shortleg mistaken for Snow spitz "
        "10 % Snow spitz mistaken for Fog shagcoat"
    )


@pytest.mark.parametrize(
    "history",
    [None, HISTORY.iloc[:0], HISTORY[["generator_loss"]], HISTORY[["step"]], HISTORY.assign(step=np.nan)],
    ids=["none", "no rows", "no steps", "no losses", "not a number"],
)
def test_without_a_history_there_is_no_chart_of_it(history):
    args = arguments()
    args[6] = history
    assert Page(page.render(*args)).text("training") == ""


@pytest.mark.parametrize("history", [HISTORY, HISTORY.iloc[:1], HISTORY.assign(generator_loss=1.0, fake_logit=np.inf)])
def test_the_history_becomes_lines(history):
    args = arguments()
    args[6] = history
    text = page.render(*args)
    assert "generator" in Page(text).text("training")
    assert not re.search(r"\b(nan|inf)\b", text.partition('id="training"')[2].partition("</section>")[0])


def test_what_was_looked_at_now_and_then_is_a_line_through_those_steps_alone():
    args = arguments()
    args[6] = HISTORY.assign(kernel_distance=[0.5, np.nan, 0.25], frechet_distance=np.nan)
    svgs = page.render(*args).partition('id="training"')[2].partition("</section>")[0].split("<figure")[1:]
    assert ["Distance to held-out crops" in svg for svg in svgs] == [False, False, True]
    (line,) = re.findall(r'd="(M[^"]+L[^"]+)"', svgs[2])
    assert line.count("L") == 1
    losses = re.findall(r'd="(M[^"]+L[^"]+)"', svgs[0])
    assert [path.count("L") for path in losses] == [2, 2]
    args[6] = HISTORY.assign(kernel_distance=np.nan)  # nobody looked
    assert "Distance to held-out crops" not in page.render(*args)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-0.3, 2.2), (0.01, 0.013), (5, 5), (-1200, 900), (0, 2400)])
def test_an_axis_holds_its_numbers_between_round_ticks(low, high):
    axis = around(low, high, 0, 100)
    ticks = [float(tick.label.replace(",", "").replace("−", "-")) for tick in axis.ticks()]
    assert axis.low <= low <= high <= axis.high
    assert 3 <= len(ticks) <= 12
    assert [axis.place(tick) for tick in ticks] == pytest.approx([tick.at for tick in axis.ticks()], abs=0.1)


def test_a_single_breed_has_a_page():
    shown = Page(render(breeds=PLAIN[:1], numbers=GOOD | {"breed_accuracy_chance": 1.0, "breed_accuracy_holdout": 1.0}))
    assert "1 breed" in shown.text("header")
    assert "assigns every picture to the requested breed" in shown.text("confusion")


def test_120_breeds_stay_small_and_complete():
    breeds = tuple(f"n{number:08}-Long_haired_mountain_dog_{number:03}" for number in range(120))
    text = render(breeds=breeds, size=64, each=(20, 5, 8), collapsed=range(50))
    shown = Page(text)
    assert len(text.encode()) < 700_000
    for number in range(120):
        assert len([alt for alt in shown.all("img", "alt") if alt.endswith(f"dog {number:03}")]) >= 2
    assert shown.text("h1") == "50 of 120 breeds have collapsed."


def test_the_templates_are_package_data():
    folders = [resources.files(package) / "templates" for package in ("pedigree.score.page", "pedigree.pages")]
    assert {"page.html", "style.css", "sort.js"} <= {file.name for folder in folders for file in folder.iterdir()}


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium to open the page in")
def test_a_browser_opens_it_without_complaint_sorts_it_and_never_scrolls_sideways(tmp_path):
    breeds = (*HOSTILE, *(f"n99000{number:03}-Long_haired_mountain_dog_{number}" for number in range(30)))
    text = render(breeds=breeds, collapsed=[1], each=(12, 4, 6)).replace("<details>", "<details open>")
    seen = browsed(text, tmp_path)
    assert all(content <= window for content, window in seen["widths"])
    assert seen["images"]
    by_distance = [breed_name(breed) for breed in breeds]  # rises with the index
    assert seen["sort"] == [["descending", by_distance[::-1]], ["ascending", by_distance]]
    assert seen["before"] != by_distance
    assert seen["sorted"] == 1
