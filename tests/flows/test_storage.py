"""Data and results in S3: a new archive arrives, and another clone gets the champion. The server is moto."""

import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from pipeline.small_project import BREEDS, Project
from prefect.settings import PREFECT_API_URL

BUCKET, SECONDS = "dogs", 60
GATE = {"gate.no_worse": ["breed_accuracy"], "gate.slack": 1.0, "gate.require": []}


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a server of S3 with an empty bucket, and the variables to use it."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "tests")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address, command = f"http://127.0.0.1:{port}", [sys.executable, "-m", "moto.server", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            _wait_for(address)
            _client(address).create_bucket(Bucket=BUCKET)
            yield address
        finally:
            server.terminate()


def _wait_for(address: str) -> None:
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            httpx.get(address)
        except httpx.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        else:
            return


def _client(address: str) -> Any:
    return boto3.client("s3", endpoint_url=address)


def pack_again(source: Path, target: Path) -> None:
    """Write the same files into a tar of other bytes, as the next night's archive."""
    with tarfile.open(source) as old, tarfile.open(target, "w:gz") as new:
        for member in old:
            new.addfile(member, old.extractfile(member))


def add_remote(project: Project, name: str, address: str, *options: str) -> None:
    project.run("dvc", "remote", "add", *options, name, f"s3://{BUCKET}/{name}")
    project.run("dvc", "remote", "modify", name, "endpointurl", address)


@pytest.mark.usefixtures("server")
def test_another_clone_draws_with_the_champion_of_a_new_archive_in_s3(built: Project, s3: str, tmp_path: Path) -> None:
    project, archive = built.copy_to(tmp_path / "project"), built.root / "small/images.tar"
    _client(s3).upload_file(str(archive), BUCKET, "photos/images.tar")
    add_remote(project, "results", s3, "--default")
    add_remote(project, "photos", s3)
    project.override(GATE)
    project.run("git", "rm", "--quiet", "--cached", "small/images.tar")
    project.run("dvc", "import-url", "--force", "remote://photos/images.tar", "small/images.tar")
    project.commit("Photos and results in S3")

    pack_again(archive, tmp_path / "new.tar")
    _client(s3).upload_file(str(tmp_path / "new.tar"), BUCKET, "photos/images.tar")
    url = str(PREFECT_API_URL.value())
    result = project.run(sys.executable, "flows/retrain.py", check=False, PREFECT_API_URL=url)
    assert "Promoted." in result.stderr, result.stdout + result.stderr
    assert (
        project.run("git", "diff", "--name-only", "HEAD", "champion", "--", "small").stdout == "small/images.tar.dvc\n"
    )

    project.run("git", "clone", "--quiet", str(project.root), str(tmp_path / "copy"))
    copy = Project(tmp_path / "copy")
    picture = copy.run("pedigree", "generate", "--rev", "champion", "--breed", BREEDS[1], "--count", "1")
    assert "Snow_spitz" in picture.stdout
    copy.run("git", "checkout", "--quiet", "champion")
    copy.run("dvc", "pull")
    assert (copy.root / "small/images.tar").read_bytes() == (tmp_path / "new.tar").read_bytes()
