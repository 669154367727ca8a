"""Claim: on a GPU the default network trains as fast as the same in PyTorch; beside it, what other recipes do there.

    python bench/gpu.py [--torch-python PYTHON] [--peak TFLOPS] [--size 64] [--recipes NAME ...]
        [--batches 64 128 256] [--rounds 3] [--seconds 3] [--cpu]

As `train.py`, which says how the sides take turns, but on the GPU that JAX finds, in bfloat16, for every recipe and
batch. PYTHON is an interpreter with PyTorch (this one, where it has it). The peer is written for `projection-dcgan`;
other recipes have no peer.

The work of a step is counted by XLA for a picture through each network forwards, and twice that backwards: what the
step asks for, without penalties, augmentation and optimizers. Its share is of `--peak`, the device's dense bfloat16
rate: 989 for an H100. Memory is the most that was in use on the device. Where there is no GPU nothing is measured, but
`--cpu` tries it all on the processor.
"""

import argparse
import importlib.util
import os
import statistics
import sys

from train import BREEDS, Side, compare, settings_of

from pedigree.settings import recipes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch-python", metavar="PYTHON", default=os.environ.get("TORCH_PYTHON", sys.executable))
    parser.add_argument("--peak", type=float, metavar="TFLOPS", help="of the device, dense, in bfloat16")
    parser.add_argument("--size", type=int, choices=[16, 32, 64, 128], default=64, help="pixels a side")
    parser.add_argument(
        "--recipes",
        nargs="+",
        choices=recipes.names("train"),
        default=["projection-dcgan", "biggan", "r3gan"],
        metavar="NAME",
    )
    parser.add_argument("--batches", nargs="+", type=int, default=[64, 128, 256], metavar="N")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3, help="the least a turn takes")
    parser.add_argument("--cpu", action="store_true", help="where there is no GPU, try it on the processor")
    options = parser.parse_args()
    os.environ |= {"KERAS_BACKEND": "jax", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}  # this process's part is small

    from pedigree.common import quiet

    quiet.import_keras()

    from pedigree.backends import find_device

    device = find_device()
    if device.kind == "cpu" and not options.cpu:
        print("JAX finds no GPU here, so nothing is measured; --cpu tries it on the processor.")
        return
    print(device.name)

    peer = options.torch_python != sys.executable or importlib.util.find_spec("torch") is not None
    for recipe in options.recipes:
        for batch in options.batches:
            settings = settings_of(recipes.text(recipe)) | {"batch_size": batch, "generator_batch_size": batch}
            measure(recipe, settings, peer and recipe == "projection-dcgan", options)


def measure(recipe: str, settings: dict, peer: bool, options: argparse.Namespace) -> None:
    """Print the speed and the memory of a recipe at a batch, and what share of the device's peak that is."""
    task = ("bfloat16", settings, options.size, BREEDS, options.seconds)
    sides = [Side("pedigree", sys.executable, "ours", *task, gpu=True)]
    if peer:
        sides.append(Side("PyTorch, autocast", options.torch_python, "torch", *task, gpu=True))
    compare(f"{recipe}, {options.size} px, batches of {settings['batch_size']}", sides, options.rounds)
    flops = work(settings, options.size) * statistics.median(sides[0].speeds)
    share = f", {100 * flops / options.peak / 1e12:.1f} % of the peak" if options.peak else ""
    print(f"  pedigree does {flops / 1e12:.2f} TFLOP/s{share}")


def work(settings: dict, size: int) -> float:
    """Return the floating point operations of a step for each real picture in it."""
    import jax
    from jax import numpy as jnp

    from pedigree.backends import make_engine
    from pedigree.settings.params import Train
    from pedigree.train.gan import ConditionalGAN

    with jax.default_device(jax.devices("cpu")[0]):
        gan = ConditionalGAN(Train(**settings), size, BREEDS, "float32", make_engine("one"))
        n, m, times = settings["batch_size"], settings["generator_batch_size"], settings["discriminator_steps"]
        breed = jnp.zeros(m, jnp.int32)
        draw = jax.jit(gan.average).lower([jnp.zeros((m, settings["latent_size"])), breed])
        judge = jax.jit(gan.discriminator).lower([jnp.zeros((m, size, size, 3)), breed])
        drawing, judging = (lowered.cost_analysis()["flops"] / m for lowered in (draw, judge))
    of_discriminator = times * 2 * n * 3 * judging + (times - 1) * n * drawing
    of_generator = m * (3 * drawing + 2 * judging)  # through the discriminator, gradients go by its inputs alone
    return (of_discriminator + of_generator) / n


if __name__ == "__main__":
    main()
