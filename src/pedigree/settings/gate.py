"""The `gate` section of `params.yaml`."""

from typing import Annotated

from pydantic import AfterValidator
from pydantic.dataclasses import dataclass

from pedigree.common.measures import MEASURES
from pedigree.settings.fields import STRICT, Natural, Share, nearest, parameter
from pedigree.settings.score import Requirements


def _comparable(key: str) -> str:
    known = [name for name, measure in MEASURES.items() if measure.better]
    if key not in known:
        raise ValueError(f"no number of metrics.json that can be better or worse{nearest(key, known)}")
    return key


@dataclass(frozen=True, config=STRICT)
class Gate:
    """When a newly trained generator may replace the champion, the generator in use (flows/retrain.py)."""

    no_worse: list[Annotated[str, AfterValidator(_comparable)]] = parameter(
        ["kernel_distance", "frechet_distance", "coverage", "breed_accuracy"],
        "Numbers of metrics.json that may not be worse than the champion's by more than chance: their ±, and the "
        "spread between seeds that `pedigree spread` measures.",
    )
    slack: Share = parameter(
        0.1, "without reports/spread.json: allowance for other seeds, a share of the champion's number"
    )
    new_collapses: Natural = parameter(0, "breeds that may be collapsed although they were not in the champion")
    require: Requirements = parameter(
        ["memorization_verdict == fine", "breed_accuracy > breed_accuracy_chance"], "as score.require"
    )
