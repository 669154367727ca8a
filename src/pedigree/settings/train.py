"""The `train` section of `params.yaml`: every knob of the networks, their losses and their training."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, field_validator, model_validator
from pydantic.dataclasses import dataclass

STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

Positive = Annotated[int, Field(gt=0)]
Natural = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]
Rate = Annotated[float, Field(gt=0)]
Momentum = Annotated[float, Field(ge=0, lt=1)]
Bounds = Annotated[list[Share], Field(min_length=2, max_length=2)]

SOFT = {"minimax", "non-saturating", "least-squares"}  # losses that know targets between 0 and 1
FLIPPED = SOFT | {"hinge"}  # losses that know which side a picture is on
WITH_BATCH_NORM = {"dcgan"}  # architectures whose discriminator judges a picture by its batch
WITH_PROJECTION = {"projection", "both"}  # conditionings that have the discriminator compare a picture with its breed
WITH_CLASSIFIER = {"classifier", "both"}  # conditionings that have the discriminator name breeds


@dataclass(frozen=True, config=STRICT)
class Train:
    """How the networks are built and trained; sizes are in pictures, learning is by Adam."""

    architecture: Literal[
        "biggan", "dcgan", "mlp", "progan", "projection-dcgan", "r3gan", "sagan", "seed-cgan", "wgan-gp"
    ]  # a module of pedigree.networks
    steps: Positive
    batch_size: Positive
    generator_batch_size: Positive
    discriminator_steps: Positive
    seed: Natural
    precision: Literal["auto", "float32", "bfloat16"]
    devices: Literal["auto", "one", "all"]

    colors: Literal["rgb", "grey"]
    latent: Literal["normal", "uniform"]
    latent_size: Positive
    channels: Positive
    conditioning: Literal["projection", "classifier", "both", "concatenation", "none"]
    condition_ramp: Annotated[list[Natural], Field(min_length=2, max_length=2)]
    spectral_norm: Literal["none", "discriminator", "both"]

    loss: Literal["minimax", "non-saturating", "hinge", "least-squares", "wasserstein", "relativistic"]
    classifier_weight: Weight
    generator_classifier_weight: Weight
    real_targets: Bounds
    fake_targets: Bounds
    real_flips: Share
    fake_flips: Share
    r1_weight: Weight
    r2_weight: Weight
    gradient_penalty_weight: Weight
    penalty_interval: Positive

    augment: list[Literal["flip", "color", "translation", "cutout"]]
    augment_target: Share | None
    augment_speed: Positive

    generator_learning_rate: Rate
    discriminator_learning_rate: Rate
    learning_rate_schedule: Literal["constant", "linear", "cosine"]
    learning_rate_warmup: Natural
    adam_beta_1: Momentum
    adam_beta_2: Momentum
    ema_half_life: Natural
    ema_warmup: Share

    log_every: Positive
    sample_every: Positive
    score_every: Natural
    score_samples: Annotated[int, Field(ge=16)]
    keep: Literal["kernel_distance", "frechet_distance", "last"]
    on_collapse: Literal["tell", "stop"]
    checkpoint_every: Positive
    warm_start: bool

    @property
    def penalised(self) -> bool:
        """Whether any penalty on the discriminator's gradient is on."""
        return max(self.r1_weight, self.r2_weight, self.gradient_penalty_weight) > 0

    @field_validator("real_targets", "fake_targets", "condition_ramp")
    @classmethod
    def _rise(cls, bounds: list[float]) -> list[float]:
        if bounds[0] > bounds[1]:
            raise ValueError("the lower bound is above the upper one")
        return bounds

    @model_validator(mode="after")
    def _batches_agree(self) -> Self:
        if self.generator_batch_size < self.batch_size:
            raise ValueError("generator_batch_size is below batch_size: each step needs as many fakes as real pictures")
        if self.loss == "relativistic" and self.generator_batch_size != self.batch_size:
            raise ValueError(
                "the relativistic loss pairs each fake with a real picture: generator_batch_size must equal batch_size"
            )
        return self

    @model_validator(mode="after")
    def _networks_allow_it(self) -> Self:
        if self.architecture == "progan" and self.batch_size % 4:
            raise ValueError(
                "progan's discriminator compares pictures in groups of 4, all real or all drawn: "
                "batch_size must be a multiple of 4"
            )
        if self.architecture == "r3gan" and self.spectral_norm != "none":
            raise ValueError(
                "r3gan's residual blocks begin at zero, which has no spectral norm to divide by: "
                "spectral_norm must be none"
            )
        return self

    @model_validator(mode="after")
    def _labels_fit_the_loss(self) -> Self:
        if self.loss not in SOFT and (self.real_targets, self.fake_targets) != ([1.0, 1.0], [0.0, 0.0]):
            raise ValueError(
                f"the {self.loss} loss has no soft labels: real_targets must be [1.0, 1.0] and fake_targets [0.0, 0.0]"
            )
        if self.loss not in FLIPPED and max(self.real_flips, self.fake_flips) > 0:
            raise ValueError(f"the {self.loss} loss has no labels to flip: real_flips and fake_flips must be 0.0")
        return self

    @model_validator(mode="after")
    def _penalties_fit(self) -> Self:
        if self.penalised and self.architecture in WITH_BATCH_NORM:
            raise ValueError(
                f"{self.architecture}'s discriminator has batch norm, under which a picture has no gradient of its own:"
                " r1_weight, r2_weight and gradient_penalty_weight must be 0.0"
            )
        if self.loss == "wasserstein" and not self.gradient_penalty_weight and self.spectral_norm == "none":
            raise ValueError(
                "the wasserstein loss needs a bounded slope: gradient_penalty_weight above 0, or spectral_norm"
            )
        return self

    @model_validator(mode="after")
    def _conditions_fit(self) -> Self:
        classifies = self.conditioning in WITH_CLASSIFIER
        if classifies and not self.classifier_weight:
            raise ValueError(
                f"conditioning: {self.conditioning} needs classifier_weight above 0: "
                "nothing else teaches its classifier breeds"
            )
        if not classifies and max(self.classifier_weight, self.generator_classifier_weight) > 0:
            raise ValueError(
                f"conditioning: {self.conditioning} has no classifier: "
                "classifier_weight and generator_classifier_weight must be 0.0"
            )
        return self

    @model_validator(mode="after")
    def _augmentation_fits(self) -> Self:
        if self.augment_target is None:
            return self
        if not set(self.augment) - {"flip"}:
            raise ValueError(
                "augment_target steers how often pictures are augmented: augment needs a kind besides flip"
            )
        if self.loss in ("wasserstein", "relativistic"):
            raise ValueError(
                f"augment_target reads overfitting from the sign of a logit, which the {self.loss} loss leaves free"
            )
        return self

    @model_validator(mode="after")
    def _keeping_needs_scores(self) -> Self:
        if self.keep != "last" and not self.score_every:
            raise ValueError(f"keep {self.keep} needs score_every above 0; or keep last")
        return self
