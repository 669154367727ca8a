"""ProGAN: table 2 of its paper, the layers that skip connections add to it, and properties of its layers."""

import dataclasses
from itertools import pairwise

import keras
import numpy as np
import numpy.typing as npt
import pytest
from conftest import recipe_settings

from networks.test_networks import learned
from pedigree.errors import UsageError
from pedigree.networks import progan
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.shapes import Shape
from pedigree.train.compatibility import check

PAPER = Shape(image_size=1024, colors=3, latent_size=512, breeds=1, channels=512)  # CelebA-HQ, which has no labels
CIFAR = Shape(image_size=32, colors=3, latent_size=128, breeds=10, channels=128)
SMALL = Shape(image_size=16, colors=3, latent_size=12, breeds=3, channels=8)

# Side, channels and parameters as printed in table 2, from the latent to the image, without the layer to colours.
GENERATOR = [
    *[(4, 512, "4.2M"), (4, 512, "2.4M"), (8, 512, "2.4M"), (8, 512, "2.4M"), (16, 512, "2.4M"), (16, 512, "2.4M")],
    *[(32, 512, "2.4M"), (32, 512, "2.4M"), (64, 256, "1.2M"), (64, 256, "590k"), (128, 128, "295k")],
    *[(128, 128, "148k"), (256, 64, "74k"), (256, 64, "37k"), (512, 32, "18k"), (512, 32, "9.2k")],
    *[(1024, 16, "4.6k"), (1024, 16, "2.3k")],
]
# From the image to the features, with the sides before pooling.
DISCRIMINATOR = [
    *[(1024, 16, "64"), (1024, 16, "2.3k"), (1024, 32, "4.6k"), (512, 32, "9.2k"), (512, 64, "18k")],
    *[(256, 64, "37k"), (256, 128, "74k"), (128, 128, "148k"), (128, 256, "295k"), (64, 256, "590k")],
    *[(64, 512, "1.2M"), (32, 512, "2.4M"), (32, 512, "2.4M"), (16, 512, "2.4M"), (16, 512, "2.4M")],
    *[(8, 512, "2.4M"), (8, 512, "2.4M"), (4, 512, "2.4M"), (1, 512, "4.2M"), (1, 1, "513")],
]


def printed(parameters: int) -> str:
    for unit, name in ((1e6, "M"), (1e3, "k")):
        if parameters >= unit:
            return f"{parameters / unit:.{1 if parameters < 10 * unit else 0}f}{name}"
    return str(parameters)


def latents() -> npt.NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal((3, SMALL.latent_size)).astype(np.float32)


def drawn(network: keras.Model) -> npt.NDArray[np.float32]:
    return np.asarray(network([latents(), np.array([0, 1, 2], np.int32)]))


def weighted(network: keras.Model) -> list[keras.Layer]:
    return [layer for layer in network.layers if hasattr(layer, "kernel")]


def row(layer: keras.Layer) -> tuple[int, int, str]:
    side = layer.output.shape[1] if len(layer.output.shape) == 4 else 1
    return side, layer.output.shape[-1], printed(layer.count_params())


def test_the_generator_is_that_of_table_2_with_a_layer_to_colours_at_every_resolution() -> None:
    network = progan.build_generator(PAPER, LayerFactory())
    to_colors = [layer for layer in weighted(network) if layer.output.shape[-1] == 3]
    assert [row(layer) for layer in weighted(network) if layer not in to_colors] == GENERATOR
    assert [row(layer)[:2] for layer in to_colors] == [(4 << level, 3) for level in range(9)]
    assert row(to_colors[-1])[2] == "51"
    added = sum(layer.count_params() for layer in to_colors[:-1])
    label = 16 * 512  # the first layer's kernels for the label: CelebA-HQ has no labels, here it has a single one
    assert learned(network) - added - label == 23_071_507
    assert added == sum(3 * width + 3 for width in (512, 512, 512, 512, 256, 128, 64, 32))


def test_the_discriminator_is_that_of_table_2_with_a_shortcut_beside_every_block() -> None:
    network = progan.build_discriminator(PAPER, LayerFactory(), "none")
    shortcuts = [layer for layer in weighted(network) if not layer.use_bias]
    assert sorted(row(layer) for layer in weighted(network) if layer not in shortcuts) == sorted(DISCRIMINATOR)
    added = sum(layer.count_params() for layer in shortcuts)
    assert learned(network) - added == 23_077_137
    widths = (16, 32, 64, 128, 256, 512, 512, 512, 512)
    assert added == sum(before * after for before, after in pairwise(widths))


def test_at_32_px_the_widths_are_those_of_the_authors_for_cifar_10() -> None:
    generator, discriminator = (
        progan.build_generator(CIFAR, LayerFactory()),
        progan.build_discriminator(CIFAR, LayerFactory(), "classifier"),
    )
    convolution, inputs = 9 * 128 * 128 + 128, 128 + 10  # one-hot labels concatenated to the latent
    to_colors = 4 * (3 * 128 + 3)
    assert learned(generator) == 16 * inputs * 128 + 128 + 7 * convolution + to_colors
    last = (9 * 129 * 128 + 128) + (16 * 128 * 128 + 128) + 11 * 128 + 11  # the logit and ten classes
    assert learned(discriminator) == 3 * 128 + 128 + 6 * convolution + 3 * 128 * 128 + last


def test_the_image_is_the_sum_of_one_image_per_resolution() -> None:
    network = progan.build_generator(SMALL, LayerFactory(keras_only=True))
    to_colors = [layer for layer in weighted(network) if layer.output.shape[-1] == 3]
    for layer in to_colors[1:]:
        layer.set_weights([np.zeros(weight.shape) for weight in layer.get_weights()])
    picture = drawn(network)[0]
    blocks = picture.reshape(4, 4, 4, 4, 3)
    np.testing.assert_array_equal(blocks, np.broadcast_to(blocks[:, :1, :, :1], blocks.shape))
    assert picture.std() > 0.01


def test_each_pixels_features_have_norm_one_after_every_convolution_but_those_to_colours() -> None:
    network = progan.build_generator(SMALL, LayerFactory())
    to_colors = [layer for layer in weighted(network) if layer.output.shape[-1] == 3]
    inputs = keras.Model(network.inputs, [layer.input for layer in to_colors])
    for maps in inputs([latents(), np.array([0, 1, 2], np.int32)]):
        np.testing.assert_allclose(np.square(maps).mean(axis=-1), 1, rtol=1e-3)


def test_kernels_are_stored_at_scale_one_and_used_at_their_gain() -> None:
    network = progan.build_discriminator(CIFAR, LayerFactory(), "classifier")
    for layer in weighted(network):
        stored, effective = np.asarray(layer.stored), np.asarray(layer.effective_weight())
        fan_in = np.prod(stored.shape[:-1])
        gain = 1 if not layer.use_bias or layer.name in ("logit", "classes") else 2**0.5
        np.testing.assert_allclose(effective, stored * gain / fan_in**0.5, rtol=1e-5)
        assert stored.std() == pytest.approx(1, abs=0.15)


def test_breeds_are_one_hot_vectors_that_are_not_trained() -> None:
    network = progan.build_generator(SMALL, LayerFactory())
    (table,) = [layer for layer in network.layers if isinstance(layer, keras.layers.Embedding)]
    np.testing.assert_array_equal(table.embeddings, np.eye(3))
    assert not table.trainable_weights


def test_logits_depend_on_the_images_of_the_group_and_on_no_others() -> None:
    network = progan.build_discriminator(SMALL, LayerFactory(), "projection")
    pictures = np.random.default_rng(1).uniform(-1, 1, (8, 16, 16, 3)).astype(np.float32)
    breeds = np.arange(8, dtype=np.int32) % 3
    logits = np.asarray(network([pictures, breeds]))
    np.testing.assert_allclose(np.asarray(network([pictures[:4], breeds[:4]])), logits[:4], atol=1e-5)
    pictures[1] = pictures[0]
    changed = np.asarray(network([pictures, breeds]))
    assert abs(changed[0] - logits[0]) > 1e-6
    np.testing.assert_allclose(changed[4:], logits[4:], atol=1e-6)


def test_a_batch_size_that_would_mix_real_and_generated_images_in_a_group_is_refused() -> None:
    with pytest.raises(UsageError, match="multiple of 4"):
        check(dataclasses.replace(recipe_settings("progan"), batch_size=30, generator_batch_size=32))
