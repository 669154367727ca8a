"""How much memory and disk the parameters need: rough estimates, each with what it is based on."""

import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pedigree.common.paths import CENSUS, CROPS, FEATURES, RAW

FEATURES_PER_CROP = {"resnet50-v2": 2048, "inception-2015": 2048, "nasnet-large": 4032}
USUAL_FEATURES = 1280  # of the other extractors
PHOTO_BYTES = 37_000  # of a photo of Stanford Dogs, on average
LIBRARIES = 1_400_000_000  # bytes: Python, TensorFlow and its buffers in `score`; measured: docs/scores.md
COMPRESSED_GAIN = 1.1  # photos hardly compress


@dataclass(frozen=True)
class Needs:
    """What the stages need, in bytes.

    Attributes:
        memory: while they run.
        memory_basis: how that was estimated.
        disk: what they still write.
        disk_basis: how that was estimated.
    """

    memory: float
    memory_basis: str
    disk: float
    disk_basis: str


def estimate(root: Path, sections: dict[str, Any], copies: bool) -> Needs | None:
    """Estimate what the stages of the project need. None if a section that this depends on is missing.

    Args:
        root: the project's folder.
        sections: valid sections of `params.yaml`.
        copies: whether DVC's cache keeps a second copy of each output.
    """
    if not {"data", "validate", "crop", "train", "score"} <= sections.keys():
        return None
    data, crop, score, train = (sections[name] for name in ("data", "crop", "score", "train"))
    archives = [root / name for name in (data.images, data.annotations) if name]
    if not all(path.is_file() for path in archives):
        return None
    raw = sum(map(_unpacked, archives))
    photos, source = _photos(root, sections["validate"], raw)
    crops = photos * (2 if crop.frames == "both" else 1)
    pictures = crops * crop.size**2 * 3
    extractors = {score.extractor, *score.other_judges, train.score_extractor}
    features = [crops * FEATURES_PER_CROP.get(name, USUAL_FEATURES) * 4 for name in extractors]
    outputs = raw + pictures
    new = outputs * (2 if copies else 1) + sum(features) - _present(root, copies)
    replaced = max(raw, pictures) if (root / RAW).exists() else 0  # old and new output are there at the same time
    count = f"{crops:,} crops of {crop.size} px: {source}"
    return Needs(
        LIBRARIES + 3 * max(features),
        f"roughly {LIBRARIES / 1e9:.1f} GB and three times the features of {count}; large networks need more",
        max(0, new) + replaced,
        f"roughly photos and crops{', twice for the cache of DVC' if copies else ''}, features of {count}; "
        "no checkpoints",
    )


def _unpacked(archive: Path) -> float:
    """Return about how many bytes the files in an archive have."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            return sum(member.file_size for member in opened.infolist())
    return archive.stat().st_size * (1.0 if archive.suffix == ".tar" else COMPRESSED_GAIN)


def _photos(root: Path, validate: Any, raw: float) -> tuple[int, str]:
    """Return the number of photos, and what it is based on."""
    if (root / CENSUS).is_file():
        with (root / CENSUS).open("rb") as lines:
            return sum(1 for _ in lines) - 1, f"from {CENSUS}"
    if validate.breeds:
        most = validate.breeds * validate.photos_per_breed[1]
        by_size = int(raw / 1000)  # no photo is smaller than a kilobyte
        return min(most, by_size), "at most, by the limits in validate"
    return int(raw / PHOTO_BYTES), f"by the archives' size, {PHOTO_BYTES / 1000:.0f} kB a photo"


def _present(root: Path, copies: bool) -> int:
    """Return the bytes of what the stages have already written."""
    return sum(_size(root / path) for path in (RAW, CROPS)) * (2 if copies else 1) + _size(root / FEATURES)


def _size(folder: Path) -> int:
    total = 0
    for where, _, names in os.walk(folder):
        for name in names:
            total += os.lstat(os.path.join(where, name)).st_size  # noqa: PTH118
    return total
