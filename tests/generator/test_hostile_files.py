"""Generators' files from anybody: damaged, forged or huge, each is one clear error, quickly and in little memory."""

import io
import json
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from pedigree.cli import main
from pedigree.common.zip_directory import directory_size
from pedigree.errors import PedigreeError
from pedigree.generator.archive import CONFIG, FACTS, WEIGHTS
from pedigree.generator.model import breeds_of, load_generator, save_generator
from pedigree.networks import ARCHITECTURES
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.shapes import Shape

Change = Callable[[dict[str, bytes]], Any]


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The members of a small generator's file."""
    path = tmp_path_factory.mktemp("model") / "generator.keras"
    latents, labels = keras.Input((6,)), keras.Input((), dtype="int32")
    joined = keras.layers.Concatenate()([latents, keras.layers.Embedding(2, 3)(labels)])
    maps = keras.layers.Reshape((4, 4, 2))(keras.layers.ReLU()(keras.layers.Dense(32)(joined)))
    pictures = keras.layers.Conv2D(3, 3, padding="same")(keras.layers.UpSampling2D(4)(maps))
    save_generator(keras.Model([latents, labels], pictures), ("red", "blue"), path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(members: dict[str, bytes], path: Path, compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def refused(path: Path, read: Callable[[Path], Any] = load_generator) -> str:
    """Return the one line about a file that cannot be read."""
    start = time.perf_counter()
    with pytest.raises(PedigreeError) as error:
        read(path)
    assert "\n" not in str(error.value)
    assert "\x1b[" not in str(error.value)
    assert len(str(error.value)) < 500 + len(str(path))
    assert time.perf_counter() - start < 20
    return str(error.value)


def test_no_flipped_byte_is_another_error(members: dict[str, bytes], tmp_path: Path) -> None:
    content = bytearray(write(members, tmp_path / "whole.keras").read_bytes())
    path, chance = tmp_path / "damaged.keras", np.random.default_rng(0)
    heads = [content.index(name.encode()) for name in members]  # the fields of zip, where flips do most
    places = [place + offset for place in heads for offset in range(-30, 12, 3)]
    places += range(len(content) - 330, len(content), 4)
    places += [int(place) for place in chance.integers(len(content), size=30)]
    refusals = 0
    for place in places:
        damaged = content.copy()
        damaged[place] ^= 1 << int(chance.integers(8))
        path.write_bytes(damaged)
        try:
            breeds_of(path)
            load_generator(path)
        except PedigreeError as error:
            assert "is not a generator that Pedigree saved" in str(error)
            refusals += 1
    assert refusals > len(places) / 2


@pytest.mark.parametrize("command", ["generate", "walk", "breeds", "blind"])
def test_every_command_refuses_a_damaged_file_in_one_line(
    command: str,
    members: dict[str, bytes],
    tmp_path: Path,
    crops_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    content = bytearray(write(members, tmp_path / "generator.keras").read_bytes())
    content[content.index(members[CONFIG][:200]) + 100] ^= 4
    (tmp_path / "generator.keras").write_bytes(content)
    (tmp_path / "data").mkdir()
    crops_folder.rename(tmp_path / "data/crops")
    monkeypatch.chdir(tmp_path)
    options = {"generate": ["--breed", "red"], "walk": ["--breed", "red", "--out", "w.png"], "breeds": []}
    arguments = options.get(command, ["make", "--out", "test"])
    assert main([command, *arguments, "--model", "generator.keras"]) == 1
    error = capsys.readouterr().err
    assert "generator.keras is not a generator that Pedigree saved (Bad CRC-32" in error
    assert error.count("\n") == 1


def facts(**values: Any) -> Change:
    return lambda members: members.update({FACTS: json.dumps(values).encode()})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (facts(breeds=[1, 2]), "has a breed with the name '1'"),
        (facts(breeds=[["red"], "blue"]), "has a breed with the name"),
        (facts(breeds="red"), "no list of breeds"),
        (facts(breeds={"red": 0}), "no list of breeds"),
        (facts(breeds=[]), "has 0 breeds"),
        (facts(breeds=["red", "red"]), "has a breed twice"),
        (facts(breeds=["red", "\x1b]0;owned\x07"]), r"'\x1b]0;owned\x07'"),
        (facts(breeds=["red", "\ud800"]), r"'\ud800'"),
        (facts(breeds=["red", "b" * 300]), "has a breed with the name 'bbb"),
        (facts(breeds=["red", "blue", "green"]), "names 3 breeds, and its network knows 2"),
        (facts(breeds=["red", "blue"], latent="\x1b" * 1000), "its latent prior is"),
        (facts(breeds=["red", "blue"], latent=["normal"]), "its latent prior is"),
        (lambda members: members.update({FACTS: b"[" * 1_000_000}), "nested too deeply"),
        (lambda members: members.update({FACTS: b"[1]"}), "has no facts"),
        (lambda members: members.update({FACTS: b"9" * 10_000}), "digits"),
        (lambda members: members.update({FACTS: b" " * 5_000_000}), "pedigree.json unpacks to 5000000 bytes"),
        (lambda members: members.update({CONFIG: b"[" * 1_000_000}), "nested too deeply"),
        (lambda members: members.update({"assets/x": b""}), "expected the members"),
        (lambda members: members.pop(WEIGHTS), "expected the members"),
        (lambda members: members.update({str(n): b"" for n in range(5000)}), "too many members"),
    ],
)
@pytest.mark.parametrize("read", [breeds_of, load_generator])
def test_facts_that_are_not_those_of_a_generator_are_refused(
    change: Change, reason: str, read: Callable[[Path], Any], members: dict[str, bytes], tmp_path: Path
) -> None:
    changed = dict(members)
    change(changed)
    assert reason in refused(write(changed, tmp_path / "forged.keras"), read)


@pytest.mark.parametrize("name", [FACTS, CONFIG, WEIGHTS])
def test_a_member_that_unpacks_to_far_more_than_it_has_is_refused(
    name: str, members: dict[str, bytes], tmp_path: Path
) -> None:
    bomb = members | {name: b" " * 300_000_000}
    path = write(bomb, tmp_path / "bomb.keras", zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 1_000_000
    assert f"{name} unpacks to 300000000 bytes" in refused(path, breeds_of)


def layers(change: Callable[[list[dict[str, Any]]], None]) -> Change:
    """Change the layers that `config.json` describes."""

    def changed(members: dict[str, bytes]) -> None:
        config = json.loads(members[CONFIG])
        change(config["config"]["layers"])
        members[CONFIG] = json.dumps(config).encode()

    return changed


def replaced(kind: str, **part: Any) -> Change:
    """Change every layer of one class."""
    return layers(lambda parts: [one.update(part) for one in parts if one["class_name"] == kind] and None)


def configured(kind: str, **values: Any) -> Change:
    """Change the arguments of every layer of one class."""
    return layers(lambda parts: [one["config"].update(values) for one in parts if one["class_name"] == kind] and None)


def hidden_map(members: dict[str, bytes]) -> None:
    """Make the maps huge inside the network; its pictures stay small."""
    configured("UpSampling2D", size=[4096, 4096])(members)
    configured("Conv2D", strides=[1024, 1024])(members)


LAMBDA = {"class_name": "__lambda__", "config": {"value": "4wAAAAAAAAAA"}}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (replaced("ReLU", class_name="Lambda", config={"function": LAMBDA}), "'Lambda'"),
        (configured("ReLU", negative_slope=LAMBDA), "'__lambda__'"),
        (replaced("ReLU", class_name="TFSMLayer", config={"filepath": "/etc"}), "'TFSMLayer'"),
        (replaced("ReLU", class_name="TorchModuleWrapper"), "'TorchModuleWrapper'"),
        (replaced("ReLU", class_name="StringLookup", config={"vocabulary": "/etc/passwd"}), "'StringLookup'"),
        (replaced("ReLU", class_name="get_file", module="keras.utils"), "'get_file'"),
        (replaced("ReLU", class_name="Functional"), "another network as a part"),
        (replaced("ReLU", module="os", class_name="system"), "'system' of 'os'"),
        (replaced("ReLU", module="antigravity"), "'ReLU' of 'antigravity'"),
        (replaced("ReLU", module="kerasx.layers"), "'ReLU' of 'kerasx.layers'"),
        (configured("ReLU", max_value={"class_name": "function", "config": "load_model"}), "'function'"),
        (configured("Dense", units=10**9), "is not a generator"),
        (configured("Embedding", input_dim=10**10), "weights, and the file has"),
        (configured("Conv2D", kernel_size=[10**5, 10**5]), "weights, and the file has"),
        (configured("UpSampling2D", size=[10**5, 10**5]), "expected pictures (n, side, side, 3)"),
        (hidden_map, "numbers for each picture"),
        (configured("UpSampling2D", size=[-2, -2]), "is not a generator"),
        (configured("Dense", units="\x1b" * 5000), "is not a generator"),
        (configured("Dense", dtype="string"), "is not a generator"),
        (layers(lambda parts: parts.clear()), "is not a generator"),
        (lambda members: members.update({CONFIG: b"{}"}), "is not a generator"),
        (lambda members: members.update({CONFIG: b'{"class_name": ["Dense"]}'}), "not allowed"),
    ],
)
def test_a_network_that_reads_runs_or_needs_too_much_is_refused(
    change: Change, reason: str, members: dict[str, bytes], tmp_path: Path
) -> None:
    changed = dict(members)
    change(changed)
    assert changed != members
    assert reason in refused(write(changed, tmp_path / "forged.keras"))


def _external(file: h5py.File) -> None:
    file.create_dataset("secret", (100,), "u1", external=[("/etc/passwd", 0, 100)])


def _linked(file: h5py.File) -> None:
    file["secret"] = h5py.ExternalLink("/etc/passwd", "/")


def _soft(file: h5py.File) -> None:
    file["again"] = h5py.SoftLink("/")


def _endless(file: h5py.File) -> None:
    file["layers/again"] = file["layers"]


def _virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((100,), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "x", (100,))
    file.create_virtual_dataset("virtual", layout)


def _huge(file: h5py.File) -> None:
    file.create_dataset("huge", (10**11,), "f4", chunks=(10**6,), compression="gzip")


def _text(file: h5py.File) -> None:
    file.create_dataset("text", (3,), h5py.string_dtype())


@pytest.mark.parametrize("add", [_external, _linked, _soft, _endless, _virtual, _huge, _text])
def test_weights_that_refer_elsewhere_or_claim_too_much_are_refused(
    add: Callable[[h5py.File], None], members: dict[str, bytes], tmp_path: Path
) -> None:
    content = io.BytesIO(members[WEIGHTS])
    with h5py.File(content, "a") as file:
        add(file)
    changed = members | {WEIGHTS: content.getvalue()}
    assert WEIGHTS in refused(write(changed, tmp_path / "forged.keras"))


@pytest.mark.parametrize(
    ("inputs", "side", "colors"), [(1, 16, 3), (2, 16, 1), (2, 1025, 3), (3, 16, 3)], ids=["1", "grey", "1025", "3"]
)
def test_a_network_of_another_shape_is_refused(inputs: int, side: int, colors: int, tmp_path: Path) -> None:
    ends = [keras.Input((6,)), keras.Input((), dtype="int32"), keras.Input((4,))][:inputs]
    wide = keras.layers.Dense(colors)(keras.layers.Reshape((1, 1, 6))(ends[0]))
    network = keras.Model(ends, keras.layers.UpSampling2D(side)(wide))
    save_generator(network, ("red", "blue"), tmp_path / "other.keras")
    assert "expected" in refused(tmp_path / "other.keras")


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_of_pedigree_is_read(name: str, tmp_path: Path) -> None:
    architecture = ARCHITECTURES[name]
    network = architecture.build_generator(Shape(28, 3, 60, 2, 4), LayerFactory(keras_only=True))
    save_generator(network, ("red", "blue"), tmp_path / "generator.keras")
    latents, labels = np.zeros((1, 60), np.float32), np.zeros(1, np.int32)
    read = load_generator(tmp_path / "generator.keras").network
    np.testing.assert_array_equal(read([latents, labels]), network([latents, labels]))


def test_a_huge_layer_takes_no_memory(members: dict[str, bytes], tmp_path: Path) -> None:
    changed = dict(members)
    configured("Embedding", input_dim=3 * 10**8)(changed)
    path = write(changed, tmp_path / "huge.keras")
    script = (
        "import re, sys\nfrom pathlib import Path\nfrom pedigree.errors import PedigreeError\n"
        "from pedigree.generator.model import load_generator\n"
        "try: load_generator(Path(sys.argv[1]))\nexcept PedigreeError as error: print(error)\n"
        "print(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1])"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    message, memory = done.stdout.splitlines()
    assert "weights, and the file has" in message
    assert int(memory) < 2_000_000, "KB; its weights would take gigabytes"


@pytest.mark.parametrize("comment", [b"", b"PK\5\6 in a comment"])
def test_the_size_of_a_table_of_contents_is_known_before_it_is_read(comment: bytes) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(100):
            archive.writestr(f"{number:04}", b"")
        archive.comment = comment
    assert directory_size(file) == 100 * 50 or comment
    assert directory_size(io.BytesIO(b"no zip")) == 0
    assert directory_size(io.BytesIO(b"")) == 0


def _weights(value: float) -> Change:
    def changed(members: dict[str, bytes]) -> None:
        content = io.BytesIO(members[WEIGHTS])
        with h5py.File(content, "a") as file:
            file.visititems(
                lambda _, item: (
                    item.write_direct(np.full(item.shape, value, item.dtype))
                    if isinstance(item, h5py.Dataset)
                    else None
                )
            )
        members[WEIGHTS] = content.getvalue()

    return changed


def test_pictures_that_are_not_numbers_are_one_clear_error(members: dict[str, bytes], tmp_path: Path) -> None:
    changed = dict(members)
    _weights(np.nan)(changed)
    generator = load_generator(write(changed, tmp_path / "nan.keras"))
    with pytest.raises(PedigreeError, match="pictures have NaN"):
        generator.draw(np.zeros(2, np.int32), seed=0)


@pytest.mark.parametrize(("shape", "reason"), [((2, 2, 3), "drew 8 pictures instead of 2"), ((8, 8, 3), "cannot draw")])
def test_a_network_that_only_fails_when_it_draws_is_one_clear_error(
    shape: tuple[int, ...], reason: str, tmp_path: Path
) -> None:
    latents, labels = keras.Input((6,)), keras.Input((), dtype="int32")
    pictures = keras.ops.reshape(keras.layers.Dense(48)(latents), (-1, *shape))
    save_generator(keras.Model([latents, labels], pictures), ("red", "blue"), tmp_path / "other.keras")
    generator = load_generator(tmp_path / "other.keras")
    with pytest.raises(PedigreeError, match=reason) as error:
        generator.draw(np.zeros(2, np.int32), seed=0)
    assert "\n" not in str(error.value) and "\x1b" not in str(error.value)
