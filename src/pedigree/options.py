"""The options of each command, and their help texts. `OPTIONS` lists the functions that add them, by command."""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

from pedigree import shipped
from pedigree.common.paths import GENERATOR
from pedigree.drawing.request import LARGEST_SEED, MOST_CANDIDATES, MOST_PICTURES

TRUNCATION = (
    "keep every number of a latent within ±T of a centre, which depends on the seed. Smaller values give dogs that "
    "vary less; typical values are 0.5 to 2 (default: no limit)"
)
BEST = (
    "draw N pictures for each one kept, and keep the most typical of the breed that are no suspected copies of "
    "training crops. EfficientNet-Lite2 judges them, about 20 a second on one core (default: no choice)"
)
FROM = (
    "draw again what a PNG of this command shows. The generator must be the same file; those that come with Pedigree "
    "are found"
)
OUT = (
    "the file to write (default dogs.png); or a folder, for a file of its own for each picture: one that exists, or a "
    "name that ends with / or has no suffix. Its files of the same names are replaced, others stay"
)
MODEL = f"a generator's file, or the name of one that comes with Pedigree: {shipped.listed()} (default {GENERATOR})"
REV = (
    f"use {GENERATOR} of another git revision, such as a tag, a branch or HEAD~1. The file comes from DVC's cache or "
    "remote; the checkout does not change"
)


def _show_examples(command: argparse.ArgumentParser, *lines: str) -> None:
    """Show examples at the end of a command's help, each on a line."""
    command.formatter_class = argparse.RawDescriptionHelpFormatter
    command.epilog = "\n".join(["examples:", *(f"  {line}" for line in lines)])


def _score(command: argparse.ArgumentParser) -> None:
    _show_examples(
        command,
        "pedigree score                      run the stage: draw pictures, score them, write reports/",
        "pedigree score --against HEAD~1     list what is better, worse or noise since that commit",
        "pedigree score --against kept.json  the same, since a copy of reports/metrics.json",
    )
    command.add_argument(
        "--against",
        metavar="REV|FILE",
        help="do not score; compare reports/metrics.json with the one of a git revision, or with another such file",
    )


def _spread(command: argparse.ArgumentParser) -> None:
    command.epilog = (
        "The time is that of the train and score stages, once per seed. An interrupted measurement continues where it "
        "was. Commit reports/spread.json: the gate of the nightly retraining uses it."
    )
    seeds = partial(_whole, low=1, high=20)
    command.add_argument("--seeds", type=seeds, default=3, metavar="N", help="further seeds to train with (default 3)")


def _champions(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="print them as JSON")


def _generate(command: argparse.ArgumentParser) -> None:
    _show_examples(
        command,
        "pedigree generate --breed pug --breed boxer --count 16      dogs.png: a row of pugs and a row of boxers",
        "pedigree generate --breed pug --model stanford-dogs         with a generator that comes with Pedigree",
        "pedigree generate --breed pug --best 50                     the 8 most typical of 400 pugs",
        "pedigree generate --breed pug --truncation 0.7              pugs that vary less",
        "pedigree generate --breed all --out dogs/                   a file for each picture, such as pug-0-000.png",
        "pedigree generate --from dogs.png --out same.png            draw a sheet or a dog of this command again",
    )
    command.add_argument("--breed", action="append", metavar="NAME", help="a breed, or all; can be repeated")
    count = partial(_whole, low=1, high=MOST_PICTURES)
    command.add_argument("--count", type=count, metavar="N", help="pictures per breed (default 8)")
    command.add_argument("--best", type=partial(_whole, low=1, high=MOST_CANDIDATES), metavar="N", help=BEST)
    command.add_argument("--from", dest="source", type=Path, metavar="FILE.png", help=FROM)
    command.add_argument("--no-labels", dest="labels", action="store_false", help="leave out the names of the breeds")
    command.add_argument("--out", default="dogs.png", metavar="FILE.png|FOLDER", help=OUT)


def _translate(command: argparse.ArgumentParser) -> None:
    _show_examples(
        command,
        "pedigree translate                                run the stage: train models/translator.keras, and report",
        "pedigree translate --photo my.jpg --to Snow_spitz   translated.png: the dog in a photo, and as a Snow spitz",
    )
    command.add_argument("--photo", type=Path, metavar="FILE", help="do not train; translate the dog in this photo")
    command.add_argument("--to", metavar="BREED", help="the breed whose coat it gets, one of the translator's two")
    out = Path("translated.png")
    command.add_argument("--out", type=Path, default=out, metavar="FILE.png", help=f"the file to write (default {out})")


def _walk(command: argparse.ArgumentParser) -> None:
    _show_examples(
        command,
        "pedigree walk --breed pug --out pug.png             the latent dimensions that change a pug most",
        "pedigree walk --breed pug --out pug.gif             pugs that turn into each other, in a loop",
        "pedigree walk --breed pug --to boxer --out two.png  the same dogs, step by step from pug to boxer",
        "pedigree walk --breed pug --to boxer --out two.mp4  the same as a film, from pug to boxer and back",
    )
    command.add_argument("--breed", required=True, metavar="NAME", help="the breed of the walk, or the first of two")
    command.add_argument("--to", metavar="NAME", help="the second breed")
    command.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="the file to write: .png, .gif or .mp4 (needs PyAV)"
    )
    rows, frames = partial(_whole, low=1, high=64), partial(_whole, low=2, high=500)
    command.add_argument("--count", type=rows, metavar="N", help="rows of a PNG, or pictures per frame (default 8)")
    command.add_argument(
        "--frames", type=frames, metavar="N", help="frames, or columns of a PNG (default: PNG 9, GIF 48, MP4 96)"
    )


def _studio(command: argparse.ArgumentParser) -> None:
    _show_examples(
        command,
        "pedigree studio                          http://127.0.0.1:8484, with this project's generator",
        "pedigree studio --model stanford-dogs    with a generator that comes with Pedigree",
        "pedigree studio --hide-photos            without training photos, if these may not be shown",
    )
    command.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="the address to listen on (default 127.0.0.1: this machine)",
    )
    port = partial(_whole, low=0, high=65_535)
    command.add_argument(
        "--port", type=port, default=8484, metavar="N", help="the port; 0 finds a free one (default 8484)"
    )
    command.add_argument("--hide-photos", action="store_true", help="never show the nearest training photo of a dog")


def _blind(command: argparse.ArgumentParser) -> None:
    _show_examples(
        command,
        "pedigree blind make --out test                           give readers test/readers, keep test/key.json",
        "pedigree blind make --out test --breed pug --breed boxer --model a.keras --model b.keras",
        "pedigree blind score test/answers-*.json                 write reports/blind.json and print a table",
    )
    actions = command.add_subparsers(dest="action", required=True, metavar="make|score")
    _blind_make(actions.add_parser("make", help="draw the pictures; write the questions and the key"))
    _blind_score(actions.add_parser("score", help="write reports/blind.json from the readers' answers"))


def _blind_make(command: argparse.ArgumentParser) -> None:
    command.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="the new folder to write")
    command.add_argument(
        "--model",
        type=Path,
        action="append",
        metavar="FILE|NAME",
        help=f"{MODEL}; can be repeated, to compare models in one test",
    )
    breeds = command.add_mutually_exclusive_group()
    several, some = partial(_whole, low=2, high=1000), partial(_whole, low=1, high=10_000)
    breeds.add_argument("--breeds", type=several, default=12, metavar="N", help="breeds, chosen by chance (default 12)")
    breeds.add_argument("--breed", action="append", metavar="NAME", help="a breed; repeat it to name all of the test")
    command.add_argument("--pictures", type=some, default=120, metavar="N", help="pictures per model (default 120)")
    command.add_argument("--photos", type=some, default=60, metavar="N", help="held-out photos (default 60)")
    _seed(command, "seed of latents and choices (default 0)")


def _blind_score(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "answers", type=Path, nargs="+", metavar="ANSWERS", help="answers-NAME.json or .csv, one file per reader"
    )
    command.add_argument("--key", type=Path, metavar="FILE", help="the key (default: key.json beside the answers)")
    command.add_argument("--out", type=Path, metavar="FILE", help="the report (default reports/blind.json)")


def _export(command: argparse.ArgumentParser) -> None:
    _show_examples(
        command,
        "pedigree export --to dogs                   the Keras file, its breeds and an example",
        "pedigree export --to dogs --format onnx     for ONNX Runtime",
    )
    kinds = ["keras", "onnx", "saved-model", "litert"]
    needs = "the format (default keras); onnx and litert need pip install 'pedigree[export]'"
    command.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="the new folder to write")
    command.add_argument("--format", choices=kinds, default="keras", help=needs)


def _card(command: argparse.ArgumentParser) -> None:
    command.epilog = "It needs the results of all stages, and pip install 'pedigree[pipeline,export]'."
    command.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="the new folder to write")


def _submission(command: argparse.ArgumentParser) -> None:
    count, out = partial(_whole, low=1, high=100_000), Path("images.zip")
    command.add_argument("--count", type=count, default=10_000, metavar="N", help="pictures (default 10000)")
    command.add_argument("--out", type=Path, default=out, metavar="FILE.zip", help=f"the file to write (default {out})")
    _seed(command, "seed of the latents (default 0)")


def _fetch(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", choices=["inception-2015"], metavar="NAME", help="inception-2015")
    command.add_argument(
        "--out", type=Path, metavar="FILE", help="the file to write (default weights/inception-2015-12-05.tgz)"
    )


def _recipe(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", nargs="?", metavar="NAME", help="the recipe to write")


def _doctor(command: argparse.ArgumentParser) -> None:
    command.epilog = "The exit code is 1 if a problem stops the pipeline, otherwise 0."
    command.add_argument("--json", action="store_true", help="print the findings as JSON")
    fix = "remove locks of killed DVC commands and scratch folders of killed processes, and name each"
    command.add_argument("--fix", action="store_true", help=fix)


def _drawing(command: argparse.ArgumentParser) -> None:
    _seed(command, "seed of the latents (default 0)", default=None)
    command.add_argument("--truncation", type=_above_zero, metavar="T", help=TRUNCATION)


def _seed(command: argparse.ArgumentParser, text: str, default: int | None = 0) -> None:
    seed = partial(_whole, low=0, high=LARGEST_SEED)
    command.add_argument("--seed", type=seed, default=default, metavar="S", help=text)


def _model(command: argparse.ArgumentParser) -> None:
    source = command.add_mutually_exclusive_group()
    source.add_argument("--model", type=Path, default=GENERATOR, metavar="FILE|NAME", help=MODEL)
    source.add_argument("--rev", metavar="REV", help=REV)


def _whole(text: str, low: int, high: int) -> int:
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise argparse.ArgumentTypeError(f"expected a whole number from {low} to {high}. Received: {text!r}")
    return int(text)


def _above_zero(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number above 0. Received: {text!r}")
    return number


OPTIONS: dict[str, tuple[Callable[[argparse.ArgumentParser], None], ...]] = {
    "score": (_score,),
    "spread": (_spread,),
    "translate": (_translate,),
    "champions": (_champions,),
    "generate": (_generate, _drawing, _model),
    "walk": (_walk, _drawing, _model),
    "studio": (_studio, _model),
    "export": (_export, _model),
    "card": (_card,),
    "submission": (_submission, _model),
    "blind": (_blind,),
    "recipe": (_recipe,),
    "fetch": (_fetch,),
    "breeds": (_model,),
    "doctor": (_doctor,),
}
