"""Claim: from the same weights and batches, the PyTorch peer of `train.py` takes the same training steps.

    python bench/same_step.py --torch-python PYTHON [--recipes NAME ...] [--steps 3]

NAME is `sample` or `stanford-dogs`, by default both. PYTHON is an interpreter as for `train.py`. Both sides compute
in float32. The vectors of the spectral norms start at the singular vectors: our layers take one power iteration more
than PyTorch's, so there they agree. A fact is a loss, a mean logit, an accuracy or the norm of a gradient. In the first
step none may differ by more than a thousandth. Later steps are only printed: Adam divides by the size of the gradient,
so it enlarges the differences of rounding, and Keras's Adam adds epsilon before it corrects the bias of the squares,
PyTorch's after.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
from train import RECIPES, build, data, known, settings_of

NAMED = ("features", "projection", "logit", "classes")  # layers that have the same name on both sides
STATE = ("direction", "ramp")  # of reparametrised layers, beside their weights
TOLERANCE, SMALL = 1e-3, 1e-3  # the tolerance is relative to facts above SMALL


def our_half(settings: dict, size: int, breeds: int, steps: int, folder: Path) -> list[dict[str, float]]:
    """Save the weights and the batches of so many steps in the order of PyTorch's axes, then take them."""
    gan, _ = build(settings, size, "float32", breeds)

    from pedigree.train.batches import stacked
    from pedigree.train.step import train_step

    networks = {"generator": gan.generator, "discriminator": gan.discriminator}
    if gan.pretrained:
        networks |= {"heads": gan.pretrained.heads, "frozen": gan.pretrained.network}
    weights = {f"{name}.{key}": value for name, each in networks.items() for key, value in weights_of(each).items()}
    batch = stacked(range(steps), *data(size, breeds), gan.train)
    np.savez(folder / "weights.npz", **weights)
    np.savez(folder / "batches.npz", **batch)
    taken = [train_step(gan, {name: array[step] for name, array in batch.items()}) for step in range(steps)]
    return [{name: float(value) for name, value in facts.items() if not value.shape.rank} for facts in taken]


def weights_of(network: object) -> dict[str, np.ndarray]:
    """Return the weights by the kind of their layer and its number, and set the vectors of the spectral norms."""
    from keras import layers

    kinds = {
        "linear": (layers.Dense, (1, 0)),
        "convolution": (layers.Conv2D, (3, 2, 0, 1)),
        "transposed": (layers.Conv2DTranspose, (3, 2, 0, 1)),
        "embedding": (layers.Embedding, (0, 1)),
    }
    weights, counts = {}, Counter()
    for layer in sorted(network.layers, key=lambda layer: int((re.findall(r"_(\d+)$", layer.name) or [0])[0])):
        kind = next((kind for kind, (layer_type, _) in kinds.items() if isinstance(layer, layer_type)), None)
        if kind is None or (kind == "embedding" and not layer.trainable_weights):
            continue
        name = layer.name if layer.name in NAMED else f"{kind}{counts[kind]}"
        counts[kind] += layer.name not in NAMED
        weight, *bias = (np.asarray(value) for value in layer.weights if value.path.split("/")[-1] not in STATE)
        weights[f"{name}.weight"] = weight.transpose(kinds[kind][1])
        if bias:
            weights[f"{name}.bias"] = bias[0]
        if getattr(layer, "spectral", False):
            layer.direction.assign(np.linalg.svd(weight.reshape(-1, weight.shape[-1]), full_matrices=False)[2][:1])
    return weights


def torch_half(settings: dict, size: int, breeds: int, steps: int, folder: Path) -> list[dict[str, float]]:
    """Take the steps in PyTorch from the saved weights and batches."""
    import torch
    from peers import torch_dcgan

    trainer, _ = torch_dcgan.prepare(settings, *data(size, breeds), known(settings, breeds), bfloat16=False, gpu=False)
    weights = {name: torch.from_numpy(value) for name, value in np.load(folder / "weights.npz").items()}
    kinds = {
        "linear": torch.nn.Linear,
        "convolution": torch.nn.Conv2d,
        "transposed": torch.nn.ConvTranspose2d,
        "embedding": torch.nn.Embedding,
    }
    for network_name, network in zip(("generator", "discriminator", "heads"), trainer.trained, strict=False):
        counts = Counter()
        for layer_name, layer in network.named_modules():
            kind = next((kind for kind, layer_type in kinds.items() if isinstance(layer, layer_type)), None)
            if kind is None:
                continue
            name = layer_name if layer_name in NAMED else f"{kind}{counts[kind]}"
            counts[kind] += layer_name not in NAMED
            set_weights(layer, weights, f"{network_name}.{name}")
    for index in range(4 if settings["features_weight"] else 0):
        getattr(trainer.frozen, f"mixing{index}").copy_(weights.pop(f"frozen.convolution{index}.weight"))
    if weights:
        sys.exit(f"The peer has no place for {', '.join(weights)}.")
    batches = {name: torch.from_numpy(value) for name, value in np.load(folder / "batches.npz").items()}
    batches["images"] = batches["images"].permute(0, 1, 2, 5, 3, 4)
    once = ("images", "labels", "real_chances", "fake_chances", "features_real_chances")  # one update in a step
    batches |= {name: batches[name][:, 0] for name in once}
    batches["labels"] = batches["labels"].long()
    facts = [trainer.step({name: values[step] for name, values in batches.items()}) for step in range(steps)]
    return [{name: float(value) for name, value in each.items()} for each in facts]


def set_weights(layer: object, weights: dict, name: str) -> None:
    """Move the weights of a layer from `weights` to it, and set the vectors of its spectral norm."""
    import torch

    weight = weights.pop(f"{name}.weight")
    with torch.no_grad():
        if layer._parameters.get("bias") is not None:
            layer.bias.copy_(weights.pop(f"{name}.bias"))
        if not hasattr(layer, "parametrizations"):
            layer.weight.copy_(weight)
            return
        layer.parametrizations.weight.original.copy_(weight)
        columns, _, rows = torch.linalg.svd(weight.flatten(1), full_matrices=False)
        norm = layer.parametrizations.weight[0]
        norm._u.copy_(columns[:, 0])
        norm._v.copy_(rows[0])


def compare(recipe: str, options: argparse.Namespace) -> bool:
    """Print the largest differences of each step; return whether the first step's are small enough."""
    from pedigree.settings import recipes

    size, breeds = RECIPES[recipe]
    with tempfile.TemporaryDirectory() as folder:
        task = [settings_of(recipes.text(recipe)), size, breeds, options.steps, folder]
        ours = our_half(*task[:-1], Path(folder))
        command = [options.torch_python, __file__, "--torch-half", json.dumps(task)]
        theirs = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    print(f"{recipe}: {len(theirs[0])} facts a step")
    worst = []
    for step, (mine, facts) in enumerate(zip(ours, theirs, strict=True)):
        differences = {name: abs(mine[name] - fact) / max(SMALL, abs(fact)) for name, fact in facts.items()}
        name = max(differences, key=differences.get)
        worst.append(differences[name])
        usual, largest = statistics.median(differences.values()), f"{name}: {mine[name]:.6f} and {facts[name]:.6f}"
        print(f"  step {step}: median difference {usual:.1e}, largest {worst[-1]:.1e} ({largest})")
    return worst[0] < TOLERANCE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    choices = [recipe for recipe in RECIPES if recipe != "seed-cgan"]
    parser.add_argument("--recipes", nargs="+", choices=choices, default=choices, metavar="NAME")
    parser.add_argument("--torch-python", metavar="PYTHON", default=os.environ.get("TORCH_PYTHON"))
    parser.add_argument("--steps", type=int, default=3)
    options = parser.parse_args()
    if not options.torch_python:
        print("There is nothing to compare with: use --torch-python PYTHON or set TORCH_PYTHON.")
        return
    agree = [compare(recipe, options) for recipe in options.recipes]
    if not all(agree):
        sys.exit(f"These are not the same steps: the first differs by more than {TOLERANCE}.")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--torch-half"]:
        *task, folder = json.loads(sys.argv[2])
        print(json.dumps(torch_half(*task, Path(folder))))
    else:
        main()
