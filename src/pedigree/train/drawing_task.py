"""The task of the train stage: a conditional GAN that learns to draw dogs of given breeds."""

from collections.abc import Callable, Mapping
from typing import Any, cast

import keras
import numpy as np
from numpy.typing import NDArray

from pedigree.backends.engine import Engine, Metrics
from pedigree.common.packed_crops import Crops
from pedigree.features.extractors import load
from pedigree.generator.model import Generator
from pedigree.settings.train import Train
from pedigree.train.batches import stacked
from pedigree.train.breed_features import breed_features
from pedigree.train.failures import Advice
from pedigree.train.gallery import BreedSampler, Gallery
from pedigree.train.gan import ConditionalGAN
from pedigree.train.inspection import Inspection
from pedigree.train.losses import LOSSES
from pedigree.train.pretrained import NETWORK
from pedigree.train.record import Columns
from pedigree.train.selection import Selection
from pedigree.train.step import compile_steps
from pedigree.train.task import Arrays, Outcome, Schedule
from pedigree.train.tensorboard_log import TensorBoardLog

TAGS = {
    "discriminator_loss": "loss/discriminator",
    "generator_loss": "loss/generator",
    "gradient_penalty": "loss/gradient_penalty",
    "real_logit": "logit/real",
    "fake_logit": "logit/fake",
    "real_accuracy": "accuracy/real",
    "fake_accuracy": "accuracy/fake",
    "discriminator_gradient_norm": "gradient_norm/discriminator",
    "generator_gradient_norm": "gradient_norm/generator",
    "augment_strength": "augment/strength",
}
# Columns of runs with pretrained features.
FEATURE_TAGS = {
    "features_loss": "loss/features",
    "features_generator_loss": "loss/features_generator",
    "features_real_logit": "logit/features_real",
    "features_fake_logit": "logit/features_fake",
}
# Columns that are only filled in at the steps at which the GAN is inspected or scored.
SCORE_TAGS = {
    "holdout_accuracy": "accuracy/holdout",
    "kernel_distance": "score/kernel_distance",
    "frechet_distance": "score/frechet_distance",
    "different": "score/different",
    "variety": "score/variety",
}


def columns(train: Train) -> Columns:
    """Return what is recorded of a GAN."""
    tags = TAGS | (FEATURE_TAGS if train.features_weight else {})
    calmer = "Lower train.generator_learning_rate and train.discriminator_learning_rate, or raise train.r1_weight."
    bounded = not LOSSES[train.loss].lipschitz
    advice = Advice(
        dead="Lower train.discriminator_learning_rate or train.r1_weight.",
        won="Raise train.r1_weight, or add to train.augment." if bounded else None,
        diverged=calmer,
    )
    return Columns(train.architecture, tags, SCORE_TAGS, train.batch_size * train.discriminator_steps, advice)


class DrawingTask:
    """A conditional GAN and its monitoring, as a `Task`.

    Args:
        settings: the `train` section, with "float32" or "bfloat16" as precision.
        data: the crops.
        engine: the engine of the backend.
        log: the TensorBoard log.
    """

    def __init__(self, settings: Train, data: Crops, engine: Engine, log: TensorBoardLog) -> None:
        self.settings, self.data, self.engine = settings, data, engine
        known = self._breed_features() if settings.breed_embeddings == "pretrained" else None
        self.gan = ConditionalGAN(settings, data.size, len(data.breeds), settings.precision, engine, known)
        generator = Generator(self.gan.average, data.breeds, settings.latent)
        scored = settings.score_every > 0 and engine.workers.chief
        self.selection = Selection(generator, data, settings) if scored else None
        self.gallery = Gallery(BreedSampler(generator, settings.seed), log)
        self.inspection = Inspection(self.gan, generator, data, log)

    @property
    def schedule(self) -> Schedule:
        """The length of the run and its intervals."""
        train = self.settings
        return Schedule(train.steps, train.log_every, train.sample_every, train.checkpoint_every, train.score_every)

    @property
    def columns(self) -> Columns:
        """What is recorded."""
        return columns(self.settings)

    @property
    def crops(self) -> int:
        """The number of crops to train on."""
        return len(self.data.train_images)

    @property
    def variables(self) -> list[keras.Variable]:
        """All variables that a step changes."""
        return self.gan.variables

    def batch(self, steps: range) -> Arrays:
        """Return the input of some steps."""
        return cast(Arrays, stacked(steps, self.data.train_images, self.data.train_labels, self.settings))

    def compile(self, capacity: int) -> Callable[[Arrays], Metrics]:
        """Return the compiled function from a batch to its metrics."""
        return compile_steps(self.gan, capacity)

    def draw(self, step: int) -> None:
        """Draw samples."""
        self.gallery.draw(step)

    def inspect(self, step: int, metrics: Metrics) -> Mapping[str, float]:
        """Log diagnostics; return the accuracy on held-out crops."""
        return self.inspection.inspect(step, metrics)

    def score(self, step: int) -> Outcome:
        """Score the averaged generator against the held-out crops."""
        if self.selection is None:
            raise ValueError("train.score_every is 0")
        scores, problem = self.selection.score(step)
        kept = None
        if problem and self.settings.on_collapse == "stop":
            kept = f"Training stops here and keeps the generator of step {self.selection.selected['step']}."
        return Outcome(scores, problem, kept)

    def finish(self, step: int) -> Outcome | None:
        """Score the last generator, unless that is done, and load the weights of the selected one."""
        if self.selection is None:
            return None
        outcome = None if [score["step"] for score in self.selection.scores[-1:]] == [step] else self.score(step)
        self.selection.load_selected()
        return outcome

    def facts(self) -> dict[str, Any]:
        """Return the step and the scores of the selected generator."""
        selected = self.selection.selected if self.selection else {"step": self.settings.steps}
        return {
            "kept_step": selected["step"],
            "kernel_distance": selected.get("kernel_distance"),
            "frechet_distance": selected.get("frechet_distance"),
        }

    def state(self) -> tuple[Arrays, dict[str, Any]]:
        """Return the samples, the scores and the best weights."""
        arrays = {f"gallery-{name}": array for name, array in self.gallery.state().items()}
        if self.selection is None:
            return arrays, {}
        scores, best = self.selection.state()
        return arrays | {f"best-{name}": array for name, array in best.items()}, {"scores": scores}

    def restore(self, arrays: Arrays, facts: Mapping[str, Any]) -> None:
        """Restore a state that `state` returned."""
        self.gallery.restore(_part("gallery-", arrays))
        if self.selection is not None:
            self.selection.restore(facts["scores"], _part("best-", arrays))

    def _breed_features(self) -> NDArray[np.float32]:
        """Return the chief's features of the breeds on all workers."""
        workers = self.engine.workers
        features = breed_features(self.data, load(NETWORK, None)).tobytes() if workers.chief else b""
        values = np.frombuffer(workers.broadcast(features), np.float32)
        return values.reshape(len(self.data.breeds), -1)


def _part(prefix: str, arrays: Arrays) -> dict[str, Any]:
    """Return the arrays whose names start with `prefix`, without it."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
