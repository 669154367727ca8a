"""Other revisions: generators out of a real git and DVC repository, and every way that can fail, in one line."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import keras
import pytest

from pedigree.cli import main
from pedigree.common.paths import GENERATOR
from pedigree.errors import PedigreeError, UsageError
from pedigree.generator.model import save_generator
from pedigree.networks import ARCHITECTURES
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.shapes import Shape
from pedigree.results import revisions
from pedigree.results.metrics_file import read_against

CHAMPIONS = ("n90000001-Red", "n90000002-Blue")
LATERS = ("n90000001-Red", "n90000003-Green")
CONFIG = ("-c", "user.name=t", "-c", "user.email=t@t")


@dataclass(frozen=True)
class Project:
    """A repository of generators, and copies of those kept outside of it, by revision."""

    root: Path
    kept: dict[str, Path]

    def files(self) -> dict[Path, bytes]:
        """Return what a person has checked out, which is neither git's nor DVC's own."""
        found = (path for path in self.root.rglob("*") if path.is_file())
        return {path: path.read_bytes() for path in found if not {".git", ".dvc"} & set(path.parts)}


def run(root: Path, *command: str) -> None:
    subprocess.run(command, cwd=root, check=True, capture_output=True)


def commit(root: Path, message: str) -> None:
    run(root, "git", "add", "-A")
    run(root, "git", *CONFIG, "commit", "-q", "--allow-empty", "-m", message)
    run(root, "git", "tag", message)


def keep(root: Path, message: str) -> None:
    """Give the generator in `root` to DVC, and commit that under a tag of its own."""
    run(root, sys.executable, "-m", "dvc", "add", "-q", str(GENERATOR))
    commit(root, message)


def new_repository(root: Path, *options: str) -> None:
    if "--subdir" not in options:
        run(root, "git", "init", "-q")
    run(root, sys.executable, "-m", "dvc", "init", "-q", *options)
    (root / GENERATOR).parent.mkdir()
    commit(root, "empty")


@pytest.fixture(scope="module", autouse=True)
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep out of sight the configuration of git and DVC outside of this repository."""
    away = tmp_path_factory.mktemp("away")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
            patch.delenv(name, raising=False)
        patch.setenv("GIT_CEILING_DIRECTORIES", str(away.parent))
        for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
            patch.setenv(name, os.devnull)
        for name in ("DVC_GLOBAL_CONFIG_DIR", "DVC_SYSTEM_CONFIG_DIR", "DVC_SITE_CACHE_DIR"):
            patch.setenv(name, str(away / name))
        yield


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Tags in order: empty, champion, later (of other breeds), text (no generator), broken; and a change since."""
    root, kept = tmp_path_factory.mktemp("project"), tmp_path_factory.mktemp("kept")
    new_repository(root)
    for seed, (tag, breeds) in enumerate({"champion": CHAMPIONS, "later": LATERS}.items()):
        keras.utils.set_random_seed(seed)
        network = ARCHITECTURES["projection-dcgan"].build_generator(
            Shape(16, 3, 8, 2, 4), LayerFactory(keras_only=True)
        )
        save_generator(network, breeds, root / GENERATOR)
        shutil.copy(root / GENERATOR, kept / f"{tag}.keras")
        keep(root, tag)
    (root / GENERATOR).write_text("text")
    keep(root, "text")
    (root / "dvc.yaml").write_text("stages: 3\n")
    commit(root, "broken")
    (root / GENERATOR).write_text("not committed")
    return Project(root, {tag: kept / f"{tag}.keras" for tag in ("champion", "later")})


def drawn(out: Path, *which: str) -> bytes:
    assert main(["generate", "--breed", "red", "--count", "2", "--out", str(out), *which]) == 0
    return out.read_bytes()


def refused(revision: str, kind: type[PedigreeError]) -> str:
    """Return the one line that says why there is no generator of `revision`."""
    with pytest.raises(PedigreeError) as error, revisions.fetched(revision, GENERATOR):
        pass
    assert type(error.value) is kind
    assert "\n" not in str(error.value)
    return str(error.value)


def test_each_revision_draws_its_own_dogs_and_the_checkout_stays_as_it_is(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.root)
    before = project.files()
    pictures = {name: drawn(tmp_path / "dogs.png", "--rev", name) for name in ("champion", "later", "text~1")}
    assert project.files() == before
    for name, kept in project.kept.items():
        assert pictures[name] == drawn(tmp_path / "dogs.png", "--model", str(kept))
    assert pictures["champion"] != pictures["later"] == pictures["text~1"]


def test_breeds_and_walks_are_those_of_the_revision(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project.root)
    assert main(["breeds", "--rev", "champion"]) == 0
    assert capsys.readouterr().out.split() == ["Red", "Blue"]
    way = ["walk", "--breed", "red", "--to", "green", "--count", "2", "--frames", "3", "--out", str(tmp_path / "w.png")]
    assert main([*way, "--rev", "champion"]) == 2
    assert "no breed 'green'" in capsys.readouterr().err
    assert main([*way, "--rev", "later"]) == 0


def test_the_copy_goes_with_the_block_however_it_ends(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.root)
    with revisions.fetched("text", GENERATOR) as copy:
        assert (copy.read_text(), copy.name) == ("text", GENERATOR.name)
    assert not copy.parent.exists()
    with pytest.raises(ZeroDivisionError), revisions.fetched("text", GENERATOR) as copy:
        raise ZeroDivisionError
    assert not copy.parent.exists()


@pytest.mark.parametrize(
    ("revision", "code", "message"),
    [
        ("nope", 2, "'nope' is not a revision of this repository (`git log` and `git tag` list them)"),
        ("--all", 2, "'--all' is not a revision"),
        ("empty..later", 2, "is not a revision"),
        ("a\0", 2, r"'a\x00' is not a revision"),
        ("a\ud800\x1b", 2, r"'a\ud800\x1b' is not a revision"),
        ("", 2, "'' is not a revision"),
        ("later^{tree}", 2, "is not a revision"),
        ("empty", 1, "revision empty has no models/generator.keras; `git log -- dvc.lock`"),
        ("text", 1, "models/generator.keras of text is not a generator that Pedigree saved"),
        ("broken", 1, "DVC cannot get models/generator.keras of broken: "),
    ],
)
def test_what_a_revision_lacks_is_told_in_one_line(
    project: Project,
    revision: str,
    code: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(project.root)
    assert main(["breeds", f"--rev={revision}"]) == code
    error = capsys.readouterr().err
    assert error.startswith("pedigree breeds: ")
    assert message in error
    assert error.count("\n") == 1


def test_what_the_cache_has_lost_comes_from_the_remote_and_is_told_where_that_has_it_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "project"
    root.mkdir()
    new_repository(root)
    (root / ".dvc/config").write_text("[core]\nremote = local\n['remote \"local\"']\nurl = storage\n")
    (root / GENERATOR).write_text("pushed")
    keep(root, "pushed")
    run(root, sys.executable, "-m", "dvc", "push", "-q")
    (root / GENERATOR).write_text("kept here")
    keep(root, "kept")
    monkeypatch.chdir(root)
    with revisions.fetched("kept", GENERATOR) as copy:
        assert copy.read_text() == "kept here"
    shutil.rmtree(".dvc/cache")
    with revisions.fetched("pushed", GENERATOR) as copy:
        assert copy.read_text() == "pushed"
    assert "of kept is neither in DVC's cache here nor in its remote." in refused("kept", PedigreeError)


def test_a_project_in_a_folder_of_a_repository_finds_its_own_generator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "deep"
    root.mkdir()
    run(tmp_path, "git", "init", "-q")
    new_repository(root, "--subdir")
    (root / GENERATOR).write_text("deep")
    keep(root, "old")
    monkeypatch.chdir(root)
    with revisions.fetched("old", GENERATOR) as copy:
        assert copy.read_text() == "deep"


def test_in_a_subfolder_the_folder_is_named_and_not_the_revision(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = project.root / "notebooks"
    folder.mkdir()
    (folder / "kept.json").write_text('{"e": {"samples": 3}}')
    monkeypatch.chdir(folder)
    line = f"{folder} has no dvc.yaml: run the command in the project's folder.\n"
    for command in ("generate", "walk"):
        out = [] if command == "generate" else ["--out", "walk.png"]
        assert main([command, "--breed", "pug", "--rev", "champion", *out]) == 1
        assert capsys.readouterr().err.endswith(f"pedigree {command}: {line}")
    with pytest.raises(PedigreeError) as error:
        read_against("champion")
    assert f"{error.value}\n" == line


def test_no_repository_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    message = refused("HEAD", UsageError)
    assert "no revision 'HEAD' here: not a git repository" in message
    assert "project's root" in message


def test_a_missing_git_and_a_missing_dvc_are_told(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.root)
    monkeypatch.setitem(sys.modules, "dvc.api", None)  # importing it raises ImportError
    assert "needs DVC, which is not installed: pip install 'pedigree[pipeline]'" in refused("champion", PedigreeError)
    monkeypatch.setenv("PATH", "")
    assert "needs git, which is not installed" in refused("champion", PedigreeError)


def test_history_lists_the_commits_that_changed_a_file_newest_first(project: Project) -> None:
    path = GENERATOR.with_name("generator.keras.dvc")
    commits = revisions.history(path, project.root)
    assert [made.subject for made in commits] == ["text", "later", "champion"]
    assert all(made.name.startswith(made.short) for made in commits)
    assert [revisions.commit_of(made.subject, project.root) for made in commits] == [made.name for made in commits]
    contents = {revisions.content_of(made.name, path, project.root) for made in commits}
    assert len(contents) == 3
    assert None not in contents
    assert revisions.history(Path("nothing"), project.root) == []
