"""A Postgres server for a test: Debian's package `postgresql`, an empty database, a free port, not run by root."""

import contextlib
import getpass
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DEBIAN = Path("/usr/lib/postgresql")  # /VERSION/bin; Debian puts only some programs on the PATH
OWNER = "postgres" if os.geteuid() == 0 else getpass.getuser()  # Postgres refuses to run as root


@dataclass(frozen=True)
class Postgres:
    """Where the programs of Postgres are."""

    programs: Path

    def run(self, program: str, *arguments: str) -> None:
        """Run one of the programs as the owner of the database."""
        command = [str(self.programs / program), *arguments]
        # What pg_ctl starts inherits its output: a pipe would never be closed.
        subprocess.run(command, check=True, user=_user(), cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def installed() -> Postgres | None:
    """Return the installed Postgres, of the newest version, None if there is none."""
    found = sorted(DEBIAN.glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    program = str(found[-1]) if found else shutil.which("initdb")
    return Postgres(Path(program).parent) if program else None


@contextlib.contextmanager
def database(postgres: Postgres, port: int) -> Iterator[str]:
    """Run a server while the block runs, and yield the address of its database for Prefect."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        data = Path(folder) / "data"
        data.mkdir(mode=0o700)
        if user := _user():
            shutil.chown(data, user)
        postgres.run("initdb", "--auth=trust", "--username=prefect", "--no-sync", "-D", str(data))
        options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={data} -c fsync=off"
        postgres.run("pg_ctl", "start", "--wait", "-D", str(data), "-o", options, "-l", str(data / "log"))
        try:
            yield f"postgresql+asyncpg://prefect@127.0.0.1:{port}/postgres"
        finally:
            postgres.run("pg_ctl", "stop", "--mode=immediate", "-D", str(data))


def _user() -> str | None:
    return OWNER if os.geteuid() == 0 else None
