"""The second discriminator: frozen features of a pretrained network, and heads that are trained on them."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from pedigree.errors import UsageError
from pedigree.networks.bilinear import bilinear_matrix
from pedigree.settings.params import Train
from pedigree.train.batches import stacked
from pedigree.train.gan import ConditionalGAN
from pedigree.train.pretrained_step import pretrained_step
from train.test_gan import IMAGES, LABELS, gan_of, take

CHANCE = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def eagerly() -> Iterator[None]:
    """Run steps eagerly: a few steps take less time than compiling one."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def settings(train_settings: Train) -> Train:
    return dataclasses.replace(
        train_settings, architecture="mlp", r1_weight=0.0, features_weight=1.0, features_input=32
    )


def pictures(color: int) -> Any:
    """Return four noisy pictures with more of one colour."""
    images = CHANCE.uniform(-0.5, 0.1, (4, 16, 16, 3)).astype(np.float32)
    images[..., color] += 0.4
    return tf.constant(images)


def step_on(gan: ConditionalGAN, real: Any, drawn: Any) -> tuple[dict[str, float], np.ndarray]:
    """Return the metrics of one step of the heads on the same random numbers, and the gradient of `drawn`."""
    batch: Any = {name: array[0] for name, array in stacked(range(1), IMAGES, LABELS, gan.train).items()}
    assert gan.pretrained
    metrics, gradient = pretrained_step(gan, gan.pretrained, batch, real, drawn)
    return {name: float(value) for name, value in metrics.items()}, gradient.numpy()


@pytest.mark.parametrize(
    ("mixing", "maps", "logits"),
    [
        ("channels", [(16, 64), (8, 128), (4, 256), (2, 512)], [25, 25, 1, 4]),
        ("scales", [(32, 64), (16, 64), (8, 128), (4, 256)], [25, 25, 25, 1]),
    ],
)
def test_there_are_four_maps_and_a_head_for_each(
    settings: Train, mixing: str, maps: list[tuple[int, int]], logits: list[int]
) -> None:
    gan = gan_of(dataclasses.replace(settings, features_mixing=mixing, features_input=64))
    assert gan.pretrained
    mixed = gan.pretrained.network(pictures(0))
    assert [each.shape for each in mixed] == [(4, side, side, channels) for side, channels in maps]
    assert [each.shape for each in gan.pretrained.heads([*mixed, tf.constant(LABELS[:4])])] == [
        (4, count) for count in logits
    ]


def test_heads_learn_to_tell_real_from_generated_images(settings: Train) -> None:
    gan = gan_of(dataclasses.replace(settings, features_augment=[], features_learning_rate=0.02))
    real, drawn = pictures(0), pictures(2)
    losses = [step_on(gan, real, drawn)[0]["features_loss"] for _ in range(6)]
    assert losses[-1] < 0.5 * losses[0]


def test_the_gradient_of_images_is_the_slope_of_the_generators_loss_times_the_weight(settings: Train) -> None:
    frozen_heads = {"features_learning_rate": 1e-30, "features_weight": 3.0, "features_augment": ["color"]}
    gan = gan_of(dataclasses.replace(settings, **frozen_heads))
    real, drawn = pictures(0), pictures(2)
    assert gan.pretrained
    maps = gan.pretrained.network(real)
    for _ in range(30):  # until the spectral norms have converged
        gan.pretrained.heads([*maps, tf.constant(LABELS[:4])], training=True)
    _, gradient = step_on(gan, real, drawn)
    direction = gradient / np.linalg.norm(gradient)
    above, below = (
        step_on(gan, real, drawn + sign * 0.02 * direction)[0]["features_generator_loss"] for sign in (1, -1)
    )
    slope = 3.0 * (above - below) / 0.04
    assert slope == pytest.approx(np.sum(gradient * direction), rel=0.05)


def test_the_frozen_network_does_not_change_and_the_heads_do(settings: Train) -> None:
    gan = gan_of(settings)
    assert gan.pretrained
    network, heads = gan.pretrained.network, gan.pretrained.heads
    assert not network.trainable_variables
    assert not {id(variable) for variable in network.variables} & {id(variable) for variable in gan.variables}
    before = [np.array(variable) for variable in network.variables]
    kernels = [variable for variable in heads.trainable_variables if variable.name != "bias"]
    kernels_before = [np.array(variable) for variable in kernels]
    take(gan, range(1))
    assert all(np.array_equal(old, np.array(new)) for old, new in zip(before, network.variables, strict=True))
    assert not any(np.array_equal(old, np.array(new)) for old, new in zip(kernels_before, kernels, strict=True))


def test_they_change_the_generators_update_but_not_the_discriminators(settings: Train) -> None:
    with_features, without = (
        take(gan_of(dataclasses.replace(settings, features_weight=w)), range(1)) for w in (1.0, 0.0)
    )
    assert {name for name in with_features if name.startswith("features_")} == {
        "features_loss",
        "features_generator_loss",
        "features_real_logit",
        "features_fake_logit",
    }
    for name in without:
        assert np.array_equal(with_features[name], without[name]) == (not name.startswith("generator_gradient")), name


def test_mixing_is_a_function_of_the_seed(settings: Train) -> None:
    real = pictures(0)
    one, again, other = (
        [each.numpy() for each in gan.pretrained.network(real)]
        for gan in (gan_of(dataclasses.replace(settings, seed=seed)) for seed in (0, 0, 1))
        if gan.pretrained
    )
    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_the_breed_matters_unless_there_is_no_conditioning(settings: Train) -> None:
    for conditioning in ("concatenation", "none"):
        gan = gan_of(dataclasses.replace(settings, conditioning=conditioning))
        assert gan.pretrained
        maps = gan.pretrained.network(pictures(0)[:1])
        logits = [np.concatenate(gan.pretrained.heads([*maps, tf.constant([breed])]), axis=1) for breed in (0, 1)]
        assert np.array_equal(*logits) == (conditioning == "none")


def test_in_bfloat16_logits_are_close_to_those_in_float32(settings: Train) -> None:
    one, other = (gan_of(settings, precision).pretrained for precision in ("float32", "bfloat16"))
    assert one
    assert other
    for a, b in zip(one.heads.variables, other.heads.variables, strict=True):
        b.assign(a)
    real = pictures(0)
    logits = [
        np.concatenate(each.heads([*each.network(real), tf.constant(LABELS[:4])]), axis=1) for each in (one, other)
    ]
    assert logits[1].dtype == np.float32
    assert np.corrcoef(logits[0].ravel(), logits[1].ravel())[0, 1] > 0.99


def test_pictures_larger_than_the_input_are_refused(settings: Train) -> None:
    with pytest.raises(UsageError, match=r"features_input: 8 px is smaller than the pictures \(crop.size: 16\)"):
        gan_of(dataclasses.replace(settings, features_input=8))


@pytest.mark.parametrize(("before", "after"), [(2, 4), (3, 8), (16, 64)])
def test_enlarging_is_that_of_tensorflow(before: int, after: int) -> None:
    matrix = bilinear_matrix(before, after)
    image = CHANCE.normal(size=(before, before)).astype(np.float32)
    expected = tf.image.resize(image[None, :, :, None], (after, after))[0, :, :, 0]
    np.testing.assert_allclose(matrix @ image @ matrix.T, expected, atol=1e-5)
