"""Periodic diagnostics of both networks: norms of weights and gradients, overfitting, and latent walks."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from pedigree.backends.batch import Images, Labels
from pedigree.common.packed_crops import Crops
from pedigree.common.spread import spread
from pedigree.generator.model import Generator
from pedigree.generator.walks import Walk
from pedigree.train.gan import ConditionalGAN
from pedigree.train.step import scaled
from pedigree.train.tensorboard_log import TensorBoardLog

MAX_CROPS = 512  # held-out crops for the discriminator's accuracy
BATCH = 64


class Inspection:
    """Computes diagnostics of a GAN and writes them to TensorBoard.

    Args:
        gan: the GAN.
        drawer: the averaged generator.
        crops: the crops, of which the held-out ones are used.
        log: the TensorBoard log.
    """

    def __init__(self, gan: ConditionalGAN, drawer: Generator, crops: Crops, log: TensorBoardLog) -> None:
        self.gan, self.drawer, self.log = gan, drawer, log
        chosen = np.unique(spread(min(MAX_CROPS, len(crops.holdout_labels)), len(crops.holdout_labels)))
        self.images, self.labels = crops.holdout_images[chosen], crops.holdout_labels[chosen]

    def inspect(self, step: int, metrics: Mapping[str, NDArray[Any]]) -> dict[str, float]:
        """Write the diagnostics after `step` steps.

        Args:
            step: number of steps done.
            metrics: the metrics of the last steps, `(steps, …)`, which include the norms of the gradients.

        Returns:
            `holdout_accuracy`: the share of held-out photos that the discriminator classifies as real. If the share of
            training photos (`real_accuracy`) is much higher, the discriminator has memorised them.
        """
        for name in ("generator", "discriminator"):
            weights = getattr(self.gan, name).trainable_variables
            self._curves(f"gradients_{name}", weights, metrics[f"{name}_gradient_norms"][-1], step)
            self._curves(
                f"weights_{name}", weights, [float(np.linalg.norm(weight)) for weight in map(np.array, weights)], step
            )
        self.log.image("walk/latent", Walk(self.drawer, 0).sheet(), step)
        if len(self.drawer.breeds) > 1:
            self.log.image("walk/breeds", Walk(self.drawer, 0, 1).sheet(), step)
        return {"holdout_accuracy": self._accuracy(self.images, self.labels)}

    def _curves(self, group: str, weights: Sequence[keras.Variable], norms: Sequence[float], step: int) -> None:
        curves = {f"{group}/{weight.path}": float(norm) for weight, norm in zip(weights, norms, strict=True)}
        self.log.scalars(curves, step)

    def _accuracy(self, images: Images, labels: Labels) -> float:
        correct = 0
        for start in range(0, len(images), BATCH):
            part = slice(start, start + BATCH)
            logits = self.gan.discriminate(scaled(images[part]), labels[part], training=False)[0]
            correct += int((np.array(logits) > 0).sum())
        return correct / len(images)
