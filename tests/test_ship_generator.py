"""Shipping a generator: half the bytes, the same pictures, a card with its facts; what fails changes nothing."""

import io
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from conftest import ROOT

from pedigree.errors import PedigreeError
from pedigree.generator.model import breeds_of, load_generator, save_generator
from pedigree.networks import ARCHITECTURES
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.shapes import Shape
from tools import ship_generator
from tools.generator_card import BEGIN, END
from tools.ship_generator import WEIGHTS, largest_difference, main, ship, write_half

BREEDS = ("n90000001-Red", "n90000002-Blue", "n90000003-Green")
CARD = f"---\nlicense: other\n---\n\n# dogs\n\n{BEGIN}\nold facts\n{END}\n\nIt fails often.\n"
TRAINING = {
    "steps": 2400,
    "stopped_by": None,
    "kept_step": 2000,
    "images_per_second": 8.0,
    "precision": "bfloat16",
    "device": "a chip",
}


def trained(path: Path, seed: int = 0) -> Path:
    """Write a generator that was never trained, but has random weights everywhere."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    random = np.random.default_rng(seed)
    features = random.standard_normal((len(BREEDS), 200)).astype(np.float32)
    factory = LayerFactory(keras_only=True, breed_features=features)
    network = ARCHITECTURES["projection-dcgan"].build_generator(Shape(32, 3, 8, len(BREEDS), 4), factory)
    for weight in network.trainable_weights:
        weight.assign(weight + random.normal(0, 0.03, weight.shape))
    save_generator(network, BREEDS, path)
    return path


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("model") / "generator.keras")


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """The files that shipping reads, and a folder with a card."""
    (tmp_path / "shipped").mkdir()
    (tmp_path / "shipped/dogs.md").write_text(CARD)
    (tmp_path / "training.json").write_text(json.dumps(TRAINING))
    shutil.copy(ROOT / "params.yaml", tmp_path)
    shutil.copy(ROOT / "reports/metrics.json", tmp_path)
    names = {"metrics": "metrics.json", "training": "training.json", "params": "params.yaml", "folder": "shipped"}
    return {option: tmp_path / name for option, name in names.items()}


@pytest.fixture(autouse=True)
def _fewer_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ship_generator, "PICTURES", 60)


def arrays(path: Path) -> list[tuple[np.ndarray, int]]:
    """Return the weights of a generator's file, each with its place in the HDF5 file."""

    def collect(group: h5py.Group) -> list[tuple[np.ndarray, int]]:
        return [
            pair
            for item in group.values()
            for pair in (
                collect(item) if isinstance(item, h5py.Group) else [(item[()], h5py.h5o.get_info(item.id).addr)]
            )
        ]

    with zipfile.ZipFile(path) as archive, h5py.File(io.BytesIO(archive.read(WEIGHTS))) as weights:
        return collect(weights)


def test_weights_are_stored_in_float16_and_keras_alone_computes_in_float32(generator: Path, tmp_path: Path) -> None:
    write_half(generator, tmp_path / "half.keras")
    assert {array.dtype.name for array, _ in arrays(tmp_path / "half.keras")} == {"float16"}
    code = (
        "import sys, keras, numpy as np\n"
        "model = keras.saving.load_model(sys.argv[1])\n"
        "assert not [name for name in sys.modules if name.startswith('pedigree')]\n"
        "print({weight.dtype for weight in model.weights}, model([np.zeros((2, 8)), np.array([0, 1])]).dtype.name)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "half.keras")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["{'float32'}", "float32"]


def test_every_weight_is_the_nearest_float16(generator: Path, tmp_path: Path) -> None:
    write_half(generator, tmp_path / "half.keras")
    original, half = (load_generator(path) for path in (generator, tmp_path / "half.keras"))
    assert original.breeds == half.breeds
    for one, other in zip(original.network.get_weights(), half.network.get_weights(), strict=True):
        np.testing.assert_array_equal(one.astype(np.float16), other)
    assert largest_difference(original, half) <= 1
    assert largest_difference(original, original) == 0


def test_equal_arrays_are_stored_once_and_the_file_is_less_than_half(generator: Path, tmp_path: Path) -> None:
    write_half(generator, tmp_path / "half.keras")
    for file, places in ((generator, 8), (tmp_path / "half.keras", 1)):
        tables = [place for array, place in arrays(file) if array.shape == (len(BREEDS), 200)]
        assert (len(tables), len(set(tables))) == (8, places)
    assert (tmp_path / "half.keras").stat().st_size < 0.45 * generator.stat().st_size


def test_equal_files_give_equal_bytes_and_halving_twice_changes_nothing(generator: Path, tmp_path: Path) -> None:
    for name, source in (("one", generator), ("two", generator), ("again", tmp_path / "one.keras")):
        write_half(source, tmp_path / f"{name}.keras")
    assert (tmp_path / "one.keras").read_bytes() == (tmp_path / "two.keras").read_bytes()
    assert (tmp_path / "one.keras").read_bytes() == (tmp_path / "again.keras").read_bytes()


def test_shipping_writes_the_generator_and_replaces_only_the_facts_of_its_card(
    generator: Path, files: dict[str, Path]
) -> None:
    message = ship(generator, "dogs", **files)
    shipped, card = files["folder"] / "dogs.keras", (files["folder"] / "dogs.md").read_text()
    assert f"{shipped.stat().st_size:,} bytes" in message
    assert breeds_of(shipped) == BREEDS
    before, after = CARD.split("\nold facts\n")
    assert card.startswith(before)
    assert card.endswith(after)
    assert "old facts" not in card
    ship(generator, "dogs", **files)
    assert (files["folder"] / "dogs.md").read_text() == card


def test_the_facts_are_those_of_the_generator_and_its_reports(generator: Path, files: dict[str, Path]) -> None:
    text = files["params"].read_text().replace("  padding: 0.1 ", "  padding: 0.25 ")
    files["params"].write_text(text.replace("  steps: 2400 ", "  steps: 3000 "))
    files["training"].write_text(json.dumps(TRAINING | {"steps": 3000}))
    ship(generator, "dogs", **files)
    card = (files["folder"] / "dogs.md").read_text()
    numbers = json.loads(files["metrics"].read_text())
    for line in (
        "| Breeds | 3 |",
        "| Pictures | 32 × 32 px |",
        f"| Photos | {numbers['efficientnet-lite0']['real']} crops to train on, ",
        "| Crops | `padding: 0.25` |",
        "| Recipe | `sample` with `steps: 3000` |",
        "| Training | 3,000 steps in 3.3 hours without scoring |",  # 3,000 × 32 / 8 seconds
        "| Device | a chip, in bfloat16 |",
        "| Kept | the generator of step 2,000, after 64,000 real pictures |",
        "| Scored | 1,000 pictures |",
        "| number, by | efficientnet-lite0 | breed-classifier |",
        f"| Breed accuracy | {numbers['efficientnet-lite0']['breed_accuracy']:.3f} ± ",
        "| Memorisation verdict | fine | – |",  # one trained on the training crops gives none
    ):
        assert line in card
    assert card.count("(photos ") == 12, "six numbers by two judges"


def test_pictures_that_change_are_refused(
    generator: Path, files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(trained(tmp_path / "other.keras", seed=1)) as archive:
        weights = archive.read(WEIGHTS)
    monkeypatch.setattr(ship_generator, "_half", lambda content: weights)
    with pytest.raises(PedigreeError, match="of 255 levels, and the limit is 1"):
        ship(generator, "dogs", **files)
    _unchanged(files)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("shipped/dogs.md", None, "write it first"),
        ("shipped/dogs.md", CARD.replace(END, ""), "needs the lines"),
        ("metrics.json", None, "does not exist"),
        ("metrics.json", '{"efficientnet-lite0": {"samples": 9}}', "one judge only"),
        ("training.json", None, "`pedigree train` writes it"),
        ("training.json", "{}", "is not a file that `pedigree train` writes"),
        ("training.json", json.dumps(TRAINING | {"steps": 2300}), "are not those of this generator"),
        ("params.yaml", None, "was not found"),
    ],
)
def test_files_that_are_missing_or_of_another_generator_are_refused(
    generator: Path, files: dict[str, Path], tmp_path: Path, file: str, content: str | None, message: str
) -> None:
    (tmp_path / file).unlink()
    if content is not None:
        (tmp_path / file).write_text(content)
    with pytest.raises(PedigreeError, match=message):
        ship(generator, "dogs", **files)
    assert not (files["folder"] / "dogs.keras").exists()


def test_a_mistake_gets_one_line(
    generator: Path, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ship_generator, "FOLDER", files["folder"])
    monkeypatch.setattr(ship_generator, "LARGEST", 1000)
    assert main([str(generator), "dogs"]) == 1
    assert main(["none.keras", "dogs"]) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert "and the limit is 1,000" in first
    assert "none.keras is not here" in second
    _unchanged(files)


def _unchanged(files: dict[str, Path]) -> None:
    assert [path.name for path in files["folder"].iterdir()] == ["dogs.md"]
    assert (files["folder"] / "dogs.md").read_text() == CARD
