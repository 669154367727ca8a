"""Numbers and names as text for people."""

from collections.abc import Sequence

from pedigree.common.breeds import display_name


def count(number: int) -> str:
    """Format a whole number in groups of three digits."""
    return f"{number:,}"


def percent(share: float) -> str:
    """Format a share as whole percent, without the sign."""
    return f"{100 * share:.0f}"


def of_100(share: float) -> str:
    """Format a share as `72 of 100`. Only exactly 0 and 1 become `0 of 100` and `100 of 100`."""
    whole = round(100 * share)
    if whole in (0, 100) and 0 < share < 1:
        whole = 1 if whole == 0 else 99
    return f"{whole}\N{NO-BREAK SPACE}of\N{NO-BREAK SPACE}100"


def breed_name(folder: str) -> str:
    """Return a breed's name with spaces."""
    return display_name(folder).replace("_", " ")


def listed(names: Sequence[str], most: int = 1000) -> str:
    """Join names: `a`, `a and b`, `a, b and c`, or `a, b and 7 more` if there are more than `most`."""
    if len(names) > most:
        names = [*names[: most - 1], f"{len(names) - most + 1} more"]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def capitalized(sentence: str) -> str:
    """Return the sentence with a capital first letter."""
    return sentence[:1].upper() + sentence[1:]
