"""The `unpack` section of `params.yaml`."""

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from pedigree.settings.fields import STRICT, Positive, parameter


@dataclass(frozen=True, config=STRICT)
class Unpack:
    """Limits on what each archive may contain, as a protection against archive bombs."""

    max_files: Positive = parameter(200_000, "files, and folders")
    max_bytes: Positive = parameter(20_000_000_000, "bytes of all files together, unpacked")
    max_ratio: Annotated[float, Field(gt=0)] = parameter(100.0, "unpacked bytes per byte of the archive")
