"""Warnings of the JPEG decoder. Pillow hides them: a JPEG that ends early, with an end mark, decodes half grey."""

import re

import simplejpeg

_PREFIX = "Corrupt JPEG data: "
_BYTES = re.compile(r"^\d+ ")  # libjpeg's counts vary with its version


def decoder_warning(content: bytes) -> str:
    """Decode a JPEG to its end, and return libjpeg's first warning; empty if there is none."""
    try:
        simplejpeg.decode_jpeg(content, "GRAY", min_height=1, min_width=1)  # at 1/8: reads all, computes little
    except ValueError as warning:
        return _BYTES.sub("", str(warning).removeprefix(_PREFIX))
    return ""


def is_cut_short(warning: str) -> bool:
    """Whether a warning of `decoder_warning` says that the picture is incomplete."""
    return warning.lower().startswith("premature end")
