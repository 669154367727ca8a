"""The conditional DCGAN of "Generate Dog Images with GAN" (Zhang, Huang, Ying, 2019), this project's ancestor."""

import keras
from keras import layers


def build_generator(image_size: int, latent_size: int, breeds: int, channels: int) -> keras.Model:
    """Build latents `(n, latent_size)`, breeds `(n,)` → images `(n, image_size, image_size, 3)` in [-1, 1].

    The breed's embedding becomes one more 4×4 map beside the latent's 256. The ancestor drew 64 px in four
    doublings; other sizes take as many as they need. It has `channels` 128.
    """
    latent = keras.Input((latent_size,), name="latent")
    breed = keras.Input((), dtype="int32", name="breed")
    x = layers.LeakyReLU(0.2)(layers.Dense(4 * 4 * 256)(latent))
    condition = layers.Dense(4 * 4)(layers.Embedding(breeds, 100)(breed))
    x = layers.Concatenate()([layers.Reshape((4, 4, 256))(x), layers.Reshape((4, 4, 1))(condition)])
    for _ in range(_doublings(image_size)):
        x = layers.LeakyReLU(0.2)(layers.Conv2DTranspose(channels, 4, strides=2, padding="same")(x))
    image = layers.Conv2D(3, 8, padding="same", activation="tanh", dtype="float32")(x)
    return keras.Model([latent, breed], image, name="generator")


def build_discriminator(image_size: int, breeds: int, channels: int) -> keras.Model:
    """Build images `(n, image_size, image_size, 3)`, breeds `(n,)` → logits `(n, 1)`.

    The breed's embedding becomes a fourth colour plane. Five halvings at 64 px, one fewer than the image has
    otherwise; 40 % dropout before the last layer.
    """
    image = keras.Input((image_size, image_size, 3), name="image")
    breed = keras.Input((), dtype="int32", name="breed")
    condition = layers.Dense(image_size * image_size)(layers.Embedding(breeds, 100)(breed))
    x = layers.Concatenate()([image, layers.Reshape((image_size, image_size, 1))(condition)])
    for _ in range(_doublings(image_size) + 1):
        x = layers.LeakyReLU(0.2)(layers.Conv2D(channels, 3, strides=2, padding="same")(x))
    x = layers.Dropout(0.4)(layers.Flatten()(x))
    return keras.Model([image, breed], layers.Dense(1, dtype="float32")(x), name="discriminator")


def _doublings(image_size: int) -> int:
    """How often 4 px double to reach `image_size`."""
    return (image_size // 4).bit_length() - 1
