"""The `train` section of `params.yaml`: the networks, their losses and how they are trained."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from pedigree.common.extractor_names import KerasName, PackagedName
from pedigree.settings.fields import (
    STRICT,
    Counts,
    Momentum,
    Natural,
    Positive,
    Rate,
    Seed,
    Share,
    Shares,
    Weight,
    Whole,
    parameter,
)

# An architecture is a file of `pedigree.networks`.
ArchitectureName = Literal[
    "biggan",
    "cogan",
    "dcgan",
    "lapgan",
    "mlp",
    "progan",
    "projection-dcgan",
    "r3gan",
    "sagan",
    "seed-cgan",
    "wgan-gp",
]


@dataclass(frozen=True, config=STRICT)
class Train:
    """How the networks are built and trained."""

    architecture: ArchitectureName = parameter("projection-dcgan", "the pair of networks")
    steps: Positive = parameter(2400, "training steps of the generator")
    batch_size: Positive = parameter(32, "real pictures per step, and as many generated ones")
    generator_batch_size: Positive = parameter(32, "generated pictures per step of the generator; at least batch_size")
    discriminator_steps: Positive = parameter(1, "steps of the discriminator per step of the generator")
    seed: Seed = parameter(0, "random seed of the training")
    precision: Literal["auto", "float32", "bfloat16"] = parameter(
        "auto", "auto: bfloat16 where the device has units for it"
    )
    devices: Literal["auto", "gpu", "one", "all"] = parameter(
        "auto",
        "auto: every GPU, or the processor if there is none; gpu: every GPU, an error if there is none; all: CPU "
        "devices too. All but one also use the other workers (docs/scaling.md).",
    )

    colors: Literal["rgb", "grey"] = parameter("rgb", "color channels of the pictures", heading="Networks")
    latent: Literal["normal", "uniform"] = parameter(
        "normal", "distribution of the generator's random input; uniform: from -1 to 1"
    )
    latent_size: Positive = parameter(64, "numbers in a latent, the generator's random input")
    channels: Positive = parameter(32, "width of the layers; each architecture derives its own widths from it")
    discriminator_channels: Positive | None = parameter(None, "the same for the discriminator; null: as channels")
    conditioning: Literal["projection", "classifier", "both", "concatenation", "none"] = parameter(
        "projection", "of the discriminator"
    )
    breed_embeddings: Literal["learned", "pretrained"] = parameter(
        "learned",
        "what the generator's batch norm and the heads below get of a breed; pretrained: also the mean features of its "
        "photos by EfficientNet-Lite0, so that breeds that look alike learn from each other",
    )
    condition_ramp: Counts = parameter(
        [0, 0], "real pictures seen: below the first, breeds have no effect; from the second, full effect"
    )
    spectral_norm: Literal["none", "discriminator", "both"] = parameter("none", "networks with spectral normalisation")

    loss: Literal["minimax", "non-saturating", "hinge", "least-squares", "wasserstein", "relativistic"] = parameter(
        "non-saturating", "", heading="Losses"
    )
    classifier_weight: Weight = parameter(0.0, "of the classifier's loss on real pictures, in the discriminator's loss")
    generator_classifier_weight: Weight = parameter(
        0.0, "of the classifier's loss on generated pictures, in the generator's loss"
    )
    real_targets: Shares = parameter([1.0, 1.0], "soft labels of real pictures are drawn between these two")
    fake_targets: Shares = parameter([0.0, 0.0], "soft labels of generated pictures")
    real_flips: Share = parameter(0.0, "noisy labels: share of real pictures labelled as generated")
    fake_flips: Share = parameter(0.0, "share of generated pictures labelled as real")
    r1_weight: Weight = parameter(0.0, "penalty on the discriminator's gradient at real pictures")
    r2_weight: Weight = parameter(0.0, "the same at generated pictures")
    gradient_penalty_weight: Weight = parameter(
        0.0, "WGAN-GP: penalty on gradient norms other than 1, between real and generated pictures"
    )
    penalty_interval: Positive = parameter(1, "N: apply the penalties in every Nth update, N times as strong")

    features_weight: Weight = parameter(
        0.0,
        "of the heads' loss in the generator's loss; 0.0: no pretrained network",
        heading="A second discriminator: small heads on the features of a pretrained network, EfficientNet-Lite0",
    )
    features_input: Positive = parameter(64, "pixels per side; pictures are enlarged to this; a multiple of 32")
    features_mixing: Literal["scales", "channels"] = parameter(
        "scales", "random frozen mixing; channels: within each feature map; scales: also between the maps"
    )
    features_augment: list[Literal["color", "translation", "cutout"]] = parameter(
        ["color", "translation", "cutout"], "of its input"
    )
    features_learning_rate: Rate = parameter(0.0005, "of the heads")

    augment: list[Literal["flip", "color", "translation", "cutout"]] = parameter(
        [], "flip: real pictures only", heading="Augmentation of the discriminator's input"
    )
    augment_target: Share | None = parameter(
        None, "null: always; else as often as keeps the mean sign of real logits here (ADA: 0.6)"
    )
    augment_speed: Positive = parameter(100_000, "pictures in which that frequency could go from 0 to 1")

    generator_learning_rate: Rate = parameter(0.0002, "", heading="Optimizers: Adam, and the average of the generator")
    discriminator_learning_rate: Rate = parameter(0.0002, "")
    learning_rate_schedule: Literal["constant", "linear", "cosine"] = parameter(
        "constant", "linear, cosine: down to 0 at the last step"
    )
    learning_rate_warmup: Natural = parameter(0, "steps in which the learning rates rise from 0")
    adam_beta_1: Momentum = parameter(0.0, "decay of the mean gradient")
    adam_beta_2: Momentum = parameter(0.999, "decay of the mean squared gradient")
    ema_half_life: Natural = parameter(0, "pictures; half-life of the averaged weights that are kept; 0: no average")
    ema_warmup: Share = parameter(0.1, "the half-life is at most this share of the pictures seen so far; 0: no limit")

    log_every: Positive = parameter(20, "steps per row of reports/history.csv", heading="Logs, scores and checkpoints")
    sample_every: Positive = parameter(400, "steps between grids of pictures in reports/samples")
    score_every: Natural = parameter(400, "steps between scores against the held-out crops; 0: no scores")
    score_samples: Annotated[Whole, Field(ge=16)] = parameter(256, "generated pictures per score")
    score_extractor: Literal[PackagedName, KerasName] = parameter(
        "efficientnet-lite0",
        "the network whose features these scores compare; independent of score.extractor. Keras downloads "
        "nasnet-large and resnet50-v2. inception-2015 is no choice here because its weights are a local file.",
    )
    keep: Literal["kernel_distance", "frechet_distance", "last"] = parameter(
        "kernel_distance", "the best generator by this score, or the last"
    )
    on_collapse: Literal["tell", "stop"] = parameter(
        "tell", "when scores show collapse or divergence: only warn, or stop training"
    )
    checkpoint_every: Positive = parameter(
        200, "steps between checkpoints; an interrupted run resumes from the last one"
    )
    warm_start: bool = parameter(False, "true: keep a finished run's state, so that a run with more steps continues it")

    @model_validator(mode="after")
    def _batches_agree(self) -> Self:
        if self.generator_batch_size < self.batch_size:
            raise ValueError("generator_batch_size is below batch_size: each step needs as many fakes as real pictures")
        return self

    @model_validator(mode="after")
    def _keeping_needs_scores(self) -> Self:
        if self.keep != "last" and not self.score_every:
            raise ValueError(f"keep {self.keep} needs score_every above 0; or keep last")
        return self
