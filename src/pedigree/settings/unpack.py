"""The `unpack` section of `params.yaml`."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from pedigree.settings.fields import STRICT, Positive, parameter


@dataclass(frozen=True, config=STRICT)
class Unpack:
    """How archives are unpacked. The limits on what each may contain are a protection against archive bombs."""

    max_files: Positive = parameter(200_000, "files, and folders")
    max_bytes: Positive = parameter(20_000_000_000, "bytes of all files together, unpacked")
    max_ratio: Annotated[float, Field(gt=0)] = parameter(100.0, "unpacked bytes per byte of the archive")
    split: Literal["merge", "keep"] = parameter(
        "merge", "the folders train, test, val ... of the archive; keep: photos outside train are held out"
    )
