"""The last layers of a discriminator, which tell it the breed in one of the ways of `train.conditioning`.

`projection`: Miyato and Koyama, "cGANs with Projection Discriminator" (2018), equation 3. `classifier`: Odena et al.,
"Conditional Image Synthesis with Auxiliary Classifier GANs" (2017). `both`: a projection and a classifier.
`concatenation`: an additional image plane made of the breed, which `concatenation.beside_picture` adds at the input.
`none`: the discriminator does not know the breed.
"""

import keras
from keras import layers, ops

from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.shapes import Shape


def has_projection(conditioning: str) -> bool:
    """Whether the discriminator compares a picture's features with an embedding of its breed."""
    return conditioning in ("projection", "both")


def has_classifier(conditioning: str) -> bool:
    """Whether the discriminator also classifies pictures by breed."""
    return conditioning in ("classifier", "both")


def judged(
    features: keras.KerasTensor,
    breed: keras.KerasTensor,
    shape: Shape,
    factory: LayerFactory,
    conditioning: str,
    projection_scale: float = 1.0,
) -> list[keras.KerasTensor]:
    """End a discriminator.

    Args:
        features: `(n, width)`.
        breed: indices, `(n,)`.
        shape: sizes.
        factory: the layers.
        conditioning: `train.conditioning`.
        projection_scale: a factor on the projection's scalar product; 1 in the paper.

    Returns:
        Float32 logits `(n, 1)`, real above fake; with a classifier, its logits `(n, breeds)` besides.
    """
    logit = factory.dense(1, name="logit")(features)
    if has_projection(conditioning):
        prototype = factory.embedding(shape.breeds, features.shape[-1], spectral=True, name="projection")(breed)
        agreement = ops.sum(features * prototype, axis=-1, keepdims=True) * projection_scale
        logit = layers.Add(dtype="float32")([logit, agreement])
    else:
        logit = layers.Activation("linear", dtype="float32")(logit)
    if has_classifier(conditioning):
        return [
            logit,
            layers.Activation("linear", dtype="float32")(factory.dense(shape.breeds, name="classes")(features)),
        ]
    return [logit]
