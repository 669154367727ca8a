"""How a discriminator is told the breed, whatever its architecture.

`projection`: Miyato and Koyama, "cGANs with Projection Discriminator" (2018), equation 3. `classifier`: Odena et al.,
"Conditional Image Synthesis with Auxiliary Classifier GANs" (2017). `both`: by projection, and a classifier besides.
`concatenation`: by one more colour plane, which `concatenation.beside_picture` put there before. `none`: not at all.
"""

import keras
from keras import layers, ops

from pedigree.networks.kit import Kit
from pedigree.networks.shapes import Shape
from pedigree.settings.train import WITH_CLASSIFIER, WITH_PROJECTION


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
    if conditioning in WITH_PROJECTION:
        prototype = kit.embedding(shape.breeds, features.shape[-1], spectral=True, name="projection")(breed)
        agreement = ops.sum(features * prototype, axis=-1, keepdims=True) * projection_scale
        logit = layers.Add(dtype="float32")([logit, agreement])
    else:
        logit = layers.Activation("linear", dtype="float32")(logit)
    if conditioning in WITH_CLASSIFIER:
        return [logit, layers.Activation("linear", dtype="float32")(kit.dense(shape.breeds, name="classes")(features))]
    return [logit]
