"""Where a training step's time goes: by TensorFlow operation, on one thread, so that the times add up.

    python bench/step_time.py [RECIPE] [--size 32] [--precision auto] [--steps 32] [--shown 12]

RECIPE is projection-dcgan by default. Trains on random pictures of 8 breeds, as the train stage does but for its
monitors; TensorFlow's profiler watches the last steps. "waiting for its batch" is what the loop spends on input.
"""

import argparse
import collections
import os
import re
import tempfile
import time
from pathlib import Path

from train import CALL, build, data, settings_of

OPERATION = re.compile(r"[^:]+:(\w+)")  # how its event is called: its name in the graph and its kind
THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", nargs="?", default="projection-dcgan", metavar="RECIPE")
    parser.add_argument("--size", type=int, choices=[16, 32, 64, 128], default=32, help="pixels a side")
    parser.add_argument("--precision", choices=["auto", "float32", "bfloat16"], default="auto")
    parser.add_argument("--steps", type=int, default=32, help=f"watched, a multiple of {CALL}")
    parser.add_argument("--shown", type=int, default=12, help="operations, the dearest first")
    options = parser.parse_args()
    os.environ |= dict.fromkeys(THREADS, "1") | {"CUDA_VISIBLE_DEVICES": ""}

    from pedigree.settings import recipes

    settings = settings_of(recipes.text(options.recipe))
    gan, facts = build(settings, options.size, options.precision)
    with tempfile.TemporaryDirectory() as folder:
        step, waiting = watched_steps(gan, options.size, options.steps, folder)
        (trace,) = Path(folder).rglob("*.xplane.pb")
        spent = {kind: total / options.steps for kind, total in times(trace.read_bytes()).items()}
    print(f"{options.recipe}, {options.size} px, {facts['precision']}, one thread: {step:.1f} ms a step of ", end="")
    print(f"{settings['batch_size']} photos; waiting for its batch {waiting:.2f} % of it\n")
    print("| operation | ms a step | share |\n| --- | --- | --- |")
    dearest = sorted(spent, key=spent.get, reverse=True)[: options.shown]
    others = sum(spent.values()) - sum(spent[kind] for kind in dearest)
    for kind, value in [*((kind, spent[kind]) for kind in dearest), ("all others", others)]:
        print(f"| {kind} | {value:.2f} | {value / sum(spent.values()):.0%} |")


def watched_steps(gan: object, size: int, steps: int, folder: str) -> tuple[float, float]:
    """Take steps; return milliseconds a step and the percentage of waiting, and leave the profiler's trace in `folder`.

    The profiler slows the steps a little, so those that are timed are others.
    """
    import tensorflow as tf

    from pedigree.train.batches import stacked, stream
    from pedigree.train.step import compile_steps

    take, calls, (images, labels) = compile_steps(gan, CALL), steps // CALL, data(size)
    batches = stream(
        (range(start, start + CALL) for start in range(0, CALL * (2 * calls + 2), CALL)),
        lambda steps: stacked(steps, images, labels, gan.train),
    )
    for _ in range(2):
        take(next(batches))
    begun, waited = time.perf_counter(), 0.0
    for _ in range(calls):
        before = time.perf_counter()
        batch = next(batches)
        waited += time.perf_counter() - before
        take(batch)
    elapsed = time.perf_counter() - begun
    with tf.profiler.experimental.Profile(folder):
        for batch in batches:
            take(batch)
    return 1000 * elapsed / (calls * CALL), 100 * waited / elapsed


def times(trace: bytes) -> dict[str, float]:
    """Return the milliseconds that each kind of operation took in a trace."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    spent: dict[str, float] = collections.defaultdict(float)
    for plane in xplane_pb2.XSpace.FromString(trace).planes:
        for event in (event for line in plane.lines for event in line.events):
            operation = OPERATION.fullmatch(plane.event_metadata[event.metadata_id].name)
            if operation and plane.name == "/host:CPU":
                spent[operation[1]] += event.duration_ps / 1e9
    return spent


if __name__ == "__main__":
    main()
