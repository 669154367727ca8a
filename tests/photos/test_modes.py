"""Every mode that Pillow opens in the formats of the census: its colour in the crop, or why it is set aside."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import BmpImagePlugin, Image, PngImagePlugin, PpmImagePlugin, TiffImagePlugin

from pedigree.crop.cutting import crop_photo
from pedigree.photos.modes import to_rgb
from pedigree.photos.windows import StoredPhoto, photo_window
from photos.test_census import PUG, put, row_of

WIDTH, HEIGHT = 40, 30
PIXELS = WIDTH * HEIGHT
WHITE, BLACK, GREY, ORANGE = (255, 255, 255), (0, 0, 0), (100, 100, 100), (200, 100, 50)


def saved(form: str, mode: str, fill: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new(mode, (WIDTH, HEIGHT), fill).save(file, form, **options)
    return file.getvalue()


def tiff(
    order: str,
    photometric: int,
    bits: tuple[int, ...],
    pixels: bytes,
    extra: tuple[int, ...] = (),
    sample_format: int = 1,
    palette: tuple[int, ...] = (),
) -> bytes:
    """Return an uncompressed TIFF of `WIDTH` x `HEIGHT` that repeats `pixels`, which may hold several pixels."""
    data = pixels * (PIXELS * sum(bits) // 8 // len(pixels))
    e = {"II": "<", "MM": ">"}[order]
    tags: dict[int, tuple[str, tuple[int, ...]]] = {
        256: ("H", (WIDTH,)),
        257: ("H", (HEIGHT,)),
        258: ("H", bits),
        259: ("H", (1,)),
        262: ("H", (photometric,)),
        273: ("I", (8,)),
        277: ("H", (len(bits),)),
        278: ("H", (HEIGHT,)),
        279: ("I", (len(data),)),
        **({320: ("H", palette)} if palette else {}),
        **({338: ("H", extra)} if extra else {}),
        339: ("H", (sample_format,) * len(bits)),
    }
    after, entries = 8 + len(data) + 2 + 12 * len(tags) + 4, b""
    tail = b""
    for tag, (kind, values) in tags.items():
        packed = struct.pack(f"{e}{len(values)}{kind}", *values)
        if len(packed) > 4:
            packed, tail = struct.pack(f"{e}I", after + len(tail)), tail + packed + bytes(len(packed) % 2)
        entries += struct.pack(f"{e}HHI", tag, {"H": 3, "I": 4}[kind], len(values)) + packed.ljust(4, b"\0")
    head = order.encode() + struct.pack(f"{e}HI", 42, 8 + len(data))
    return head + data + struct.pack(f"{e}H", len(tags)) + entries + bytes(4) + tail


def png(depth: int, kind: int, pixel: bytes, transparency: bytes = b"") -> bytes:
    """Return a PNG of `WIDTH` x `HEIGHT` that repeats `pixel`."""
    row = b"\0" + pixel * (WIDTH if depth >= 8 else WIDTH * depth // 8)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, kind, 0, 0, 0))]
    chunks += [(b"tRNS", transparency)] if transparency else []
    chunks += [(b"IDAT", zlib.compress(row * HEIGHT)), (b"IEND", b"")]
    written = [struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(written)


def pnm(magic: str, maxval: int | float | None, pixel: bytes) -> bytes:
    head = f"{magic}\n{WIDTH} {HEIGHT}\n" + ("" if maxval is None else f"{maxval}\n")
    return head.encode() + pixel * PIXELS


def bmp(bits: int, pixel: bytes, masks: tuple[int, ...] = ()) -> bytes:
    data = pixel * PIXELS
    header = 108 if masks else 40
    info = struct.pack("<IiiHHIIiiII", header, WIDTH, HEIGHT, 1, bits, 3 if masks else 0, len(data), 0, 0, 0, 0)
    info += struct.pack("<4I", *masks).ljust(header - 40, b"\0") if masks else b""
    return b"BM" + struct.pack("<IHHI", 14 + header + len(data), 0, 0, 14 + header) + info + data


def palette(form: str, **options: Any) -> bytes:
    image = Image.new("P", (WIDTH, HEIGHT), 1)
    image.putpalette([10, 20, 30, *ORANGE])
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


TIFF_PALETTE = tuple(257 * channel for channel in ORANGE for _ in range(256))
UNKNOWN = ": of no known range"
F32, I32 = struct.pack("<f", 0.5), struct.pack("<i", 1_000_000_000)

# Name of the row: the file's content, its suffix, Pillow's mode, and the colour of the crop or the problem.
ROWS: dict[str, tuple[bytes, str, str, tuple[int, int, int] | str]] = {
    "JPEG grey": (saved("JPEG", "L", 100), "jpg", "L", GREY),
    "JPEG colour": (saved("JPEG", "RGB", ORANGE), "jpg", "RGB", ORANGE),
    "JPEG CMYK, inverted as Adobe's": (saved("JPEG", "CMYK", (0, 255, 255, 0)), "jpg", "CMYK", (255, 0, 0)),
    "JPEG CMYK black": (saved("JPEG", "CMYK", (0, 0, 0, 255)), "jpg", "CMYK", BLACK),
    "PNG 1 bit": (png(1, 0, b"\xff"), "png", "1", WHITE),
    "PNG 2 bits": (png(2, 0, b"\xaa"), "png", "L", (170, 170, 170)),
    "PNG 4 bits": (png(4, 0, b"\x66"), "png", "L", (102, 102, 102)),
    "PNG grey": (png(8, 0, b"\x64"), "png", "L", GREY),
    "PNG grey, this grey transparent": (png(8, 0, b"\x64", b"\x00\x64"), "png", "L", WHITE),
    "PNG 16 bits": (png(16, 0, b"\x64\x64"), "png", "I;16", GREY),
    "PNG 16 bits, white": (png(16, 0, b"\xff\xff"), "png", "I;16", WHITE),
    "PNG 16 bits, dark": (png(16, 0, b"\x00\xc8"), "png", "I;16", (1, 1, 1)),
    "PNG 16 bits, this grey transparent": (png(16, 0, b"\x64\x64", b"\x64\x64"), "png", "I;16", WHITE),
    "PNG 16 bits, another grey transparent": (png(16, 0, b"\x64\x64", b"\x64\x65"), "png", "I;16", GREY),
    "PNG colour": (png(8, 2, bytes(ORANGE)), "png", "RGB", ORANGE),
    "PNG colour, this one transparent": (png(8, 2, bytes(ORANGE), b"\0\xc8\0\x64\0\x32"), "png", "RGB", WHITE),
    "PNG colour of 16 bits": (png(16, 2, b"\xc8\xc8\x64\x64\x32\x32"), "png", "RGB", ORANGE),
    "PNG palette": (palette("PNG"), "png", "P", ORANGE),
    "PNG palette, transparent": (palette("PNG", transparency=1), "png", "P", WHITE),
    "PNG palette, half transparent": (palette("PNG", transparency=b"\xff\x80"), "png", "P", (227, 177, 152)),
    "PNG grey and alpha": (png(8, 4, b"\x00\x80"), "png", "LA", (127, 127, 127)),
    "PNG grey and alpha of 16 bits": (png(16, 4, b"\x00\x00\x80\x80"), "png", "RGBA", (127, 127, 127)),
    "PNG colour and alpha": (png(8, 6, b"\x00\x00\xff\x80"), "png", "RGBA", (127, 127, 255)),
    "PNG transparent": (png(8, 6, b"\xc8\x00\x00\x00"), "png", "RGBA", WHITE),
    "PNG colour and alpha of 16 bits": (
        *(png(16, 6, b"\x00\x00\x00\x00\xff\xff\x80\x80"), "png"),
        *("RGBA", (127, 127, 255)),
    ),
    "WebP": (saved("WEBP", "RGB", ORANGE, lossless=True), "webp", "RGB", ORANGE),
    "WebP with alpha": (saved("WEBP", "RGBA", (0, 0, 255, 128), lossless=True), "webp", "RGBA", (127, 127, 255)),
    "BMP 1 bit": (saved("BMP", "1", 1), "bmp", "1", WHITE),
    "BMP grey": (saved("BMP", "L", 100), "bmp", "L", GREY),
    "BMP palette": (palette("BMP"), "bmp", "P", ORANGE),
    "BMP 15 bits": (bmp(16, struct.pack("<H", 31 << 10 | 15 << 5)), "bmp", "RGB", (255, 123, 0)),
    "BMP 24 bits": (bmp(24, bytes(ORANGE[::-1])), "bmp", "RGB", ORANGE),
    "BMP 32 bits without alpha": (bmp(32, bytes((*ORANGE[::-1], 0))), "bmp", "RGB", ORANGE),
    "BMP with alpha": (
        *(bmp(32, bytes((255, 0, 0, 128)), (0xFF0000, 0xFF00, 0xFF, 0xFF000000)), "bmp"),
        *("RGBA", (127, 127, 255)),
    ),
    "GIF grey": (saved("GIF", "1", 1), "gif", "L", WHITE),
    "GIF": (saved("GIF", "RGB", ORANGE), "gif", "P", ORANGE),
    "GIF, transparent": (saved("GIF", "RGBA", (0, 0, 0, 0)), "gif", "P", WHITE),
    "PBM": (pnm("P4", None, b"")[: len("P4\n40 30\n")] + bytes(5 * HEIGHT), "pbm", "1", WHITE),
    "PBM in words": (pnm("P1", None, b"1 "), "pbm", "1", BLACK),
    "PGM": (pnm("P5", 255, b"\x64"), "pgm", "L", GREY),
    "PGM of few greys": (pnm("P5", 51, b"\x14"), "pgm", "L", GREY),
    "PGM of 10 bits": (pnm("P5", 1023, struct.pack(">H", 401)), "pgm", "I", GREY),
    "PGM of 16 bits": (pnm("P5", 65535, struct.pack(">H", 25700)), "pgm", "I", GREY),
    "PGM of 10 bits in words": (pnm("P2", 1023, b"401 "), "pgm", "I", GREY),
    "PPM": (pnm("P6", 255, bytes(ORANGE)), "ppm", "RGB", ORANGE),
    "PPM of 16 bits": (pnm("P6", 65535, struct.pack(">3H", 51400, 25700, 12850)), "ppm", "RGB", ORANGE),
    "PPM in words": (pnm("P3", 255, b"200 100 50 "), "ppm", "RGB", ORANGE),
    "PPM CMYK": (pnm("P0CMYK", 255, b"\x00\xff\xff\x00"), "ppm", "CMYK", (255, 0, 0)),
    "PPM palette": (pnm("PyP", 255, b"\x64"), "ppm", "P", "mode P without a palette"),
    "PPM with alpha": (pnm("PyRGBA", 255, b"\x00\x00\xff\x80"), "ppm", "RGBA", (127, 127, 255)),
    "PFM": (pnm("Pf", -1.0, F32), "pfm", "F", f"mode F{UNKNOWN}"),
    "TIFF 1 bit": (tiff("II", 1, (1,), b"\xff"), "tif", "1", WHITE),
    "TIFF 1 bit, white is 0": (tiff("II", 0, (1,), b"\xff"), "tif", "1", BLACK),
    "TIFF 4 bits": (tiff("II", 1, (4,), b"\x66"), "tif", "L", (102, 102, 102)),
    "TIFF grey": (tiff("II", 1, (8,), b"\x64"), "tif", "L", GREY),
    "TIFF grey, white is 0": (tiff("MM", 0, (8,), b"\x9b"), "tif", "L", GREY),
    "TIFF grey and more": (tiff("II", 1, (8, 8), b"\x64\x00", (0,)), "tif", "L", GREY),
    "TIFF signed": (tiff("II", 1, (8,), b"\xff", sample_format=2), "tif", "L", f"mode L, signed{UNKNOWN}"),
    "TIFF 12 bits": (tiff("II", 1, (12,), b"\x64\x66\x46"), "tif", "I;16", GREY),
    "TIFF 12 bits, white": (tiff("II", 1, (12,), b"\xff\xff\xff"), "tif", "I;16", WHITE),
    "TIFF 16 bits": (tiff("II", 1, (16,), b"\x64\x64"), "tif", "I;16", GREY),
    "TIFF 16 bits, white is 0": (tiff("II", 0, (16,), b"\x9b\x9b"), "tif", "I;16", GREY),
    "TIFF 16 bits, big-endian": (tiff("MM", 1, (16,), b"\x64\x64"), "tif", "I;16B", GREY),
    "TIFF 16 bits, compressed": (saved("TIFF", "I;16", 25700, compression="tiff_deflate"), "tif", "I;16", GREY),
    "TIFF 16 bits, signed": (tiff("II", 1, (16,), b"\x64\x64", sample_format=2), "tif", "I", f"mode I{UNKNOWN}"),
    "TIFF 32 bits": (tiff("II", 1, (32,), I32), "tif", "I", f"mode I{UNKNOWN}"),
    "TIFF 32 bits, signed": (tiff("II", 1, (32,), I32, sample_format=2), "tif", "I", f"mode I{UNKNOWN}"),
    "TIFF float": (tiff("II", 1, (32,), F32, sample_format=3), "tif", "F", f"mode F{UNKNOWN}"),
    "TIFF float, big-endian": (tiff("MM", 1, (32,), F32[::-1], sample_format=3), "tif", "F", f"mode F{UNKNOWN}"),
    "TIFF grey and alpha": (tiff("II", 1, (8, 8), b"\x00\x80", (2,)), "tif", "LA", (127, 127, 127)),
    "TIFF grey times alpha": (tiff("II", 1, (8, 8), b"\x40\x80", (1,)), "tif", "La", (191, 191, 191)),
    "TIFF colour": (tiff("II", 2, (8,) * 3, bytes(ORANGE)), "tif", "RGB", ORANGE),
    "TIFF colour and more": (tiff("II", 2, (8,) * 4, bytes((*ORANGE, 0)), (0,)), "tif", "RGB", ORANGE),
    "TIFF colour of 16 bits": (tiff("MM", 2, (16,) * 3, b"\xc8\xc8\x64\x64\x32\x32"), "tif", "RGB", ORANGE),
    "TIFF colour and alpha": (tiff("II", 2, (8,) * 4, b"\x00\x00\xff\x80", (2,)), "tif", "RGBA", (127, 127, 255)),
    "TIFF colour times alpha": (tiff("II", 2, (8,) * 4, b"\x00\x00\x80\x80", (1,)), "tif", "RGBA", (127, 127, 255)),
    "TIFF palette": (tiff("II", 3, (8,), b"\x07", palette=TIFF_PALETTE), "tif", "P", ORANGE),
    "TIFF palette and more": (
        *(tiff("II", 3, (8, 8), b"\x07\x00", (0,), palette=TIFF_PALETTE), "tif"),
        *("P", ORANGE),
    ),
    "TIFF palette and alpha": (
        *(tiff("II", 3, (8, 8), b"\x07\x80", (2,), palette=TIFF_PALETTE), "tif"),
        *("PA", (227, 177, 152)),
    ),
    "TIFF CMYK": (tiff("II", 5, (8,) * 4, b"\x00\xff\xff\x00"), "tif", "CMYK", (255, 0, 0)),
    "TIFF CMYK of 16 bits": (tiff("II", 5, (16,) * 4, b"\x00\x00\xff\xff\xff\xff\x00\x00"), "tif", "CMYK", (255, 0, 0)),
    "TIFF YCbCr": (tiff("II", 6, (8,) * 3, b"\x4c\x55\xff"), "tif", "YCbCr", (254, 0, 0)),
    "TIFF YCbCr, compressed": (
        saved("TIFF", "YCbCr", (76, 85, 255), compression="tiff_lzw"),
        "tif",
        "RGB",
        (254, 0, 0),
    ),
    "TIFF LAB": (tiff("II", 8, (8,) * 3, struct.pack("Bbb", 153, 20, 30)), "tif", "LAB", (189, 131, 93)),
}


@pytest.mark.parametrize("name", ROWS)
def test_every_mode_gives_the_colour_that_viewers_show_or_is_set_aside_by_name(tmp_path: Path, name: str) -> None:
    content, suffix, mode, expected = ROWS[name]
    photo = f"{PUG}/dog.{suffix}"
    put(tmp_path, photo, content)
    row = row_of(tmp_path, photo)
    assert (row["mode"], row["width"], row["height"]) == (mode, WIDTH, HEIGHT)
    if isinstance(expected, str):
        assert (row["problem"], row["usable"]) == (expected, False)
        return
    assert (row["problem"], row["usable"]) == ("", True)
    window = photo_window(StoredPhoto(WIDTH, HEIGHT), "pad")
    crop = crop_photo(tmp_path / "Images" / photo, [window], 16)[0]
    assert crop.shape == (16, 16, 3) and crop.dtype == np.uint8
    assert np.abs(crop.astype(int) - expected).max() <= (3 if suffix == "jpg" else 1)


def test_the_table_has_every_mode_that_pillow_names_in_these_formats() -> None:
    named = {mode for mode, _ in TiffImagePlugin.OPEN_INFO.values()} | {*PpmImagePlugin.MODES.values(), "I"}
    named |= {mode for mode, _ in [*PngImagePlugin._MODES.values(), *BmpImagePlugin.BIT2MODE.values()]}
    assert {mode for _, _, mode, _ in ROWS.values()} == named


def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 64).astype(np.uint16)
    Image.fromarray(np.tile(ramp, (64, 1))).save(tmp_path / "ramp.png")
    crop = crop_photo(tmp_path / "ramp.png", [photo_window(StoredPhoto(64, 64), "pad")], 64)[0]
    assert np.abs(crop[0, :, 0] - ramp / 257).max() <= 1


@pytest.mark.parametrize("transparency", [None, 0, b"\x00\xff"])
def test_a_palette_gives_its_colours_and_white_where_it_is_transparent(
    tmp_path: Path, transparency: int | bytes | None
) -> None:
    photo = Image.new("P", (40, 40))
    photo.putpalette([10, 20, 30, 200, 100, 50])
    photo.paste(1, (20, 0, 40, 40))
    photo.save(tmp_path / "dog.png", **({} if transparency is None else {"transparency": transparency}))
    crop = crop_photo(tmp_path / "dog.png", [photo_window(StoredPhoto(40, 40), "pad")], 40)[0]
    assert tuple(crop[20, 35]) == ORANGE
    assert tuple(crop[20, 5]) == ((10, 20, 30) if transparency is None else WHITE)


@pytest.mark.parametrize(
    ("mode", "form"), [("RGBA", "PNG"), ("LA", "PNG"), ("I;16", "PNG"), ("P", "PNG"), ("I;16", "TIFF")]
)
def test_a_photo_converted_in_strips_is_the_same(mode: str, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    channels = len(Image.new(mode, (1, 1)).getbands())
    values = np.random.default_rng(0).integers(
        0, 256, (HEIGHT, WIDTH * channels * (2 if "16" in mode else 1)), np.uint8
    )
    photo = Image.frombytes(mode, (WIDTH, HEIGHT), values.tobytes())
    if mode == "P":
        photo.putpalette(np.random.default_rng(1).integers(0, 256, 768, np.uint8).tobytes())
    file = io.BytesIO()
    photo.save(file, form, **({"transparency": 7} if mode == "P" else {}))
    whole = np.asarray(to_rgb(Image.open(file)))
    for strip in (1, WIDTH * 7):
        monkeypatch.setattr("pedigree.photos.modes.STRIP", strip)
        np.testing.assert_array_equal(to_rgb(Image.open(file)), whole)
