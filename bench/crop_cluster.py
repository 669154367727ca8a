"""What a Dask cluster of two processes on this machine costs against as many threads, in one run.

    python bench/crop_cluster.py [FOLDER with images.tar and annotation.tar] [--repeats N] [--size 64]

Both crop the same photos and must give the same bytes. They take turns; the cluster's time includes connecting to it,
not starting it.
"""

import argparse
import os
import statistics
import tempfile
from pathlib import Path

from crop import STANFORD, prepare, settings, timed
from distributed import LocalCluster

from pedigree.crop import dask
from pedigree.crop.threads import crop_photos
from pedigree.photos.census import read_census
from pedigree.photos.plans import plan_crops

WORKERS = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archives", nargs="?", type=Path, default=STANFORD)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--size", type=int, default=64)
    given = parser.parse_args()
    local = {"threads_per_worker": 1, "host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
    with tempfile.TemporaryDirectory() as folder, LocalCluster(WORKERS, **local) as dask:
        prepare(given.archives, Path(folder))
        compare(Path(folder), given.size, given.repeats, dask.scheduler_address)


def compare(root: Path, size: int, repeats: int, address: str) -> None:
    images = root / "raw" / "Images"
    plans, _ = plan_crops(read_census(root / "census.csv"), settings(size))
    cuts = [(plan.photo, plan.windows) for plan in plans]
    ways = {
        "threads": lambda: list(crop_photos(images, plans, size, WORKERS)),
        "cluster": lambda: list(dask.crop_photos(images, cuts, size, address)),
    }
    threads, cluster = ([crops.tobytes() for crops in work()] for work in ways.values())
    if threads != cluster:
        raise SystemExit("the cluster gives other crops than threads")
    times = [{way: timed(work)[0] for way, work in ways.items()} for _ in range(repeats)]
    print(f"{size} px, {len(plans)} photos, {WORKERS} workers, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for way in ways:
        print(f"  {way} {statistics.median(turn[way] for turn in times):.3f} s")
    print(f"  the cluster takes {statistics.median(turn['cluster'] / turn['threads'] for turn in times):.2f}x")


if __name__ == "__main__":
    main()
