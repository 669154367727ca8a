"""The file that a command draws into."""

from pathlib import Path

from pedigree.common.files import check_replaceable
from pedigree.errors import UsageError

SIDES = {".png": 128, ".gif": 64, ".mp4": 128}  # pixels: the side to which pictures are enlarged, approximately


def kind_of(out: Path, *kinds: str, other: str = "") -> str:
    """Return the suffix of `out`; raise UsageError unless it is one of `kinds`, before anything is drawn.

    The message adds what `other` place may be named.
    """
    kind = out.suffix.lower()
    if kind not in kinds:
        raise UsageError(f"--out must name a {' or '.join(kinds)} file{other}. Received: {out}")
    check_replaceable(out)
    return kind
