"""Claims: EfficientNet-Lite0 in bfloat16 is 1.6 times as fast and changes scores by less than their standard errors.
Drawing pictures while the features of the last batch are computed takes no longer than the features alone.

    python bench/extraction.py [PHOTOS.tar] [--model MODEL.keras]

PHOTOS.tar has the structure of Stanford Dogs' images.tar. bfloat16 is compared with the same network in float32:
features; pictures per second, by the wall clock and by processor time, which other processes disturb less; and scores
between random halves of the photos, unchanged and blurred: the Fréchet distance with its standard error, and the
accuracy of a probe of the folders. Then MODEL.keras draws 1,000 pictures and their features are computed, first one
after the other, then at the same time.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from extractor import photos
from PIL import Image, ImageFilter

from pedigree.features import extractors
from pedigree.features.cache import drawn_features
from pedigree.generator.model import load_generator
from pedigree.metrics import probe
from pedigree.metrics.frechet import frechet_distance

PHOTOS = Path(__file__).parents[2] / "shared" / "data" / "tinydogs6" / "images.tar"
MODEL = Path(__file__).parents[1] / "models" / "generator.keras"
SIZE, BATCH, ROUNDS, TIMED, DRAWN = 64, 32, 5, 256, 1000


def speeds(functions, count):
    """Run the functions in turn. Return the median pictures per second of each, by wall clock and processor time."""
    rounds = []
    for _ in range(ROUNDS + 1):  # the first does not count, because it compiles
        rounds.append([])
        for function in functions:
            wall, processor = time.perf_counter(), time.process_time()
            function()
            rounds[-1].append((count / (time.perf_counter() - wall), count / (time.process_time() - processor)))
    return [dict(zip(("wall", "processor"), pair, strict=True)) for pair in np.median(rounds[1:], axis=0).round(1)]


def scores(features, blurred, labels):
    """Score one half of the photos, unchanged and blurred, against the other half."""
    first, second = np.array_split(np.random.default_rng(0).permutation(len(labels)), 2)
    probed = probe.fit(features[first], labels[first], labels.max() + 1)
    numbers = {}
    for name, sample in (("photos", features[second]), ("blurred", blurred[second])):
        distance = frechet_distance(features[first], sample)
        accuracy = float(np.mean(probed.predict(sample) == labels[second]))
        numbers[name] = {
            "frechet_distance": round(float(distance), 3),
            "standard_error": round(distance.standard_error, 3),
            "accuracy": round(accuracy, 4),
        }
    return numbers


def bfloat16(archive):
    """Return the differences and the speed of bfloat16."""
    pictures, breeds = photos(archive)
    labels = np.unique(breeds, return_inverse=True)[1].astype(np.int32)
    small = [Image.fromarray(picture).resize((SIZE, SIZE), Image.Resampling.BICUBIC) for picture in pictures]
    sharp = np.stack([np.asarray(picture) for picture in small])
    blurred = np.stack([np.asarray(picture.filter(ImageFilter.GaussianBlur(1))) for picture in small])
    networks = [extractors.load(name) for name in ("efficientnet-lite0", "efficientnet-lite0-bfloat16")]
    seen = [network.features(sharp, BATCH) for network in networks]
    errors = np.linalg.norm(seen[0] - seen[1], axis=1) / np.linalg.norm(seen[0], axis=1)
    figures = {"photos": len(labels), "relative_error_median": round(float(np.median(errors)), 4)}
    rates = speeds([lambda network=network: network.features(sharp[:TIMED], BATCH) for network in networks], TIMED)
    for network, features, rate in zip(networks, seen, rates, strict=True):
        numbers = scores(features, network.features(blurred, BATCH), labels)
        figures[network.name] = {"pictures_per_second": rate, **numbers}
    return figures


def overlap(model):
    """Return the speed of drawing, and of drawing and extracting one after the other and at the same time."""
    drawer, network = load_generator(model), extractors.load("efficientnet-lite0")
    labels = np.arange(DRAWN, dtype=np.int32) % len(drawer.breeds)
    functions = {
        "drawn": lambda: drawer.draw(labels, 0),
        "one_after_the_other": lambda: network.features(drawer.draw(labels, 0), BATCH),
        "overlapped": lambda: drawn_features(drawer, network, labels, 0, BATCH),
    }
    return dict(zip(functions, speeds(list(functions.values()), DRAWN), strict=True))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, nargs="?", default=PHOTOS)
    parser.add_argument("--model", type=Path, default=MODEL)
    arguments = parser.parse_args()
    print(json.dumps({"bfloat16": bfloat16(arguments.photos), "overlap": overlap(arguments.model)}, indent=1))


if __name__ == "__main__":
    main()
