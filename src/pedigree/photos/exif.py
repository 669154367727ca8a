"""EXIF tags: how a viewer must turn a stored photo to show it upright, and tags that name places and people."""

from PIL import ExifTags, Image

UPRIGHT = {  # how to turn a stored photo, by its EXIF orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_OWNERS = {  # tags that name a person, in the main directory and in the one of the camera
    ExifTags.Base.Artist: "artist",
    ExifTags.Base.Copyright: "copyright",
    ExifTags.Base.CameraOwnerName: "owner",
    ExifTags.Base.XPAuthor: "author",
    ExifTags.Base.BodySerialNumber: "camera's serial number",
}


def orientation(photo: Image.Image) -> int:
    """Return how the pixels that Pillow gives for `photo` must be turned: the EXIF orientation, from 1 (upright) to 8.

    It is 1 if the orientation is missing or invalid, and for TIFF, which Pillow turns upright itself. The width and
    height of an open TIFF are those of the upright photo, too.
    """
    if photo.format == "TIFF":
        return 1
    tag = photo.getexif().get(ExifTags.Base.Orientation)
    return next((value for value in range(1, 9) if value == tag), 1)


def swaps_sides(orientation: int) -> bool:
    """Return whether turning a photo upright swaps its width and height."""
    return orientation >= 5


def stored_place(across: float, down: float, orientation: int) -> tuple[float, float]:
    """Return where a place of the upright photo is in the stored photo, both as shares of the width and the height."""
    if swaps_sides(orientation):
        across, down = down, across
    mirrored_across, mirrored_down = orientation in (2, 3, 7, 8), orientation in (3, 4, 6, 7)
    return (1 - across if mirrored_across else across), (1 - down if mirrored_down else down)


def private_tags(photo: Image.Image) -> str:
    """Return which tags name a place or a person, such as "GPS; owner"; empty if none does."""
    exif = photo.getexif()
    if not exif:
        return ""
    found = ["GPS"] if exif.get_ifd(ExifTags.IFD.GPSInfo) else []
    tags = {**exif, **exif.get_ifd(ExifTags.IFD.Exif)}
    return "; ".join([*found, *(name for tag, name in _OWNERS.items() if str(tags.get(tag, "")).strip())])
