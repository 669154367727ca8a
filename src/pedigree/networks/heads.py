"""How a discriminator is told the breed, whatever its architecture.

`projection`: Miyato and Koyama, "cGANs with Projection Discriminator" (2018), equation 3. `classifier`: Odena et al.,
"Conditional Image Synthesis with Auxiliary Classifier GANs" (2017). `concatenation`: one more colour plane made from
the breed, as in Mirza and Osindero, "Conditional Generative Adversarial Nets" (2014). `none`: not at all.
"""

import keras
from keras import layers, ops

from pedigree.networks.kit import Kit
from pedigree.networks.shapes import Shape

EMBEDDING = 100  # numbers a breed has before they become a plane


def with_plane(
    image: keras.KerasTensor, breed: keras.KerasTensor, shape: Shape, kit: Kit, conditioning: str
) -> keras.KerasTensor:
    """Put the breed's plane beside the picture's, where conditioning is by concatenation."""
    if conditioning != "concatenation":
        return image
    side = shape.image_size
    plane = kit.dense(side * side)(kit.embedding(shape.breeds, EMBEDDING)(breed))
    return layers.Concatenate()([image, layers.Reshape((side, side, 1))(plane)])


def judged(
    features: keras.KerasTensor,
    breed: keras.KerasTensor,
    shape: Shape,
    kit: Kit,
    conditioning: str,
    projection_scale: float = 1.0,
) -> list[keras.KerasTensor]:
    """End a discriminator.

    Args:
        features: `(n, width)`.
        breed: indices, `(n,)`.
        shape: sizes.
        kit: the layers.
        conditioning: `train.conditioning`.
        projection_scale: a factor on the projection's scalar product; 1 in the paper.

    Returns:
        Float32 logits `(n, 1)`, real above fake; with a classifier, its logits `(n, breeds)` besides.
    """
    logit = kit.dense(1, name="logit")(features)
    if conditioning == "projection":
        prototype = kit.embedding(shape.breeds, features.shape[-1], spectral=True, name="projection")(breed)
        agreement = ops.sum(features * prototype, axis=-1, keepdims=True) * projection_scale
        return [layers.Add(dtype="float32")([logit, agreement])]
    logit = layers.Activation("linear", dtype="float32")(logit)
    if conditioning == "classifier":
        return [logit, layers.Activation("linear", dtype="float32")(kit.dense(shape.breeds, name="classes")(features))]
    return [logit]
