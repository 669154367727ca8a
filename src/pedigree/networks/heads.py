"""The last layers of a discriminator, which condition it on the breed as `train.conditioning` says.

`projection`: Miyato and Koyama, "cGANs with Projection Discriminator" (2018), equation 3. `classifier`: Odena et al.,
"Conditional Image Synthesis with Auxiliary Classifier GANs" (2017). `both`: a projection and a classifier.
`concatenation`: an additional image plane made from the breed; `concatenate_to_image` adds it at the input.
`none`: the discriminator does not get the breed by its last layers or its input. That of `cogan` has kernels of the
breed in its first layer, with any conditioning.
"""

import keras
from keras import layers, ops

from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.shapes import Shape


def has_projection(conditioning: str) -> bool:
    """Return whether the discriminator compares an image's features with an embedding of its breed."""
    return conditioning in ("projection", "both")


def has_classifier(conditioning: str) -> bool:
    """Return whether the discriminator also classifies images by breed."""
    return conditioning in ("classifier", "both")


def discriminator_outputs(
    features: keras.KerasTensor,
    breed: keras.KerasTensor,
    shape: Shape,
    factory: LayerFactory,
    conditioning: str,
    projection_scale: float = 1.0,
    suffix: str = "",
) -> list[keras.KerasTensor]:
    """Compute the discriminator's outputs from its last features.

    Args:
        features: `(n, width)`.
        breed: breed indices `(n,)`.
        shape: the sizes of the network.
        factory: creates the layers.
        conditioning: `train.conditioning`.
        projection_scale: factor on the projection's inner product; 1 in the paper.
        suffix: ends the names of the layers, which differ in a network.

    Returns:
        A list of float32 tensors: logits `(n, 1)`, higher for real images, and class logits `(n, breeds)` if there is
        a classifier.
    """
    logit = factory.dense(1, name=f"logit{suffix}")(features)
    if has_projection(conditioning):
        prototype = factory.embedding(shape.breeds, features.shape[-1], spectral=True, name=f"projection{suffix}")(
            breed
        )
        agreement = ops.sum(features * prototype, axis=-1, keepdims=True) * projection_scale
        logit = layers.Add(dtype="float32")([logit, agreement])
    else:
        logit = layers.Activation("linear", dtype="float32")(logit)
    if has_classifier(conditioning):
        return [
            logit,
            layers.Activation("linear", dtype="float32")(
                factory.dense(shape.breeds, name=f"classes{suffix}")(features)
            ),
        ]
    return [logit]
