"""Properties of all architectures, and the layers and parameter counts of each as in its paper or original code."""

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest

from pedigree.networks import ARCHITECTURES
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.minibatch import GROUP, MinibatchDeviation
from pedigree.networks.pyramid import sides
from pedigree.networks.reparametrization import effective_weights, reparametrized
from pedigree.networks.shapes import Shape

SIZES = (16, 28, 32, 64, 128)
CONDITIONINGS = ("projection", "classifier", "both", "concatenation", "none")
SMALL = Shape(image_size=16, colors=3, latent_size=12, breeds=3, channels=2)
GREY = Shape(image_size=16, colors=1, latent_size=12, breeds=3, channels=2)

Array = npt.NDArray[Any]
every_architecture = pytest.mark.parametrize("name", ARCHITECTURES)


@pytest.fixture(autouse=True)
def _seed() -> None:
    keras.utils.set_random_seed(0)


def generator_of(name: str, shape: Shape = SMALL, factory: LayerFactory | None = None) -> keras.Model:
    return ARCHITECTURES[name].build_generator(shape, factory or LayerFactory())


def discriminator_of(
    name: str, conditioning: str, shape: Shape = SMALL, factory: LayerFactory | None = None
) -> keras.Model:
    return ARCHITECTURES[name].build_discriminator(shape, factory or LayerFactory(), conditioning)


def outputs(network: keras.Model, first: Array, breeds: list[int], training: bool = False) -> list[Array]:
    result = network([first, np.array(breeds, np.int32)], training=training)
    return [np.asarray(part) for part in (result if isinstance(result, list | tuple) else [result])]


def latents(count: int, shape: Shape = SMALL) -> Array:
    return np.random.default_rng(1).standard_normal((count, shape.latent_size), np.float32)


def photos(count: int, shape: Shape = SMALL) -> Array:
    size = (count, shape.image_size, shape.image_size, 3)
    return np.random.default_rng(2).uniform(-1, 1, size).astype(np.float32)


def seen(name: str, images: Array) -> Array:
    """Return what the discriminator of an architecture gets of images."""
    view = ARCHITECTURES[name].view
    return np.asarray(view(images)) if view else images


def logit_count(name: str, size: int) -> int:
    return len(sides(size)) if ARCHITECTURES[name].view else 1


def perturbed(network: keras.Model) -> keras.Model:
    """Move all weights away from their initial values, with which breeds may be alike."""
    chance = np.random.default_rng(3)
    for weight in network.trainable_weights:
        weight.assign(weight + chance.normal(0, 0.1, weight.shape))
    return network


def ramp_to(strength: float, network: keras.Model) -> None:
    for layer in reparametrized(network):
        if layer.ramped:
            layer.ramp.assign(strength)


@every_architecture
@pytest.mark.parametrize("size", SIZES)
def test_networks_can_be_built_for_every_crop_size(name: str, size: int) -> None:
    shape = Shape(size, colors=3, latent_size=12, breeds=3, channels=2)
    assert generator_of(name, shape).output_shape == (None, size, size, 3)
    assert discriminator_of(name, "none", shape).outputs[0].shape == (None, logit_count(name, size))


@every_architecture
@pytest.mark.parametrize("conditioning", CONDITIONINGS)
def test_the_discriminator_depends_on_the_breed_as_conditioning_and_ramp_say(name: str, conditioning: str) -> None:
    discriminator = perturbed(discriminator_of(name, conditioning, factory=LayerFactory(ramped=True)))
    alike = seen(name, photos(1)[[0, 0]])
    logits, *classes = outputs(discriminator, alike, [0, 1])
    assert logits.shape == (2, logit_count(name, 16))
    assert [part.shape for part in classes] == ([(2, 3)] if conditioning in ("classifier", "both") else [])
    depends = conditioning in ("projection", "both", "concatenation") or name == "cogan"  # by kernels of the breed
    assert ((abs(logits[0] - logits[1]) > 1e-5) == depends).all()
    ramp_to(0, discriminator)
    (one, other), *_ = outputs(discriminator, alike, [0, 1])
    np.testing.assert_allclose(one, other, atol=1e-6)


@every_architecture
def test_the_generator_depends_on_the_latent_and_with_the_ramp_on_the_breed(name: str) -> None:
    generator = perturbed(generator_of(name, factory=LayerFactory(ramped=True)))
    (pictures,) = outputs(generator, latents(2)[[0, 0, 1]], [0, 1, 0])
    assert np.abs(pictures).max() <= 1
    assert not np.allclose(pictures[0], pictures[1], atol=1e-4)
    assert not np.allclose(pictures[0], pictures[2], atol=1e-4)
    ramp_to(0, generator)
    (pictures,) = outputs(generator, latents(2)[[0, 0, 1]], [0, 1, 0])
    np.testing.assert_allclose(pictures[0], pictures[1], atol=1e-6)
    assert not np.allclose(pictures[0], pictures[2], atol=1e-4)


@pytest.mark.parametrize("name", ["dcgan", "mlp"])
def test_initially_images_depend_more_on_the_latent_than_on_the_breed(name: str) -> None:
    """Otherwise a generator may learn a single image per breed."""
    generator = generator_of(name, Shape(16, colors=3, latent_size=12, breeds=3, channels=32))
    count = 16
    by_latent, by_breed = [
        outputs(generator, latents(count)[which], breeds)[0].std(axis=0).mean()
        for which, breeds in (
            (np.arange(count), [0] * count),
            (np.zeros(count, int), [number % 3 for number in range(count)]),
        )
    ]
    assert by_breed < 0.5 * by_latent


@pytest.mark.parametrize("name", ["dcgan", "mlp"])
def test_the_breeds_plane_is_initialised_at_the_scale_of_an_image(name: str) -> None:
    discriminator = discriminator_of(name, "concatenation", Shape(32, 3, 12, 10, 4))
    (beside,) = [layer for layer in discriminator.layers if isinstance(layer, keras.layers.Concatenate)]
    stacked = keras.Model(discriminator.inputs, beside.output)
    planes = np.asarray(stacked([np.zeros((10, 32, 32, 3), np.float32), np.arange(10, dtype=np.int32)]))[..., 3]
    assert 0.3 < planes.std() < 1.5


@every_architecture
def test_grey_images_have_three_equal_planes_and_the_discriminator_uses_one(name: str) -> None:
    (pictures,) = outputs(perturbed(generator_of(name, GREY)), latents(2), [0, 1])
    assert pictures.shape == (2, 16, 16, 3)
    np.testing.assert_array_equal(pictures, np.repeat(pictures[..., :1], 3, axis=-1))
    discriminator = perturbed(discriminator_of(name, "projection", GREY))
    whole, other = photos(2), photos(2)
    (logits,) = outputs(discriminator, seen(name, whole), [0, 1])
    other[..., 1:] = 0
    np.testing.assert_array_equal(logits, outputs(discriminator, seen(name, other), [0, 1])[0])
    other[..., 0] = 0
    assert not np.allclose(logits, outputs(discriminator, seen(name, other), [0, 1])[0])


@every_architecture
def test_images_and_logits_are_float32_in_any_precision(name: str) -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        networks = [generator_of(name), *(discriminator_of(name, how) for how in ("projection", "classifier", "both"))]
    finally:
        keras.config.set_dtype_policy("float32")
    assert {output.dtype for network in networks for output in network.outputs} == {"float32"}
    assert all(any(layer.compute_dtype == "bfloat16" for layer in network.layers) for network in networks)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save a generator of each architecture, trained with spectral norm and a ramp, and the images of both versions."""
    folder = tmp_path_factory.mktemp("saved")
    for name in ARCHITECTURES:
        trained = perturbed(generator_of(name, factory=LayerFactory(spectral=True, ramped=True)))
        ramp_to(0.3, trained)
        for _ in range(2):  # this updates batch norm and power iteration
            outputs(trained, latents(4), [0, 1, 2, 0], training=True)
        network = generator_of(name, factory=LayerFactory(keras_only=True))
        for own, effective in zip(network.weights, effective_weights(trained), strict=True):
            own.assign(effective)
        drawn = {
            "trained": outputs(trained, latents(4), [2, 1, 0, 1]),
            "saved": outputs(network, latents(4), [2, 1, 0, 1]),
        }
        np.savez(folder / f"{name}.npz", **{key: pictures[0] for key, pictures in drawn.items()})
        network.save(folder / f"{name}.keras")
    return folder


@every_architecture
def test_the_saved_generator_draws_the_images_of_the_trained_one(saved: Path, name: str) -> None:
    drawn = np.load(saved / f"{name}.npz")
    np.testing.assert_allclose(drawn["saved"], drawn["trained"], atol=2e-5)


def test_saved_generators_load_without_this_package(saved: Path) -> None:
    np.save(saved / "latents.npy", latents(4))
    code = (
        "import sys; sys.modules['pedigree'] = None\n"
        "import keras, numpy as np\n"
        "from pathlib import Path\n"
        "latents = np.load('latents.npy')\n"
        "for path in Path().glob('*.keras'):\n"
        "    pictures = keras.saving.load_model(path)([latents, np.array([2, 1, 0, 1], np.int32)])\n"
        "    expected = np.load(path.with_suffix('.npz'))['saved']\n"
        "    np.testing.assert_allclose(np.asarray(pictures), expected, atol=1e-6, err_msg=path.stem)\n"
        "    print(path.stem)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=saved, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.split()) == sorted(ARCHITECTURES)


def test_only_discriminators_marked_batch_norm_have_it() -> None:
    def normalized(name: str) -> bool:
        network = discriminator_of(name, "projection")
        return any(isinstance(layer, keras.layers.BatchNormalization) for layer in network.layers)

    assert {name for name in ARCHITECTURES if normalized(name)} == {
        name for name, one in ARCHITECTURES.items() if one.batch_norm
    }


def test_only_discriminators_that_compare_images_say_so() -> None:
    def compares(name: str) -> bool:
        return any(isinstance(layer, MinibatchDeviation) for layer in discriminator_of(name, "projection").layers)

    groups = {name: architecture.group for name, architecture in ARCHITECTURES.items() if architecture.group > 1}
    assert groups == {name: GROUP for name in ARCHITECTURES if compares(name)}


# Layers with a kernel, as (kernel shape, output shape), and numbers of trainable parameters.


def kernels(network: keras.Model) -> Counter[tuple[tuple[int, ...], tuple[int, ...]]]:
    kinds = (keras.layers.Dense, keras.layers.Conv2D, keras.layers.Conv2DTranspose)
    return Counter(
        (tuple(layer.kernel.shape), tuple(layer.output.shape[1:]))
        for layer in network.layers
        if isinstance(layer, kinds)
    )


def learned(network: keras.Model) -> int:
    return sum(int(np.prod(weight.shape)) for weight in network.trainable_weights)


def test_mlp_is_the_original_with_two_embeddings() -> None:
    shape = Shape(64, colors=3, latent_size=100, breeds=120, channels=256)
    generator, discriminator = generator_of("mlp", shape), discriminator_of("mlp", "concatenation", shape)
    assert kernels(generator) == Counter(
        {
            ((200, 256), (256,)): 1,
            ((256, 512), (512,)): 1,
            ((512, 1024), (1024,)): 1,
            ((1024, 12288), (12288,)): 1,
        }
    )
    assert learned(generator) == sum(
        (
            120 * 100,  # the embedding
            200 * 256 + 256 + 2 * 256,  # kernel, bias, batch norm
            256 * 512 + 512 + 2 * 512,
            512 * 1024 + 1024 + 2 * 1024,
            1024 * 12288 + 12288,
        )
    )
    assert kernels(discriminator) == Counter(
        {
            ((100, 4096), (4096,)): 1,
            ((16384, 512), (512,)): 1,
            ((512, 256), (256,)): 1,
            ((256, 128), (128,)): 1,
            ((128, 1), (1,)): 1,
        }
    )
    assert learned(discriminator) == sum(
        (
            120 * 100 + 100 * 4096 + 4096,  # the plane
            (64 * 64 * 4) * 512 + 512,
            512 * 256 + 256,
            256 * 128 + 128,
            128 + 1,
        )
    )


def test_dcgan_is_the_papers_if_there_is_a_single_breed() -> None:
    shape = Shape(64, colors=3, latent_size=100, breeds=1, channels=128)
    generator, discriminator = generator_of("dcgan", shape), discriminator_of("dcgan", "none", shape)
    assert kernels(generator) == Counter(
        {
            ((100, 16384), (16384,)): 1,  # 4×4×1024
            ((5, 5, 512, 1024), (8, 8, 512)): 1,
            ((5, 5, 256, 512), (16, 16, 256)): 1,
            ((5, 5, 128, 256), (32, 32, 128)): 1,
            ((5, 5, 3, 128), (64, 64, 3)): 1,
        }
    )
    assert learned(generator) == sum(
        (
            100 * 16384 + 2 * 16384,  # kernel, batch norm; no biases
            25 * 1024 * 512 + 2 * 512,
            25 * 512 * 256 + 2 * 256,
            25 * 256 * 128 + 2 * 128,
            25 * 128 * 3,
        )
    )
    assert kernels(discriminator) == Counter(
        {
            ((5, 5, 3, 128), (32, 32, 128)): 1,
            ((5, 5, 128, 256), (16, 16, 256)): 1,
            ((5, 5, 256, 512), (8, 8, 512)): 1,
            ((5, 5, 512, 1024), (4, 4, 1024)): 1,
            ((16384, 1), (1,)): 1,
        }
    )
    assert learned(discriminator) == sum(
        (
            25 * 3 * 128,
            25 * 128 * 256 + 2 * 256,
            25 * 256 * 512 + 2 * 512,
            25 * 512 * 1024 + 2 * 1024,
            16384 + 1,  # with a bias, unlike the authors' logit
        )
    )


def test_dcgan_starts_from_7_px_maps_for_28_px_images() -> None:
    shape = Shape(28, colors=1, latent_size=100, breeds=10, channels=64)
    assert kernels(generator_of("dcgan", shape)) == Counter(
        {
            ((200, 7 * 7 * 128), (7 * 7 * 128,)): 1,
            ((5, 5, 64, 128), (14, 14, 64)): 1,
            ((5, 5, 1, 64), (28, 28, 1)): 1,
        }
    )


def test_dcgans_weights_are_initialised_as_in_the_paper() -> None:
    shape = Shape(32, colors=3, latent_size=100, breeds=1, channels=16)
    discriminator = discriminator_of("dcgan", "none", shape)
    starts = [layer.kernel for layer in discriminator.layers if isinstance(layer, keras.layers.Conv2D)]
    spreads = [float(np.std(kernel)) for kernel in [*starts, generator_of("dcgan", shape).layers[1].kernel]]
    np.testing.assert_allclose(spreads, 0.02, rtol=0.06)
    gains = [layer.gamma for layer in discriminator.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert not np.array_equal(gains[0], gains[1][: gains[0].shape[0]])  # each layer has its own random values


def test_seed_cgan_is_the_original() -> None:
    shape = Shape(64, colors=3, latent_size=100, breeds=120, channels=128)
    generator, discriminator = generator_of("seed-cgan", shape), discriminator_of("seed-cgan", "concatenation", shape)
    assert kernels(generator) == Counter(
        {
            ((100, 4096), (4096,)): 1,  # 4×4×256
            ((100, 16), (16,)): 1,  # the breed's 4×4×1
            ((4, 4, 128, 257), (8, 8, 128)): 1,
            ((4, 4, 128, 128), (16, 16, 128)): 1,
            ((4, 4, 128, 128), (32, 32, 128)): 1,
            ((4, 4, 128, 128), (64, 64, 128)): 1,
            ((8, 8, 128, 3), (64, 64, 3)): 1,
        }
    )
    assert learned(generator) == sum(
        (
            100 * 4096 + 4096,
            120 * 100 + 100 * 16 + 16,  # the breed's map
            16 * 257 * 128 + 128,
            3 * (16 * 128 * 128 + 128),
            64 * 128 * 3 + 3,
        )
    )
    assert kernels(discriminator) == Counter(
        {
            ((100, 4096), (4096,)): 1,  # the breed's plane
            ((3, 3, 4, 128), (32, 32, 128)): 1,
            ((3, 3, 128, 128), (16, 16, 128)): 1,
            ((3, 3, 128, 128), (8, 8, 128)): 1,
            ((3, 3, 128, 128), (4, 4, 128)): 1,
            ((3, 3, 128, 128), (2, 2, 128)): 1,
            ((512, 1), (1,)): 1,
        }
    )
    assert learned(discriminator) == sum(
        (
            120 * 100 + 100 * 4096 + 4096,
            9 * 4 * 128 + 128,
            4 * (9 * 128 * 128 + 128),
            2 * 2 * 128 + 1,
        )
    )
    assert [layer.rate for layer in discriminator.layers if isinstance(layer, keras.layers.Dropout)] == [0.4]


def test_projection_dcgan_has_a_layer_at_the_full_size() -> None:
    shape = Shape(32, colors=3, latent_size=64, breeds=6, channels=64)
    generator = generator_of("projection-dcgan", shape)
    discriminator = discriminator_of("projection-dcgan", "both", shape)
    assert kernels(generator) == Counter(
        {
            ((64, 4096), (4096,)): 1,  # 4×4×256
            ((4, 4, 128, 256), (8, 8, 128)): 1,
            ((4, 4, 64, 128), (16, 16, 64)): 1,
            ((4, 4, 32, 64), (32, 32, 32)): 1,
            ((3, 3, 32, 3), (32, 32, 3)): 1,
        }
    )
    assert learned(generator) == sum(
        (
            64 * 4096,
            16 * (256 * 128 + 128 * 64 + 64 * 32),
            2 * 6 * (256 + 128 + 64 + 32),  # gain and shift of each breed
            9 * 32 * 3 + 3,
        )
    )
    assert kernels(discriminator) == Counter(
        {
            ((3, 3, 3, 32), (32, 32, 32)): 1,
            ((4, 4, 32, 64), (16, 16, 64)): 1,
            ((4, 4, 64, 128), (8, 8, 128)): 1,
            ((4, 4, 128, 256), (4, 4, 256)): 1,
            ((16 * 257, 256), (256,)): 1,  # 256 maps and the minibatch deviation
            ((256, 1), (1,)): 1,
            ((256, 6), (6,)): 1,
        }
    )
    assert learned(discriminator) == sum(
        (
            9 * 3 * 32 + 32,
            16 * (32 * 64 + 64 * 128 + 128 * 256) + 64 + 128 + 256,
            16 * 257 * 256 + 256,
            256 + 1 + 6 * 256,  # the logit, the breeds' prototypes
            256 * 6 + 6,
        )
    )


def test_wgan_gp_is_the_papers_network_for_cifar_10() -> None:
    shape = Shape(32, colors=3, latent_size=128, breeds=10, channels=128)
    generator, discriminator = generator_of("wgan-gp", shape), discriminator_of("wgan-gp", "classifier", shape)
    block = {side: ((3, 3, 128, 128), (side, side, 128)) for side in (8, 16, 32)}
    assert kernels(generator) == Counter(
        {
            ((128, 2048), (2048,)): 1,  # 4×4×128
            block[8]: 2,
            block[16]: 2,
            block[32]: 2,
            ((1, 1, 128, 128), (4, 4, 128)): 1,  # shortcuts, before upsampling
            ((1, 1, 128, 128), (8, 8, 128)): 1,
            ((1, 1, 128, 128), (16, 16, 128)): 1,
            ((3, 3, 128, 3), (32, 32, 3)): 1,
        }
    )
    convolution, shortcut = 9 * 128 * 128 + 128, 128 * 128 + 128
    assert learned(generator) == sum(
        (
            128 * 2048 + 2048,
            3 * (2 * convolution + shortcut + 2 * 2 * 10 * 128),  # two batch norms: gain and shift of each breed
            2 * 128,  # the last batch norm, which is not conditional
            9 * 128 * 3 + 3,
        )
    )
    assert kernels(discriminator) == Counter(
        {
            ((3, 3, 3, 128), (32, 32, 128)): 1,
            block[32]: 1,
            ((1, 1, 3, 128), (16, 16, 128)): 1,
            block[16]: 2,
            ((1, 1, 128, 128), (8, 8, 128)): 1,
            block[8]: 2 * 2,  # the two blocks that keep the size
            ((128, 1), (1,)): 1,
            ((128, 10), (10,)): 1,
        }
    )
    assert learned(discriminator) == sum(
        (
            (9 * 3 * 128 + 128) + convolution + (3 * 128 + 128),
            2 * convolution + shortcut,
            2 * 2 * convolution,
            128 + 1,
            128 * 10 + 10,
        )
    )
