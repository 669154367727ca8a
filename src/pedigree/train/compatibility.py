"""Checks of which parameters of `train` can be combined."""

from collections.abc import Iterator
from typing import get_args

import keras

from pedigree.backends.devices import Device
from pedigree.common.extractor_names import Lite0Name
from pedigree.errors import UsageError
from pedigree.networks import ARCHITECTURES
from pedigree.networks.heads import has_classifier
from pedigree.settings.params import FILE
from pedigree.settings.train import Train
from pedigree.train.augmentation import KINDS
from pedigree.train.losses import LOSSES
from pedigree.train.penalties import penalised


def check(train: Train) -> None:
    """Check that the parameters can be combined.

    Raises:
        UsageError: they cannot. The message names the parameters and the reason.
    """
    for conflicts in (_architecture, _labels, _penalties, _conditioning, _augmentation, _features):
        for reason in conflicts(train):
            raise UsageError(f"{FILE}: train: {reason}.")


def check_device(train: Train, device: Device) -> None:
    """Check that the device can train this.

    Raises:
        UsageError: JAX takes 44 ms per picture for the pretrained network's depthwise convolutions on a CPU.
    """
    if train.features_weight and device.kind == "cpu" and keras.backend.backend() == "jax":
        raise UsageError(
            f"{FILE}: train: on a CPU, the pretrained network is too slow with JAX: "
            "set KERAS_BACKEND=tensorflow, or features_weight: 0.0."
        )


def biased_scores(train: Train) -> str | None:
    """Return a warning if the scores during training come from the network that also trains the generator."""
    if train.features_weight and train.score_every and train.score_extractor in get_args(Lite0Name):
        return (
            f"train.score_extractor: {train.score_extractor} is the network whose features train the discriminator: "
            "its scores are biased."
        )
    return None


def _architecture(train: Train) -> Iterator[str]:
    architecture = ARCHITECTURES[train.architecture]
    if train.batch_size % architecture.group:
        yield (
            f"the discriminator of {train.architecture} compares images in groups of {architecture.group}, "
            f"all real or all generated: batch_size must be a multiple of {architecture.group}"
        )
    if train.spectral_norm != "none" and not architecture.spectral_norm:
        yield (
            f"the residual blocks of {train.architecture} start with kernels of zeros, which cannot be divided "
            "by their spectral norm: spectral_norm must be none"
        )
    if architecture.build_training_generator and train.generator_batch_size != train.batch_size:
        yield (
            f"{train.architecture} draws each picture of a training step on a real one: "
            "generator_batch_size must equal batch_size"
        )
    if architecture.view:
        several = f"a training step of {train.architecture} draws several pictures at once"
        if train.features_weight:
            yield f"{several}, and the pretrained network takes one: features_weight must be 0.0"
        if "color" in train.augment:
            yield f"{several}, and color changes the colours of one: augment must be without color"


def _labels(train: Train) -> Iterator[str]:
    loss = LOSSES[train.loss]
    if not loss.soft_labels and (train.real_targets, train.fake_targets) != ([1.0, 1.0], [0.0, 0.0]):
        yield f"the {train.loss} loss has no soft labels: real_targets must be [1.0, 1.0] and fake_targets [0.0, 0.0]"
    if not loss.flipped_labels and max(train.real_flips, train.fake_flips) > 0:
        yield f"the {train.loss} loss has no labels to flip: real_flips and fake_flips must be 0.0"
    if loss.paired and train.generator_batch_size != train.batch_size:
        yield (
            f"the {train.loss} loss pairs each generated image with a real one: "
            "generator_batch_size must equal batch_size"
        )


def _penalties(train: Train) -> Iterator[str]:
    if penalised(train) and ARCHITECTURES[train.architecture].batch_norm:
        yield (
            f"the discriminator of {train.architecture} has batch norm, so the logit of an image depends "
            "on the whole batch: r1_weight, r2_weight and gradient_penalty_weight must be 0.0"
        )
    if LOSSES[train.loss].lipschitz and not train.gradient_penalty_weight and train.spectral_norm == "none":
        yield (
            f"the {train.loss} loss needs a discriminator with bounded gradients: "
            "set gradient_penalty_weight above 0, or spectral_norm"
        )


def _conditioning(train: Train) -> Iterator[str]:
    classifies = has_classifier(train.conditioning)
    if classifies and not train.classifier_weight:
        yield (
            f"conditioning: {train.conditioning} needs classifier_weight above 0: "
            "otherwise its classifier is not trained"
        )
    if not classifies and max(train.classifier_weight, train.generator_classifier_weight) > 0:
        yield (
            f"conditioning: {train.conditioning} has no classifier: "
            "classifier_weight and generator_classifier_weight must be 0.0"
        )


def _augmentation(train: Train) -> Iterator[str]:
    if train.augment_target is None:
        return
    if not set(train.augment) & set(KINDS):
        yield f"augment_target controls how often images are augmented: augment needs one of {', '.join(KINDS)}"
    if not LOSSES[train.loss].signed:
        yield (
            "augment_target measures overfitting by the sign of the logits, "
            f"which has no meaning with the {train.loss} loss"
        )


def _features(train: Train) -> Iterator[str]:
    if train.breed_embeddings == "pretrained" and not (
        train.features_weight or ARCHITECTURES[train.architecture].conditional_batch_norm
    ):
        yield (
            f"nothing in {train.architecture} uses breed_embeddings: pretrained, because its generator has no "
            "conditional batch norm: set breed_embeddings: learned, or features_weight above 0"
        )
    if not train.features_weight:
        return
    if train.features_input % 32:
        yield (
            f"features_input: {train.features_input} must be a multiple of 32, "
            "the stride of the pretrained network's coarsest maps"
        )
    if train.colors == "grey":
        yield "the pretrained network was trained on colour photos: with colors: grey, features_weight must be 0.0"
