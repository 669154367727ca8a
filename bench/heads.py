"""Claim: a small crop of the head shows the breed no less clearly than a crop of the box.

    python bench/heads.py [FOLDER with images.tar and annotation.tar] [--per-breed N] [--size PIXELS] [--padding SHARE]

Finds the heads of N photos per breed, drawn at random, and prints seconds, peak memory and boxes without a visible
head. Then EfficientNet-Lite2 names the crops of `crop.fit` cover and head among the archive's breeds. It is not the
network that found the heads, but both learned from ImageNet, which has the photos of Stanford Dogs.
"""

import argparse
import re
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from crop import STANFORD, prepare

from pedigree.crop.cutting import crop_photo
from pedigree.crop.heads import load_finder, with_head_windows
from pedigree.features import extractors
from pedigree.features.imagenet import class_index
from pedigree.photos.census import read_census
from pedigree.photos.plans import Plan, plan_crops
from pedigree.settings import params

JUDGE = "efficientnet-lite2"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=STANFORD)
    parser.add_argument("--per-breed", type=int, default=5)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--padding", type=float, default=0.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        prepare(options.folder, root)
        compare(root, options.per_breed, params.Crop(size=options.size, padding=options.padding, fit="head"))


def compare(root: Path, per_breed: int, settings: params.Crop) -> None:
    photos, images = read_census(root / "census.csv"), root / "raw" / "Images"
    cover = chosen(plan_crops(photos, settings)[0], per_breed)
    finder = load_finder()
    wall, processor = time.perf_counter(), time.process_time()
    head, headless = with_head_windows(cover, photos, images, settings.padding, settings.size, finder, root / "cache")
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    boxes = sum(len(plan.windows) for plan in head)
    print(f"{boxes} boxes: {wall:.1f} s, processor {processor:.1f} s, peak {peak()} MB, {headless} without a head")
    judge, classes = extractors.load(JUDGE), sorted({class_index(plan.breed) for plan in cover})
    for fit, plans in (("cover", cover), ("head", head)):
        crops = np.concatenate([crop_photo(images / plan.photo, plan.windows, settings.size) for plan in plans])
        logits = judge.logits(judge.features(crops))[:, classes]
        breeds = [classes.index(class_index(plan.breed)) for plan in plans for _ in plan.windows]
        right = logits.argmax(axis=1) == breeds
        print(
            f"{fit}: {right.mean():.3f} ± {right.std() / len(right) ** 0.5:.3f} named right, enlarged "
            f"{np.mean([w.shorter < settings.size for plan in plans for w in plan.windows]):.3f}"
        )


def chosen(plans: Sequence[Plan], per_breed: int) -> list[Plan]:
    """Return up to `per_breed` plans of each breed, drawn at random."""
    breeds: dict[str, list[Plan]] = {}
    for plan in plans:
        breeds.setdefault(plan.breed, []).append(plan)
    draw = np.random.default_rng(0)
    return [each[place] for each in breeds.values() for place in draw.permutation(len(each))[:per_breed]]


def peak() -> int:
    """Return the peak memory of this process in MB."""
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) // 1024


if __name__ == "__main__":
    main()
