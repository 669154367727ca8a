"""The command line: the stages (`stage_commands`), the commands that use the trained generator, and `pedigree doctor`.

A command imports its modules when it runs, so that `pedigree --help` answers at once.
"""

import argparse
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

from pedigree import shipped
from pedigree.common.files import own_temporary_files
from pedigree.common.guard import guarded
from pedigree.common.paths import GENERATOR
from pedigree.common.printable import printable
from pedigree.common.scratch import remove_leftovers
from pedigree.doctor.running_stages import stage_running
from pedigree.errors import UsageError
from pedigree.parser import build_parser
from pedigree.stage_commands import crop, recipe, score, spread, train, translate, unpack, validate


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit code: 0, 1 for an error in the data or the run, 2 for wrong usage or parameters.
    """
    arguments = build_parser(COMMANDS).parse_args(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # raises SystemExit, so that temporary files are removed
    return guarded(partial(_run, arguments), f"pedigree {arguments.command}")


def _run(arguments: argparse.Namespace) -> int:
    stage = arguments.run in STAGES and not _translates_photo(arguments)
    with _stage_running() if stage else nullcontext(), _patience(arguments):
        return arguments.run(arguments) or 0


def _translates_photo(arguments: argparse.Namespace) -> bool:
    """Return whether the command is `translate` with a photo, which runs no stage."""
    return arguments.run is translate and arguments.photo is not None


@contextmanager
def _stage_running() -> Iterator[None]:
    remove_leftovers(Path())
    with stage_running(Path()), own_temporary_files():
        yield


def _patience(arguments: argparse.Namespace) -> AbstractContextManager[None]:
    """Return a context in which a command that only draws prints after a second that it is at work."""
    draws = arguments.run in (generate, walk, export, card) or _translates_photo(arguments)
    makes_test = (arguments.run, getattr(arguments, "action", "")) == (blind, "make")
    if not draws and not makes_test:
        return nullcontext()

    from pedigree.common.announcement import announced

    return announced(f"pedigree {arguments.command}: loading the model and drawing ...")


def _show(text: str) -> None:
    """Print text that may contain names from archives, models or arguments."""
    print(printable(text))


def champions(arguments: argparse.Namespace) -> None:
    """List the champions of the nightly retraining: when, by whom, on what data, and their scores."""
    from pedigree.results import champions

    listed = champions.listed(Path())
    _show(champions.as_json(listed) if arguments.json else champions.as_text(listed))


def generate(arguments: argparse.Namespace) -> None:
    """Draw new dogs of the given breeds into one PNG, or into a folder of PNGs."""
    from pedigree.drawing import generating
    from pedigree.drawing.provenance import read_provenance
    from pedigree.drawing.redraw import generator_with
    from pedigree.drawing.request import Portrait, PortraitSheet, Sheet, parsed
    from pedigree.generator.model import breeds_of
    from pedigree.results.revisions import description

    names = ("seed", "count", "truncation", "best")
    options = {name: value for name in names if (value := getattr(arguments, name)) is not None}
    if arguments.source is not None and (options or arguments.breed):
        raise UsageError(
            "--from takes these from the picture: leave out --breed, --count, --seed, --truncation, --best."
        )
    if arguments.source is None and not arguments.breed:
        raise UsageError("--breed must name a breed (`pedigree breeds` lists all), or --from a picture.")
    origin = read_provenance(arguments.source) if arguments.source is not None else None
    again = parsed(origin.request) if origin else None
    with _model(arguments, partial(generator_with, origin.model) if origin else shipped.find) as model:
        if isinstance(again, Portrait | PortraitSheet):
            from pedigree.drawing import dog_pictures

            _show(dog_pictures.redraw(model, again, arguments.out, description()))
            _print_notice(model)
            return
        sheet = again or Sheet(generating.chosen(arguments.breed, breeds_of(model)), **options)
        if not arguments.labels:
            sheet = replace(sheet, labels=False)
        draw: generating.Draw = generating.draw_first
        if sheet.best is not None:
            from pedigree.best import draw_best

            draw = partial(draw_best, candidates=sheet.best)
        _show(generating.generate(model, sheet, arguments.out, description(), draw))
        _print_notice(model)


def walk(arguments: argparse.Namespace) -> None:
    """Draw a walk through the latents, within one breed or between two, as a PNG, GIF or MP4."""
    from pedigree.drawing import walking
    from pedigree.results.revisions import description

    ends, seed = (arguments.breed, arguments.to), arguments.seed or 0
    options = (arguments.out, seed, arguments.count, arguments.frames, arguments.truncation)
    with _model(arguments) as model:
        _show(walking.walk(model, *ends, *options, revision=description()))
        _print_notice(model)


def breeds(arguments: argparse.Namespace) -> None:
    """List the breeds that the model can draw."""
    from pedigree.common.breeds import display_name
    from pedigree.generator.model import breeds_of

    with _model(arguments) as model:
        for folder in breeds_of(model):
            _show(display_name(folder))


def export(arguments: argparse.Namespace) -> None:
    """Write the generator into a new folder in the format of other programs, with its breeds and an example."""
    from pedigree.export import handover

    with _model(arguments) as model:
        _show(handover.export(model, arguments.to, arguments.format))
        _print_notice(model)


def card(arguments: argparse.Namespace) -> None:
    """Write a folder for the Hugging Face Hub: model card, generator, dataset card and a Space."""
    from pedigree.card import hub_folder

    _show(hub_folder.write_cards(arguments.to))


def submission(arguments: argparse.Namespace) -> None:
    """Draw pictures into a zip, in the format of Kaggle's Generative Dog Images."""
    from pedigree.submission import submit

    with _model(arguments) as model:
        _show(submit(model, arguments.out, arguments.count, arguments.seed))
        _print_notice(model)


def blind(arguments: argparse.Namespace) -> None:
    """Let people judge generated pictures among held-out photos: make a page of questions, or score the answers."""
    from pedigree.blind import commands

    if arguments.action == "score":
        _show(commands.score(arguments.answers, arguments.key, arguments.out or commands.REPORT))
        return
    models = arguments.model or [GENERATOR]
    counts = (arguments.breeds, arguments.breed or (), arguments.pictures, arguments.photos)
    _show(commands.make(arguments.out, models, *counts, arguments.seed))


def fetch(arguments: argparse.Namespace) -> None:
    """Download the weights of a feature extractor (89 MB) from their publisher. An interrupted download is resumed."""
    from pedigree.features.extractors import inception_2015

    out = arguments.out or inception_2015.ARCHIVE
    inception_2015.fetch(out)
    print(f"{out} is complete and verified. Set score.extractor: {arguments.name} and score.weights: {out}.")


def studio(arguments: argparse.Namespace) -> None:
    """Serve a web page on this machine that draws dogs, and its API, until Ctrl-C."""
    from pedigree.studio import server

    server.serve(arguments.model, arguments.rev, arguments.host, arguments.port, arguments.hide_photos)


def doctor(arguments: argparse.Namespace) -> int:
    """Check the installation, this machine and this project, and say what to do about each problem."""
    from pedigree.doctor import examination

    findings = examination.examine()
    if arguments.fix:
        findings = examination.fix(findings)
    print(examination.as_json(findings) if arguments.json else examination.as_text(findings))
    return int(examination.count(findings, "problem") > 0)


@contextmanager
def _model(arguments: argparse.Namespace, find: Callable[[Path], Path] = shipped.find) -> Iterator[Path]:
    """Yield the path of the generator that `find` finds for --model, or for a temporary copy of the model of --rev."""
    if arguments.rev is None:
        yield find(arguments.model)
        return

    from pedigree.results import revisions

    with revisions.fetched(arguments.rev, GENERATOR) as copy:
        yield find(copy)


def _print_notice(model: Path) -> None:
    """Print the licence of a generator that comes with Pedigree, on stderr: scripts read stdout."""
    if notice := shipped.notice(model):
        print(notice, file=sys.stderr)


STAGES = (unpack, validate, crop, train, score, translate)
COMMANDS = (
    *STAGES,
    generate,
    walk,
    studio,
    export,
    card,
    submission,
    blind,
    spread,
    champions,
    recipe,
    fetch,
    breeds,
    doctor,
)
