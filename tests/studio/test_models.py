"""Generators that change while they are read."""

import sys
from pathlib import Path

import pytest

from pedigree.errors import PedigreeError
from pedigree.studio.models import Models


@pytest.mark.skipif(sys.platform != "linux", reason="the file is Linux's")
def test_a_file_that_cannot_be_read_is_one_clear_error() -> None:
    with pytest.raises(PedigreeError, match=r"^/proc/self/mem cannot be read \(Input/output error\): try again"):
        Models(Path("/proc/self/mem")).get("current")
