"""The parser of the command line: one subcommand per function."""

import argparse
from collections.abc import Callable, Iterable
from typing import NoReturn

from pedigree import __version__
from pedigree.common.printable import printable
from pedigree.options import OPTIONS

Command = Callable[[argparse.Namespace], int | None]  # returns the exit code; None: 0


def build_parser(commands: Iterable[Command]) -> argparse.ArgumentParser:
    """Return the parser of the command line. Each command is a function; its name and docstring are the help text."""
    parser = _Parser(
        prog="pedigree",
        description="Train and score a generator that draws dogs of a given breed, from an archive of dog photos.",
        epilog="The stages read params.yaml in the current folder. `dvc repro` runs every stage whose inputs changed.",
    )
    parser.add_argument("--version", action="version", version=f"pedigree {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in commands:
        name, text = command.__name__, command.__doc__
        subparser = subparsers.add_parser(name, help=text, description=text)
        subparser.set_defaults(run=command)
        for add in OPTIONS.get(name, ()):
            add(subparser)
    return parser


class _Parser(argparse.ArgumentParser):
    """A parser whose errors can be printed. An unknown option is an error of the command that received it."""

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]
        """Parse the arguments; raise an error with the usage of this command if one is unknown."""
        known, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return known, unknown

    def error(self, message: str) -> NoReturn:
        super().error(printable(message))
