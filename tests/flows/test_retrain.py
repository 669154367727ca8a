"""Retraining: nothing to do, a new champion, a rejected candidate, poisoned archives; the checkout is never touched.

The tests share one project and run in order; each is a run of `flows/retrain.py` as a person would run it.
"""

import hashlib
import io
import json
import os
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pipeline.conftest import BREEDS, SMALL, Project, cut_down, new_project

OURS = (".git", "runs", ".dvc/cache", ".dvc/tmp", ".dvc/storage", "__pycache__")  # not what a person works on
GATE = {"gate.no_worse": "[breed_accuracy]", "gate.slack": 1.0, "gate.new_collapses": 3, "gate.require": "[]"}


@pytest.fixture(scope="module")
def kennel(tmp_path_factory: pytest.TempPathFactory, server: None) -> Project:
    """The small project with its flows, rebuilt and committed; its gate lets anything pass that is scored."""
    project = new_project(tmp_path_factory.mktemp("retrain") / "project")
    for name in ("images", "annotation"):
        cut_down(name, project.root)
    project.commit("The tree as it stands")
    project.rebuild(SMALL | GATE)
    project.commit("A first run")
    return project


def retrain(project: Project, *arguments: str) -> tuple[int, str]:
    """Run the flow against the tests' server; return its exit code and its last word."""
    from prefect.settings import PREFECT_API_URL

    os.environ["PREFECT_API_URL"] = str(PREFECT_API_URL.value())
    try:
        done = project.run(sys.executable, "flows/retrain.py", *arguments, check=False)
    finally:
        del os.environ["PREFECT_API_URL"]
    assert "Traceback" not in done.stdout
    return done.returncode, done.stderr.splitlines()[-1]


def state_of(project: Project) -> dict[str, str]:
    """Return the digest of every file a person works on, and what git and DVC say."""
    paths = sorted(path for path in project.root.rglob("*") if path.is_file())
    names = {path.relative_to(project.root).as_posix(): path for path in paths}
    told = {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in names.items()
        if not any(name.startswith(f"{part}/") or f"/{part}/" in name for part in OURS)
    }
    for command in (["git", "status", "--porcelain", "--branch"], ["git", "rev-parse", "HEAD"], ["dvc", "status"]):
        told[" ".join(command)] = project.run(*command).stdout
    return told


@contextmanager
def untouched(project: Project) -> Iterator[None]:
    """See that the block changes nothing of the checkout."""
    before = state_of(project)
    yield
    assert state_of(project) == before


@contextmanager
def changed(
    path: Path, change: Callable[[str, bytes], bytes | None], add: dict[str, bytes] | None = None
) -> Iterator[None]:
    """Rewrite an archive, file by file, for a while."""
    before = path.read_bytes()
    with tarfile.open(path) as archive:
        files = {member.name: archive.extractfile(member) for member in archive if member.isfile()}
        contents = {name: change(name, file.read()) for name, file in files.items() if file is not None}
    with tarfile.open(path, "w") as archive:
        for name, content in (contents | (add or {})).items():
            if content is not None:
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    try:
        yield
    finally:
        path.write_bytes(before)


def champion(project: Project) -> str:
    """Return the champion's commit."""
    return project.run("git", "rev-parse", "champion").stdout.strip()


def artifact(key: str) -> list[dict[str, str]]:
    """Return the rows of the newest table of that key."""
    from prefect.artifacts import Artifact

    found = Artifact.get(key)
    assert found is not None
    return json.loads(str(found.data))


def test_the_first_champion_is_what_was_built_already(kennel: Project) -> None:
    with untouched(kennel):
        code, told = retrain(kennel)
    assert (code, "Promoted. champion-" in told) == (0, True), told
    assert kennel.run("git", "rev-parse", "champion~1").stdout == kennel.run("git", "rev-parse", "HEAD").stdout
    assert (
        kennel.run("git", "diff", "--stat", "champion", "HEAD", "--", "dvc.lock", "reports/metrics.json").stdout == ""
    )


def test_with_nothing_changed_there_is_nothing_to_do(kennel: Project) -> None:
    before = champion(kennel)
    with untouched(kennel):
        code, told = retrain(kennel)
    assert (code, told) == (0, "retrain: Nothing to do. Data, code and parameters are the champion's.")
    assert champion(kennel) == before


def test_new_photos_of_one_breed_make_a_new_champion_and_are_told_as_drift(kennel: Project) -> None:
    before, spitz = champion(kennel), BREEDS[1]
    extra = {}
    for kind in ("images", "annotation"):
        with tarfile.open(f"data/sample/{kind}.tar") as sample:
            here = sorted(name for name in sample.getnames() if f"/{spitz}/" in name)
            extra[kind] = {name: sample.extractfile(name).read() for name in here[10:14]}  # type: ignore[union-attr]
    paths = {kind: kennel.root / f"small/{kind}.tar" for kind in extra}
    with (
        changed(paths["images"], lambda _, content: content, extra["images"]),
        changed(paths["annotation"], lambda _, content: content, extra["annotation"]),
        untouched(kennel),
    ):
        code, told = retrain(kennel)
    assert (code, "Promoted" in told) == (0, True), told
    drift = artifact("drift")
    assert [(row["breed"], row["photos before"], row["now"], row["what"]) for row in drift] == [
        ("Snow_spitz", 10, 14, "4 more photos"),
        ("Ember_pointer", 10, 10, "same"),
        ("Midnight_longear", 10, 10, "same"),
    ]
    assert kennel.run("git", "rev-parse", "champion~1").stdout.strip() == before
    moved = json.loads(kennel.run("dvc", "metrics", "diff", "champion~1", "champion", "--json").stdout)
    assert (
        moved["reports/metrics.json"]["efficientnet-lite0.real"]["new"]
        > moved["reports/metrics.json"]["efficientnet-lite0.real"]["old"]
    )
    told = kennel.run("pedigree", "generate", "--rev", "champion", "--breed", "all", "--out", "dogs.png").stdout
    assert "Snow_spitz" in told
    (kennel.root / "dogs.png").unlink()


def broken(share: int) -> Callable[[str, bytes], bytes]:
    """Return a change that cuts off one photo of so many."""
    return lambda name, content: content[:50] if sum(map(ord, name)) % share == 0 else content


def without(breed: str) -> Callable[[str, bytes], bytes | None]:
    """Return a change that takes a breed's photos but for two."""
    kept = iter(range(2))
    return lambda name, content: None if f"/{breed}/" in name and next(kept, None) is None else content


@pytest.mark.parametrize(
    ("poison", "told"),
    [
        (broken(3), "photos decode"),
        (without(BREEDS[0]), "usable photos of a breed"),
    ],
    ids=["broken photos", "a breed emptied"],
)
def test_a_poisoned_archive_is_stopped_by_validation(
    kennel: Project, poison: Callable[[str, bytes], bytes | None], told: str
) -> None:
    before = champion(kennel)
    with changed(kennel.root / "small/images.tar", poison), untouched(kennel):
        code, last = retrain(kennel)
    assert (code, told in last) == (1, True), last
    assert champion(kennel) == before
    assert next(row["expectation"] for row in artifact("validation") if row["result"] == "failed") == told


def test_shuffled_labels_are_stopped_by_validation(kennel: Project) -> None:
    before, swap = champion(kennel), dict(zip(BREEDS, BREEDS[1:] + BREEDS[:1], strict=True))
    shuffled = {}
    for kind in ("images", "annotation"):  # the annotations go where their photos go, and name the breed they came from
        with tarfile.open(kennel.root / f"small/{kind}.tar") as archive:
            files = {name: archive.extractfile(name).read() for name in archive.getnames()}  # type: ignore[union-attr]
        breeds = {name: name.split("/")[-2] for name in files}
        shuffled[kind] = {name.replace(breeds[name], swap[breeds[name]]): content for name, content in files.items()}
    with (
        changed(kennel.root / "small/images.tar", nothing, shuffled["images"]),
        changed(kennel.root / "small/annotation.tar", nothing, shuffled["annotation"]),
        untouched(kennel),
    ):
        code, last = retrain(kennel)
    assert (code, "annotation names the folder's breed" in last) == (1, True), last
    assert champion(kennel) == before


def nothing(_: str, __: bytes) -> None:
    """Take every file away."""


def test_a_candidate_that_does_not_pass_the_gate_is_kept_as_an_experiment(kennel: Project) -> None:
    before = champion(kennel)
    kennel.run("dvc", "exp", "run", "--set-param", 'gate.require=["coverage > 2"]', "--set-param", "train.seed=1")
    kennel.commit("Ask for what nothing can be")
    with untouched(kennel):
        code, last = retrain(kennel)
    assert (code, "The champion stays: coverage is " in last) == (1, True), last
    assert champion(kennel) == before
    (name,) = [word.rstrip(".") for word in last.split() if word.startswith("rejected-")]
    assert name in kennel.run("dvc", "exp", "list").stdout
    assert retrain(kennel) == (code, last)
    assert kennel.run("dvc", "exp", "list", "--name-only").stdout.split().count(name) == 1
