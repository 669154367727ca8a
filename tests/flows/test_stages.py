"""Stages as tasks: DVC's graph decides what runs and in what order; Prefect is told what was run, cached and failed."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from prefect import flow
from prefect.artifacts import Artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.settings import PREFECT_API_URL
from stages import BusyError, StageError, due, graph, one_at_a_time, opened, run_stages

from flows.conftest import SLICE, Bakery

pytestmark = pytest.mark.usefixtures("server")


@flow
def bring_up(root: Path, targets: list[str] | None = None, force: list[str] | None = None) -> list[str]:
    """Run the stages in a flow, as both flows do."""
    return run_stages(root, targets, force or ())


def told(root: Path, **asked: list[str]) -> tuple[list[tuple[str, str]], str]:
    """Run the flow; return the names and the states of its task runs in order, and the flow's message."""
    state = bring_up(root, **asked, return_state=True)
    with get_client(sync_client=True) as client:
        runs = client.read_task_runs(
            flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[state.state_details.flow_run_id]))
        )
    return [
        (run.name, run.state_name) for run in sorted(runs, key=lambda run: run.expected_start_time)
    ], state.message or ""


def test_every_stage_is_a_task_run_of_its_name_in_dvcs_order_and_cached_where_nothing_changed(bakery: Bakery) -> None:
    assert told(bakery.root)[0] == [("bake", "Completed"), ("slice", "Completed"), ("count", "Completed")]
    assert (bakery.root / "number").read_text() == "10"
    assert told(bakery.root)[0] == [("bake", "Cached"), ("slice", "Cached"), ("count", "Cached")]
    (bakery.root / "slice.py").write_text(f"# the same slices\n{SLICE}")
    assert told(bakery.root)[0] == [("bake", "Cached"), ("slice", "Completed"), ("count", "Cached")]
    assert bakery.dvc("status", "--json").strip() == "{}"


def test_what_dvcs_run_cache_brings_back_is_cached_too(bakery: Bakery) -> None:
    assert bring_up(bakery.root) == ["bake", "slice", "count"]
    (bakery.root / "flour").write_text("rye")
    assert bring_up(bakery.root) == ["bake", "slice", "count"]
    (bakery.root / "flour").write_text("wheat")
    assert bring_up(bakery.root) == []
    assert (bakery.root / "number").read_text() == "10"


def test_a_stage_added_to_the_graph_runs_in_its_place(bakery: Bakery) -> None:
    graphed = (bakery.root / "dvc.yaml").read_text()
    added = f"  butter:\n    cmd: {sys.executable} -c \"open('toast', 'w')\"\n    deps: [slices]\n    outs: [toast]\n"
    (bakery.root / "dvc.yaml").write_text(graphed + added)
    assert [stage.name for stage in graph(bakery.root)] == ["bake", "slice", "count", "butter"]
    assert bring_up(bakery.root) == ["bake", "slice", "count", "butter"]
    assert (bakery.root / "toast").exists()


def test_targets_bring_what_they_need_and_nothing_else(bakery: Bakery) -> None:
    assert bring_up(bakery.root, ["slice"]) == ["bake", "slice"]
    assert bring_up(bakery.root, force=["slice"]) == ["slice", "count"]
    with pytest.raises(ValueError, match="no stage is called slize: there are bake, slice, count"):
        graph(bakery.root, ["slize"])


def test_what_is_due_is_what_has_changed_whether_outputs_are_there_or_not(bakery: Bakery) -> None:
    assert due(bakery.root) == ["bake", "slice", "count"]
    bring_up(bakery.root)
    (bakery.root / "bread").unlink()
    assert due(bakery.root) == []
    (bakery.root / "params.yaml").write_text("oven: 180\n")
    assert due(bakery.root) == ["bake"]


def test_a_stage_that_says_what_is_wrong_fails_once_in_its_own_words(bakery: Bakery) -> None:
    words = "slice: bread is too hard: soak it first."
    (bakery.root / "slice.py").write_text(f"import sys\nopen('tries', 'a').write('.')\nsys.exit({words!r})\n")
    runs, message = told(bakery.root)
    assert runs == [("bake", "Completed"), ("slice", "Failed")]
    assert words in message
    assert (bakery.root / "tries").read_text() == "."
    assert (bakery.root / "bread").exists()
    with pytest.raises(StageError, match="soak it first") as caught:
        bring_up(bakery.root)
    assert caught.value.code == 1


def test_a_stage_that_a_signal_ended_is_tried_again(bakery: Bakery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stages.DELAYS", [0.0])
    once = "import os\nif not os.path.exists('tried'):\n    open('tried', 'w')\n    os.kill(os.getpid(), 9)\n"
    (bakery.root / "slice.py").write_text(once + SLICE)
    assert bring_up(bakery.root) == ["bake", "slice", "count"]


def test_progress_is_an_artifact_and_what_is_said_is_in_the_log(
    bakery: Bakery, caplog: pytest.LogCaptureFixture
) -> None:
    state = bring_up(bakery.root, return_state=True)
    run = state.state_details.flow_run_id
    artifact = Artifact.get("bake-progress")
    assert artifact is not None
    assert (artifact.type, float(str(artifact.data)), artifact.flow_run_id) == ("progress", 100.0, run)
    lines = [record.getMessage() for record in caplog.records if record.name == "prefect.task_runs"]
    assert "well baked" in lines
    assert not [line for line in lines if "%|" in line]


def test_a_second_run_gives_way_with_a_word(bakery: Bakery) -> None:
    with (
        one_at_a_time(bakery.root),
        pytest.raises(BusyError, match="Another rebuild is at work"),
        one_at_a_time(bakery.root),
    ):
        pass
    with one_at_a_time(bakery.root):
        pass


def test_ending_a_flow_run_ends_its_stage(bakery: Bakery) -> None:
    (bakery.root / "slice.py").write_text(
        "import os, time\nopen('pid', 'w').write(str(os.getpid()))\ntime.sleep(600)\n"
    )
    script = f"from pathlib import Path\nfrom flows.test_stages import bring_up\nbring_up(Path({str(bakery.root)!r}))\n"
    address = str(PREFECT_API_URL.value())  # or Prefect would bring one more server
    here = os.environ | {"PYTHONPATH": os.pathsep.join(["tests", "flows"]), "PREFECT_API_URL": address}
    with subprocess.Popen([sys.executable, "-c", script], cwd=Path(__file__).parents[2], env=here) as running:
        pid = bakery.root / "pid"
        for _ in range(600):
            if pid.exists() and pid.read_text():
                break
            time.sleep(0.1)
        running.send_signal(signal.SIGTERM)
        running.wait(60)
    with pytest.raises(ProcessLookupError), contextlib.suppress(PermissionError):
        os.kill(int(pid.read_text()), 0)


def test_beside_a_person_who_runs_dvc_by_hand_it_gives_way(bakery: Bakery) -> None:
    with opened(bakery.root) as theirs, theirs.lock, pytest.raises(BusyError, match="DVC is at work in"):
        bring_up(bakery.root)
    assert bring_up(bakery.root) == ["bake", "slice", "count"]
