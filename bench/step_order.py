"""Claim: one forward pass of the generator for both updates is more than 5 % faster than a pass for each.

    python bench/step_order.py [RECIPE ...] [--size 32] [--rounds 7] [--seconds 3]

Both orders train in one process, on one thread, in turn. The plain order draws n pictures for the discriminator, then
m pictures for the generator's own update. The ratio of each round is that of their images per second.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from typing import Any
from unittest import mock

from train import CALL, build, data, settings_of

THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="*", default=["sample", "projection-dcgan"], metavar="RECIPE")
    parser.add_argument("--size", type=int, choices=[16, 32, 64, 128], default=32, help="pixels per side")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=3.0, help="shortest duration of a turn")
    arguments = parser.parse_args()
    os.environ |= dict.fromkeys(THREADS, "1") | {"CUDA_VISIBLE_DEVICES": ""}

    from pedigree.settings import recipes

    print(
        "| recipe | one pass, images/s | two passes, images/s | ratio, median (min to max) |\n| --- | --- | --- | --- |"
    )
    for recipe in arguments.recipes:
        settings = settings_of(recipes.text(recipe))
        sides = [turns_of(settings, arguments.size, order) for order in (None, draw_twice)]
        rounds = [[side(arguments.seconds) for side in sides] for _ in range(arguments.rounds)]
        ratios = [shared / plain for shared, plain in rounds]
        shared, plain = (statistics.median(speeds) for speeds in zip(*rounds, strict=True))
        spread = f"{statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"
        print(f"| {recipe} | {shared:.0f} | {plain:.0f} | {spread} |")


def draw_twice(gan: Any, batch: Any) -> Any:
    """Take one step in the plain order: each update draws its own pictures."""
    from pedigree.train.step import discriminator_step, generator_step, scaled

    last = gan.train.discriminator_steps - 1
    for turn in range(last + 1):
        labels = batch["labels"][turn]
        latents = batch["early_latents"][turn] if turn < last else batch["latents"][: len(labels)]
        fake = gan.draw(latents, labels, scaled(batch["images"][turn]))
        facts = discriminator_step(gan, batch, turn, fake)
    pictures, pull_back = gan.engine.forward(
        lambda: gan.draw(batch["latents"], batch["drawn_labels"], scaled(batch["images"][last])),
        gan.generator.trainable_variables,
    )
    facts |= generator_step(gan, batch, pictures, pull_back)
    gan.update_average()
    return facts


def turns_of(settings: dict[str, Any], size: int, order: Callable[[Any, Any], Any] | None) -> Callable[[float], float]:
    """Return a function that trains for some seconds and returns its images per second; warm when it is returned."""
    gan, _ = build(settings, size, "auto")

    from pedigree.train import step
    from pedigree.train.batches import stacked

    with mock.patch.object(step, "train_step", order or step.train_step):
        take = step.compile_steps(gan, CALL)
    batch = stacked(range(CALL), *data(size), gan.train)
    for _ in range(2):
        take(batch)

    def turn(seconds: float) -> float:
        begun, steps = time.perf_counter(), 0
        while time.perf_counter() - begun < seconds:
            take(batch)
            steps += CALL
        return steps * gan.train.batch_size / (time.perf_counter() - begun)

    return turn


if __name__ == "__main__":
    main()
