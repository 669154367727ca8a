"""Retraining: nothing to do, a new champion, a rejected candidate, bad archives. The checkout is never touched."""

import hashlib
import io
import json
import re
import shutil
import signal
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

import pytest
import retrain as flow
from conftest import ROOT
from pipeline.small_project import BREEDS, Project
from prefect.settings import PREFECT_API_URL
from stages import open_repo

NOT_WATCHED = (".git", "runs", ".dvc/cache", ".dvc/tmp", ".dvc/storage", "__pycache__")  # the rest is the user's
GATE = {"gate.no_worse": ["breed_accuracy"], "gate.slack": 1.0, "gate.new_collapses": 3, "gate.require": []}
NAMES = (("CANDIDATE", "candidate"), ("CHAMPION", "champion"), ("SCRATCH", "state"), ("PAGES", "pages"))
Retrain = Callable[..., tuple[int, str]]

pytestmark = pytest.mark.usefixtures("server")


@contextmanager
def retraining(folder: Path, *options: str) -> Iterator[None]:
    """Let the flow in this process work in a project, with options of the command line."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flow, "ROOT", folder)
        for name, place in NAMES:
            patch.setattr(flow, name, folder / "runs/retrain" / place)
        patch.setattr(sys, "argv", ["retrain.py", *options])
        patch.setattr(signal, "signal", lambda *_: None)
        yield


@pytest.fixture
def retrain(capsys: pytest.CaptureFixture[str]) -> Retrain:
    """Run the flow's command line on a project; return its exit code and its last line."""

    def run(project: Project, *options: str) -> tuple[int, str]:
        with retraining(project.root, *options):
            code = flow.main()
        output = capsys.readouterr()
        assert "Traceback" not in output.out
        return code, output.err.splitlines()[-1]

    return run


@pytest.fixture(scope="module")
def committed(built: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The small project with a gate that anything passes, without a champion. To be copied."""
    project = built.copy_to(tmp_path_factory.mktemp("committed") / "project")
    project.override(GATE)
    project.commit("A gate")
    return project


@pytest.fixture(scope="module")
def promoted(committed: Project, tmp_path_factory: pytest.TempPathFactory, server: None) -> Project:
    """The same with a champion. To be copied."""
    project = committed.copy_to(tmp_path_factory.mktemp("promoted") / "project")
    with retraining(project.root):
        assert flow.main() == 0
    return project


@pytest.fixture
def kennel(promoted: Project, tmp_path: Path) -> Project:
    """A copy of the small project with a champion."""
    return promoted.copy_to(tmp_path / "project")


def state_of(project: Project) -> dict[str, str]:
    """Return the digest of every file that a person works on, and the status by git and DVC."""
    paths = sorted(path for path in project.root.rglob("*") if path.is_file())
    names = {path.relative_to(project.root).as_posix(): path for path in paths}
    state = {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in names.items()
        if not any(name.startswith(f"{part}/") or f"/{part}/" in name for part in NOT_WATCHED)
    }
    for command in (["git", "status", "--porcelain", "--branch"], ["git", "rev-parse", "HEAD"]):
        state[" ".join(command)] = project.run(*command).stdout
    with open_repo(project.root) as repo:
        state["dvc status"] = str(repo.status())
    return state


@contextmanager
def untouched(project: Project) -> Iterator[None]:
    """Check that the block changes nothing in the checkout."""
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
    """Return the rows of the newest table of that key, as Prefect's UI shows them: Markdown's escapes are removed."""
    from prefect.artifacts import Artifact

    table = Artifact.get(key)
    assert table is not None
    rows = json.loads(str(table.data))
    return [{k: re.sub(r"\\(.)", r"\1", v) if isinstance(v, str) else v for k, v in row.items()} for row in rows]


def linked_pages() -> list[Path]:
    """Return the files that the newest artifact of pages links."""
    from prefect.artifacts import Artifact

    links = Artifact.get("pages")
    assert links is not None
    return [Path(unquote(address)) for address in re.findall(r"\(file://([^)]+)\)", str(links.data))]


def test_the_first_champion_is_what_was_built_already(committed: Project, tmp_path: Path, retrain: Retrain) -> None:
    project = committed.copy_to(tmp_path / "project")
    with untouched(project):
        code, message = retrain(project)
    assert (code, "Promoted. champion-" in message) == (0, True), message
    assert project.run("git", "rev-parse", "champion~1").stdout == project.run("git", "rev-parse", "HEAD").stdout
    results = ("dvc.lock", "reports/metrics.json")
    assert project.run("git", "diff", "--stat", "champion", "HEAD", "--", *results).stdout == ""


def test_with_nothing_changed_there_is_nothing_to_do(kennel: Project) -> None:
    before, url = champion(kennel), str(PREFECT_API_URL.value())
    with untouched(kennel):
        result = kennel.run(sys.executable, "flows/retrain.py", check=False, PREFECT_API_URL=url)
    message = result.stderr.splitlines()[-1]
    assert message == "retrain: Nothing to do. Data, code and parameters are those of the champion."
    assert (result.returncode, "Traceback" in result.stdout) == (0, False)
    assert champion(kennel) == before


def test_new_photos_of_a_breed_make_a_new_champion_and_are_shown_as_drift(kennel: Project, retrain: Retrain) -> None:
    before, spitz = champion(kennel), BREEDS[1]
    extra = {}
    for kind in ("images", "annotation"):
        with tarfile.open(ROOT / f"data/sample/{kind}.tar") as sample:
            names = sorted(name for name in sample.getnames() if f"/{spitz}/" in name)
            extra[kind] = {name: sample.extractfile(name).read() for name in names[10:14]}  # type: ignore[union-attr]
    paths = {kind: kennel.root / f"small/{kind}.tar" for kind in extra}
    with (
        changed(paths["images"], lambda _, content: content, extra["images"]),
        changed(paths["annotation"], lambda _, content: content, extra["annotation"]),
        untouched(kennel),
    ):
        code, message = retrain(kennel)
    assert (code, "Promoted" in message) == (0, True), message
    assert [(row["breed"], row["photos before"], row["now"], row["what"]) for row in artifact("drift")] == [
        ("Snow_spitz", 10, 14, "4 more photos"),
        ("Ember_pointer", 10, 10, "same"),
        ("Midnight_longear", 10, 10, "same"),
    ]
    assert kennel.run("git", "rev-parse", "champion~1").stdout.strip() == before
    diff = json.loads(kennel.run("dvc", "metrics", "diff", "champion~1", "champion", "--json").stdout)
    real = diff["reports/metrics.json"]["efficientnet-lite0.real"]
    assert real["new"] > real["old"]
    pictures = kennel.run("pedigree", "generate", "--rev", "champion", "--breed", "all", "--out", "dogs.png")
    assert "Snow_spitz" in pictures.stdout


def remote_files(project: Project) -> set[str]:
    """Return the names of the files in the project's DVC remote."""
    storage = project.root / ".dvc/storage"
    return {path.relative_to(storage).as_posix() for path in storage.rglob("*") if path.is_file()}


def test_a_champion_moves_only_after_its_outputs_are_in_the_remote(
    committed: Project, tmp_path: Path, retrain: Retrain
) -> None:
    project = committed.copy_to(tmp_path / "project")
    storage = project.root / ".dvc/storage"
    storage.write_text("a file where DVC expects a folder")
    code, message = retrain(project)
    assert (code, "dvc push: ERROR: " in message, "Not a directory: " in message) == (1, True, True), message
    assert project.run("git", "tag", "--list", "champion*").stdout == ""
    storage.unlink()
    code, message = retrain(project)
    assert (code, "Its outputs are in the DVC remote" in message) == (0, True), message
    copy = Project(tmp_path / "copy")
    project.run("git", "clone", "--quiet", "--branch", "champions", str(project.root), str(copy.root))
    copy.run("dvc", "remote", "modify", "--local", "local", "url", str(storage))
    copy.run("dvc", "pull", "models/generator.keras")
    generator = "models/generator.keras"
    assert (copy.root / generator).read_bytes() == (project.root / generator).read_bytes()


def test_what_the_remote_lacks_of_the_champion_is_sent_when_there_is_nothing_to_do(
    kennel: Project, retrain: Retrain
) -> None:
    storage, complete = kennel.root / ".dvc/storage", remote_files(kennel)
    assert complete
    shutil.rmtree(storage)
    assert retrain(kennel)[1].startswith("retrain: Nothing to do.")
    assert remote_files(kennel) == complete
    folder = next(name for name in complete if name.endswith(".dir"))  # DVC pushes a folder's list last
    (storage / folder).unlink()
    assert retrain(kennel)[1].startswith("retrain: Nothing to do.")
    assert remote_files(kennel) == complete
    shutil.rmtree(storage)
    storage.write_text("a file where DVC expects a folder")
    code, message = retrain(kennel)
    assert (code, "Not a directory: " in message) == (1, True), message


def broken(share: int) -> Callable[[str, bytes], bytes]:
    """Return a change that cuts off one photo of so many."""
    return lambda name, content: content[:50] if sum(map(ord, name)) % share == 0 else content


def without(breed: str) -> Callable[[str, bytes], bytes | None]:
    """Return a change that takes a breed's photos but for two."""
    kept = iter(range(2))
    return lambda name, content: None if f"/{breed}/" in name and next(kept, None) is None else content


def shuffled(archive: Path) -> dict[str, bytes]:
    """Return the files of an archive, each in the folder of another breed."""
    swap = dict(zip(BREEDS, BREEDS[1:] + BREEDS[:1], strict=True))
    with tarfile.open(archive) as files:
        contents = {name: files.extractfile(name).read() for name in files.getnames()}  # type: ignore[union-attr]
    breeds = {name: name.split("/")[-2] for name in contents}
    return {name.replace(breeds[name], swap[breeds[name]]): content for name, content in contents.items()}


@pytest.mark.parametrize(
    ("poison", "expectation"),
    [
        (broken(3), "photos decode"),
        (without(BREEDS[0]), "usable photos of a breed"),
    ],
    ids=["broken photos", "a breed emptied"],
)
def test_a_bad_archive_is_stopped_by_validation(
    kennel: Project, retrain: Retrain, poison: Callable[[str, bytes], bytes | None], expectation: str
) -> None:
    before = champion(kennel)
    with changed(kennel.root / "small/images.tar", poison), untouched(kennel):
        code, message = retrain(kennel)
    assert (code, expectation in message) == (1, True), message
    assert champion(kennel) == before
    assert next(row["expectation"] for row in artifact("validation") if row["result"] == "failed") == expectation
    assert {page.name for page in linked_pages()} == {"validation.html", "index.html"}  # of this run, and no scores


def test_shuffled_labels_are_stopped_by_validation(kennel: Project, retrain: Retrain) -> None:
    before = champion(kennel)
    images, annotations = kennel.root / "small/images.tar", kennel.root / "small/annotation.tar"
    with (
        changed(images, nothing, shuffled(images)),  # the annotations move with the photos, and name the old breed
        changed(annotations, nothing, shuffled(annotations)),
        untouched(kennel),
    ):
        code, message = retrain(kennel)
    assert (code, "annotation names the folder's breed" in message) == (1, True), message
    assert champion(kennel) == before


def nothing(_: str, __: bytes) -> None:
    """Remove a file."""


def text_of(key: str) -> str:
    """Return the newest text of that key, as Prefect's UI shows it."""
    from prefect.artifacts import Artifact

    found = Artifact.get(key)
    assert found is not None
    return str(found.data)


def test_a_rejected_candidate_is_not_trained_again_and_can_be_promoted_by_hand(
    kennel: Project, retrain: Retrain
) -> None:
    before = champion(kennel)
    kennel.override({"gate.require": ["coverage > 2"], "train.seed": 5})
    kennel.commit("Require what no generator reaches")
    with untouched(kennel):
        code, message = retrain(kennel)
    assert (code, "The champion stays: coverage is " in message) == (1, True), message
    assert text_of("digest").startswith("## Rejected")
    assert text_of("beside").startswith("data:image/png;base64,")
    pages = linked_pages()
    assert {page.name for page in pages} == {"scores.html", "validation.html"}
    assert all("runs/retrain/pages/" in str(page) and page.is_file() for page in pages)
    assert champion(kennel) == before
    (name,) = [word.rstrip(".") for word in message.split() if word.startswith("rejected-")]
    with untouched(kennel):
        code, message = retrain(kennel)
    assert (code, f"Nothing to do. {name} has the same data, code and parameters" in message) == (0, True), message
    exported = (kennel.root / "runs/prometheus/pedigree-retrain.prom").read_text()
    assert 'pedigree_generator_score{flow="retrain",judge="efficientnet-lite0",number="coverage"} ' in exported
    assert "pedigree_stage_seconds{" not in exported  # no stage has run
    assert kennel.run("dvc", "exp", "list", "--name-only").stdout.split() == [name]
    assert retrain(kennel, "--promote", "rejected-0", "--because", "nothing")[0] == 1
    with untouched(kennel):
        code, message = retrain(kennel, "--promote", name, "--because", "better heads", "--who", "Ada")
    assert (code, "Promoted. champion-" in message) == (0, True), message
    text = kennel.run("git", "show", "--no-patch", "--format=%B", "champion").stdout
    assert text.startswith(f"A new champion, by hand: better heads\n\n{name} was promoted by Ada: better heads\n")
    assert kennel.run("git", "rev-parse", "champion~1").stdout.strip() == before
    assert retrain(kennel)[1].startswith("retrain: Nothing to do. Data, code and parameters are those of the champion")
    assert "by hand: better heads" in kennel.run("pedigree", "champions").stdout


@pytest.fixture
def kennel_in_monorepo(committed: Project, tmp_path: Path) -> Project:
    """The small project, built and without a champion, as a folder of a larger git repository."""
    (tmp_path / "mono").mkdir()
    project = committed.copy_to(tmp_path / "mono/dogs")
    shutil.rmtree(project.root / ".git")
    whole = Project(tmp_path / "mono")
    (whole.root / "readme").write_text("something else")
    whole.run("git", "init", "--quiet", "--initial-branch=main")
    for key, value in (("name", "Pedigree's tests"), ("email", "tests@example.org")):
        whole.run("git", "config", f"user.{key}", value)
    whole.commit("Everything")
    return project


def test_a_project_in_a_folder_of_a_larger_repository_is_retrained_there(
    kennel_in_monorepo: Project, retrain: Retrain
) -> None:
    project = kennel_in_monorepo
    with untouched(project):
        code, message = retrain(project)
    assert (code, "Promoted. champion-" in message) == (0, True), message
    assert project.run("git", "ls-tree", "--full-tree", "--name-only", "champion").stdout.split() == ["dogs", "readme"]
    assert retrain(project)[1].startswith("retrain: Nothing to do.")
    with changed(project.root / "small/images.tar", broken(3)):
        code, message = retrain(project)
    assert (code, "photos decode" in message) == (1, True), message
    assert [(row["champion"], row["verdict"]) for row in artifact("gate")] == [("", "not compared")]
    project.override({"gate.require": ["coverage > 2"], "score.samples": 13})
    project.commit("Require what no generator reaches")
    with untouched(project):
        code, message = retrain(project)
    assert (code, "saved as experiment rejected-" in message) == (1, True), message
    assert "rejected-" in project.run("dvc", "exp", "list", "--name-only").stdout
