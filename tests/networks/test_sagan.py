"""SAGAN: its layers at 128 px as in the authors' code, its parameter count as given by BigGAN's authors."""

from collections import Counter

import keras
import numpy as np
import pytest

from networks.test_networks import kernels, learned
from pedigree.networks import sagan
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.shapes import Shape

PAPER = Shape(image_size=128, colors=3, latent_size=128, breeds=1000, channels=64)  # ImageNet


def side(count: int) -> tuple[int, int]:
    return count, count


def test_the_generator_is_the_authors() -> None:
    generator = sagan.build_generator(PAPER, LayerFactory())
    widths = {4: 1024, 8: 1024, 16: 512, 32: 256, 64: 128, 128: 64}
    expected = Counter({((128, 16384), (16384,)): 1, ((3, 3, 64, 3), (128, 128, 3)): 1})
    for small, large in ((4, 8), (8, 16), (16, 32), (32, 64), (64, 128)):
        before, after = widths[small], widths[large]
        expected[(3, 3, before, after), (*side(large), after)] += 1
        expected[(3, 3, after, after), (*side(large), after)] += 1
        expected[(1, 1, before, after), (*side(small), after)] += 1  # the shortcut, before upsampling
    expected[(1, 1, 256, 32), (32, 32, 32)] += 2  # queries, keys
    expected[(1, 1, 256, 128), (32, 32, 128)] += 1
    expected[(1, 1, 128, 256), (32, 32, 256)] += 1
    assert without_gamma(generator) == expected
    assert learned(generator) == 42_078_852


def test_the_discriminator_is_the_authors() -> None:
    discriminator = sagan.build_discriminator(PAPER, LayerFactory(), "projection")
    expected = Counter(
        {
            ((3, 3, 3, 64), (128, 128, 64)): 1,
            ((3, 3, 64, 64), (128, 128, 64)): 1,
            ((1, 1, 3, 64), (64, 64, 64)): 1,
            ((3, 3, 1024, 1024), (4, 4, 1024)): 2,  # the block that keeps the size
            ((1024, 1), (1,)): 1,
        }
    )
    for large, before in ((64, 64), (32, 128), (16, 256), (8, 512)):
        after = 2 * before
        expected[(3, 3, before, after), (*side(large), after)] += 1
        expected[(3, 3, after, after), (*side(large), after)] += 1
        expected[(1, 1, before, after), (*side(large // 2), after)] += 1
    expected[(1, 1, 128, 16), (32, 32, 16)] += 2
    expected[(1, 1, 128, 64), (32, 32, 64)] += 1
    expected[(1, 1, 64, 128), (32, 32, 128)] += 1
    assert without_gamma(discriminator) == expected
    assert learned(discriminator) == 39_463_618


def test_both_networks_together_have_the_parameter_count_given_by_biggans_authors() -> None:
    # Table 1 of Brock et al. (2019): 81.5 million. Their code has 42,017,412 + 39,448,258 parameters with attention at
    # 64 px. SAGAN's own code has attention at 32 px, at twice the width w, where it has w² + w²/4 parameters.
    at_64 = 42_017_412 + 39_448_258
    more = (256**2 - 128**2) * 5 // 4 + (128**2 - 64**2) * 5 // 4
    assert at_64 + more == 42_078_852 + 39_463_618
    assert f"{(at_64 + more) / 1e6:.1f}" == "81.5"


def without_gamma(network: keras.Model) -> Counter[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Count all kernels except attention's γ."""
    return Counter({key: count for key, count in kernels(network).items() if key[0] != (1, 1)})


@pytest.mark.parametrize("size", [16, 28, 32, 64, 128])
def test_attention_is_at_a_quarter_of_the_image_size(size: int) -> None:
    shape = Shape(size, colors=3, latent_size=8, breeds=2, channels=8)
    for network in (
        sagan.build_generator(shape, LayerFactory()),
        sagan.build_discriminator(shape, LayerFactory(), "projection"),
    ):
        queries = [layer.input[0].shape[1] for layer in network.layers if isinstance(layer, keras.layers.Attention)]
        assert queries == [(size // 4) ** 2]


def test_the_discriminator_sums_features_over_positions() -> None:
    shape = Shape(16, colors=3, latent_size=8, breeds=2, channels=8)
    discriminator = sagan.build_discriminator(shape, LayerFactory(), "none")
    last = [layer for layer in discriminator.layers if isinstance(layer, keras.layers.ReLU)][-1]
    pictures = np.random.default_rng(0).uniform(-1, 1, (3, 16, 16, 3)).astype(np.float32)
    inputs = [pictures, np.zeros(3, np.int32)]
    maps = np.asarray(keras.Model(discriminator.inputs, last.output)(inputs))
    kernel, bias = discriminator.get_layer("logit").get_weights()
    np.testing.assert_allclose(np.asarray(discriminator(inputs)), maps.sum(axis=(1, 2)) @ kernel + bias, rtol=1e-4)
