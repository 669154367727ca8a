"""The `validate` section of `params.yaml`."""

from typing import Annotated

from pydantic import AfterValidator
from pydantic.dataclasses import dataclass

from pedigree.common.extractor_names import Lite0Name
from pedigree.settings.fields import STRICT, Counts, Positive, Ratio, Share, Text, parameter, regular_expression


@dataclass(frozen=True, config=STRICT)
class Validate:
    """What the photos must be like. A share is a share of all photos."""

    only: list[Text] = parameter([], "breeds to use, by folder or display name, such as [pug, boxer]; empty: all")
    breed_pattern: Annotated[str, AfterValidator(regular_expression)] | None = parameter(
        r"^n\d{8}-.+$", "regular expression that every breed's folder name must match; null: any name"
    )
    breeds: Positive | None = parameter(8, "number of breed folders; null: any number")
    photos_per_breed: Counts = parameter([60, 400], "fewest and most photos of a breed")
    min_decodable: Share = parameter(0.99, "share of photos that can be decoded; the others are set aside and listed")
    min_annotated: Share = parameter(
        0.99, "share of photos with an annotation; not checked if there are no annotations"
    )
    max_bad_boxes: Share = parameter(0.01, "share of photos with a box that is empty or reaches outside the photo")
    max_breed_mismatch: Share = parameter(0.0, "share of photos whose annotation names another breed")
    max_duplicates_within: Share = parameter(0.02, "share of photos that repeat a photo of their breed, byte for byte")
    max_duplicates_across: Share = parameter(0.0, "share of photos that also appear under another breed, byte for byte")
    max_near_duplicates_within: Share = parameter(
        0.05,
        "share of photos that look like another photo of their breed: saved again, resized, mirrored or cut a little",
    )
    max_near_duplicates_across: Share = parameter(0.01, "share of photos that look like a photo of another breed")
    max_unclear: Share = parameter(0.02, "share of photos that are blurred, dark, bright or empty")
    max_decoder_warnings: Share = parameter(0.01, "share of photos that decode with a warning")
    max_mirrored: Share = parameter(0.1, "share of photos where crop.fit pad would mirror over a tenth of a crop")
    max_enlarged: Share = parameter(0.1, "share of photos with fewer pixels than crop.size in a crop")
    max_imbalance: Ratio = parameter(3.0, "photos of the largest breed per photo of the smallest")
    set_aside: dict[Text, Text] = parameter(
        {}, "photos to leave out, each with the reason: {pug/12.jpg: shows a cat, boxer/7.jpg: drawn}"
    )
    # Lite0 only: the limits of validate/opinions.py were measured with it.
    extractor: Lite0Name | None = parameter(
        None,
        "the network that finds suspect labels, photos that "
        "show no dog, and more near-duplicates; null: no network. It takes two minutes for 20,000 photos on two cores, "
        "once",
    )
    max_suspect_labels: Share = parameter(0.05, "share of photos that this network would put into another breed")
    max_strangers: Share = parameter(0.01, "share of photos in which it sees no dog")
