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

# An architecture is a file of `pedigree.networks`.
ArchitectureName = Literal[
    "biggan", "dcgan", "mlp", "progan", "projection-dcgan", "r3gan", "sagan", "seed-cgan", "wgan-gp"
]


@dataclass(frozen=True, config=STRICT)
class Train:
    """How the networks are built and trained; sizes are in pictures, learning is by Adam."""

    recipe: ArchitectureName
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
        return self

    @model_validator(mode="after")
    def _keeping_needs_scores(self) -> Self:
        if self.keep != "last" and not self.score_every:
            raise ValueError(f"keep {self.keep} needs score_every above 0; or keep last")
        return self
