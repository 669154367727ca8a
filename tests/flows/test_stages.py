"""Stages as tasks: DVC's graph decides what runs and in which order; Prefect shows what ran, was cached and failed."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT
from prefect import flow
from prefect.artifacts import Artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.settings import PREFECT_API_URL
from stages import (
    BusyError,
    StageError,
    changed,
    changed_inputs,
    exclusive,
    graph,
    inputs_hash,
    open_repo,
    run_stage,
    run_stages,
)

from flows.conftest import SLICE, Bakery
from pedigree.errors import PedigreeError

pytestmark = pytest.mark.usefixtures("server")


@flow
def run(root: Path, targets: list[str] | None = None, force: list[str] | None = None) -> list[str]:
    """Run the stages, as both flows do."""
    return list(run_stages(root, targets, force or ()))


def task_runs(root: Path, **arguments: list[str]) -> tuple[list[tuple[str, str]], str]:
    """Run the flow; return the names and states of its task runs in order, and the flow's message."""
    state = run(root, **arguments, return_state=True)
    with get_client(sync_client=True) as client:
        tasks = client.read_task_runs(
            flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[state.state_details.flow_run_id]))
        )
    return [
        (task.name, task.state_name) for task in sorted(tasks, key=lambda task: task.expected_start_time)
    ], state.message or ""


def test_every_stage_is_a_task_run_in_dvcs_order_and_cached_if_unchanged(bakery: Bakery) -> None:
    assert task_runs(bakery.root)[0] == [("bake", "Completed"), ("slice", "Completed"), ("count", "Completed")]
    assert (bakery.root / "number").read_text() == "10"
    assert task_runs(bakery.root)[0] == [("bake", "Cached"), ("slice", "Cached"), ("count", "Cached")]
    (bakery.root / "slice.py").write_text(f"# the same slices\n{SLICE}")
    assert task_runs(bakery.root)[0] == [("bake", "Cached"), ("slice", "Completed"), ("count", "Cached")]
    assert not any(changed(bakery.root, stage.name) for stage in graph(bakery.root))


def test_outputs_from_dvcs_run_cache_are_cached_too(baked: Bakery) -> None:
    (baked.root / "flour").write_text("rye")
    assert run(baked.root, ["bake"]) == ["bake"]
    assert (baked.root / "bread").read_text() == "ryerye"
    (baked.root / "flour").write_text("wheat")
    assert run(baked.root, ["bake"]) == []
    assert (baked.root / "bread").read_text() == "wheatwheat"


def test_a_stage_added_to_the_graph_runs_in_its_place(baked: Bakery) -> None:
    stages = (baked.root / "dvc.yaml").read_text()
    added = f"  butter:\n    cmd: {sys.executable} -c \"open('toast', 'w')\"\n    deps: [slices]\n    outs: [toast]\n"
    (baked.root / "dvc.yaml").write_text(stages.replace("stages:\n", f"stages:\n{added}"))
    assert [stage.name for stage in graph(baked.root)] == ["bake", "slice", "butter", "count"]
    assert run(baked.root) == ["butter"]
    assert (baked.root / "toast").exists()


def test_a_stage_of_another_pipeline_file_is_left_alone(baked: Bakery) -> None:
    (baked.root / "more").mkdir()
    (baked.root / "more/dvc.yaml").write_text(
        "stages:\n  jam:\n    wdir: ..\n    cmd: cat bread > jam\n    deps: [bread]\n    outs: [jam]\n"
    )
    before = inputs_hash(baked.root)
    assert [stage.name for stage in graph(baked.root)] == ["bake", "slice", "count"]
    assert changed_inputs(baked.root) == []
    assert run(baked.root) == []
    (baked.root / "more/dvc.yaml").unlink()
    assert inputs_hash(baked.root) == before


def test_targets_run_with_their_dependencies_and_nothing_else(bakery: Bakery) -> None:
    assert run(bakery.root, ["slice"]) == ["bake", "slice"]
    assert run(bakery.root, force=["slice"]) == ["slice", "count"]
    with pytest.raises(ValueError, match=r"Expected the name of a stage: bake, slice, count\. Received: slize"):
        graph(bakery.root, ["slize"])


def test_changed_inputs_do_not_depend_on_missing_outputs(baked: Bakery) -> None:
    (baked.root / "bread").unlink()
    assert changed_inputs(baked.root) == []
    (baked.root / "params.yaml").write_text("oven: 180\n")
    assert changed_inputs(baked.root) == ["bake"]


def test_inputs_of_a_project_that_has_never_run_have_changed(bakery: Bakery) -> None:
    assert changed_inputs(bakery.root) == ["bake", "slice", "count"]


def test_a_stage_that_reports_an_error_is_not_retried(baked: Bakery) -> None:
    message = "slice: bread is too hard: soak it first."
    (baked.root / "slice.py").write_text(f"import sys\nopen('tries', 'a').write('.')\nsys.exit({message!r})\n")
    runs, reason = task_runs(baked.root)
    assert runs == [("bake", "Cached"), ("slice", "Failed")]
    assert message in reason
    assert (baked.root / "tries").read_text() == "."
    assert (baked.root / "bread").exists()
    with pytest.raises(StageError, match="soak it first") as caught:
        run(baked.root)
    assert caught.value.code == 1


def test_a_stage_that_a_signal_has_killed_is_retried(baked: Bakery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_stage, "retry_delay_seconds", [0.0])
    once = "import os\nif not os.path.exists('tried'):\n    open('tried', 'w')\n    os.kill(os.getpid(), 9)\n"
    (baked.root / "slice.py").write_text(once + SLICE)
    assert run(baked.root, ["slice"]) == ["slice"]


def test_progress_is_an_artifact_and_output_is_in_the_log(bakery: Bakery, caplog: pytest.LogCaptureFixture) -> None:
    state = run(bakery.root, ["bake"], return_state=True)
    artifact = Artifact.get("bake-progress")
    assert artifact is not None
    assert (artifact.type, float(str(artifact.data))) == ("progress", 100.0)
    assert artifact.flow_run_id == state.state_details.flow_run_id
    lines = [record.getMessage() for record in caplog.records if record.name == "prefect.task_runs"]
    assert "well baked" in lines
    assert not [line for line in lines if "%|" in line]


def test_a_second_run_is_refused_while_the_first_is_running(tmp_path: Path) -> None:
    with (
        exclusive(tmp_path),
        pytest.raises(BusyError, match=rf"Another rebuild is running in .* \(process {os.getpid()} on "),
        exclusive(tmp_path),
    ):
        pass
    with exclusive(tmp_path):
        pass


def test_stopping_a_flow_run_stops_its_stage(baked: Bakery) -> None:
    (baked.root / "slice.py").write_text("import os, time\nopen('pid', 'w').write(str(os.getpid()))\ntime.sleep(600)\n")
    script = f"from pathlib import Path\nfrom flows.test_stages import run\nrun(Path({str(baked.root)!r}))\n"
    address = str(PREFECT_API_URL.value())  # or Prefect would start another server
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(["tests", "flows", "src"]), "PREFECT_API_URL": address}
    pid = baked.root / "pid"
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, env=environment) as process:
        deadline = time.monotonic() + 60
        while not (pid.exists() and pid.read_text()) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    with pytest.raises(ProcessLookupError), contextlib.suppress(PermissionError):
        os.kill(int(pid.read_text()), 0)


def test_a_run_is_refused_while_a_person_runs_dvc(baked: Bakery) -> None:
    with open_repo(baked.root) as repo, repo.lock, pytest.raises(BusyError, match="DVC is running in"):
        run(baked.root)
    assert run(baked.root) == []


def test_what_a_killed_dvc_has_left_of_its_locks_is_named(baked: Bakery) -> None:
    left = baked.root / ".dvc/tmp/rwlock"
    left.write_text('{"write": {"bread": {"pid": 1, "c')
    with pytest.raises(PedigreeError, match=f"is damaged: .* remove the file: rm {left}"):
        run(baked.root)
    left.unlink()
    assert run(baked.root) == []


def test_the_hash_of_the_inputs_is_that_of_archives_code_and_parameters(baked: Bakery) -> None:
    before = inputs_hash(baked.root)
    (baked.root / "number").write_text("damaged")  # an output
    assert inputs_hash(baked.root) == before
    (baked.root / "slice.py").write_text((baked.root / "slice.py").read_text() + "# changed\n")
    assert inputs_hash(baked.root) != before
