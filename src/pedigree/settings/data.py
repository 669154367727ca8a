"""The `data` section of `params.yaml`."""

from pydantic.dataclasses import dataclass

from pedigree.settings.fields import STRICT, Text, parameter


@dataclass(frozen=True, config=STRICT)
class Data:
    """The archives that the photos and annotations come from: tar files, compressed or not, or zip files."""

    images: Text = parameter(
        "data/sample/images.tar",
        "photos, in one folder per breed or with labels.csv",
    )
    annotations: Text | None = parameter(
        "data/sample/annotation.tar", "Pascal VOC or COCO boxes, or labels.csv; without any: data/none.zip"
    )
    license: Text | None = parameter(
        None,
        "license of the photos, such as cc-by-4.0, for the cards of `pedigree card`; null: unknown. No stage reads it",
    )
