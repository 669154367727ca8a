"""The command line: five stages without arguments, and what people do with the generator they make.

A stage's own modules are imported when it runs, so that `pedigree --help` answers at once.
"""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pedigree import __version__
from pedigree.errors import PedigreeError

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

MODEL = Path("models/generator.keras")
TRUNCATION = (
    "hold the latents' numbers within ±T, typically 0.5 to 2: variety for more typical dogs; "
    "below 1 many a generator fades (default: none)"
)
REV = (
    f"instead of --model: {MODEL} as another git revision has it, such as a tag, a branch or HEAD~1, out of DVC's "
    "cache or remote; the checkout stays as it is"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code: 0, 1 for trouble with data or a run, 2 for a mistake in asking."""
    asked = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as an exception, so that nothing half-written stays
    try:
        asked.run(asked)
    except PedigreeError as error:
        print(f"pedigree {asked.command}: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        print(f"pedigree {asked.command}: {error.strerror or error}{where}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"pedigree {asked.command}: interrupted", file=sys.stderr)
        return 130
    return 0


def unpack(_: argparse.Namespace) -> None:
    """Unpack the archives of params.yaml into data/raw."""
    from pedigree.settings import params
    from pedigree.unpack import stage

    data = params.load(params.Data)
    annotations = Path(data.annotations) if data.annotations else None
    print(stage.unpack(Path(data.images), annotations, params.load(params.Unpack)))


def validate(_: argparse.Namespace) -> None:
    """Take the census of data/raw and judge it."""
    from pedigree.settings import params
    from pedigree.validate import stage

    stage.validate(Path("data/raw"), params.load(params.Validate))


def crop(_: argparse.Namespace) -> None:
    """Cut one square a dog, packed into data/crops."""
    from pedigree.crop import stage
    from pedigree.settings import params

    stage.crop(Path("data/raw"), Path("data/census.csv"), Path("data/verdict.json"), params.load(params.Crop))


def train(_: argparse.Namespace) -> None:
    """Train the conditional GAN on data/crops."""
    from pedigree.common import quiet
    from pedigree.settings import params

    settings = params.load(params.Train)  # before Keras: a wrong parameter is told at once
    quiet.import_keras()

    from pedigree.train import stage

    stage.train(settings)


def score(asked: argparse.Namespace) -> None:
    """Score models/generator.keras against data/crops; with --against, compare its scores with earlier ones."""
    if asked.against is not None:
        from pedigree.results import comparison

        print(comparison.against(asked.against, _in_colour()))
        return

    from pedigree.score import stage
    from pedigree.settings import params

    stage.score(params.load(params.Score))


def generate(asked: argparse.Namespace) -> None:
    """Draw new dogs of the breeds asked for, a row a breed, into one PNG."""
    from pedigree.generator import drawing

    with _model(asked) as model:
        print(drawing.generate(model, asked.breed, asked.count, asked.seed, asked.out, asked.truncation))


def walk(asked: argparse.Namespace) -> None:
    """Draw what lies between dogs of a breed, or between two breeds: a PNG, or a GIF or MP4 that moves."""
    from pedigree.generator import drawing

    way = (asked.breed, asked.to, asked.out, asked.seed, asked.count, asked.frames, asked.truncation)
    with _model(asked) as model:
        print(drawing.walk(model, *way))


def breeds(asked: argparse.Namespace) -> None:
    """List the breeds the model can draw."""
    from pedigree.common.breeds import display_name
    from pedigree.generator.model import breeds_of

    with _model(asked) as model:
        for folder in breeds_of(model):
            print(display_name(folder))


def recipe(asked: argparse.Namespace) -> None:
    """Write a recipe into the train section of params.yaml; without a name, list the recipes."""
    from pedigree.settings import recipes

    if asked.name:
        recipes.write(asked.name)
        print(f"params.yaml: train is now {asked.name}; `dvc repro` trains it.")
    else:
        print(recipes.listing())


def fetch(asked: argparse.Namespace) -> None:
    """Download a feature network's weights, 89 MB, from their publisher; continues after an interruption."""
    from pedigree.features.extractors import inception_2015

    out = asked.out or inception_2015.ARCHIVE
    inception_2015.fetch(out)
    print(f"{out} is complete and verified. In params.yaml, score.extractor: {asked.name} and score.weights: {out}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pedigree",
        description="From an archive of dog photos to a scored generator that draws new dogs of the breed asked for.",
        epilog="The stages read params.yaml and run from the project's root; `dvc repro` runs those that are due.",
    )
    parser.add_argument("--version", action="version", version=f"pedigree {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for run in (unpack, validate, crop, train):
        _add(commands, run)
    _add_score(commands)
    drawing = [_add_generate(commands), _add_walk(commands)]
    _add(commands, recipe).add_argument("name", nargs="?", metavar="NAME", help="one of those listed without it")
    fetching = _add(commands, fetch)
    fetching.add_argument("name", choices=["inception-2015"], metavar="NAME", help="inception-2015")
    fetching.add_argument(
        "--out", type=Path, metavar="FILE", help="where to (default weights/inception-2015-12-05.tgz)"
    )
    seed = partial(_whole, low=0, high=2**63 - 1)
    for command in drawing:
        command.add_argument("--seed", type=seed, default=0, metavar="S", help="another seed, other dogs (default 0)")
        command.add_argument("--truncation", type=_above_zero, metavar="T", help=TRUNCATION)
    for command in (*drawing, _add(commands, breeds)):
        which = command.add_mutually_exclusive_group()
        which.add_argument("--model", type=Path, default=MODEL, metavar="FILE", help=f"default {MODEL}")
        which.add_argument("--rev", metavar="REV", help=REV)
    return parser


def _add(commands: "Commands", run: Callable[[argparse.Namespace], None]) -> argparse.ArgumentParser:
    """Add the command called as the function `run`, helped by its docstring."""
    command = commands.add_parser(run.__name__, help=run.__doc__, description=run.__doc__)
    command.set_defaults(run=run)
    return command


def _add_score(commands: "Commands") -> None:
    scoring = _add(commands, score)
    scoring.formatter_class = argparse.RawDescriptionHelpFormatter
    scoring.epilog = (
        "examples:\n"
        "  pedigree score                      run the stage: draw, judge, write reports/\n"
        "  pedigree score --against HEAD~1     what is better, worse or noise since that commit\n"
        "  pedigree score --against kept.json  the same since a copy of reports/metrics.json"
    )
    scoring.add_argument(
        "--against",
        metavar="REV|FILE",
        help="score nothing anew; hold reports/metrics.json as it stands against that of a git revision, "
        "or against another such file",
    )


def _add_generate(commands: "Commands") -> argparse.ArgumentParser:
    drawing = _add(commands, generate)
    drawing.add_argument(
        "--breed", action="append", required=True, metavar="NAME", help="a breed, or all; may be given several times"
    )
    count = partial(_whole, low=1, high=1000)
    drawing.add_argument("--count", type=count, default=8, metavar="N", help="pictures of each breed (default 8)")
    drawing.add_argument(
        "--out", type=Path, default=Path("dogs.png"), metavar="FILE.png", help="where to (default dogs.png)"
    )
    return drawing


def _add_walk(commands: "Commands") -> argparse.ArgumentParser:
    walking = _add(commands, walk)
    walking.formatter_class = argparse.RawDescriptionHelpFormatter
    walking.epilog = (
        "examples:\n"
        "  pedigree walk --breed pug --out pug.png             the dimensions of the latent that change a pug most\n"
        "  pedigree walk --breed pug --out pug.gif             pugs that turn into each other, in a loop\n"
        "  pedigree walk --breed pug --to boxer --out way.png  the same dogs, step by step from breed to breed\n"
        "  pedigree walk --breed pug --to boxer --out way.mp4  the same, moving there and back"
    )
    walking.add_argument("--breed", required=True, metavar="NAME", help="the breed to walk in, or from")
    walking.add_argument("--to", metavar="NAME", help="the breed to walk to")
    walking.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="where to: .png, .gif or .mp4 (which needs PyAV)"
    )
    rows, frames = partial(_whole, low=1, high=64), partial(_whole, low=2, high=500)
    walking.add_argument("--count", type=rows, metavar="N", help="rows, or pictures side by side (default 8)")
    walking.add_argument(
        "--frames", type=frames, metavar="N", help="frames, or columns of a PNG (default: GIF 48, MP4 96, PNG 9)"
    )
    return walking


@contextmanager
def _model(asked: argparse.Namespace) -> Iterator[Path]:
    """Yield the file of the generator asked for: --model's, or a copy of --rev's that lasts as long as the block."""
    if asked.rev is None:
        yield asked.model
        return

    from pedigree.results import revisions

    with revisions.fetched(asked.rev, MODEL) as copy:
        yield copy


def _in_colour() -> bool:
    """Whether stdout is a terminal of someone who has not asked for plain text (no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


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
