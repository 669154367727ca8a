"""Claim: on a processor without AVX-512 VNNI, where oneDNN is off by default, TensorFlow is 1.5 times as fast with it.

    python bench/onednn.py [--rounds 3] [--seconds 20]

Both sides run in processes of their own, on one thread, in turn. A side trains `sample` (32 px) and `stanford-dogs`
(64 px), then computes features of pictures by EfficientNet-Lite0 and Lite2. Everything is in float32. On processors
with AVX-512 VNNI, oneDNN is on by default, and the ratio is about what setting it to 0 costs.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

VARIABLE = "TF_ENABLE_ONEDNN_OPTS"
THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
TRAINED = {"sample": 32, "stanford-dogs": 64}  # recipe → pixels per side
EXTRACTORS = "efficientnet-lite0", "efficientnet-lite2"
PICTURES = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=20.0, help="shortest duration of each measurement")
    parser.add_argument("--side", choices=["0", "1"], help=argparse.SUPPRESS)  # of a process that this one starts
    options = parser.parse_args()
    if options.side:
        print(json.dumps(speeds(options.side, options.seconds)))
        return
    rounds = [{side: measured(side, options.seconds) for side in "10"} for _ in range(options.rounds)]
    print(
        "| work | with oneDNN, images/s | without, images/s | ratio, median (min to max) |\n| --- | --- | --- | --- |"
    )
    for work in rounds[0]["1"]:
        pairs = [(each["1"][work], each["0"][work]) for each in rounds]
        ratios = [fast / slow for fast, slow in pairs]
        fast, slow = (statistics.median(column) for column in zip(*pairs, strict=True))
        spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"| {work} | {fast:.1f} | {slow:.1f} | {spread} |")


def measured(side: str, seconds: float) -> dict[str, float]:
    """Measure one side in a process of its own."""
    command = [sys.executable, __file__, "--side", side, "--seconds", str(seconds)]
    environment = os.environ | dict.fromkeys(THREADS, "1") | {"CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def speeds(side: str, seconds: float) -> dict[str, float]:
    """Return images per second by work, with oneDNN ("1") or without ("0")."""
    from pedigree.common import quiet

    quiet.SET[VARIABLE] = side
    quiet.import_keras()
    from train import CALL, build, data, settings_of

    from pedigree.features.extractors import load
    from pedigree.settings import recipes
    from pedigree.train.batches import stacked
    from pedigree.train.step import compile_steps

    found = {}
    for recipe, size in TRAINED.items():
        gan, _ = build(settings_of(recipes.text(recipe)), size, "float32")
        take, batch = compile_steps(gan, CALL), stacked(range(CALL), *data(size), gan.train)
        found[f"training `{recipe}`"] = rate(lambda: take(batch), CALL * gan.train.batch_size, seconds)  # noqa: B023
    for name in EXTRACTORS:
        extractor, pictures = load(name), data(64)[0][:PICTURES]
        found[f"features by {name}"] = rate(lambda: extractor.features(pictures), len(pictures), seconds)  # noqa: B023
    return found


def rate(work: Callable[[], object], images: int, seconds: float) -> float:
    """Return how many images per second `work` processes, after a first call that compiles."""
    work()
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        work()
        done += images
    return done / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
