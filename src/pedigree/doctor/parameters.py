"""`params.yaml`: is every section valid, and do the archives and weights that it names exist?"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pedigree.common.extractor_names import INCEPTION
from pedigree.common.paths import PARAMS
from pedigree.doctor.finding import Finding, fine, first_line, size_text
from pedigree.errors import UsageError

if TYPE_CHECKING:
    from pedigree.settings import params

MISSING = "name an existing file in params.yaml"


def load(root: Path) -> "tuple[dict[str, Any], list[Finding]]":
    """Read `params.yaml` in the folder `root`.

    Returns:
        The sections that are valid, by name, and findings about all of them.
    """
    from pedigree.settings import params

    path, sections, found = root / params.FILE, {}, []
    try:
        content = params.read(path)
    except UsageError as error:
        return {}, [_wrong(error, root)]
    for name, section in params.KNOWN.items():
        if name in params.OPTIONAL and name not in content:
            continue
        try:
            sections[name] = params.load(section, path)  # type: ignore[type-var]
        except UsageError as error:
            found.append(_wrong(error, root))
    return sections, found or [fine("parameters", f"params.yaml is valid: {len(sections)} sections")]


def check_files(root: Path, sections: dict[str, Any]) -> list[Finding]:
    """Check that the files named in the sections exist, and are no larger than `unpack` allows."""
    found: list[Finding] = []
    if data := sections.get("data"):
        found += _archives(root, data, sections.get("unpack"))
    score = sections.get("score")
    if score and score.weights and not (root / score.weights).is_file():
        found.append(Finding("weights", "problem", f"score.weights: {score.weights} does not exist", MISSING))
    if score and score.extractor == INCEPTION and not score.weights:
        text = f"score.extractor is {INCEPTION}, but score.weights names no file"
        found.append(Finding("weights", "problem", text, f"pedigree fetch {INCEPTION}"))
    return found


def _archives(root: Path, data: "params.Data", unpack: "params.Unpack | None") -> list[Finding]:
    named = {"data.images": data.images} | ({"data.annotations": data.annotations} if data.annotations else {})
    missing = [
        Finding("archives", "problem", f"{key}: {path} does not exist", _remedy(root, path))
        for key, path in named.items()
        if not (root / path).is_file()
    ]
    if missing:
        return missing
    sizes = {path: (root / path).stat().st_size for path in named.values()}
    if unpack and (large := [path for path, size in sizes.items() if size > unpack.max_bytes]):
        text = (
            f"{large[0]} has {size_text(sizes[large[0]])}, more than unpack.max_bytes ({size_text(unpack.max_bytes)})"
        )
        return [Finding("archives", "problem", text, "raise unpack.max_bytes if you trust the archive")]
    return [fine("archives", ", ".join(f"{path} ({size_text(size)})" for path, size in sizes.items()))]


def _remedy(root: Path, path: str) -> str:
    tracked = (root / f"{path}.dvc").exists()
    return f"dvc pull {path}" if tracked else MISSING


def _wrong(error: UsageError, root: Path) -> Finding:
    text = str(error).replace(f"{root / PARAMS}", PARAMS.name)
    return Finding("parameters", "problem", first_line(text), "correct params.yaml; git diff params.yaml shows changes")
