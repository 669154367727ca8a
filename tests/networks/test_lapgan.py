"""LAPGAN: the layers of its paper and code, its levels in training, and the chain that draws afterwards."""

from collections import Counter

import keras
import numpy as np
import numpy.typing as npt
import pytest

from networks.test_networks import kernels, latents, learned, outputs, perturbed, photos
from pedigree.errors import UsageError
from pedigree.networks import lapgan
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.pyramid import unstack
from pedigree.networks.shapes import Shape

CIFAR = Shape(image_size=32, colors=3, latent_size=300, breeds=10, channels=128)
SMALL = Shape(image_size=32, colors=3, latent_size=12, breeds=3, channels=2)
BREEDS = np.array([0, 2], np.int32)

Array = npt.NDArray[np.float32]


def pictures(stacks: object) -> list[Array]:
    return [np.asarray(picture) for picture in unstack(stacks)]


def test_the_generators_have_the_papers_layers_for_cifar_10() -> None:
    network = lapgan.build_generator(CIFAR, LayerFactory())
    expected = Counter(
        {
            ((100 + 100, 1200), (1200,)): 1,  # noise and the breed's embedding
            ((1200, 1200), (1200,)): 1,
            ((1200, 192), (192,)): 1,  # 8×8×3
        }
    )
    bands = 0
    for side in (16, 32):
        expected[(100, side**2), (side**2,)] += 2  # the planes of noise and breed
        expected[(7, 7, 5, 128), (side, side, 128)] += 1
        expected[(7, 7, 128, 128), (side, side, 128)] += 1
        expected[(5, 5, 128, 3), (side, side, 3)] += 1
        bands += 2 * (100 * side**2 + side**2) + 10 * 100  # planes, and the breed's embedding
        bands += (49 * 5 * 128 + 128) + (49 * 128 * 128 + 128) + (25 * 128 * 3 + 3)
    assert kernels(network) == expected
    coarsest = 10 * 100 + (200 * 1200 + 1200) + (1200 * 1200 + 1200) + (1200 * 192 + 192)
    assert learned(network) == coarsest + bands


def test_the_discriminators_have_the_papers_layers_for_cifar_10() -> None:
    network = lapgan.build_discriminator(CIFAR, LayerFactory(), "concatenation")
    expected = Counter(
        {
            ((100, 64), (64,)): 1,  # the breed's plane
            ((8 * 8 * 4, 600), (600,)): 1,
            ((600, 600), (600,)): 1,
            ((600, 1), (1,)): 1,
        }
    )
    finer = 0
    for side, first, second in ((16, 12, 4), (32, 28, 12)):
        expected[(100, side**2), (side**2,)] += 1
        expected[(5, 5, 4, 128), (first, first, 128)] += 1
        expected[(5, 5, 128, 128), (second, second, 128)] += 1
        expected[(second**2 * 128, 1), (1,)] += 1
        finer += 10 * 100 + 100 * side**2 + side**2
        finer += (25 * 4 * 128 + 128) + (25 * 128 * 128 + 128) + (second**2 * 128 + 1)
    assert kernels(network) == expected
    coarsest = 10 * 100 + (100 * 64 + 64) + (256 * 600 + 600) + (600 * 600 + 600) + (600 + 1)
    assert learned(network) == coarsest + finer
    assert [layer.rate for layer in network.layers if isinstance(layer, keras.layers.Dropout)] == [0.5] * 4


def test_in_training_each_part_of_the_latent_changes_only_its_own_level_and_the_photo_only_the_others() -> None:
    network = lapgan.build_training_generator(perturbed(lapgan.build_generator(SMALL, LayerFactory())))
    latent, photo = np.repeat(latents(1, SMALL), 5, axis=0), np.repeat(photos(1, SMALL), 5, axis=0)
    for part in range(3):
        latent[1 + part, 4 * part : 4 * part + 4] += 1
    photo[4] *= -1
    drawn = pictures(network([latent, np.zeros(5, np.int32), photo]))
    changed = [[not np.allclose(row, level[0], atol=1e-5) for row in level[1:]] for level in drawn]
    assert changed == [[True, False, False, False], [False, True, False, True], [False, False, True, True]]


def test_afterwards_each_level_draws_on_what_the_coarser_one_drew() -> None:
    """A picture that repeats the pixels of a coarser one has that one in its pyramid."""
    shape = Shape(16, colors=3, latent_size=12, breeds=3, channels=2)
    chain = perturbed(lapgan.build_generator(shape, LayerFactory()))
    levels = lapgan.build_training_generator(chain)
    coarse, _ = pictures(levels([latents(2, shape), BREEDS, photos(2, shape)]))
    repeated = np.repeat(np.repeat(coarse, 2, axis=1), 2, axis=2)
    _, fine = pictures(levels([latents(2, shape), BREEDS, repeated]))
    assert np.abs(fine).max() > 1
    np.testing.assert_allclose(chain([latents(2, shape), BREEDS]), fine.clip(-1, 1), atol=1e-5)


def test_a_picture_is_its_low_pass_plus_a_band() -> None:
    generator = lapgan.build_generator(SMALL, LayerFactory())
    for layer in generator.layers:
        if isinstance(layer, keras.layers.Conv2D):
            layer.set_weights([0 * weight for weight in layer.get_weights()])
    drawn = pictures(lapgan.build_training_generator(generator)([latents(2, SMALL), BREEDS, photos(2, SMALL)]))
    real = pictures(lapgan.view(photos(2, SMALL)))
    for coarser, picture in zip(real[:-1], drawn[1:], strict=True):
        np.testing.assert_allclose(picture, lapgan.enlarge(coarser), atol=1e-6)


def test_a_logit_depends_on_one_level_only() -> None:
    discriminator = perturbed(lapgan.build_discriminator(SMALL, LayerFactory(), "concatenation"))
    stacks = np.repeat(np.asarray(lapgan.view(photos(1, SMALL))), 4, axis=0)
    for level in range(3):
        stacks[1 + level, ..., 3 * level : 3 * level + 3] *= -1
    (logits,) = outputs(discriminator, stacks, [0, 0, 0, 0])
    changed = np.abs(logits[1:] - logits[0]) > 1e-5
    np.testing.assert_array_equal(changed, np.eye(3, dtype=bool))


def test_the_classes_are_the_mean_of_all_levels() -> None:
    discriminator = perturbed(lapgan.build_discriminator(SMALL, LayerFactory(), "classifier"))
    classes = [discriminator.get_layer(f"classes_{side}").output for side in (8, 16, 32)]
    inputs = [np.asarray(lapgan.view(photos(2, SMALL))), BREEDS]
    each = [np.asarray(part) for part in keras.Model(discriminator.inputs, classes)(inputs)]
    np.testing.assert_allclose(discriminator(inputs)[1], np.mean(each, axis=0), atol=1e-6)


def test_a_latent_smaller_than_the_number_of_levels_is_refused() -> None:
    with pytest.raises(UsageError, match=r"among 3 levels at 32 px: train.latent_size .* 3. Received: 2$"):
        lapgan.build_generator(Shape(32, colors=3, latent_size=2, breeds=3, channels=2), LayerFactory())
