"""Messages about boxes and photos without crops: how many, why, and what to do."""

from collections import Counter
from collections.abc import Iterable, Sequence

from pedigree.photos.plans import Skipped
from pedigree.settings import params

NAMED = 10  # breeds named in the error; the others are counted

_ADVICE = {  # by words of the reason, in the order in which the advice is given
    "set aside": "take photos out of validate.set_aside",
    "not usable": "replace the photos that are not usable (data/census.csv says why)",
    "unreadable": "correct the annotations",
    "another size": "correct the annotations",
    "no area": "correct the annotations",
    "without a dog": "annotate the dogs",
    "shorter side": "lower crop.min_box",
    "more elongated": "raise crop.max_aspect",
}
_WHOLE = "set crop.frames to whole"


def counted(skipped: Skipped) -> list[str]:
    """Return what was skipped of all breeds, one text per reason, such as "2 × box (no area inside the photo)"."""
    return _counted(total(skipped))


def total(skipped: Skipped) -> Counter[str]:
    """Return how many boxes or photos of all breeds were skipped, by reason."""
    return _total(skipped, skipped)


def no_crops(breeds: Sequence[str], skipped: Skipped, settings: params.Crop) -> str:
    """Return the message for breeds without any crops: why, and what would help against these reasons."""
    reasons = _total(skipped, breeds)
    more = f" and {len(breeds) - NAMED} more" if len(breeds) > NAMED else ""
    return (
        f"No crops of {', '.join(breeds[:NAMED])}{more}. Skipped: {', '.join(_counted(reasons))}. "
        f"{_either(_advice(reasons, settings))}."
    )


def _total(skipped: Skipped, breeds: Iterable[str]) -> Counter[str]:
    return sum((skipped.get(breed, Counter()) for breed in breeds), Counter[str]())


def _counted(reasons: Counter[str]) -> list[str]:
    return [f"{number} × {reason}" for reason, number in sorted(reasons.items())]


def _advice(reasons: Counter[str], settings: params.Crop) -> list[str]:
    """Return what would help, each piece once. A whole photo helps where only its boxes were skipped."""
    advice = [text for words, text in _ADVICE.items() if any(words in reason for reason in reasons)]
    boxes = ("box (", "unreadable", "another size", "without a dog")
    if settings.frames == "boxes" and any(words in reason for reason in reasons for words in boxes):
        advice.append(_WHOLE)
    return list(dict.fromkeys(advice))


def _either(advice: Sequence[str]) -> str:
    """Join pieces of advice to one sentence."""
    *first, last = advice
    text = f"{', '.join(first)}{',' if len(first) > 1 else ''} or {last}" if first else last
    return text[0].upper() + text[1:]
