"""The EXIF orientation: how a viewer must turn a stored photo to show it upright."""

from PIL import ExifTags, Image


def orientation(photo: Image.Image) -> int:
    """Return the EXIF orientation of `photo`, from 1 (upright as stored) to 8; 1 if it is missing or invalid."""
    tag = photo.getexif().get(ExifTags.Base.Orientation)
    return next((value for value in range(1, 9) if value == tag), 1)
