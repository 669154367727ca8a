"""Three breeds with ten photos each, and bounds that they only just meet, for the tests of validate."""

from pedigree.settings.params import Validate

PUG, FOX, TZU = "n02110958-pug", "n02095314-wire-haired_fox_terrier", "n02086240-Shih-Tzu"
EACH = 10

STRICT = Validate(
    breed_pattern=r"^n\d{8}-.+$",
    breeds=3,
    photos_per_breed=[EACH - 2, EACH + 2],
    min_decodable=0.9,
    min_annotated=1.0,
    max_bad_boxes=0.0,
    max_breed_mismatch=0.0,
    max_duplicates_within=0.0,
    max_duplicates_across=0.0,
    max_near_duplicates_within=0.0,
    max_near_duplicates_across=0.0,
    max_unclear=0.0,
    max_decoder_warnings=0.0,
    max_mirrored=0.0,
    max_enlarged=0.0,
    max_imbalance=1.2,
)
