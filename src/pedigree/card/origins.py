"""Where a generator comes from: code, archives, crops, parameters, device and time."""

import hashlib
import math
import re
from pathlib import Path
from typing import Any

from pedigree.card.markdown import plain
from pedigree.common import json_text
from pedigree.common.paths import CROPS, GENERATOR, METRICS, PARAMS, TRAINING_FACTS
from pedigree.errors import PedigreeError
from pedigree.results import revisions
from pedigree.settings import params, plain_yaml
from pedigree.settings.section_yaml import section_text

LOCK = Path("dvc.lock")
_TEXTS, _COUNTS, _SPEED = ("architecture", "precision", "device"), ("steps", "kept_step"), "images_per_second"
_FACTS = dict.fromkeys(_TEXTS, str) | dict.fromkeys(_COUNTS, int) | {_SPEED: float}  # of training.json
_HASH = re.compile(r"[0-9a-f]{32}(\.dir)?")
_WRITTEN = (("train", GENERATOR), ("train", TRAINING_FACTS), ("score", METRICS))  # what a card is made of
_PARTS = (("unpack", "deps"), ("crop", "outs"), ("train", "outs"), ("score", "deps"), ("score", "outs"))


def read_lock(root: Path) -> dict[str, Any]:
    """Return the stages of `dvc.lock`, and check that they describe the generator and the reports at `root`.

    Raises:
        PedigreeError: the lock is missing or damaged, a stage has not run, or a file is not the one that it wrote.
    """
    path = root / LOCK
    try:
        stages: dict[str, Any] = plain_yaml.parse(path.read_text(encoding="utf-8"))["stages"]
        hashes = {(stage, part): _hashes(stages, stage, part) for stage, part in _PARTS}
    except FileNotFoundError:
        raise PedigreeError(f"{path} is not here: run `dvc repro` in the project's root.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise PedigreeError(f"{path} lacks a result of the pipeline ({error}): run `dvc repro`.") from None
    for stage, name in _WRITTEN:
        if not (root / name).is_file():
            raise PedigreeError(f"{name} is not here: run `dvc repro`, or `dvc checkout` if it was run elsewhere.")
        if hashes[stage, "outs"].get(name.as_posix()) != _md5(root / name):
            raise PedigreeError(
                f"{name} is not the one that {LOCK} names: run `dvc repro`, or `dvc checkout {name}` for that one."
            )
    if hashes["score", "deps"].get(GENERATOR.as_posix()) != hashes["train", "outs"][GENERATOR.as_posix()]:
        raise PedigreeError(f"{METRICS} has the scores of another generator: run `dvc repro`.")
    return stages


def rows(root: Path, stages: dict[str, Any]) -> dict[str, str]:
    """Return the origin of a generator: texts by title.

    Args:
        root: the project's folder.
        stages: `read_lock` of it.
    """
    data, train = params.load(params.Data, root / PARAMS), params.load(params.Train, root / PARAMS)
    sources, crops = _hashes(stages, "unpack", "deps"), _hashes(stages, "crop", "outs")
    facts = _training(root / TRAINING_FACTS)
    images = train.batch_size * train.discriminator_steps
    minutes = facts["steps"] * images / facts["images_per_second"] / 60
    time = f"{minutes:.0f} minutes" if minutes < 120 else f"{minutes / 60:.1f} hours"
    return {
        "Code": _revision(root),
        "Photos": _archive(data.images, sources),
        "Annotations": _archive(data.annotations, sources) if data.annotations else "none",
        "Crops": f"MD5 `{crops.get(CROPS.as_posix(), 'unknown')}`",
        "Generator": f"MD5 `{_md5(root / GENERATOR)}`",
        "Architecture": plain(facts["architecture"]),
        "Training": f"{facts['steps']:,} steps in about {time}, without scoring",
        "Kept": f"the generator of step {facts['kept_step']:,}, after {facts['kept_step'] * images:,} real pictures",
        "Device": plain(f"{facts['device']}, in {facts['precision']}"),
    }


def parameters(root: Path) -> str:
    """Return the parameters of cropping and training as YAML. Other sections name paths of this machine."""
    crop, train = params.load(params.Crop, root / PARAMS), params.load(params.Train, root / PARAMS)
    return "\n".join(
        section_text(type(one), vars(one), comments=dict.fromkeys(vars(one), ""), head=[]) for one in (crop, train)
    )


def _hashes(stages: dict[str, Any], stage: str, part: str) -> dict[str, str]:
    """Return the MD5 hashes of what a stage reads (`deps`) or writes (`outs`), by path."""
    hashes = {entry["path"]: entry["md5"] for entry in stages[stage][part]}
    if wrong := [path for path, digest in hashes.items() if not _HASH.fullmatch(digest)]:
        raise ValueError(f"{wrong[0]} has no MD5 hash")
    return hashes


def _archive(path: str, hashes: dict[str, str]) -> str:
    """Return the name and hash of an archive. Its folder is of this machine only."""
    return f"{plain(Path(path).name)}, MD5 `{hashes.get(path, 'unknown')}`"


def _revision(root: Path) -> str:
    """Return the commit of the project, and whether its parameters and results are those of the commit."""
    if revisions.no_repository(root) or not (commit := revisions.commit_of("HEAD", root)):
        return "not in a git repository"
    changed = [
        name for name in (PARAMS, LOCK) if revisions.content_of(commit, name, root) != (root / name).read_bytes()
    ]
    return f"git `{commit}`" + (f", with changes of {' and '.join(map(str, changed))}" if changed else "")


def _training(path: Path) -> dict[str, Any]:
    """Read `training.json`."""
    try:
        content = json_text.parse(path.read_bytes())
        facts = {name: content[name] for name in _FACTS}
        if wrong := [name for name, kind in _FACTS.items() if type(facts[name]) is not kind]:
            raise ValueError(f"{wrong[0]} is {str(facts[wrong[0]])[:60]!r}")
        if not 0 < facts[_SPEED] < math.inf:
            raise ValueError(f"{_SPEED} is not above 0")
    except (ValueError, KeyError, TypeError) as error:
        raise PedigreeError(f"{path} is not a file that `pedigree train` writes ({error!r}).") from None
    return facts


def _md5(path: Path) -> str:
    """Return the hash that DVC gives a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
