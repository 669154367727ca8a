"""Scoring: better pictures score better, by the real extractor, and what does not belong together is refused."""

import dataclasses
import io
import json
import math
import sys
from dataclasses import dataclass, field

import numpy as np
import pytest
from html_page import Page
from PIL import Image, ImageFilter

from pedigree.common.guard import guarded
from pedigree.common.packed_crops import Crops
from pedigree.errors import PedigreeError
from pedigree.features import extractors
from pedigree.features.extractors import breed_classifier
from pedigree.metrics.estimate import Estimate
from pedigree.score import stage
from pedigree.score.evaluation import evaluate
from pedigree.score.stage import imagenet_indices, metrics_json, named, sample_all
from pedigree.settings import params
from pedigree.train.drawing_task import columns
from pedigree.train.record import Record
from pedigree.train.tensorboard_log import TensorBoardLog

BREEDS = ("n99000001-Disc", "n99000002-Stripes", "n99000003-Square")
SETTINGS = params.Score(extractor="efficientnet-lite0", other_judges=[], samples=36, seed=0)


def shape(rng, breed):
    """Draw a disc, stripes or a square of varied place, size and colour on varied ground, 32 px."""
    rows, columns = np.mgrid[:32, :32] - rng.integers(12, 20, (2, 1, 1))
    size = rng.integers(7, 12)
    inside = [
        rows**2 + columns**2 < size**2,
        (rows + columns // 2) % size < size // 2,
        np.maximum(abs(rows), abs(columns)) < size - 2,
    ][breed]
    picture = np.where(inside[..., None], rng.integers(0, 110, 3), rng.integers(140, 256, 3))
    return np.clip(picture + rng.normal(0, 6, picture.shape), 0, 255).astype(np.uint8)


def shapes(seed, counts):
    rng, labels = np.random.default_rng(seed), np.repeat(np.arange(3, dtype=np.int32), counts)
    return np.stack([shape(rng, breed) for breed in labels]), labels


@pytest.fixture(scope="module")
def crops():
    return Crops(*shapes(0, (40, 20, 20)), *shapes(1, (12, 6, 6)), BREEDS)


@pytest.fixture(scope="module")
def extractor():
    return extractors.load("efficientnet-lite0")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("features")


@dataclass
class Fake:
    """Draws unseen shapes of the breed asked for, spoilt by `spoil`; shaped like a generator."""

    spoil: object = None
    shuffled: bool = False
    breeds: tuple = BREEDS
    image_size: int = 32
    asked: list = field(default_factory=list)

    def batches(self, labels, seed):
        self.asked.append((labels, seed))
        rng = np.random.default_rng(7)
        for breed in rng.permutation(labels) if self.shuffled else labels:
            picture = shape(rng, breed)
            yield (self.spoil(picture) if self.spoil else picture)[None]


def blurred(picture):
    return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(1)))


def noise(picture):
    return np.random.default_rng(int(picture.sum())).integers(0, 256, picture.shape, dtype=np.uint8)


def judged(drawer, crops, extractor, cache):
    samples = sample_all(drawer, crops, extractor, SETTINGS, cache)
    return evaluate(*samples, crops.breeds, seed=SETTINGS.seed)


@pytest.fixture(scope="module")
def scored(crops, extractor, cache):
    drawers = {"real": Fake(), "blurred": Fake(blurred), "noise": Fake(noise), "shuffled": Fake(shuffled=True)}
    return {name: judged(fake, crops, extractor, cache).numbers for name, fake in drawers.items()}


def test_new_real_pictures_are_nearer_than_blurred_ones_and_those_than_noise(scored):
    distances = [scored[name]["frechet_distance"] for name in ("real", "blurred", "noise")]
    assert distances == sorted(distances)
    assert distances[2] > 1.1 * distances[1] > 3 * distances[0] > 0


def test_new_real_pictures_reach_the_floor_and_spoilt_ones_do_not(scored):
    real, spoilt = scored["real"], scored["blurred"]
    assert real["frechet_distance_at_floor_size"] == pytest.approx(real["frechet_distance_floor"], rel=0.25)
    assert spoilt["frechet_distance_at_floor_size"] > 1.5 * spoilt["frechet_distance_floor"]
    assert real["frechet_distance_at_floor_size"] > real["frechet_distance"]  # fewer pictures, further away


def test_the_breed_is_recognised_in_real_pictures_and_not_in_noise(scored):
    assert scored["real"]["breed_accuracy"] > 0.85
    assert scored["real"]["breed_accuracy_holdout"] > 0.85
    assert scored["noise"]["breed_accuracy"] < 0.65


def test_a_generator_that_ignores_the_breed_looks_as_real_but_scores_chance(scored):
    shuffled, real = scored["shuffled"], scored["real"]
    assert shuffled["breed_accuracy"] == pytest.approx(shuffled["breed_accuracy_chance"], abs=0.2)
    assert shuffled["frechet_distance"] < 1.5 * real["frechet_distance"]
    assert real["breed_accuracy_chance"] == pytest.approx(0.5**2 + 2 * 0.25**2)


def test_pictures_are_asked_for_in_the_proportion_of_the_training_crops(crops, extractor, cache):
    fake = Fake()
    evaluation = judged(fake, crops, extractor, cache)
    ((labels, seed),) = fake.asked
    np.testing.assert_array_equal(np.bincount(labels), [18, 9, 9])
    assert (labels.dtype, seed) == (np.int32, SETTINGS.seed)
    assert [evaluation.numbers[key] for key in ("samples", "real", "holdout")] == [36, 80, 24]
    counts = evaluation.table[["train", "holdout", "generated"]]
    assert counts.to_numpy().tolist() == [[40, 12, 18], [20, 6, 9], [20, 6, 9]]


def test_scores_do_not_depend_on_what_the_cache_holds(scored, crops, extractor, tmp_path):
    assert judged(Fake(), crops, extractor, tmp_path).numbers == scored["real"]


class Opinionated:
    """Features are logits; the class with the largest is the network's opinion."""

    name, image_size, dimension, fingerprint = "opinionated", 32, 1000, "one"

    def features(self, images, batch_size=32):
        rng = np.random.default_rng(0)
        logits = rng.normal(0, 0.01, (len(images), 1000)).astype(np.float32)
        logits[:, 0] = 100.0  # a class that is no breed at hand
        logits[np.arange(len(images)), 151 + images[:, 0, 0, 0]] = 50.0
        return logits

    def logits(self, features):
        return features


def painted(labels):
    return np.zeros((len(labels), 32, 32, 3), np.uint8) + labels[:, None, None, None].astype(np.uint8)


class Painter:
    """Paints the class of ImageNet that is asked for, but for the last quarter."""

    image_size = 32

    def batches(self, labels, seed):
        wrong = np.arange(len(labels)) >= 0.75 * len(labels)
        yield painted(np.where(wrong, (labels + 1) % 2, labels))


def test_imagenet_breeds_get_the_networks_own_opinion_among_the_breeds_at_hand(tmp_path):
    labels = np.repeat(np.arange(2, dtype=np.int32), 10)
    breeds = ("n02085620-Chihuahua", "n02085782-Japanese_spaniel")
    crops = Crops(painted(labels), labels, painted(labels), labels, breeds)
    evaluation = judged(Painter(), crops, Opinionated(), tmp_path)
    assert evaluation.numbers["imagenet_accuracy"] == 0.75
    assert evaluation.numbers["imagenet_accuracy_holdout"] == 1.0
    assert evaluation.table["imagenet_accuracy"].tolist() == [1.0, 0.5]


def test_other_breeds_get_none(scored):
    assert scored["real"]["imagenet_accuracy"] is None
    assert scored["real"]["imagenet_accuracy_holdout"] is None
    assert imagenet_indices(("n02085620-Chihuahua", "n99000001-Disc")) is None
    assert imagenet_indices(("n02085620-Chihuahua", "n02085620-Chi")) is None


@pytest.fixture
def packed(tmp_path, crops):
    for side, images, labels in (
        ("train", crops.train_images, crops.train_labels),
        ("holdout", crops.holdout_images, crops.holdout_labels),
    ):
        np.save(tmp_path / f"{side}-images.npy", images)
        np.save(tmp_path / f"{side}-labels.npy", labels)
    (tmp_path / "breeds.json").write_text(json.dumps(BREEDS))
    return tmp_path


@pytest.fixture
def run(packed, cache, monkeypatch, extractor):
    """Score a fake generator against the packed crops; return the folder of the reports."""

    def score(fake, **asked):
        monkeypatch.setattr(stage, "load_generator", lambda path: fake)
        monkeypatch.setattr(extractors, "load", lambda name, weights: extractor)
        settings = dataclasses.replace(SETTINGS, **asked)
        reports = packed / "reports"
        stage.score(settings, packed / "generator.keras", packed, packed / "history.csv", reports, cache)
        return reports

    return score


def test_reports_are_the_same_bytes_each_time_and_tell_what_was_found(run, capsys, scored):
    first = {path.name: path.read_bytes() for path in run(Fake()).iterdir()}
    assert {path.name: path.read_bytes() for path in run(Fake()).iterdir()} == first
    assert sorted(first) == ["breeds.csv", "metrics.json", "scores.html"]
    numbers = json.loads(first["metrics.json"])["efficientnet-lite0"]
    assert numbers["frechet_distance"] == pytest.approx(scored["real"]["frechet_distance"], rel=1e-5)
    assert numbers["memorization_verdict"] == "fine"
    error = numbers["standard_error"][0]["frechet_distance"]
    assert error == pytest.approx(scored["real"]["frechet_distance"].standard_error, rel=1e-2)
    assert [line.split(",")[0] for line in first["breeds.csv"].decode().splitlines()[1:]] == list(BREEDS)
    shown = capsys.readouterr().out
    assert "24 held-out crops" in shown
    assert "Stripes" in shown


def test_what_does_not_hold_fails_the_stage_once_all_reports_are_written(run, packed):
    with pytest.raises(PedigreeError, match=r"breed_accuracy .*required < 0\.1"):
        run(Fake(), require=["samples == 36", "breed_accuracy < 0.1"])
    assert len(list((packed / "reports").iterdir())) == 3


@pytest.mark.parametrize(
    ("require", "code", "line"),
    [
        ("breed_accuracy > 0.1", 0, ""),
        ("breed_accuracy < 0.1", 1, "pedigree score: 1 of 1 in score.require not met: breed_accuracy"),
    ],
)
def test_what_is_required_decides_on_an_ascii_terminal_too(run, packed, monkeypatch, capsys, require, code, line):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "ascii", write_through=True))
    assert guarded(lambda: 0 if run(Fake(), require=[require]) else 9, "pedigree score") == code
    assert line in capsys.readouterr().err
    assert rb"\xb1" in sys.stdout.buffer.getvalue()


def test_what_is_required_decides_even_if_the_summary_cannot_be_printed(run, packed, monkeypatch):
    class Full(io.StringIO):
        def write(self, _):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(sys, "stdout", Full())
    with pytest.raises(PedigreeError, match=r"score\.require not met: breed_accuracy"):
        run(Fake(), require=["breed_accuracy < 0.1"])


def test_every_judge_scores_the_same_pictures_and_the_first_one_decides(run, packed, crops, cache, monkeypatch):
    monkeypatch.setattr(breed_classifier, "_MOST", 15)
    fake = Fake()
    with pytest.raises(PedigreeError, match=r"score\.require not met: frechet_distance"):
        run(fake, other_judges=["breed-classifier"], require=["frechet_distance < 1"])
    assert len(fake.asked) == 1
    numbers = json.loads((packed / "reports" / "metrics.json").read_text())
    assert list(numbers) == ["efficientnet-lite0", "breed-classifier"]
    first, second = numbers.values()
    assert first.keys() == second.keys()
    assert first["ms_ssim"] == second["ms_ssim"]  # of the pictures themselves
    assert second["memorization_verdict"] is None  # it was trained on the training crops
    assert first["frechet_distance"] != second["frechet_distance"]
    judge = breed_classifier.BreedClassifier(crops, cache=cache)
    seen = judge.breeds(judge.features(crops.holdout_images))
    assert second["breed_accuracy_holdout"] == pytest.approx((seen == crops.holdout_labels).mean(), rel=1e-5)
    page = (packed / "reports" / "scores.html").read_text()
    assert "By other judges" in page
    assert ">breed-classifier<" in page


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_a_judge_that_trained_the_generator_is_called_biased_everywhere(
    run, packed, train_settings, monkeypatch, capsys, weight
):
    monkeypatch.setattr(breed_classifier, "_MOST", 15)
    settings = dataclasses.replace(train_settings, features_weight=weight, log_every=1)
    with TensorBoardLog(packed / "log") as log:
        recorded = columns(settings)
        record = Record(recorded, settings.steps, settings.log_every, log)
        record.add(0, dict.fromkeys((*recorded.metrics, "logit_gap"), np.ones(1)), seconds=1.0, waited=0.0)
        record.write(packed / "history.csv")
    run(Fake(), other_judges=["breed-classifier"])
    numbers = json.loads((packed / "reports" / "metrics.json").read_text())
    reason = "trained the generator" if weight else None
    assert {judge: one["bias"] for judge, one in numbers.items()} == {
        "efficientnet-lite0": reason,
        "breed-classifier": None,
    }
    page = Page((packed / "reports" / "scores.html").read_text())
    assert ("efficientnet-lite0 is biased" in page.text("header")) == bool(weight)
    assert ("efficientnet-lite0 biased real photos breed-classifier real photos" in page.text("judges")) == bool(weight)
    assert ("efficientnet-lite0 (biased: it trained the generator)" in capsys.readouterr().out) == bool(weight)


def test_inceptions_features_alone_get_the_names_of_the_field():
    numbers = {
        "frechet_distance": Estimate(20.5, 0.5),
        "kernel_distance": Estimate(0.0123, math.nan),
        "memorization_informed_frechet_distance": 205.0,
        "memorization_verdict": "copies",
        "imagenet_accuracy": None,
    }
    content = json.loads(metrics_json({"inception-2015": named("inception-2015", numbers)}))["inception-2015"]
    assert (content["fid"], content["kid"], content["mifid"]) == (20.5, 0.0123, 205.0)
    assert content["standard_error"] == [{"frechet_distance": 0.5, "fid": 0.5}]
    plain = metrics_json({"nasnet-large": named("nasnet-large", numbers)})
    assert "fid" not in json.loads(plain)["nasnet-large"]


def test_the_names_of_the_field_can_be_required_and_are_on_the_page(run, packed, extractor, monkeypatch):
    monkeypatch.setattr(extractor, "name", "inception-2015")
    with pytest.raises(PedigreeError, match=r"1 of 2 in score\.require not met: fid is [\d.]+ .*required < 1\."):
        run(Fake(), require=["fid < 1", "mifid > 0"])
    assert ">FID<" in (packed / "reports" / "scores.html").read_text()


@pytest.mark.parametrize(
    ("fake", "message"),
    [
        (Fake(breeds=(*BREEDS[:2], "n99000004-Star")), r"only one of them has n99000003-Square, n99000004-Star\)"),
        (Fake(breeds=BREEDS[::-1]), "the order differs"),
        (Fake(image_size=64), "draws 64 px, but .* has 32 px"),
    ],
)
def test_a_generator_of_other_crops_is_refused_and_reports_stay(run, packed, fake, message):
    (packed / "reports").mkdir()
    (packed / "reports" / "metrics.json").write_text("before")
    with pytest.raises(PedigreeError, match=rf"generator\.keras .*{message}.*: run `pedigree train`\.$"):
        run(fake)
    assert [path.read_text() for path in (packed / "reports").iterdir()] == ["before"]


def test_too_small_a_holdout_is_refused(run, packed, crops):
    np.save(packed / "holdout-images.npy", crops.holdout_images[:5])
    np.save(packed / "holdout-labels.npy", crops.holdout_labels[:5])
    with pytest.raises(PedigreeError, match=r"needs at least 6 training and 6 held-out crops"):
        run(Fake())
