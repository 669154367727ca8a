"""The crop stage on a real Dask cluster: two worker processes, connected by TCP."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import ROOT
from distributed import Client, LocalCluster

from crop.test_stage_crop import BOXER, PUG, SETTINGS, Project
from pedigree.crop import dask, stage
from pedigree.errors import PedigreeError, UsageError
from pedigree.photos.census import read_census
from pedigree.photos.plans import plan_crops
from pedigree.settings import params

NOWHERE = "tcp://127.0.0.1:1"
WITHOUT_PEDIGREE = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "pedigree":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
"""


@contextmanager
def dask_cluster(workers):
    settings = {"threads_per_worker": 1, "processes": True, "host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(n_workers=workers, silence_logs=logging.CRITICAL, **settings) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def shared_cluster():
    with dask_cluster(2) as cluster:
        yield cluster


@pytest.fixture
def cluster(shared_cluster):
    """A cluster that every test may use, and none may break."""
    yield shared_cluster
    assert len(shared_cluster.scheduler.workers) == 2


@pytest.fixture
def empty_cluster():
    with dask_cluster(0) as cluster:
        yield cluster


@pytest.fixture(autouse=True)
def small_tasks(monkeypatch):
    monkeypatch.setattr(dask, "BATCH", 3)
    monkeypatch.setattr(dask, "PATIENCE", 2)


@pytest.fixture
def project(tmp_path):
    """Photos of two breeds, some with more than one dog, cropped by threads."""
    project = Project(tmp_path / "project")
    project.add(f"{BOXER}/two", 50, (5, 5, 50, 50), (60, 20, 110, 80))
    project.add(f"{PUG}/three", 51, (5, 5, 50, 50), (60, 20, 110, 80), (0, 0, 119, 89))
    project.crop(frames="both")
    return project


def crop_again(project, scheduler):
    """Crop the photos again without taking a new census."""
    settings, census = replace(SETTINGS, frames="both", scheduler=scheduler), project.root / "data" / "census.csv"
    stage.crop(project.raw, census, project.verdict, settings, project.target, project.sheet, project.facts)


def cuts_of(project):
    plans, _ = plan_crops(read_census(project.root / "data" / "census.csv"), replace(SETTINGS, frames="both"))
    return [(plan.photo, plan.windows) for plan in plans]


def on_cluster(project, cluster):
    """Yield the crops photo by photo."""
    return dask.crop_photos(project.raw / "Images", cuts_of(project), 16, cluster.scheduler_address)


def here(project):
    return dask.crop_batch(project.raw / "Images", cuts_of(project), 16)


def as_bytes(arrays):
    return [(array.shape, array.dtype, array.tobytes()) for array in arrays]


def eventually(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_cluster_writes_the_same_files_as_threads(project, cluster, capsys):
    by_threads = project.written()
    capsys.readouterr()
    project.crop(frames="both", scheduler=cluster.scheduler_address)
    assert project.written() == by_threads
    assert len(by_threads) == 8
    assert "crop: 100%" in capsys.readouterr().err


def test_a_relative_path_means_a_folder_of_the_client(project, cluster, monkeypatch):
    expected = as_bytes(here(project))
    monkeypatch.chdir(project.root)
    project.raw = Path("data/raw")
    assert as_bytes(on_cluster(project, cluster)) == expected


def test_few_photos_are_in_flight(project, cluster, monkeypatch):
    submitted, submit = [], Client.submit
    monkeypatch.setattr(Client, "submit", lambda *args, **kwargs: submitted.append(1) or submit(*args, **kwargs))
    monkeypatch.setattr(dask, "BATCH", 1)
    monkeypatch.setattr(dask, "AHEAD", 2)
    photos = on_cluster(project, cluster)
    for taken in range(1, 10):
        next(photos)
        assert len(submitted) == 2 * 2 + taken
    photos.close()


def test_a_changed_photo_is_cropped_again_although_another_run_holds_its_old_crops(project, cluster):
    before, other_run = here(project), on_cluster(project, cluster)
    next(other_run)
    eventually(lambda: all(task.state == "memory" for task in cluster.scheduler.tasks.values()))
    *_, photo, last = (project.raw / "Images" / photo for photo, _ in cuts_of(project))
    last.write_bytes(photo.read_bytes())
    assert as_bytes(on_cluster(project, cluster)) == as_bytes(here(project)) != as_bytes(before)
    other_run.close()


def test_killing_a_worker_does_not_change_the_crops(project, monkeypatch):
    monkeypatch.setattr(dask, "BATCH", 1)
    lost = []

    def kill(nanny, scheduler):
        """Kill a worker while it has photos to crop, or crops that were not fetched yet."""
        state = scheduler.workers[nanny.worker_address]
        eventually(lambda: state.processing or state.has_what)
        lost.extend([*state.processing, *state.has_what])
        os.kill(nanny.pid, signal.SIGKILL)

    with dask_cluster(2) as cluster:
        photos = on_cluster(project, cluster)
        got = [next(photos)]
        victim = cluster.workers[0]
        os.kill(victim.pid, signal.SIGSTOP)
        killer = threading.Thread(target=kill, args=(victim, cluster.scheduler))
        killer.start()
        got += photos
        killer.join()
    assert lost
    assert as_bytes(got) == as_bytes(here(project))


def test_other_versions_on_the_workers_give_no_warning(project, cluster, monkeypatch, recwarn, capfd):
    monkeypatch.setattr("distributed.versions.get_versions", lambda: {"host": {}, "packages": {"python": "2.7"}})
    assert as_bytes(on_cluster(project, cluster)) == as_bytes(here(project))
    assert recwarn.list == []
    assert capfd.readouterr().err == ""


def test_a_photo_that_does_not_decode_gives_the_same_error_as_with_threads(project, cluster):
    (project.raw / "Images" / PUG / "3.jpg").write_bytes(b"\xff\xd8 not much")
    messages, before = [], project.written()
    for scheduler in (None, cluster.scheduler_address):
        with pytest.raises(PedigreeError, match=r"3\.jpg does not decode") as error:
            crop_again(project, scheduler)
        messages.append(str(error.value))
    assert messages[0] == messages[1]
    assert project.written() == before


@pytest.mark.skipif(
    not Path("/proc/self/cwd").is_dir(), reason="needs /proc of Linux for a path that differs between processes"
)
def test_photos_that_a_worker_cannot_see_are_reported_as_a_fault_of_the_cluster(project, cluster, monkeypatch):
    monkeypatch.chdir(project.root)
    project.raw = Path("/proc/self/cwd/data/raw")
    with pytest.raises(
        PedigreeError, match=rf"^A worker .* cannot read .*{BOXER}/0\.jpg.*shared file system\.$"
    ) as error:
        list(on_cluster(project, cluster))
    assert "pedigree validate" not in str(error.value)


def test_a_scheduler_that_does_not_answer_is_an_error(project):
    before, start = project.written(), time.monotonic()
    with pytest.raises(PedigreeError, match=rf"^No Dask scheduler answers at .*{NOWHERE} \(.*`dask scheduler`"):
        crop_again(project, NOWHERE)
    assert time.monotonic() - start < 10
    assert project.written() == before


def test_missing_certificates_are_an_error(project):
    with pytest.raises(PedigreeError, match=r"No Dask scheduler answers at .*TLS configuration"):
        crop_again(project, "tls://127.0.0.1:1")


def test_a_cluster_without_workers_is_an_error_before_any_task_is_submitted(project, empty_cluster, monkeypatch):
    monkeypatch.setattr(Client, "submit", None)
    address = empty_cluster.scheduler_address
    with pytest.raises(
        PedigreeError, match=f"^The Dask cluster at {address} has no workers: .*`dask worker {address}`"
    ):
        crop_again(project, address)


def test_losing_the_last_worker_is_an_error(project, empty_cluster):
    empty_cluster.scale(1)
    empty_cluster.wait_for_workers(1)
    photos = on_cluster(project, empty_cluster)
    next(photos)
    empty_cluster.scale(0)
    with pytest.raises(PedigreeError, match="has no workers"):
        list(photos)


def test_losing_the_scheduler_is_an_error_of_one_line_without_a_log(project, empty_cluster, caplog):
    empty_cluster.scale(1)
    empty_cluster.wait_for_workers(1)
    photos = on_cluster(project, empty_cluster)
    next(photos)
    empty_cluster.close()
    with pytest.raises(PedigreeError, match=r"^The Dask cluster at .* failed \(.*: read the logs") as error:
        list(photos)
    assert "\n" not in str(error.value)
    assert [record for record in caplog.records if record.name == "distributed.client"] == []


def test_a_worker_without_pedigree_is_named(project, empty_cluster, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_PEDIGREE)
    command = [sys.executable, "-m", "dask", "worker", empty_cluster.scheduler_address]
    command += ["--host", "127.0.0.1", "--nthreads", "1", "--no-nanny", "--no-dashboard"]
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as worker:
        try:
            empty_cluster.wait_for_workers(1)
            name = next(iter(empty_cluster.scheduler.workers))
            with pytest.raises(PedigreeError, match=rf"lacks pedigree.* on {name}: pip install 'pedigree\[dask\]'"):
                crop_again(project, empty_cluster.scheduler_address)
        finally:
            worker.terminate()


def test_dask_is_required_only_if_an_address_is_set(project, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    crop_again(project, None)
    with pytest.raises(PedigreeError, match=rf"{NOWHERE}, but Dask is not installed: pip install 'pedigree\[dask\]'"):
        crop_again(project, NOWHERE)


def test_dask_is_imported_only_for_an_address():
    program = "import sys, pedigree.crop.stage; print(sorted({'dask', 'distributed'} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "[]\n"


def scheduler_parameter(tmp_path, given):
    text = (ROOT / "params.yaml").read_text().replace("\n  scheduler: null ", f"\n  scheduler: {given} ")
    (tmp_path / "params.yaml").write_text(text)
    return params.load(params.Crop, tmp_path / "params.yaml").scheduler


@pytest.mark.parametrize("address", ["tcp://10.0.0.1:8786", "tls://dask.example.org:8786", "tcp://[::1]:8786"])
def test_the_address_of_a_scheduler_is_accepted(tmp_path, address):
    assert scheduler_parameter(tmp_path, address) == address


def test_the_default_is_no_cluster():
    assert params.load(params.Crop, ROOT / "params.yaml").scheduler is None


@pytest.mark.parametrize(
    "address", ["localhost:8786", "http://localhost:8787", "tcp://localhost", "tcp://:8786", "''", "8786", "true"]
)
def test_any_other_address_is_refused(tmp_path, address):
    with pytest.raises(UsageError, match=r"crop\.scheduler: .* Received: "):
        scheduler_parameter(tmp_path, address)
