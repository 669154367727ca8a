"""Films: frames as a GIF that loops, or as an MP4 that browsers play."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from pedigree.common.files import replacing_file
from pedigree.common.grids import BACKGROUND
from pedigree.errors import PedigreeError

COLORS = 254  # of a GIF's 256: one is for the page's white, one means "as in the frame before"
WHITE = (255, 255, 255)
SAMPLE = 16  # frames that the shared palette is chosen from
PIXELS = "yuv420p"  # what every browser plays
# A constant rate factor of 0 is lossless, 18 hard to tell from it, 23 the usual. With several threads, or with x264's
# macroblock tree, the same frames give other bytes from one time to the next.
X264 = {"crf": "18", "threads": "1", "x264-params": "mbtree=0"}


def save_gif(frames: Sequence[Image.Image], path: Path, milliseconds: int) -> None:
    """Write `frames`, RGB, as a GIF that loops, `milliseconds` each (a multiple of 10); equal frames, equal bytes.

    All share one palette, undithered, so that what stands still does not flicker and takes no space. Smaller frames
    are padded to the largest.
    """
    frames = _padded(frames)
    palette = _palette(frames)
    drawn = [_quantized(frame, palette) for frame in frames]
    with replacing_file(path) as beside:
        drawn[0].save(
            beside, format="GIF", save_all=True, append_images=drawn[1:], duration=milliseconds, loop=0, optimize=False
        )


def save_mp4(frames: Sequence[Image.Image], path: Path, fps: int) -> None:
    """Write `frames`, RGB, as H.264 in an MP4 of even sides, `fps` frames a second; equal frames, equal bytes.

    Smaller frames are padded to the largest.

    Raises:
        PedigreeError: where PyAV is not installed.
    """
    require_pyav(path)
    import av
    from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

    frames = _padded(frames, multiple=2)
    with replacing_file(path) as beside, av.open(str(beside), "w", "mp4", options={"movflags": "faststart"}) as film:
        stream = film.add_stream("libx264", rate=fps, options=X264)
        stream.width, stream.height = frames[0].size
        stream.pix_fmt = PIXELS
        coding = stream.codec_context  # told, since players guess the colours' matrix of an untold film by its size
        coding.colorspace, coding.color_range = Colorspace.ITU709, ColorRange.MPEG
        coding.color_primaries, coding.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(np.asarray(frame), "rgb24").reformat(
                format=PIXELS, dst_colorspace=Colorspace.ITU709
            )
            film.mux(stream.encode(picture))
        film.mux(stream.encode())


def require_pyav(path: Path) -> None:
    """Check that `path` could be written as MP4.

    Raises:
        PedigreeError: where PyAV is not installed.
    """
    try:
        import av  # noqa: F401
    except ImportError:
        raise PedigreeError(
            f"{path}: an MP4 needs PyAV, which is not installed: pip install 'pedigree[video]', or name a .gif file."
        ) from None


def _palette(frames: Sequence[Image.Image]) -> Image.Image:
    """Choose the colours that suit frames spread over the whole film; the last is white."""
    spread = np.unique(np.linspace(0, len(frames) - 1, SAMPLE).round().astype(int))
    sample = Image.fromarray(np.concatenate([np.asarray(frames[place]) for place in spread]))
    colors = (sample.quantize(COLORS, Image.Quantize.MEDIANCUT).getpalette() or [])[: 3 * COLORS]
    palette = Image.new("P", (1, 1))
    palette.putpalette([*colors, *(3 * COLORS - len(colors)) * [0], *WHITE])
    return palette


def _quantized(frame: Image.Image, palette: Image.Image) -> Image.Image:
    """Give a frame the palette's nearest colours; Pillow's search is a few levels coarse, so white is set by itself."""
    places = np.array(frame.quantize(palette=palette, dither=Image.Dither.NONE))
    places[(np.asarray(frame) == WHITE).all(-1)] = COLORS
    quantized = Image.fromarray(places, "P")
    quantized.putpalette(palette.getpalette() or [])
    return quantized


def _padded(frames: Sequence[Image.Image], multiple: int = 1) -> list[Image.Image]:
    """Give all frames the size of the largest, rounded up to a `multiple`, by background to the right and below."""
    width, height = (-(-max(sides) // multiple) * multiple for sides in zip(*(f.size for f in frames), strict=True))
    padded = [Image.new("RGB", (width, height), BACKGROUND) for _ in frames]
    for sheet, frame in zip(padded, frames, strict=True):
        sheet.paste(frame)
    return padded
