"""A lean DCGAN (Radford et al., 2015) told the breed the modern way: by conditional batch norm and by projection.

Conditional batch norm: Dumoulin et al., "A Learned Representation for Artistic Style" (2016). Projection
discriminator: Miyato and Koyama, "cGANs with Projection Discriminator" (2018). The discriminator has no
normalisation: a gradient penalty keeps it smooth.
"""

import keras
from keras import layers, ops


def build_generator(image_size: int, latent_size: int, breeds: int, channels: int) -> keras.Model:
    """Build latents `(n, latent_size)`, breeds `(n,)` → images `(n, image_size, image_size, 3)` in [-1, 1].

    `channels` is the width at half the image's size; it doubles with every halving, up to 8 times.
    """
    latent = keras.Input((latent_size,), name="latent")
    breed = keras.Input((), dtype="int32", name="breed")
    widths = _widths(image_size, channels)[::-1]
    x = layers.Reshape((4, 4, widths[0]))(layers.Dense(4 * 4 * widths[0], use_bias=False)(latent))
    x = _conditional_normalization(x, breed, breeds)
    for width in widths[1:]:
        x = layers.Conv2DTranspose(width, 4, strides=2, padding="same", use_bias=False)(x)
        x = _conditional_normalization(x, breed, breeds)
    x = layers.Conv2DTranspose(3, 4, strides=2, padding="same")(x)
    return keras.Model([latent, breed], layers.Activation("tanh", dtype="float32")(x), name="generator")


def build_discriminator(image_size: int, breeds: int, channels: int) -> keras.Model:
    """Build images `(n, image_size, image_size, 3)`, breeds `(n,)` → logits `(n, 1)`.

    With h the features: logit = w·h + <embedding of the breed, h>, as in Miyato and Koyama, equation 3.
    """
    image = keras.Input((image_size, image_size, 3), name="image")
    breed = keras.Input((), dtype="int32", name="breed")
    x = image
    for width in _widths(image_size, channels):
        x = layers.LeakyReLU(0.2)(layers.Conv2D(width, 4, strides=2, padding="same")(x))
    features = layers.Dense(x.shape[-1], name="features")(layers.Flatten()(x))
    features = layers.LeakyReLU(0.2)(features)
    prototype = layers.Embedding(breeds, features.shape[-1], name="projection")(breed)
    agreement = ops.sum(features * prototype, axis=-1, keepdims=True) / features.shape[-1] ** 0.5
    logit = layers.Add(dtype="float32")([layers.Dense(1)(features), agreement])
    return keras.Model([image, breed], logit, name="discriminator")


def _widths(image_size: int, channels: int) -> list[int]:
    """Channels from half the image's size down to 4 px."""
    levels = (image_size // 4).bit_length() - 1
    return [channels * min(2**level, 8) for level in range(levels)]


def _conditional_normalization(x: keras.KerasTensor, breed: keras.KerasTensor, breeds: int) -> keras.KerasTensor:
    """Batch norm whose gain and shift belong to the breed, then ReLU."""
    width = x.shape[-1]
    gain = layers.Embedding(breeds, width, embeddings_initializer="ones")(breed)
    shift = layers.Embedding(breeds, width, embeddings_initializer="zeros")(breed)
    x = layers.BatchNormalization(center=False, scale=False, momentum=0.9)(x)
    x = x * layers.Reshape((1, 1, width))(gain) + layers.Reshape((1, 1, width))(shift)
    return layers.ReLU()(x)
