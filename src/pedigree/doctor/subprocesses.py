"""Runs a Python program for a check, with a time limit: what it imports may be slow, damaged or crash."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pedigree
from pedigree.doctor.finding import first_line


@dataclass(frozen=True)
class Answer:
    """What a program has written.

    Attributes:
        facts: the JSON object in its last line of stdout; empty if it failed.
        log: its stderr.
        error: why it failed, in one line; empty if it did not.
    """

    facts: dict[str, Any]
    log: str
    error: str


def ask(
    arguments: Sequence[str], seconds: float, root: Path = Path(), environment: Mapping[str, str] | None = None
) -> Answer:
    """Run Python with `arguments` in the folder `root` and return what it answers.

    Args:
        arguments: of Python, such as `["-m", "pedigree.doctor.device_probe"]`.
        seconds: the time limit.
        root: the working directory.
        environment: variables to add.
    """
    path = os.pathsep.join(filter(None, [str(Path(pedigree.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]))
    try:
        done = subprocess.run(  # noqa: S603
            [sys.executable, *arguments],
            cwd=root,
            env=os.environ | {"PYTHONPATH": path} | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Answer({}, "", f"no answer within {seconds:.0f} seconds")
    log = done.stderr.decode(errors="replace")
    lines = done.stdout.decode(errors="replace").strip().splitlines()
    if done.returncode == 0 and lines:
        return Answer(json.loads(lines[-1]), log, "")
    if done.returncode < 0:
        return Answer({}, log, f"it was ended by {signal.Signals(-done.returncode).name}")
    return Answer({}, log, first_line((log.strip().splitlines() or ["no message"])[-1]))
