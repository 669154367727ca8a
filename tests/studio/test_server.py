"""The server process: how it ends, and ports that are taken."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pedigree.errors import PedigreeError, UsageError
from pedigree.studio.server import serve
from studio.conftest import own_code, save_small


def test_ctrl_c_while_the_generator_is_loaded_ends_without_an_abort(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pedigree", "studio", "--port", "0", "--model", "stanford-dogs"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=own_code(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert "http://127.0.0.1:" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=100)
    assert (process.returncode, out) == (0, "Pedigree studio has ended.\n")
    assert "terminate" not in errors


def test_a_port_that_another_server_takes_is_one_clear_error(tmp_path: Path) -> None:
    model = save_small(tmp_path / "small.keras")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(PedigreeError, match="Address already in use"):
            serve(model, None, "127.0.0.1", other.getsockname()[1], hide_photos=False)


@pytest.mark.parametrize("host", ["a..b", "a" * 70])
def test_a_host_that_dns_does_not_have_is_wrong_usage(tmp_path: Path, host: str) -> None:
    model = save_small(tmp_path / "small.keras")
    with pytest.raises(UsageError, match="is no address of this machine"):
        serve(model, None, host, 0, hide_photos=False)
