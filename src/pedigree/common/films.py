"""Films: frames written as a looping GIF, or as an MP4 that browsers can play."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from pedigree.common.files import replacing_file
from pedigree.common.grids import BACKGROUND
from pedigree.errors import PedigreeError

COLORS = 254  # of the 256 of a GIF: one is reserved for white, and one means "as in the frame before"
WHITE = (255, 255, 255)
SAMPLE = 16  # frames from which the shared palette is chosen
PIXELS = "yuv420p"  # the pixel format that every browser can play
# A constant rate factor of 0 is lossless, 18 is visually close to lossless, 23 is the default. With several threads,
# or with the macroblock tree of x264, equal frames would not always give equal bytes.
X264 = {"crf": "18", "threads": "1", "x264-params": "mbtree=0"}


def save_gif(frames: Sequence[Image.Image], path: Path, milliseconds: int) -> None:
    """Write RGB `frames` as a looping GIF. Equal frames give equal bytes.

    All frames share one palette without dithering, so that still areas do not flicker and take no space. Smaller frames
    are padded to the size of the largest.

    Args:
        frames: the frames, in order.
        path: the GIF to write.
        milliseconds: how long each frame is shown; a multiple of 10.
    """
    frames = _padded(frames)
    palette = _palette(frames)
    drawn = [_quantized(frame, palette) for frame in frames]
    with replacing_file(path) as temporary:
        drawn[0].save(
            temporary,
            format="GIF",
            save_all=True,
            append_images=drawn[1:],
            duration=milliseconds,
            loop=0,
            optimize=False,
        )


def save_mp4(frames: Sequence[Image.Image], path: Path, fps: int) -> None:
    """Write RGB `frames` as H.264 in an MP4, with `fps` frames per second. Equal frames give equal bytes.

    Smaller frames are padded to the size of the largest, and both sides to an even number of pixels.

    Raises:
        PedigreeError: if PyAV is not installed.
    """
    require_pyav(path)
    import av
    from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

    frames = _padded(frames, multiple=2)
    with (
        replacing_file(path) as temporary,
        av.open(str(temporary), "w", "mp4", options={"movflags": "faststart"}) as film,
    ):
        stream = film.add_stream("libx264", rate=fps, options=X264)
        stream.width, stream.height = frames[0].size
        stream.pix_fmt = PIXELS
        coding = stream.codec_context  # set explicitly, because players would guess the colour matrix from the size
        coding.colorspace, coding.color_range = Colorspace.ITU709, ColorRange.MPEG
        coding.color_primaries, coding.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(np.asarray(frame), "rgb24").reformat(
                format=PIXELS, dst_colorspace=Colorspace.ITU709
            )
            film.mux(stream.encode(picture))
        film.mux(stream.encode())


def require_pyav(path: Path) -> None:
    """Check that `path` can be written as MP4.

    Raises:
        PedigreeError: if PyAV is not installed.
    """
    try:
        import av  # noqa: F401
    except ImportError:
        raise PedigreeError(
            f"{path}: an MP4 needs PyAV, which is not installed: pip install 'pedigree[video]', or name a .gif file."
        ) from None


def _palette(frames: Sequence[Image.Image]) -> Image.Image:
    """Choose a palette from frames spread over the whole film. Its last colour is white."""
    spread = np.unique(np.linspace(0, len(frames) - 1, SAMPLE).round().astype(int))
    sample = Image.fromarray(np.concatenate([np.asarray(frames[place]) for place in spread]))
    colors = (sample.quantize(COLORS, Image.Quantize.MEDIANCUT).getpalette() or [])[: 3 * COLORS]
    palette = Image.new("P", (1, 1))
    palette.putpalette([*colors, *(3 * COLORS - len(colors)) * [0], *WHITE])
    return palette


def _quantized(frame: Image.Image, palette: Image.Image) -> Image.Image:
    """Map a frame to the nearest colours of the palette.

    Pillow's search can be wrong by a few levels, so white is set separately.
    """
    places = np.array(frame.quantize(palette=palette, dither=Image.Dither.NONE))
    places[(np.asarray(frame) == WHITE).all(-1)] = COLORS
    quantized = Image.fromarray(places, "P")
    quantized.putpalette(palette.getpalette() or [])
    return quantized


def _padded(frames: Sequence[Image.Image], multiple: int = 1) -> list[Image.Image]:
    """Pad all frames at the right and bottom to the size of the largest, rounded up to a `multiple`."""
    width, height = (-(-max(sides) // multiple) * multiple for sides in zip(*(f.size for f in frames), strict=True))
    padded = [Image.new("RGB", (width, height), BACKGROUND) for _ in frames]
    for sheet, frame in zip(padded, frames, strict=True):
        sheet.paste(frame)
    return padded
