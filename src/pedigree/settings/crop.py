"""The `crop` section of `params.yaml`."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from pedigree.settings.fields import STRICT, WHOLE, Positive, Ratio, Seed, Share, parameter


def _address(scheduler: str) -> str:
    if not re.fullmatch(r"(tcp|tls)://[^\s/]+:\d+", scheduler):
        raise ValueError("expected null or a Dask scheduler's tcp://host:port or tls://host:port")
    return scheduler


@dataclass(frozen=True, config=STRICT)
class Crop:
    """How dogs are cut out of the photos, and which photos are kept from training."""

    size: Annotated[Literal[16, 28, 32, 64, 128], WHOLE] = parameter(32, "pixels per side of a crop")
    frames: Literal["boxes", "whole", "both"] = parameter(
        "boxes", "one crop per annotated dog, one of the whole photo, or both"
    )
    fit: Literal["pad", "stretch", "cover", "head"] = parameter(
        "pad",
        "how a box becomes a square; pad: with its surroundings, mirrored where the photo ends; "
        "stretch: resized without its aspect; cover: the largest square inside, at the top of an upright box; "
        "head: the square around the dog's head, which a network finds",
    )
    padding: Share = parameter(0.1, "how much a box grows on each side, as a share of its longer side")
    min_box: Positive = parameter(24, "pixels; boxes and whole photos with a shorter side below this are skipped")
    max_aspect: Ratio = parameter(4.0, "longer side / shorter side; boxes and whole photos above this are skipped")
    holdout: Annotated[float, Field(gt=0, lt=1)] = parameter(
        0.2, "share of each breed's photos that is kept from training, for scoring"
    )
    seed: Seed = parameter(0, "random seed of that choice")
    max_holdout_twins: Share = parameter(0.0, "share of held-out crops that may look like a training crop")
    scheduler: Annotated[str, AfterValidator(_address)] | None = parameter(
        None, "null: threads of this machine; tcp://host:port: a Dask cluster that sees data/raw too"
    )
