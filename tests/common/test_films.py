"""Films: what is written is read back, plays where films are played, and is the same bytes for the same frames."""

import sys
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import Interpolation
from PIL import Image

from pedigree.common.films import save_gif, save_mp4
from pedigree.errors import PedigreeError

COUNT = 12


@pytest.fixture(scope="module")
def frames() -> list[Image.Image]:
    """A soft coloured spot that moves over a page with a white margin; its sides are odd."""
    y, x = np.mgrid[:51, :77]
    spots = [np.exp(-((x - 15 - 4 * k) ** 2 + (y - 25) ** 2) / 200) for k in range(COUNT)]
    pictures = np.stack([np.stack([200 * spot + 20, 120 - 80 * spot, 60 + 100 * spot], -1) for spot in spots])
    pictures[:, :8] = 255
    return [Image.fromarray(picture.astype(np.uint8)) for picture in pictures]


def read_gif(path: Path) -> list[np.ndarray]:
    with Image.open(path) as film:
        pictures = []
        for place in range(film.n_frames):
            film.seek(place)
            pictures.append(np.asarray(film.convert("RGB")))
    return pictures


def read_mp4(path: Path) -> list[np.ndarray]:
    rounded = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT  # else up to 2 too low
    with av.open(str(path)) as film:
        return [frame.to_ndarray(format="rgb24", interpolation=rounded) for frame in film.decode(video=0)]


def test_a_gif_holds_every_frame_at_its_time_and_loops_for_ever(frames: list[Image.Image], tmp_path: Path) -> None:
    save_gif(frames, tmp_path / "film.gif", 70)
    pictures = read_gif(tmp_path / "film.gif")
    assert len(pictures) == COUNT
    for picture, frame in zip(pictures, frames, strict=True):
        assert np.abs(picture.astype(int) - np.asarray(frame)).mean() < 3
        assert (picture[:8] == 255).all(), "the page stays white"
    with Image.open(tmp_path / "film.gif") as film:
        assert (film.info["loop"], film.info["duration"]) == (0, 70)


def test_what_stands_still_in_a_gif_does_not_flicker(frames: list[Image.Image], tmp_path: Path) -> None:
    rest = np.asarray(frames[0])
    patch = np.asarray(Image.effect_noise((20, 20), 90).convert("RGB"))
    moving = []
    for frame in frames:
        picture = np.concatenate([rest, np.asarray(frame)])
        picture[-20:, -20:] = patch
        moving.append(Image.fromarray(picture))
    save_gif(moving, tmp_path / "film.gif", 50)
    first, *others = read_gif(tmp_path / "film.gif")
    for picture in others:
        assert np.array_equal(picture[:51], first[:51])
        assert np.array_equal(picture[-20:, -20:], first[-20:, -20:])


def test_an_mp4_holds_every_frame_in_true_colours(frames: list[Image.Image], tmp_path: Path) -> None:
    save_mp4(frames, tmp_path / "film.mp4", 20)
    pictures = read_mp4(tmp_path / "film.mp4")
    assert len(pictures) == COUNT
    for picture, frame in zip(pictures, frames, strict=True):
        assert picture.shape == (52, 78, 3)
        difference = picture[:51, :77].astype(int) - np.asarray(frame)
        assert np.abs(difference).mean() < 3
        assert np.abs(difference.mean((0, 1))).max() < 1.5, "no channel is off"


def test_an_mp4_is_of_the_kind_that_browsers_play(frames: list[Image.Image], tmp_path: Path) -> None:
    save_mp4(frames, tmp_path / "film.mp4", 20)
    with av.open(str(tmp_path / "film.mp4")) as film:
        stream = film.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert stream.average_rate == 20
        assert not stream.width % 2
        assert not stream.height % 2
    content = (tmp_path / "film.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat"), "it starts before all of it has come"


@pytest.mark.parametrize(("save", "name", "pace"), [(save_gif, "film.gif", 50), (save_mp4, "film.mp4", 20)])
def test_the_same_frames_give_the_same_bytes_and_leave_nothing_beside(
    frames: list[Image.Image], tmp_path: Path, save, name: str, pace: int
) -> None:
    for folder in ("one", "two"):
        save(frames, tmp_path / folder / name, pace)
        assert [path.name for path in (tmp_path / folder).iterdir()] == [name]
    assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize(("save", "read", "name"), [(save_gif, read_gif, "film.gif"), (save_mp4, read_mp4, "film.mp4")])
def test_smaller_frames_are_padded_to_the_largest(tmp_path: Path, save, read, name: str) -> None:
    save([Image.new("RGB", size, "black") for size in ((20, 30), (40, 24))], tmp_path / name, 20)
    first, second = read(tmp_path / name)
    assert first.shape == second.shape == (30, 40, 3)
    assert first[:, :18].max() < 20 < 230 < first[:, 23:].min()
    assert second[:22].max() < 20 < 230 < second[27:].min()


def test_one_frame_is_a_film_too(frames: list[Image.Image], tmp_path: Path) -> None:
    save_gif(frames[:1], tmp_path / "film.gif", 50)
    save_mp4(frames[:1], tmp_path / "film.mp4", 20)
    assert len(read_gif(tmp_path / "film.gif")) == len(read_mp4(tmp_path / "film.mp4")) == 1


def test_without_pyav_an_mp4_is_refused_in_a_line_that_says_how_to_get_it(
    frames: list[Image.Image], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(PedigreeError, match=r"pip install 'pedigree\[video\]'"):
        save_mp4(frames, tmp_path / "film.mp4", 20)
    assert not list(tmp_path.iterdir())
