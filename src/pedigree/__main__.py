"""`python -m pedigree`: the command line, with the code of the working directory. It is the command of every stage.

An editable install imports the checkout that it was made in. DVC runs `dvc exp run --queue` and `--temp` in a copy of
that checkout, and what it records there are the files of the copy: the code in `src/`, the versions in
`constraints-compute.txt`. So these must be the ones that run.
"""

import os
import sys
from functools import partial
from pathlib import Path
from typing import NoReturn

import pedigree
from pedigree.common.guard import guarded
from pedigree.errors import PedigreeError

SOURCE = Path("src")
STAGES = ("validate", "crop", "train", "score", "translate")  # those that depend on constraints-compute.txt for DVC


def main() -> int:
    """Run one command; return its exit code."""
    command = "".join(sys.argv[1:2])
    return guarded(partial(_run, command), f"pedigree {command}" if command in STAGES else "pedigree")


def _run(command: str) -> int:
    if not _imported_from(SOURCE):
        _restart(SOURCE.resolve())
    if command in STAGES and (message := _wrong_version()):
        raise PedigreeError(message)

    from pedigree import cli

    return cli.main()


def _imported_from(source: Path) -> bool:
    """Return whether this process runs the code in the folder `source`; True if there is no code."""
    code = source / "pedigree/__init__.py"
    return not code.exists() or code.samefile(pedigree.__file__)


def _restart(source: Path) -> NoReturn:
    """Replace this process by one that imports the code in `source`.

    Raises:
        PedigreeError: if this process is already such a one, and Python has imported other code.
    """
    folders = list(filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)))
    if str(source) in folders[:1]:
        raise PedigreeError(f"expected the code in {source}. Python has imported {pedigree.__file__}.")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(source), *folders])
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606


def _wrong_version() -> str:
    """Return a message about the first package whose installed version is not the pinned one, "" if there is none."""
    from pedigree.common.pins import mismatches

    for mismatch in mismatches():
        return f"{mismatch} Run `make setup`, or write the installed version to {mismatch.file}."
    return ""


if __name__ == "__main__":
    raise SystemExit(main())
