"""CoGAN: Liu and Tuzel, "Coupled Generative Adversarial Networks" (2016), with a branch for each breed.

In the paper, a generator and a discriminator for each of two domains share weights: the generators all but their last
layers, the discriminators all but their first. The shared layers decide what a picture shows, and a branch decides how
this looks in its domain (section 3). The same latent therefore shows the same in each domain, without pairs of photos.

Here the domains are breeds, two or more. The generator's last two layers and the discriminator's first are convolutions
with kernels of the breed (`breed_kernels`); all other layers are shared. This already conditions the discriminator on
the breed, so its recipe has `conditioning: none`. The other values condition its shared layers in addition.

The shared layers are those of the authors' code for faces: 4×4 kernels with stride 2, batch norm and PReLU in the
generator. The batch norm between a branch's two layers has a gain and a shift for each breed, and the statistics of the
whole batch, in which a breed has only a few images. The discriminator has no batch norm, so that it can be penalised.

The kernels of all breeds start equal: at first the same latent gives the same picture in each breed, and training makes
them differ. In the paper, the branches start independently.

`channels` is the width at half the image size. The width doubles whenever the maps halve, up to 8 times `channels`, and
is half of it at the full size, as in the paper.
"""

import keras
from keras import layers

from pedigree.networks.architecture import Architecture
from pedigree.networks.breed_kernels import breed_conv, breed_upsampling
from pedigree.networks.concatenation import concatenate_to_image
from pedigree.networks.heads import discriminator_outputs
from pedigree.networks.images import discriminator_input, generator_output
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.normalization import batch_norm, conditional_batch_norm
from pedigree.networks.shapes import Shape


def build_generator(shape: Shape, factory: LayerFactory) -> keras.Model:
    """Build the model from latents `(n, latent_size)` and breeds `(n,)` to images `(n, size, size, 3)` in [-1, 1]."""
    latent = keras.Input((shape.latent_size,), name="latent")
    breed = keras.Input((), dtype="int32", name="breed")
    smallest, *wider = shape.widths[::-1]
    x = factory.dense(shape.base**2 * smallest, use_bias=False)(latent)
    x = _prelu(batch_norm(layers.Reshape((shape.base, shape.base, smallest))(x), factory))
    for width in wider:
        x = _prelu(batch_norm(factory.transposed_conv(width, 4, strides=2, use_bias=False)(x), factory))
    x = breed_upsampling(x, breed, shape.breeds, shape.half_width, factory)
    x = _prelu(conditional_batch_norm(x, breed, shape, factory))
    x = breed_conv(x, breed, shape.breeds, shape.colors, factory)
    return keras.Model([latent, breed], generator_output(x, shape), name="generator")


def build_discriminator(shape: Shape, factory: LayerFactory, conditioning: str) -> keras.Model:
    """Build the model from images `(n, size, size, 3)` and breeds `(n,)` to logits, as in `discriminator_outputs`."""
    image = keras.Input((shape.image_size, shape.image_size, 3), name="image")
    breed = keras.Input((), dtype="int32", name="breed")
    x = concatenate_to_image(discriminator_input(image, shape), breed, shape, factory, conditioning)
    x = _prelu(breed_conv(x, breed, shape.breeds, shape.half_width, factory))
    for width in shape.widths:
        x = _prelu(factory.conv(width, 4, strides=2)(x))
    outputs = discriminator_outputs(layers.Flatten()(x), breed, shape, factory, conditioning)
    return keras.Model([image, breed], outputs, name="discriminator")


def _prelu(x: keras.KerasTensor) -> keras.KerasTensor:
    """Apply a leaky ReLU whose slope is learned for each channel (He et al., "Delving Deep into Rectifiers", 2015)."""
    return layers.PReLU(alpha_initializer=keras.initializers.Constant(0.25), shared_axes=(1, 2))(x)


ARCHITECTURE = Architecture(build_generator, build_discriminator, conditional_batch_norm=True)
