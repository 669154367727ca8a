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
    """Return the EXIF orientation of `photo`, from 1 (upright as stored) to 8; 1 if it is missing or invalid."""
    tag = photo.getexif().get(ExifTags.Base.Orientation)
    return next((value for value in range(1, 9) if value == tag), 1)


def private_tags(photo: Image.Image) -> str:
    """Return which tags name a place or a person, such as "GPS; owner"; empty if none does."""
    exif = photo.getexif()
    if not exif:
        return ""
    found = ["GPS"] if exif.get_ifd(ExifTags.IFD.GPSInfo) else []
    tags = {**exif, **exif.get_ifd(ExifTags.IFD.Exif)}
    return "; ".join([*found, *(name for tag, name in _OWNERS.items() if str(tags.get(tag, "")).strip())])
