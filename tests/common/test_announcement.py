"""A command that works for longer than a moment says so, and only on stderr."""

import os
import time

import pytest

from pedigree.common.announcement import announced


def test_long_work_is_announced_even_while_stderr_is_hidden(capfd: pytest.CaptureFixture[str]) -> None:
    with announced("loading", seconds=0.05):
        kept, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 2)
        time.sleep(0.3)
        os.dup2(kept, 2)
        os.close(kept)
        os.close(null)
    assert capfd.readouterr() == ("", "loading\n")


def test_short_work_is_not_announced(capfd: pytest.CaptureFixture[str]) -> None:
    with announced("loading", seconds=0.2):
        pass
    time.sleep(0.3)
    assert capfd.readouterr() == ("", "")
