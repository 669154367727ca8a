"""The command line: quick help, one-line answers, exit codes, breeds by any name."""

import json
import subprocess
import sys
import time
from pathlib import Path

import av
import keras
import numpy as np
import pytest
from PIL import Image

from pedigree import stage_commands
from pedigree.cli import main
from pedigree.generator.model import save_generator
from pedigree.networks import ARCHITECTURES
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.shapes import Shape

BREEDS = ("n02085620-Chihuahua", "n02085936-Maltese_dog")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    keras.utils.set_random_seed(0)
    path = tmp_path_factory.mktemp("model") / "generator.keras"
    save_generator(
        ARCHITECTURES["projection-dcgan"].build_generator(Shape(16, 3, 6, 2, 4), LayerFactory(keras_only=True)),
        BREEDS,
        path,
    )
    return str(path)


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom pedigree.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'numpy', 'pandas', 'keras', 'tensorflow', "
        "'PIL', 'pydantic', 'great_expectations', 'ruamel'}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "generate" in done.stdout
    assert done.stderr.strip() == "[]"


def test_python_dash_m_is_the_same() -> None:
    done = subprocess.run([sys.executable, "-m", "pedigree", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("pedigree ")


def test_breeds_are_listed_without_loading_the_network(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    start = time.perf_counter()
    assert main(["breeds", "--model", model]) == 0
    assert capsys.readouterr().out.split() == ["Chihuahua", "Maltese_dog"]
    assert time.perf_counter() - start < 30


@pytest.mark.parametrize("name", ["Chihuahua", "chihuahua", "n02085620-Chihuahua"])
def test_a_breed_is_known_by_any_of_its_names(model: str, tmp_path: Path, name: str) -> None:
    out, same = tmp_path / "dogs.png", tmp_path / "same.png"
    assert main(["generate", "--breed", name, "--count", "3", "--out", str(out), "--model", model]) == 0
    assert main(["generate", "--breed", "Chihuahua", "--count", "3", "--out", str(same), "--model", model]) == 0
    assert out.read_bytes() == same.read_bytes()


def test_all_breeds_give_a_row_each_and_seeds_differ(model: str, tmp_path: Path) -> None:
    paths = [tmp_path / f"{seed}.png" for seed in (0, 1)]
    for seed, path in enumerate(paths):
        main(["generate", "--breed", "all", "--count", "2", "--seed", str(seed), "--out", str(path), "--model", model])
    one, two = (np.asarray(Image.open(path)) for path in paths)
    single = tmp_path / "single.png"
    main(["generate", "--breed", "Chihuahua", "--count", "2", "--out", str(single), "--model", model])
    assert one.shape[0] > 1.5 * np.asarray(Image.open(single)).shape[0]
    assert not np.array_equal(one, two)


def test_truncation_changes_what_is_drawn(model: str, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.png", tmp_path / "cut.png"
    arguments = ["generate", "--breed", "Chihuahua", "--count", "3", "--model", model, "--out"]
    assert main([*arguments, str(whole)]) == main([*arguments, str(cut), "--truncation", "0.5"]) == 0
    assert not np.array_equal(np.asarray(Image.open(whole)), np.asarray(Image.open(cut)))
    main([*arguments, str(cut), "--truncation", "9"])
    assert np.array_equal(np.asarray(Image.open(whole)), np.asarray(Image.open(cut))), "nothing lies beyond"


@pytest.mark.parametrize("to", [[], ["--to", "maltese dog"]])
@pytest.mark.parametrize(("kind", "format_", "frames"), [("png", "PNG", 1), ("gif", "GIF", 4)])
def test_a_walk_is_a_sheet_or_a_film(
    model: str, tmp_path: Path, to: list[str], kind: str, format_: str, frames: int
) -> None:
    out = tmp_path / f"walk.{kind}"
    arguments = ["walk", "--breed", "chihuahua", *to, "--count", "3", "--frames", "4", "--model", model]
    assert main([*arguments, "--out", str(out)]) == 0
    with Image.open(out) as picture:
        assert (picture.format, getattr(picture, "n_frames", 1)) == (format_, frames)
    other = tmp_path / f"other.{kind}"
    main([*arguments, "--out", str(other), "--seed", "1"])
    assert out.read_bytes() != other.read_bytes()


def test_a_walk_may_be_an_mp4(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "walk.MP4"
    arguments = ["walk", "--breed", "Chihuahua", "--to", "Maltese_dog", "--frames", "6", "--model", model]
    assert main([*arguments, "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"Chihuahua to Maltese_dog: {out}\n"
    with av.open(str(out)) as film:
        assert len(list(film.decode(video=0))) == 6


def test_an_mp4_without_pyav_is_refused_before_anything_is_drawn(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.setattr("pedigree.drawing.generating.load_generator", None)
    assert main(["walk", "--breed", "Chihuahua", "--out", str(tmp_path / "walk.mp4"), "--model", model]) == 1
    error = capsys.readouterr().err
    assert "[video]" in error
    assert error.count("\n") == 1


def test_without_a_count_a_sheet_has_as_many_rows_as_a_small_latent_has_dimensions(model: str, tmp_path: Path) -> None:
    out, same = tmp_path / "walk.png", tmp_path / "same.png"
    main(["walk", "--breed", "Chihuahua", "--out", str(out), "--model", model])
    main(["walk", "--breed", "Chihuahua", "--out", str(same), "--count", "6", "--model", model])
    assert out.read_bytes() == same.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["generate", "--breed", "Chihuaha", "--model", "MODEL"], 2, "Chihuahua"),
        (["generate"], 2, "--breed must name a breed"),
        (["generate", "--from", "none.png"], 1, "none.png cannot be read"),
        (["generate", "--from", "x.png", "--seed", "0"], 2, "--from takes these from the picture"),
        (["generate", "--from", "x.png", "--breed", "all"], 2, "--from takes these from the picture"),
        (["generate", "--breed", "Chihuahua", "--out", "dogs.jpg", "--model", "MODEL"], 2, ".png"),
        (["generate", "--breed", "Chihuahu", "--best", "2", "--model", "MODEL"], 2, "nearest: Chihuahua"),
        (["generate", "--breed", "Chihuahua", "--best", "9999", "--model", "MODEL"], 2, "at most 20000"),
        (
            ["generate", "--breed", "Chihuahua", "--model", "none.keras"],
            1,
            "is not here: --model takes a file or the name",
        ),
        (["walk", "--breed", "Chihuaha", "--out", "w.gif", "--model", "MODEL"], 2, "nearest: Chihuahua"),
        (["walk", "--breed", "ALL", "--out", "w.gif", "--model", "MODEL"], 2, "`all` is for `pedigree generate` only"),
        (["walk", "--breed", "Chihuahua", "--to", "all", "--out", "w.gif", "--model", "MODEL"], 2, "only"),
        (["walk", "--breed", "Chihuahua", "--to", "malt", "--out", "w.gif", "--model", "MODEL"], 2, "Maltese_dog"),
        (["walk", "--breed", "Chihuahua", "--to", "chihuahua", "--out", "w.gif", "--model", "MODEL"], 2, "two breeds"),
        (["walk", "--breed", "Chihuahua", "--out", "w.webm", "--model", "MODEL"], 2, ".gif or .mp4"),
        (["walk", "--breed", "Chihuahua", "--out", "w.png", "--count", "9", "--model", "MODEL"], 2, "at most 6"),
        (
            ["walk", "--breed", "Chihuahua", "--out", "w.png", "--model", "none.keras"],
            1,
            "is not here: --model takes a file or the name",
        ),
        (
            ["blind", "make", "--out", "test", "--model", "none.keras"],
            1,
            "is not here: --model takes a file or the name",
        ),
        (["blind", "make", "--out", "test", "--model", "MODEL"], 1, "run `pedigree crop`"),
        (["blind", "score", "answers.csv"], 1, "--key"),
        (["breeds", "--model", "none.keras"], 1, "is not here: --model takes a file or the name"),
        (["unpack"], 2, "project's root"),
        (["validate"], 2, "project's root"),
        (["crop"], 2, "project's root"),
        (["train"], 2, "project's root"),
        (["score"], 2, "project's root"),
        (["translate"], 2, "project's root"),
        (["translate", "--photo", "x.jpg"], 2, "--photo and --to belong together"),
        (["translate", "--to", "Chihuahua"], 2, "--photo and --to belong together"),
        (["translate", "--photo", "x.jpg", "--to", "pug", "--out", "x.jpg"], 2, "--out must be a .png file"),
        (["translate", "--photo", "x.jpg", "--to", "pug"], 1, "run `pedigree recipe cyclegan`, then `dvc repro"),
        (["score", "--against", "HEAD"], 1, "dvc repro"),
    ],
)
def test_a_mistake_gets_one_line_and_its_exit_code(
    arguments: list[str],
    code: int,
    message: str,
    model: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([model if argument == "MODEL" else argument for argument in arguments]) == code
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["grow"],
        ["generate", "--breed", "x", "--count", "0"],
        ["generate", "--breed", "x", "--best", "0"],
        ["generate", "--breed", "x", "--seed", "-1"],
        ["generate", "--breed", "x", "--truncation", "0"],
        ["generate", "--breed", "x", "--rev", "HEAD", "--model", "m.keras"],
        ["walk", "--breed", "x", "--out", "w.gif", "--rev", "HEAD", "--model", "m.keras"],
        ["breeds", "--rev", "HEAD", "--model", "m.keras"],
        ["walk", "--breed", "x"],
        ["blind"],
        ["blind", "make"],
        ["blind", "make", "--out", "test", "--breeds", "1"],
        ["blind", "make", "--out", "test", "--breeds", "3", "--breed", "x"],
        ["blind", "score"],
        ["walk", "--breed", "x", "--out", "w.gif", "--frames", "1"],
        ["walk", "--breed", "x", "--out", "w.gif", "--truncation", "nan"],
    ],
)
def test_wrong_usage_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "usage: pedigree" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["generate", "--breed", "x", "--cuont", "3"], "generate"),
        (["walk", "--breed", "x", "--out", "w.gif", "more"], "walk"),
        (["blind", "make", "--out", "test", "--breds", "3"], "blind make"),
        (["score", "--agains"], "score"),
        (["train", "--steps", "3"], "train"),
    ],
)
def test_an_unknown_option_prints_the_usage_of_its_command(
    arguments: list[str], command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    error = capsys.readouterr().err
    assert stop.value.code == 2
    assert error.startswith(f"usage: pedigree {command} ")
    assert "COMMAND" not in error
    assert f"pedigree {command}: error: " in error.splitlines()[-1]


def test_scores_are_compared_without_being_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def written(path: Path, coverage: float) -> Path:
        numbers = {"samples": 100, "real": 50, "coverage": coverage, "standard_error": {"coverage": 0.02}}
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"efficientnet-lite0": numbers}))
        return path

    monkeypatch.chdir(tmp_path)
    kept, now = written(tmp_path / "kept.json", 0.3), written(tmp_path / "reports" / "metrics.json", 0.5)
    before = now.read_bytes()
    assert main(["score", "--against", str(kept)]) == 0
    out = capsys.readouterr().out
    assert "1 better, 0 worse, 0 within noise." in out.splitlines()[0]
    assert "\033" not in out, "colour is for terminals"
    assert main(["score", "--against", "nope.json"]) == 2
    assert now.read_bytes() == before


@pytest.mark.parametrize(("settings", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_colour_is_for_terminals_that_want_it(
    settings: dict[str, str], coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert stage_commands._in_colour() == coloured


def test_a_stage_run_too_early_names_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = Path(__file__).parents[1]
    (tmp_path / "params.yaml").write_text((root / "params.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    for stage, before in (("validate", "unpack"), ("crop", "validate"), ("train", "crop"), ("score", "crop")):
        assert main([stage]) == 1, stage
        assert before in capsys.readouterr().err, stage
