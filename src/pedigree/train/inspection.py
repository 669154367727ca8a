"""A closer look at both networks now and then: sizes of weights and gradients by the layer, overfitting, walks."""

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

PICTURES = 512  # of the held-out crops the discriminator is asked about, at most
BATCH = 64


class Inspection:
    """Looks at a GAN and writes what it sees to TensorBoard."""

    def __init__(self, gan: ConditionalGAN, drawer: Generator, crops: Crops, log: TensorBoardLog) -> None:
        self.gan, self.drawer, self.log = gan, drawer, log
        chosen = np.unique(spread(min(PICTURES, len(crops.holdout_labels)), len(crops.holdout_labels)))
        self.images, self.labels = crops.holdout_images[chosen], crops.holdout_labels[chosen]

    def look(self, step: int, told: Mapping[str, NDArray[Any]]) -> dict[str, float]:
        """Look at the networks after `step` steps.

        Args:
            step: how many steps are done.
            told: what the last of them told, `(steps, …)`: the gradients' norms among it.

        Returns:
            `holdout_accuracy`: the share of held-out photos that the discriminator takes for real. It takes its
            training photos for real too; far more of them, and it has learned them by heart.
        """
        for name in ("generator", "discriminator"):
            weights = getattr(self.gan, name).trainable_variables
            self._curves(f"gradients_{name}", weights, told[f"{name}_gradient_norms"][-1], step)
            self._curves(
                f"weights_{name}", weights, [float(np.linalg.norm(weight)) for weight in map(np.array, weights)], step
            )
        self.log.image("walk/latent", Walk(self.drawer, 0).sheet(), step)
        if len(self.drawer.breeds) > 1:
            self.log.image("walk/breeds", Walk(self.drawer, 0, 1).sheet(), step)
        return {"holdout_accuracy": self._accuracy(self.images, self.labels)}

    def _curves(self, group: str, weights: Sequence[keras.Variable], norms: Sequence[float], step: int) -> None:
        named = {f"{group}/{weight.path}": float(norm) for weight, norm in zip(weights, norms, strict=True)}
        self.log.scalars(named, step)

    def _accuracy(self, images: Images, labels: Labels) -> float:
        right = 0
        for start in range(0, len(images), BATCH):
            part = slice(start, start + BATCH)
            logits = self.gan.judge(scaled(images[part]), labels[part], training=False)[0]
            right += int((np.array(logits) > 0).sum())
        return right / len(images)
