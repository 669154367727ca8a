"""Memory and disk: a container's limit counts, and estimates grow with the photos, crops and copies."""

import zipfile
from pathlib import Path

import pytest

from pedigree.doctor import machine, parameters, space
from pedigree.doctor.space import Needs

HUGE = Needs(memory=1e18, memory_basis="all of it", disk=1e18, disk_basis="all of it")
NOTHING = Needs(memory=0, memory_basis="", disk=0, disk_basis="")


@pytest.fixture
def cgroup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The control groups of a container: the inner one has no limit, the outer one 1 GB, of which 0.7 are used."""
    monkeypatch.setattr(machine, "CGROUP", tmp_path)
    monkeypatch.setattr(machine, "OWN_CGROUP", tmp_path / "own")
    (tmp_path / "own").write_text("0::/pod/box\n")
    (tmp_path / "pod/box").mkdir(parents=True)
    (tmp_path / "pod/box/memory.max").write_text("max\n")
    (tmp_path / "pod/memory.max").write_text("1000000000\n")
    (tmp_path / "pod/memory.current").write_text("700000000\n")
    (tmp_path / "pod/memory.stat").write_text("anon 500000000\ninactive_file 150000000\nactive_file 50000000\n")
    return tmp_path


def test_the_limit_of_a_container_counts_and_its_cached_files_are_available(cgroup: Path) -> None:
    memory = machine.read_memory()
    assert (memory.total, memory.available, memory.limited) == (1_000_000_000, 500_000_000, True)
    assert "1.0 GB of the container" in machine.check_memory(None).text
    assert machine.check_memory(Needs(8e8, "", 0, "")).level == "note"
    assert machine.check_memory(Needs(2e9, "", 0, "")).level == "problem"
    (cgroup / "pod/memory.max").write_text("max\n")
    assert not machine.read_memory().limited


def test_too_little_memory_or_disk_is_a_problem_that_says_how_it_was_estimated(tmp_path: Path) -> None:
    for finding in (machine.check_memory(HUGE), machine.check_disk(tmp_path, HUGE)):
        assert finding.level == "problem"
        assert "(all of it)" in finding.text
        assert finding.remedy
    assert machine.check_disk(tmp_path, NOTHING).level == "fine"


def test_the_processor_is_named_with_the_cores_that_may_be_used(cgroup: Path) -> None:
    (cgroup / "cpu.max").write_text("50000 100000\n")
    assert "limited to 0.5 by the container" in machine.check_processor().text


def test_an_estimate_needs_valid_parameters_and_archives(project: Path) -> None:
    sections, _ = parameters.load(project)
    assert space.estimate(project, sections, copies=True) is not None
    assert space.estimate(project, {name: sections[name] for name in sections if name != "crop"}, copies=True) is None
    (project / "data/sample/images.tar").unlink()
    assert space.estimate(project, sections, copies=True) is None


def test_an_estimate_counts_photos_once_or_twice_crops_and_features(project: Path) -> None:
    sections, _ = parameters.load(project)
    (project / "data/census.csv").write_text("photo\n" + "a.jpg\n" * 1000)
    raw = sum((project / f"data/sample/{name}.tar").stat().st_size for name in ("images", "annotation"))
    crops, features = 1000 * 32 * 32 * 3, 1000 * 1280 * 4
    once, twice = (space.estimate(project, sections, copies=copies) for copies in (False, True))
    assert once is not None
    assert twice is not None
    assert once.disk == raw + crops + 2 * features  # efficientnet-lite0 and breed-classifier
    assert twice.disk == 2 * (raw + crops) + 2 * features
    assert once.memory == space.LIBRARIES + 3 * features
    assert "1,000 crops of 32 px: from data/census.csv" in once.disk_basis


def test_what_is_written_already_is_not_needed_again(project: Path) -> None:
    sections, _ = parameters.load(project)
    before = space.estimate(project, sections, copies=False)
    (project / "data/crops").mkdir()
    (project / "data/crops/train-images.npy").write_bytes(bytes(1000))
    after = space.estimate(project, sections, copies=False)
    assert before is not None
    assert after is not None
    assert before.disk - after.disk == 1000


def test_a_zip_counts_with_its_unpacked_size(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "dogs.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("pug/1.jpg", bytes(100_000))
    assert (tmp_path / "dogs.zip").stat().st_size < 1000
    assert space._unpacked(tmp_path / "dogs.zip") == 100_000
