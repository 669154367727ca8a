"""The pretrained network whose features a second discriminator sees (Kumari et al., "Vision-aided GAN", 2022).

The network is EfficientNet-Lite0, as in Projected GAN (Sauer et al., 2021). It is frozen. It is no part of checkpoints:
its weights come from a package whose SHA-256 is checked, and the random mixing of its maps is a function of the seed.
"""

from dataclasses import dataclass, replace

import keras

from pedigree.errors import UsageError
from pedigree.features.extractors.efficientnet_lite import Precision, feature_maps, read_weights
from pedigree.features.extractors.variants import VARIANTS
from pedigree.networks.bilinear import Bilinear
from pedigree.networks.building import dtype_policy
from pedigree.networks.feature_heads import build_feature_heads, mix
from pedigree.networks.layer_factory import LayerFactory
from pedigree.settings.params import FILE
from pedigree.settings.train import Train
from pedigree.train.randomness import random_stream

NETWORK = "efficientnet-lite0"
VARIANT = VARIANTS[NETWORK]
# Standard deviations of the maps of 1,500 photos of Stanford Dogs, resized to 64 px.
DEVIATIONS = (9.9, 8.7, 8.3, 4.1)


@dataclass(frozen=True)
class Pretrained:
    """A frozen network, the heads that are trained on its features, and their optimizer.

    Attributes:
        network: from images `(n, size, size, 3)` in [-1, 1] to a list of mixed feature maps.
        heads: from these maps and breeds `(n,)` to a list of logits `(n, k)`, higher for real images.
        optimizer: of the heads.
    """

    network: keras.Model
    heads: keras.Model
    optimizer: keras.optimizers.Optimizer


def build_pretrained(
    train: Train, image_size: int, breeds: int, precision: str, factory: LayerFactory
) -> tuple[keras.Model, keras.Model]:
    """Build the frozen network and the heads that are trained on its features.

    Args:
        train: the settings.
        image_size: height and width of the images, in pixels.
        breeds: number of breeds.
        precision: "float32" or "bfloat16", the compute dtype of both.
        factory: creates the layers; spectral normalisation and the ramp are added to its options.

    Returns:
        `network` and `heads` of `Pretrained`.

    Raises:
        UsageError: the images are larger than `train.features_input`.
        PedigreeError: the package with the weights is missing or damaged.
    """
    if image_size > train.features_input:
        raise UsageError(
            f"{FILE}: train.features_input: {train.features_input} px is smaller than the pictures (crop.size: "
            f"{image_size}): raise it to at least {image_size}."
        )
    computed_in: Precision = "bfloat16" if precision == "bfloat16" else "float32"
    network = feature_maps(VARIANT, read_weights(VARIANT), computed_in, factory.layer_module)
    image = keras.Input((image_size, image_size, 3), name="image")
    maps = network((Bilinear(train.features_input, dtype="float32")(image) + 1) * 127.5)
    factory = replace(factory, spectral=True, ramped=train.condition_ramp[1] > 0)
    with dtype_policy(precision):
        chance = random_stream(train.seed, "features mixing", 0)
        mixed = mix(maps, DEVIATIONS, train.features_mixing == "scales", chance)
        heads = build_feature_heads(mixed, breeds, train.conditioning != "none", factory)
    frozen = keras.Model(image, mixed, name="pretrained")
    frozen.trainable = False
    return frozen, heads
