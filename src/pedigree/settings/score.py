"""The `score` section of `params.yaml`."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic.dataclasses import dataclass

from pedigree.common.extractor_names import ExtractorName, PackagedName, TrainedName
from pedigree.settings import criteria
from pedigree.settings.fields import STRICT, Positive, Seed, Text, Whole, parameter


def _readable(line: str) -> str:
    criteria.parse(line)
    return line


Requirements = list[Annotated[str, AfterValidator(_readable)]]


@dataclass(frozen=True, config=STRICT)
class Score:
    """How the generator is scored."""

    extractor: ExtractorName = parameter(
        "efficientnet-lite0",
        "the network whose features are compared. Scores of different extractors cannot be compared.",
    )
    weights: Text | None = parameter(
        None,
        "a local file with the extractor's weights. null: the extractor's own (efficientnet-lite0, efficientnet-lite2) "
        "or Keras's (nasnet-large, resnet50-v2). inception-2015 needs a file: run `pedigree fetch inception-2015`.",
    )
    other_judges: list[Literal[PackagedName, TrainedName]] = parameter(
        ["breed-classifier"],
        "more networks that score the same pictures. breed-classifier learns the breeds from the training crops "
        "alone, which takes half a minute for 700 crops and some minutes for 20,000, once. score.require and the gate "
        "only use the numbers of score.extractor.",
    )
    samples: Annotated[Whole, Field(ge=6)] = parameter(1000, "generated pictures that are scored")
    batch_size: Positive = parameter(16, "pictures per call of the extractor; more need more memory")
    seed: Seed = parameter(0, "random seed of the generated pictures")
    require: Requirements = parameter(
        [],
        'Requirements, such as "coverage >= 0.5", "breed_accuracy > breed_accuracy_chance" or '
        '"memorization_verdict == fine". The stage writes its reports, then fails if a requirement is not met. '
        "Numbers are compared without their ±.",
    )

    @model_validator(mode="after")
    def _judges_differ(self) -> Self:
        judges = [self.extractor, *self.other_judges]
        if len(set(judges)) < len(judges):
            raise ValueError(f"extractor and other_judges must all differ. Received: {', '.join(judges)}")
        return self
