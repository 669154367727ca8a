"""Sample images during training: which steps and breeds are shown, and that they survive an interruption."""

import keras
import numpy as np
import pytest
from PIL import Image, ImageSequence
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from pedigree.generator.model import Generator
from pedigree.train.gallery import BREEDS_SHOWN, COLUMNS, MAX_GRIDS, BreedSampler, Gallery
from pedigree.train.tensorboard_log import TensorBoardLog


def drawer(breeds=2):
    """Return a generator that draws each breed in flat grey, later breeds darker, with a trace of the latent."""
    latent, breed = keras.Input((2,)), keras.Input((), dtype="int32")
    grey = keras.layers.Embedding(breeds, 1, name="grey")(breed)
    trace = keras.layers.Dense(1, name="trace")(latent)
    pixel = keras.layers.Reshape((1, 1, 1))(keras.layers.Add()([grey, trace]))
    picture = keras.layers.UpSampling2D(8)(keras.layers.Concatenate()([pixel] * 3))
    network = keras.Model([latent, breed], picture)
    network.get_layer("grey").set_weights([np.linspace(0.8, -0.8, breeds, dtype=np.float32)[:, None]])
    network.get_layer("trace").set_weights([np.full((2, 1), 0.02, np.float32), np.zeros(1, np.float32)])
    return Generator(network, tuple(f"n9{place:07}-Grey_{place}" for place in range(breeds)))


def shift(generator, by):
    """Make all images brighter by `by`."""
    generator.network.get_layer("trace").bias.assign([by])


@pytest.fixture
def log(tmp_path):
    with TensorBoardLog(tmp_path / "log") as log:
        yield log


def saved(gallery, folder):
    gallery.save(folder / "samples", folder / "training.gif")
    return {path.name: path.read_bytes() for path in folder.rglob("*.*")}


def test_a_grid_is_drawn_once_per_step_and_always_from_the_same_latents(log, tmp_path):
    gallery = Gallery(BreedSampler(drawer(), 3), log)
    for step in (10, 10, 20, 20):
        gallery.draw(step)
    assert gallery.steps == [10, 20]
    np.testing.assert_array_equal(gallery.grids[0], gallery.grids[1])
    assert gallery.grids[0].shape == (2, COLUMNS, 8, 8, 3)
    assert len(np.unique(gallery.grids[0][0])) > 1
    points = EventAccumulator(str(tmp_path / "log")).Reload()
    assert [picture.step for picture in points.Images("samples")] == [10, 20]


def test_the_film_has_one_frame_per_step_and_progress_png_one_row(log, tmp_path):
    generator = drawer()
    gallery = Gallery(BreedSampler(generator, 3), log)
    for step, by in ((10, -0.5), (20, 0.0), (30, 0.5)):
        shift(generator, by)
        gallery.draw(step)
    shift(generator, -0.9)
    saved(gallery, tmp_path)
    with Image.open(tmp_path / "training.gif") as film:
        frames = [np.asarray(frame.convert("L")) for frame in ImageSequence.Iterator(film)]
    with Image.open(tmp_path / "samples/final.png") as picture:
        final = np.asarray(picture.convert("L"))
    assert [frame.shape for frame in frames] == [final.shape] * 3
    assert final.mean() < frames[0].mean() < frames[1].mean() < frames[2].mean()  # final.png is drawn when saving
    with Image.open(tmp_path / "samples/progress.png") as progress:
        assert progress.height >= 3 * 64


def test_of_many_grids_evenly_spread_ones_are_kept_with_the_first_and_the_last(log):
    gallery = Gallery(BreedSampler(drawer(1), 3), log)
    for step in range(1, 4 * MAX_GRIDS):
        gallery.draw(step)
        assert len(gallery.steps) == len(gallery.grids) == min(step, MAX_GRIDS)
        assert (gallery.steps[0], gallery.steps[-1]) == (1, step)
        gaps = np.diff(gallery.steps)
        assert max(gaps, default=1) <= 3 * min(gaps[:-1], default=1)


@pytest.mark.parametrize(("breeds", "shown"), [(1, [0]), (3, [0, 1, 2]), (120, None)])
def test_at_most_sixteen_breeds_are_shown_evenly_spread(log, breeds, shown):
    rows = BreedSampler(drawer(breeds), 3).shown.tolist()
    if shown is None:
        assert len(rows) == BREEDS_SHOWN
        assert (rows[0], rows[-1]) == (0, breeds - 1)
        assert set(np.diff(rows)) <= {7, 8}
    else:
        assert rows == shown


def test_restored_from_its_state_it_saves_the_same_files(log, tmp_path):
    whole, before, after = (Gallery(BreedSampler(drawer(), 3), log) for _ in range(3))
    for step in (10, 20, 30):
        whole.draw(step)
    for step in (10, 20):
        before.draw(step)
    after.restore({name: array.copy() for name, array in before.state().items()})
    after.draw(20)
    after.draw(30)
    one, other = saved(whole, tmp_path / "whole"), saved(after, tmp_path / "resumed")
    assert one == other
    assert set(one) == {"final.png", "progress.png", "training.gif"}


def test_the_state_before_the_first_grid_can_be_restored(log):
    before, after = Gallery(BreedSampler(drawer(), 3), log), Gallery(BreedSampler(drawer(), 3), log)
    after.restore(before.state())
    after.draw(10)
    assert after.steps == [10]
