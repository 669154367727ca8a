"""How alike are pictures of the same latent in different breeds? The idea of `cogan` is that they are.

    python bench/same_latent.py GENERATOR.keras [GENERATOR.keras ...] [--latents 64] [--breeds 8] [--input 128]

Draws each latent in each breed and compares the pictures of different breeds: those of the same latent, and those of
different latents. The similarity is the cosine between maps of an early layer of EfficientNet-Lite0 (stride 8), which
keep places. Channels are scaled to the same spread over all pictures. Each breed's mean map is subtracted, so that its
coat and its usual pose do not count. The standard error is that of the mean over latents. A generator that ignores the
breed has a similarity of 1, as `cogan` before its first step, so read this beside the breed accuracy.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pedigree.common import quiet
from pedigree.common.spread import spread
from pedigree.generator.model import Generator, load_generator

NETWORK = "efficientnet-lite0"
STRIDE_8 = 1  # the second of the maps of `feature_maps`
BATCH = 64

Maps = NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("generators", nargs="+", type=Path)
    parser.add_argument("--latents", type=int, default=64)
    parser.add_argument("--breeds", type=int, default=8, help="at most, spread over all (default 8)")
    parser.add_argument("--input", type=int, default=128, help="side of the enlarged pictures (default 128)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    quiet.import_keras()
    network = early_layers(options.input)
    print("| generator | same latent | other latent | difference |\n| --- | --- | --- | --- |")
    for path in options.generators:
        pictures = draw(load_generator(path), options.latents, options.breeds, options.seed)
        same, other = similarities(np.stack([features(network, each) for each in pictures]))
        difference = same - other
        error = difference.std(ddof=1) / len(difference) ** 0.5
        print(
            f"| {path} | {same.mean():.3f} | {other.mean():.3f} | {difference.mean():.3f} ± {error:.3f} |", flush=True
        )


def early_layers(side: int) -> Any:
    """Return the network from pictures `(n, size, size, 3)` in 0..255 to maps `(n, side / 8, side / 8, channels)`."""
    import keras

    from pedigree.features.extractors.efficientnet_lite import feature_maps, read_weights
    from pedigree.features.extractors.variants import VARIANTS
    from pedigree.networks.bilinear import Bilinear

    variant = VARIANTS[NETWORK]
    network = feature_maps(variant, read_weights(variant), "float32")
    return keras.Sequential([Bilinear(side), keras.Model(network.inputs, network.outputs[STRIDE_8])])


def draw(generator: Generator, count: int, breeds: int, seed: int) -> NDArray[np.uint8]:
    """Draw the same `count` latents in several breeds: `(breeds, count, size, size, 3)`."""
    latents, known = generator.latents(count, seed), len(generator.breeds)
    chosen = np.unique(spread(min(breeds, known), known))
    return np.stack([generator.draw_latents(latents, np.full(count, breed, np.int32)) for breed in chosen])


def features(network: Any, pictures: NDArray[np.uint8]) -> Maps:
    """Return the maps of pictures `(n, size, size, 3)`."""
    parts = [pictures[start : start + BATCH].astype(np.float32) for start in range(0, len(pictures), BATCH)]
    return np.concatenate([np.asarray(network(part)) for part in parts])


def similarities(maps: Maps) -> tuple[Maps, Maps]:
    """Compare maps `(breeds, latents, height, width, channels)` of different breeds.

    Returns:
        For each latent, the mean cosine of its maps with those of the same latent, and with those of other latents.
    """
    maps = maps / maps.std(axis=(0, 1, 2, 3))
    flat = (maps - maps.mean(axis=1, keepdims=True)).reshape(*maps.shape[:2], -1)
    flat /= np.linalg.norm(flat, axis=-1, keepdims=True)
    breeds, latents, _ = flat.shape
    cosines = np.einsum("alx,bmx->ablm", flat, flat, optimize=True)
    between = cosines.sum(axis=(0, 1)) - np.trace(cosines, axis1=0, axis2=1)  # of different breeds
    means = between / (breeds * (breeds - 1))
    same = np.diagonal(means)
    return same, (means.sum(axis=1) - same) / (latents - 1)


if __name__ == "__main__":
    main()
