"""The optional `translate` section of `params.yaml`: two breeds, and how the translator between them is trained."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic.dataclasses import dataclass

from pedigree.settings.fields import STRICT, Momentum, Natural, Positive, Rate, Seed, Text, Weight, parameter


def _different(breeds: list[str]) -> list[str]:
    if breeds[0] == breeds[1]:
        raise ValueError("the two breeds are the same")
    return breeds


Pair = Annotated[list[Text], Field(min_length=2, max_length=2), AfterValidator(_different)]


@dataclass(frozen=True, config=STRICT)
class Translate:
    """How the translator is trained, which gives a dog of one breed the coat of another. Without it: not at all."""

    breeds: Pair = parameter(["Ember_pointer", "Snow_spitz"], "two breeds, by folder or display name")
    steps: Positive = parameter(2000, "training steps")
    batch_size: Positive = parameter(1, "pictures of each breed per step")
    seed: Seed = parameter(0, "random seed of the training")
    precision: Literal["auto", "float32", "bfloat16"] = parameter(
        "auto", "auto: bfloat16 where the device has units for it"
    )

    channels: Positive = parameter(
        64, "width of the generators' first layer; other layers derive theirs", heading="Networks"
    )

    cycle_weight: Weight = parameter(
        10.0, "of the difference between a picture and its translation there and back", heading="Losses"
    )
    identity_weight: Weight = parameter(5.0, "of the change of a picture that has the breed already; 0.0: none")
    pool_size: Natural = parameter(50, "earlier translations that the discriminators are also shown; 0: none")
    augment: list[Literal["flip"]] = parameter(["flip"], "of real pictures")

    learning_rate: Rate = parameter(0.0002, "of all four networks", heading="Optimizers: Adam")
    learning_rate_schedule: Literal["constant", "late-linear"] = parameter(
        "late-linear", "late-linear: down to 0 in the second half"
    )
    adam_beta_1: Momentum = parameter(0.5, "decay of the mean gradient")
    ema_half_life: Natural = parameter(0, "pictures; half-life of the averaged weights that are kept; 0: no average")

    log_every: Positive = parameter(20, "steps per row of history.csv", heading="Logs and checkpoints")
    sample_every: Positive = parameter(400, "steps between grids of pictures")
    checkpoint_every: Positive = parameter(
        200, "steps between checkpoints; an interrupted run resumes from the last one"
    )

    @model_validator(mode="after")
    def _pool_holds_a_batch(self) -> Self:
        if 0 < self.pool_size < self.batch_size:
            raise ValueError("pool_size is below batch_size: it must be 0, or hold the pictures of a step")
        return self
