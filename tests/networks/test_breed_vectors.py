"""Vectors of breeds: learned alone, or also a linear function of pretrained features."""

import keras
import numpy as np
import pytest

from pedigree.networks.breed_vectors import breed_vector
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.projection_dcgan import build_generator
from pedigree.networks.reparametrization import reparametrized
from pedigree.networks.shapes import Shape

BREEDS, WIDTH = 5, 400
FEATURES = np.random.default_rng(0).standard_normal((BREEDS, 3)).astype(np.float32)


def network_of(factory: LayerFactory, deviation: float) -> keras.Model:
    breed = keras.Input((), dtype="int32")
    return keras.Model(breed, breed_vector(breed, BREEDS, WIDTH, factory, deviation))


def vectors(network: keras.Model) -> np.ndarray:
    return np.asarray(network(np.arange(BREEDS)))


@pytest.mark.parametrize("features", [None, FEATURES], ids=["learned", "pretrained"])
def test_a_deviation_of_zero_starts_all_breeds_at_zero(features: np.ndarray | None) -> None:
    assert not vectors(network_of(LayerFactory(breed_features=features), 0)).any()


def test_pretrained_vectors_start_as_a_linear_function_of_the_features() -> None:
    found = vectors(network_of(LayerFactory(breed_features=FEATURES), 2.0))
    _, residuals, rank, _ = np.linalg.lstsq(FEATURES, found, rcond=None)
    assert rank == 3
    assert residuals.max() < 1e-6
    np.testing.assert_allclose(found.std(), 2.0 * np.sqrt(np.mean(FEATURES**2)), rtol=0.1)


def test_the_features_are_not_trained_and_everything_else_is() -> None:
    network = network_of(LayerFactory(breed_features=FEATURES), 1.0)
    (frozen,) = network.non_trainable_weights
    np.testing.assert_array_equal(np.asarray(frozen), FEATURES)
    assert sorted(tuple(weight.shape) for weight in network.trainable_weights) == [(3, WIDTH), (BREEDS, WIDTH)]


def test_the_ramp_scales_both_parts() -> None:
    network = network_of(LayerFactory(breed_features=FEATURES, ramped=True), 1.0)
    ramps = [layer.ramp for layer in reparametrized(network)]
    assert len(ramps) == 2
    for ramp in ramps:
        ramp.assign(0.0)
    assert not vectors(network).any()


def test_a_saved_generator_with_pretrained_vectors_needs_only_keras(tmp_path) -> None:
    shape = Shape(image_size=16, colors=3, latent_size=6, breeds=BREEDS, channels=4)
    network = build_generator(shape, LayerFactory(keras_only=True, breed_features=FEATURES))
    assert all(type(layer).__module__.startswith("keras.") for layer in network.layers)
    network.save(tmp_path / "generator.keras")
    again = keras.saving.load_model(tmp_path / "generator.keras")
    inputs = [np.ones((BREEDS, 6), np.float32), np.arange(BREEDS)]
    np.testing.assert_allclose(np.asarray(again(inputs)), np.asarray(network(inputs)), atol=1e-6)
