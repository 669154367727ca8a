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
            log_norms(self.log, name, getattr(self.gan, name).trainable_variables, metrics, step)
        self.log.image("walk/latent", Walk(self.drawer, 0).sheet(), step)
        if len(self.drawer.breeds) > 1:
            self.log.image("walk/breeds", Walk(self.drawer, 0, 1).sheet(), step)
        return {"holdout_accuracy": self._accuracy(self.images, self.labels)}

    def _accuracy(self, images: Images, labels: Labels) -> float:
        correct = 0.0
        for start in range(0, len(images), BATCH):
            part = slice(start, start + BATCH)
            pictures = self.gan.view(scaled(images[part]))
            logits = np.array(self.gan.discriminate(pictures, labels[part], training=False)[0])
            correct += float((logits > 0).mean(axis=1).sum())
        return correct / len(images)


def log_norms(
    log: TensorBoardLog,
    network: str,
    weights: Sequence[keras.Variable],
    metrics: Mapping[str, NDArray[Any]],
    step: int,
) -> None:
    """Log the norm of each weight of a network and of its last gradient, which `metrics` has (`gradient_norms`)."""
    gradients = metrics[f"{network}_gradient_norms"][-1]
    sizes = [float(np.linalg.norm(weight)) for weight in map(np.array, weights)]
    for group, norms in ((f"gradients_{network}", gradients), (f"weights_{network}", sizes)):
        log.scalars({f"{group}/{each.path}": float(norm) for each, norm in zip(weights, norms, strict=True)}, step)
