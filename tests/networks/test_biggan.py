"""BigGAN: its layers and parameter counts as in the paper and the authors' code, its split latent, its initializers."""

from collections import Counter
from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import ops

from networks.test_networks import kernels, learned
from pedigree.errors import UsageError
from pedigree.networks import biggan
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.shapes import Shape

CHANCE = np.random.default_rng(0)
Kernels = Counter[tuple[tuple[int, ...], tuple[int, ...]]]
SMALL = Shape(image_size=32, colors=3, latent_size=80, breeds=3, channels=8)


@pytest.fixture
def quick_initializers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Initialise with zeros, because orthogonal matrices of full size take a minute."""
    monkeypatch.setattr(
        keras.initializers.Orthogonal, "__call__", lambda self, shape, dtype=None: ops.zeros(shape, dtype)
    )


@pytest.mark.usefixtures("quick_initializers")
@pytest.mark.parametrize(("channels", "expected"), [(96, (70_433_988, 87_982_370)), (64, (31_978_628, 39_448_258))])
def test_parameter_counts_at_128_px_are_those_of_the_authors(channels: int, expected: tuple[int, int]) -> None:
    # Counted with the authors' PyTorch code. At 96 channels the sum is 158.4 million, as in the paper's table 1.
    shape = Shape(image_size=128, colors=3, latent_size=120, breeds=1000, channels=channels)
    counts = []
    for network in (
        biggan.build_generator(shape, LayerFactory()),
        biggan.build_discriminator(shape, LayerFactory(), "projection"),
    ):
        counts.append(learned(network))
        keras.utils.clear_session()
    assert tuple(counts) == expected


# (side, input channels, output channels) of each residual block, in units of `channels`: the paper's table 4 at 128 px,
# the authors' PyTorch code at 64 and 32 px. The side is that of the input in the discriminator, of the output in the
# generator.
GENERATORS = {
    128: [(8, 16, 16), (16, 16, 8), (32, 8, 4), (64, 4, 2), (128, 2, 1)],
    64: [(8, 16, 16), (16, 16, 8), (32, 8, 4), (64, 4, 2)],
    32: [(8, 4, 4), (16, 4, 4), (32, 4, 4)],
}
DISCRIMINATORS = {
    128: [(128, 0, 1), (64, 1, 2), (32, 2, 4), (16, 4, 8), (8, 8, 16), (4, 16, 16)],
    64: [(64, 0, 1), (32, 1, 2), (16, 2, 4), (8, 4, 8), (4, 8, 16)],
    32: [(32, 0, 4), (16, 4, 4), (8, 4, 4), (8, 4, 4)],
}


@pytest.mark.parametrize("size", GENERATORS)
def test_the_generators_blocks_are_the_papers(size: int) -> None:
    last = GENERATORS[size][-1][-1]
    expected = two_convolutions_a_block(GENERATORS[size]) + Counter({((3, 3, 8 * last, 3), (size, size, 3)): 1})
    assert three_by_three(biggan.build_generator(replace(SMALL, image_size=size), LayerFactory())) == expected


@pytest.mark.parametrize("size", DISCRIMINATORS)
def test_the_discriminators_blocks_are_the_papers(size: int) -> None:
    discriminator = biggan.build_discriminator(replace(SMALL, image_size=size), LayerFactory(), "projection")
    assert three_by_three(discriminator) == two_convolutions_a_block(DISCRIMINATORS[size])


def two_convolutions_a_block(blocks: list[tuple[int, int, int]]) -> Kernels:
    """Count 3×3 kernels with their output shapes. 0 × `channels` stands for the image's colours."""
    expected: Kernels = Counter()
    for side, before, after in blocks:
        for into in (8 * before or 3, 8 * after):
            expected[(3, 3, into, 8 * after), (side, side, 8 * after)] += 1
    return expected


def three_by_three(network: keras.Model) -> Kernels:
    return Counter({key: count for key, count in kernels(network).items() if key[0][:2] == (3, 3)})


def test_every_batch_norm_is_conditioned_on_one_shared_embedding_and_a_part_of_the_latent() -> None:
    generator = biggan.build_generator(SMALL, LayerFactory())
    assert [layer.embeddings.shape for layer in of_kind(generator, keras.layers.Embedding)] == [(3, 128)]
    shapes = Counter(tuple(layer.kernel.shape) for layer in of_kind(generator, keras.layers.Dense))
    assert shapes == {(20, 4 * 4 * 32): 1, (128 + 20, 32): 3 * 2 * 2, (1, 1): 1}


def test_each_part_of_the_latent_is_the_input_of_its_own_block() -> None:
    generator = biggan.build_generator(SMALL, LayerFactory())
    latents = np.repeat(CHANCE.standard_normal((1, 80), np.float32), 5, axis=0)
    for row in range(1, 5):
        latents[row, 20 * (row - 1) : 20 * row] += 1
    blocks = of_kind(generator, keras.layers.Add)  # the last layer of each block, and of attention
    block_outputs = [layer.output for layer in blocks if len(layer.input) == 2 and layer.output.shape[-1] == 32]
    maps = keras.Model(generator.inputs, block_outputs)([latents, np.zeros(5, np.int32)])
    changed = {
        end.shape[1]: [not np.allclose(row, np.asarray(end)[0], atol=1e-5) for row in np.asarray(end)[1:]]
        for end in maps
    }
    assert changed == {
        8: [True, True, False, False],
        16: [True, True, True, False],
        32: [True, True, True, True],
    }


@pytest.mark.parametrize(("size", "latent_size", "first", "others"), [(16, 14, 6, 4), (128, 125, 25, 20)])
def test_the_first_part_of_the_latent_gets_the_remainder(size: int, latent_size: int, first: int, others: int) -> None:
    generator = biggan.build_generator(
        replace(SMALL, image_size=size, latent_size=latent_size, channels=1), LayerFactory()
    )
    rows = {layer.kernel.shape[0] for layer in of_kind(generator, keras.layers.Dense)}
    assert rows == {1, first, 128 + others}


def test_a_latent_smaller_than_the_number_of_layers_is_refused() -> None:
    with pytest.raises(UsageError, match=r"among 4 layers at 32 px: train.latent_size .* 4. Received: 3$"):
        biggan.build_generator(replace(SMALL, latent_size=3), LayerFactory())


@pytest.mark.parametrize("spectral", [False, True])
def test_kernels_and_embeddings_start_orthogonal(spectral: bool) -> None:
    factory = LayerFactory(spectral=spectral)
    for network in (biggan.build_generator(SMALL, factory), biggan.build_discriminator(SMALL, factory, "projection")):
        stored = [weight for weight in network.trainable_weights if weight.name in ("kernel", "embeddings")]
        for weight in stored:
            matrix = np.asarray(weight).reshape(-1, weight.shape[-1])
            if matrix.shape == (1, 1):  # attention's γ, which starts at 0
                continue
            short = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
            np.testing.assert_allclose(short @ short.T, np.eye(len(short)), atol=1e-5, err_msg=weight.path)


@pytest.mark.parametrize("size", [16, 28, 32, 64, 128])
def test_attention_is_at_half_the_image_size(size: int) -> None:
    shape = replace(SMALL, image_size=size, channels=1)
    for network in (
        biggan.build_generator(shape, LayerFactory()),
        biggan.build_discriminator(shape, LayerFactory(), "projection"),
    ):
        queries = [layer.input[0].shape[1] for layer in of_kind(network, keras.layers.Attention)]
        assert queries == [(size // 2) ** 2]


def of_kind(network: keras.Model, kind: type[keras.Layer]) -> list[keras.Layer]:
    return [layer for layer in network.layers if isinstance(layer, kind)]
