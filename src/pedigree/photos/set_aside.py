"""Photos that a person leaves out by name, in the parameter `validate.set_aside`."""

from collections.abc import Iterable, Mapping

from pedigree.common.names import composed
from pedigree.errors import PedigreeError
from pedigree.settings.fields import nearest

LABEL = "set aside"  # the problem of such a photo in the census begins with this


def problem_texts(reasons: Mapping[str, str], photos: Iterable[str]) -> dict[str, str]:
    """Return the text for the census column `problem`, by photo.

    Args:
        reasons: why each photo is left out, by its name, "<breed>/<file>".
        photos: the names of all photos.

    Raises:
        PedigreeError: if there is no photo of such a name, or if a photo is named twice.
    """
    known = {composed(photo): photo for photo in photos}
    for name in reasons:
        if composed(name) not in known:
            raise PedigreeError(f"validate.set_aside: there is no photo {name!r}{nearest(name, known)}.")
    if len({composed(name) for name in reasons}) < len(reasons):
        raise PedigreeError("validate.set_aside names a photo twice, in two Unicode forms.")
    return {known[composed(name)]: f"{LABEL}: {' '.join(reason.split())}" for name, reason in reasons.items()}
