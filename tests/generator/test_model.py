"""The generator's file: Keras alone reads it, it carries its breeds, and equal networks give equal bytes."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
from scipy import stats

from pedigree.errors import PedigreeError
from pedigree.generator.archive import FACTS
from pedigree.generator.model import Generator, breeds_of, load_generator, save_generator
from pedigree.networks import ARCHITECTURES
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.shapes import Shape

BREEDS = ("n90000001-Red", "n90000002-Blue")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_new(tmp_path_factory.mktemp("model") / "generator.keras")


def save_new(path: Path) -> Path:
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    save_generator(
        ARCHITECTURES["projection-dcgan"].build_generator(Shape(16, 3, 8, 2, 4), LayerFactory(keras_only=True)),
        BREEDS,
        path,
    )
    return path


def test_the_file_holds_everything_that_drawing_needs(saved: Path) -> None:
    loaded = load_generator(saved)
    assert (loaded.breeds, loaded.latent_size, loaded.image_size) == (BREEDS, 8, 16)
    assert breeds_of(saved) == BREEDS


def test_keras_alone_reads_the_file(saved: Path) -> None:
    code = (
        "import sys, keras, numpy as np\n"
        "model = keras.saving.load_model(sys.argv[1])\n"
        "assert not [name for name in sys.modules if name.startswith('pedigree')]\n"
        "print(model([np.zeros((2, 8)), np.array([0, 1])]).shape)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(saved)], capture_output=True, text=True, check=True)
    assert "2, 16, 16, 3" in done.stdout


def test_equal_networks_give_equal_bytes(saved: Path, tmp_path: Path) -> None:
    assert save_new(tmp_path / "again.keras").read_bytes() == saved.read_bytes()


def test_pictures_depend_only_on_the_seed_and_their_index(saved: Path) -> None:
    loaded = load_generator(saved)
    labels = np.array([0, 1, 1, 0, 1], np.int32)
    pictures = loaded.draw(labels, seed=3)
    assert pictures.shape == (5, 16, 16, 3)
    assert pictures.dtype == np.uint8
    np.testing.assert_array_equal(pictures, loaded.draw(labels, seed=3))
    np.testing.assert_array_equal(pictures[:2], loaded.draw(labels[:2], seed=3))
    assert not np.array_equal(pictures, loaded.draw(labels, seed=4))
    one_level = 1  # batches of other sizes may round differently
    assert np.abs(pictures.astype(int) - loaded.draw(labels, seed=3, batch_size=2)).max() <= one_level


@pytest.mark.parametrize(("count", "batch_size"), [(0, 4), (5, 2), (6, 3), (5, 64)])
def test_batches_hold_the_pictures_of_draw_in_order(saved: Path, count: int, batch_size: int) -> None:
    loaded = load_generator(saved)
    labels = np.arange(count, dtype=np.int32) % 2
    batches = list(loaded.batches(labels, 3, batch_size))
    assert [len(batch) for batch in batches] == [min(batch_size, count - k) for k in range(0, count, batch_size)]
    assert all(batch.dtype == np.uint8 for batch in batches)
    drawn = loaded.draw(labels, 3, batch_size)
    np.testing.assert_array_equal(np.concatenate([np.empty((0, 16, 16, 3), np.uint8), *batches]), drawn)


def test_pictures_are_the_output_of_the_network_for_the_latents_of_the_seed_rounded_to_levels(saved: Path) -> None:
    loaded = load_generator(saved)
    labels = np.array([1, 0, 1], np.int32)
    latents = np.random.Generator(np.random.Philox(key=9)).standard_normal((3, 8), np.float32)
    expected = np.rint((np.asarray(loaded.network([latents, labels], training=False)) + 1) * 127.5).clip(0, 255)
    np.testing.assert_array_equal(loaded.draw(labels, seed=9), expected.astype(np.uint8))


@pytest.mark.parametrize("prior", ["normal", "uniform"])
def test_the_file_holds_the_prior_of_the_latents(saved: Path, tmp_path: Path, prior: str) -> None:
    save_generator(load_generator(saved).network, BREEDS, tmp_path / "kept.keras", prior)
    latents = load_generator(tmp_path / "kept.keras").latents(2000, seed=5).ravel()
    assert latents.dtype == np.float32
    expected = stats.norm() if prior == "normal" else stats.uniform(-1, 2)
    assert stats.kstest(latents, expected.cdf).pvalue > 0.01


def test_an_old_file_without_a_prior_is_normal_and_an_unknown_prior_is_an_error(saved: Path, tmp_path: Path) -> None:
    old, odd = with_facts(saved, tmp_path / "old.keras", {}), with_facts(saved, tmp_path / "odd.keras", {"latent": "x"})
    assert load_generator(old).latent == "normal"
    with pytest.raises(PedigreeError, match="its latent prior is 'x'"):
        load_generator(odd)


def with_facts(saved: Path, path: Path, facts: dict[str, str]) -> Path:
    with zipfile.ZipFile(saved) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            own = json.dumps({"breeds": BREEDS} | facts) if name == FACTS else source.read(name)
            target.writestr(name, own)
    return path


def centre_of(generator: Generator, seed: int, threshold: float) -> np.ndarray:
    """Return what truncation adds to all latents of a seed, `(latent_size,)`, from the numbers it does not redraw."""
    full, truncated = generator.latents(5000, seed), generator.latents(5000, seed, threshold)
    return np.nanmedian(np.where(np.abs(full) <= threshold, truncated - full, np.nan), axis=0)


@pytest.mark.parametrize("threshold", [0.04, 0.7, 2.0, 4.5])
def test_truncated_latents_follow_the_truncated_normal_distribution_around_a_centre(
    saved: Path, threshold: float
) -> None:
    loaded = load_generator(saved)
    latents = (loaded.latents(5000, 5, threshold) - centre_of(loaded, 5, threshold)).ravel()
    assert np.abs(latents).max() <= threshold + 1e-6
    assert stats.kstest(latents, stats.truncnorm(-threshold, threshold).cdf).pvalue > 0.01


@pytest.mark.parametrize("prior", ["normal", "uniform"])
@pytest.mark.parametrize("threshold", [1e-6, 0.3, 0.9, 1.5, 9])
def test_truncated_latents_are_as_long_as_those_of_the_prior(saved: Path, prior: str, threshold: float) -> None:
    latents = Generator(load_generator(saved).network, BREEDS, prior).latents(20_000, 5, threshold)
    expected = 1.0 if prior == "normal" else 1 / 3
    assert np.square(latents, dtype=np.float64).mean() == pytest.approx(expected, rel=0.02)


def test_a_truncation_that_cuts_nothing_off_changes_nothing_however_large(saved: Path) -> None:
    loaded = load_generator(saved)
    for threshold in (50.0, 1e6, 1e200, sys.float_info.max):
        np.testing.assert_array_equal(loaded.latents(3, 5, truncation=threshold), loaded.latents(3, 5))


def test_truncation_redraws_only_numbers_outside_and_each_depends_on_its_index(saved: Path) -> None:
    loaded = load_generator(saved)
    full, truncated = loaded.latents(300, 5), loaded.latents(300, 5, truncation=0.8) - centre_of(loaded, 5, 0.8)
    inside = np.abs(full) <= 0.8
    np.testing.assert_allclose(truncated[inside], full[inside], atol=1e-6)
    assert len(np.unique(truncated[~inside])) > 0.99 * (~inside).sum(), "redrawn independently"
    np.testing.assert_array_equal(loaded.latents(7, 5, 0.8), loaded.latents(300, 5, 0.8)[:7])


def test_the_centre_depends_on_the_seed(saved: Path) -> None:
    loaded = load_generator(saved)
    assert not np.allclose(centre_of(loaded, 5, 0.8), centre_of(loaded, 6, 0.8), atol=0.1)


def test_a_uniform_latent_is_truncated_by_reducing_its_range_around_a_centre(saved: Path) -> None:
    uniform = Generator(load_generator(saved).network, BREEDS, "uniform")
    full, truncated = uniform.latents(2000, 5), uniform.latents(2000, 5, 0.4)
    centres = truncated - np.float32(0.4) * full
    np.testing.assert_allclose(centres, np.broadcast_to(centres[0], centres.shape), atol=1e-6)
    np.testing.assert_array_equal(uniform.latents(9, 5, truncation=3), uniform.latents(9, 5))


@pytest.mark.parametrize("prior", ["normal", "uniform"])
def test_truncated_pictures_vary_less_and_are_not_paler(saved: Path, prior: str) -> None:
    loaded = Generator(load_generator(saved).network, BREEDS, prior)

    def contrast_and_variety(threshold: float | None) -> tuple[float, float]:
        """Return the mean deviation within a picture, and the root mean square distance between pictures."""
        seeds = [loaded.draw(np.zeros(60, np.int32), seed, truncation=threshold) for seed in range(20)]
        pictures = np.stack(seeds).astype(np.float64)
        return pictures.std(axis=(2, 3)).mean(), np.sqrt(pictures.var(axis=1).mean())

    contrast, variety = contrast_and_variety(None)
    narrow = contrast_and_variety(0.4)
    assert narrow[0] > 0.9 * contrast
    assert narrow[1] < 0.6 * variety


@pytest.mark.parametrize("prior", ["normal", "uniform"])
@pytest.mark.parametrize("threshold", [0, -1, float("nan")])
def test_a_threshold_of_0_or_less_is_an_error(saved: Path, prior: str, threshold: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        Generator(load_generator(saved).network, BREEDS, prior).latents(1, 0, threshold)


def test_truncated_pictures_are_those_of_truncated_latents_at_once_or_in_batches(saved: Path) -> None:
    loaded = load_generator(saved)
    labels = np.array([0, 1, 1, 0, 1], np.int32)
    expected = loaded.draw_latents(loaded.latents(5, 3, truncation=0.5), labels, 2)
    np.testing.assert_array_equal(loaded.draw(labels, 3, 2, truncation=0.5), expected)
    np.testing.assert_array_equal(np.concatenate(list(loaded.batches(labels, 3, 2, truncation=0.5))), expected)
    assert not np.array_equal(loaded.draw(labels, 3, 2), expected)


def test_a_missing_file_and_files_of_other_kinds_are_errors(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(PedigreeError, match="is not here"):
        load_generator(tmp_path / "none.keras")
    (tmp_path / "text.keras").write_text("no zip")
    with pytest.raises(PedigreeError, match="not a generator"):
        load_generator(tmp_path / "text.keras")
    with zipfile.ZipFile(tmp_path / "other.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    with pytest.raises(PedigreeError, match="not a generator"):
        load_generator(tmp_path / "other.keras")
    (tmp_path / "cut.keras").write_bytes(saved.read_bytes()[:5000])
    with pytest.raises(PedigreeError, match="not a generator"):
        load_generator(tmp_path / "cut.keras")
