"""The command line: the five stages, and the commands that use the trained generator.

A command imports its modules when it runs, so that `pedigree --help` answers at once.
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
from pedigree.common.paths import CENSUS, GENERATOR, RAW, VALIDATION
from pedigree.errors import PedigreeError

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

TRUNCATION = (
    "keep every number of a latent within ±T. Smaller values give more typical and less varied dogs. "
    "Typical values are 0.5 to 2; many generators draw pale pictures below 1 (default: no limit)"
)
REV = (
    f"use {GENERATOR} of another git revision, such as a tag, a branch or HEAD~1. The file comes from DVC's cache or "
    "remote; the checkout does not change"
)
EXTRAS = {"av": "video", "distributed": "dask", "jax": "jax"}  # package → its extra; the stages' packages: pipeline


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit code: 0, 1 for an error in the data or the run, 2 for wrong usage or parameters.
    """
    arguments = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # raises SystemExit, so that temporary files are removed
    try:
        arguments.run(arguments)
    except PedigreeError as error:
        return _fail(arguments, str(error), error.exit_code)
    except ModuleNotFoundError as error:
        return _fail(arguments, _missing(error), 1)
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        return _fail(arguments, f"{error.strerror or error}{where}", 1)
    except KeyboardInterrupt:
        return _fail(arguments, "interrupted", 130)
    return 0


def _fail(arguments: argparse.Namespace, message: str, code: int) -> int:
    """Print one line on stderr; return the exit code."""
    print(f"pedigree {arguments.command}: {message}", file=sys.stderr)
    return code


def _missing(error: ModuleNotFoundError) -> str:
    """Return the message for a package that is not installed: its name, and the extra that installs it.

    Raises:
        ModuleNotFoundError: the same error, where no extra can help.
    """
    package = (error.name or "").partition(".")[0]
    if not package or package == "pedigree" or package in sys.stdlib_module_names:
        raise error
    return f"{package} is not installed: pip install 'pedigree[{EXTRAS.get(package, 'pipeline')}]'"


def unpack(_: argparse.Namespace) -> None:
    """Extract the archives named in params.yaml into data/raw."""
    from pedigree.settings import params
    from pedigree.unpack import stage

    data = params.load(params.Data)
    annotations = Path(data.annotations) if data.annotations else None
    print(stage.unpack(Path(data.images), annotations, params.load(params.Unpack)))


def validate(_: argparse.Namespace) -> None:
    """Check the photos in data/raw and write data/census.csv."""
    from pedigree.settings import params
    from pedigree.validate import stage

    stage.validate(RAW, params.load(params.Validate))


def crop(_: argparse.Namespace) -> None:
    """Cut one square crop per dog and pack the crops into data/crops."""
    from pedigree.crop import stage
    from pedigree.settings import params

    stage.crop(RAW, CENSUS, VALIDATION, params.load(params.Crop))


def train(_: argparse.Namespace) -> None:
    """Train the conditional GAN on data/crops."""
    from pedigree.common import quiet
    from pedigree.settings import params

    settings = params.load(params.Train)  # before Keras, so that a wrong parameter is reported at once
    quiet.import_keras()

    from pedigree.train import stage

    stage.train(settings)


def score(arguments: argparse.Namespace) -> None:
    """Score models/generator.keras against data/crops. With --against, compare the scores with earlier ones."""
    if arguments.against is not None:
        from pedigree.results import comparison

        print(comparison.against(arguments.against, _in_colour()))
        return

    from pedigree.score import stage
    from pedigree.settings import params

    stage.score(params.load(params.Score))


def generate(arguments: argparse.Namespace) -> None:
    """Draw new dogs of the given breeds into one PNG, one row per breed."""
    from pedigree.generator import drawing

    options = (arguments.breed, arguments.count, arguments.seed, arguments.out, arguments.truncation)
    with _model(arguments) as model:
        print(drawing.generate(model, *options))


def walk(arguments: argparse.Namespace) -> None:
    """Draw a walk through the latents, within one breed or between two, as a PNG, GIF or MP4."""
    from pedigree.generator import drawing

    ends = (arguments.breed, arguments.to)
    options = (arguments.out, arguments.seed, arguments.count, arguments.frames, arguments.truncation)
    with _model(arguments) as model:
        print(drawing.walk(model, *ends, *options))


def breeds(arguments: argparse.Namespace) -> None:
    """List the breeds that the model can draw."""
    from pedigree.common.breeds import display_name
    from pedigree.generator.model import breeds_of

    with _model(arguments) as model:
        for folder in breeds_of(model):
            print(display_name(folder))


def recipe(arguments: argparse.Namespace) -> None:
    """Write a recipe into the train section of params.yaml. Without a name, list the recipes."""
    from pedigree.settings import recipes

    if arguments.name:
        recipes.write(arguments.name)
        print(f"params.yaml: the train section is now the recipe {arguments.name}. Run `dvc repro` to train it.")
    else:
        print(recipes.listing())


def fetch(arguments: argparse.Namespace) -> None:
    """Download the weights of a feature extractor (89 MB) from their publisher. An interrupted download is resumed."""
    from pedigree.features.extractors import inception_2015

    out = arguments.out or inception_2015.ARCHIVE
    inception_2015.fetch(out)
    print(f"{out} is complete and verified. Set score.extractor: {arguments.name} and score.weights: {out}.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pedigree",
        description="Train and score a generator that draws dogs of a given breed, from an archive of dog photos.",
        epilog="The stages read params.yaml in the current folder. `dvc repro` runs every stage whose inputs changed.",
    )
    parser.add_argument("--version", action="version", version=f"pedigree {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for run in (unpack, validate, crop, train):
        _add(commands, run)
    _add_score(commands)
    drawing = [_add_generate(commands), _add_walk(commands)]
    _add(commands, recipe).add_argument("name", nargs="?", metavar="NAME", help="the recipe to write")
    _add_fetch(commands)
    seed = partial(_whole, low=0, high=2**63 - 1)
    for command in drawing:
        command.add_argument("--seed", type=seed, default=0, metavar="S", help="seed of the latents (default 0)")
        command.add_argument("--truncation", type=_above_zero, metavar="T", help=TRUNCATION)
    for command in (*drawing, _add(commands, breeds)):
        source = command.add_mutually_exclusive_group()
        source.add_argument(
            "--model", type=Path, default=GENERATOR, metavar="FILE", help=f"the model (default {GENERATOR})"
        )
        source.add_argument("--rev", metavar="REV", help=REV)
    return parser


def _add(commands: "Commands", run: Callable[[argparse.Namespace], None]) -> argparse.ArgumentParser:
    """Add the command that the function `run` is; its docstring is the help text."""
    command = commands.add_parser(run.__name__, help=run.__doc__, description=run.__doc__)
    command.set_defaults(run=run)
    return command


def _add_score(commands: "Commands") -> None:
    command = _add(commands, score)
    command.formatter_class = argparse.RawDescriptionHelpFormatter
    command.epilog = (
        "examples:\n"
        "  pedigree score                      run the stage: draw pictures, score them, write reports/\n"
        "  pedigree score --against HEAD~1     list what is better, worse or noise since that commit\n"
        "  pedigree score --against kept.json  the same, since a copy of reports/metrics.json"
    )
    command.add_argument(
        "--against",
        metavar="REV|FILE",
        help="do not score; compare reports/metrics.json with the one of a git revision, or with another such file",
    )


def _add_generate(commands: "Commands") -> argparse.ArgumentParser:
    command = _add(commands, generate)
    command.add_argument(
        "--breed", action="append", required=True, metavar="NAME", help="a breed, or all; can be repeated"
    )
    count = partial(_whole, low=1, high=1000)
    command.add_argument("--count", type=count, default=8, metavar="N", help="pictures per breed (default 8)")
    command.add_argument(
        "--out", type=Path, default=Path("dogs.png"), metavar="FILE.png", help="the file to write (default dogs.png)"
    )
    return command


def _add_walk(commands: "Commands") -> argparse.ArgumentParser:
    command = _add(commands, walk)
    command.formatter_class = argparse.RawDescriptionHelpFormatter
    command.epilog = (
        "examples:\n"
        "  pedigree walk --breed pug --out pug.png             the latent dimensions that change a pug most\n"
        "  pedigree walk --breed pug --out pug.gif             pugs that turn into each other, in a loop\n"
        "  pedigree walk --breed pug --to boxer --out two.png  the same dogs, step by step from pug to boxer\n"
        "  pedigree walk --breed pug --to boxer --out two.mp4  the same as a film, from pug to boxer and back"
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
    return command


def _add_fetch(commands: "Commands") -> None:
    command = _add(commands, fetch)
    command.add_argument("name", choices=["inception-2015"], metavar="NAME", help="inception-2015")
    command.add_argument(
        "--out", type=Path, metavar="FILE", help="the file to write (default weights/inception-2015-12-05.tgz)"
    )


@contextmanager
def _model(arguments: argparse.Namespace) -> Iterator[Path]:
    """Yield the path of the generator: --model, or a temporary copy of the model of --rev."""
    if arguments.rev is None:
        yield arguments.model
        return

    from pedigree.results import revisions

    with revisions.fetched(arguments.rev, GENERATOR) as copy:
        yield copy


def _in_colour() -> bool:
    """Return whether stdout is a terminal that should get colours (no-color.org)."""
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
