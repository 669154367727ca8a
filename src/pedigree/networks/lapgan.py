"""LAPGAN: Denton, Chintala, Szlam and Fergus, "Deep Generative Image Models using a Laplacian Pyramid of Adversarial
Networks" (2015), conditioned on the class.

Each level of a Laplacian pyramid has its own conditional GAN, at 8, 16 and 32 px for pictures of 32 px. The coarsest
generator draws a picture. Every other generator draws the band that is added to the low pass of its level, from that
low pass, from noise as one more plane, and from the breed as another (section 3.2 and figure 1). In training, the low
passes are those of real pictures, so that all levels learn side by side in one step. Afterwards, each level enlarges
what the coarser one drew. A discriminator gets the sum of low pass and band, and the breed (figure 2).

The layers are those of section 4.1 and of the authors' code for CIFAR-10: 8 px dense, with 1200 units in the generator,
600 and dropout in the discriminator; the others with kernels of 7, 7 and 5 in the generator, of 5 and 5 in the
discriminator, whose convolutions are not padded. No layer is normalised.

Three things differ. The latent has a fixed size and is split into equal parts; a level's noise is a linear
function of its part. The breed enters by an embedding, as in the other architectures here, instead of a one-hot vector.
Pictures are between -1 and 1, and the last one is clipped. In training nothing is clipped, as in the paper: the
discriminator sees values that no real picture has, and drives them back. After tanh, the low pass would lose contrast.

`channels` is the width of the convolutions, 128 in the paper.
"""

from dataclasses import replace

import keras
from keras import layers, ops

from pedigree.networks.architecture import Architecture
from pedigree.networks.concatenation import breed_plane, concatenate_to_image, concatenate_to_latent
from pedigree.networks.heads import discriminator_outputs
from pedigree.networks.images import discriminator_input, generator_output
from pedigree.networks.latent_parts import split_latent
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.pyramid import Tensor, enlarge, pyramid, sides, stack, unstack
from pedigree.networks.shapes import Shape

GENERATOR_UNITS, DISCRIMINATOR_UNITS = 1200, 600  # of each of the two hidden layers at the coarsest level
DROPOUT = 0.5


def build_generator(shape: Shape, factory: LayerFactory) -> keras.Model:
    """Build the model from latents `(n, latent_size)` and breeds `(n,)` to images `(n, size, size, 3)` in [-1, 1].

    Raises:
        UsageError: the latent is too small to be split into one part per level.
    """
    latent = keras.Input((shape.latent_size,), name="latent")
    breed = keras.Input((), dtype="int32", name="breed")
    coarsest, *others = sides(shape.image_size)
    user = f"lapgan splits the latent among {1 + len(others)} levels"
    first, *parts = split_latent(latent, 1 + len(others), shape, user)
    x = concatenate_to_latent(first, breed, shape, factory)
    for _ in range(2):
        x = layers.ReLU()(factory.dense(GENERATOR_UNITS)(x))
    x = layers.Reshape((coarsest, coarsest, shape.colors))(factory.dense(coarsest**2 * shape.colors)(x))
    picture = layers.Activation("linear", dtype="float32", name=_picture(coarsest))(x)
    for side, part in zip(others, parts, strict=True):
        low_pass = enlarge(picture, name=_low_pass(side))
        band = _band(low_pass, part, breed, shape, factory)
        picture = layers.Add(dtype="float32", name=_picture(side))([low_pass, band])
    return keras.Model([latent, breed], generator_output(picture, shape, "hard_tanh"), name="generator")


def _band(
    low_pass: keras.KerasTensor, part: keras.KerasTensor, breed: keras.KerasTensor, shape: Shape, factory: LayerFactory
) -> keras.KerasTensor:
    """Draw the band `(n, side, side, colors)` that is added to a low pass of the same shape."""
    side = low_pass.shape[1]
    noise = factory.dense(side * side, kernel_initializer="lecun_normal")(part)  # as widely spread as the latent
    plane = breed_plane(breed, side, shape, factory)
    x = layers.Concatenate()([layers.Reshape((side, side, 1))(noise), plane, low_pass])
    for _ in range(2):
        x = layers.ReLU()(factory.conv(shape.channels, 7)(x))
    return factory.conv(shape.colors, 5)(x)


def build_training_generator(generator: keras.Model) -> keras.Model:
    """Build the model that draws every level on the low pass of a real image.

    Args:
        generator: as built by `build_generator`. The model shares all its layers.

    Returns:
        A model from latents `(n, latent_size)`, breeds `(n,)` and real images `(n, size, size, 3)` to stacks
        `(n, size, size, 3 levels)`.
    """
    size, colors = generator.output_shape[1], generator.get_layer(_picture(generator.output_shape[1])).output.shape[-1]
    low_passes = [generator.get_layer(_low_pass(side)).output for side in sides(size)[1:]]
    pictures = [generator.get_layer(_picture(side)).output for side in sides(size)]
    levels = keras.Model([*generator.inputs, *low_passes], pictures)
    latent, breed = (keras.Input(each.shape[1:], dtype=each.dtype) for each in generator.inputs)
    image = keras.Input((size, size, 3))
    drawn = levels([latent, breed, *map(enlarge, pyramid(image[..., :colors])[:-1])])
    return keras.Model([latent, breed, image], stack(drawn))


def build_discriminator(shape: Shape, factory: LayerFactory, conditioning: str) -> keras.Model:
    """Build the model from stacks `(n, size, size, 3 levels)` and breeds `(n,)` to logits `(n, levels)`.

    A classifier's logits are the mean of those of all levels.
    """
    stacked = keras.Input((shape.image_size, shape.image_size, 3 * len(sides(shape.image_size))), name="image")
    breed = keras.Input((), dtype="int32", name="breed")
    outputs = [
        _judge(picture, breed, shape, factory, conditioning, level) for level, picture in enumerate(unstack(stacked))
    ]
    logits, *classes = zip(*outputs, strict=True)
    joined = [ops.concatenate(logits, axis=1), *(ops.mean(ops.stack(each), axis=0) for each in classes)]
    return keras.Model([stacked, breed], joined, name="discriminator")


def _judge(
    picture: keras.KerasTensor,
    breed: keras.KerasTensor,
    shape: Shape,
    factory: LayerFactory,
    conditioning: str,
    level: int,
) -> list[keras.KerasTensor]:
    """Return the outputs of one level's discriminator, as `discriminator_outputs`."""
    shape = replace(shape, image_size=picture.shape[1])
    x = concatenate_to_image(discriminator_input(picture, shape), breed, shape, factory, conditioning)
    if level:
        x = layers.ReLU()(factory.conv(shape.channels, 5, padding="valid")(x))
        x = layers.ReLU()(factory.conv(shape.channels, 5, strides=2, padding="valid")(x))
        x = layers.Dropout(DROPOUT)(layers.Flatten()(x))
    else:
        x = layers.Flatten()(x)
        for _ in range(2):
            x = layers.Dropout(DROPOUT)(layers.ReLU()(factory.dense(DISCRIMINATOR_UNITS)(x)))
    return discriminator_outputs(x, breed, shape, factory, conditioning, suffix=f"_{shape.image_size}")


def view(images: Tensor) -> Tensor:
    """Return the stacks `(n, size, size, 3 levels)` of the pyramids of images `(n, size, size, 3)`."""
    return stack(pyramid(images))


def _picture(side: int) -> str:
    """Return the name of the layer that computes a level's picture."""
    return f"picture_{side}"


def _low_pass(side: int) -> str:
    """Return the name of the layer that computes a level's low pass."""
    return f"low_pass_{side}"


ARCHITECTURE = Architecture(
    build_generator, build_discriminator, view=view, build_training_generator=build_training_generator
)
