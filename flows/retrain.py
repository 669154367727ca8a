"""Train on new data in a clone of the project. If the new generator is no worse, it becomes the champion.

    python flows/retrain.py            # does nothing unless data, code or parameters have changed since the champion
    python flows/retrain.py --force    # trains in any case

The flow reads only the last commit and the archives of this checkout, and works in a clone (`isolation.py`).
"""

import argparse
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import champion
import defaults  # noqa: F401  (before Prefect)
from artifacts import publish, publish_reports
from isolation import CommandError, bring_data, clone, dvc
from notifications import notify, notify_failure
from prefect import flow, task
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Cancelled, Completed, Failed
from process_group import stop_with_worker
from stages import BusyError, StageError, changed_inputs, exclusive, graph, run_stages

from pedigree.common.printable import printable
from pedigree.errors import PedigreeError
from pedigree.results import drift, gate
from pedigree.results.highlights import Exhibit

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "runs/retrain"
CANDIDATE, CHAMPION = FOLDER / "candidate", FOLDER / "champion"  # clones, deleted after a decision
SCRATCH = FOLDER / "state"  # outlives the clones: the checkpoints of an interrupted training, logs


@flow(on_failure=[notify_failure], on_crashed=[notify_failure])
def retrain(force: bool = False) -> State[Any]:
    """Train on the current data, and decide whether the new generator replaces the champion.

    Args:
        force: train even if data, code and parameters are those of the champion.

    Returns:
        Completed, with the name "Nothing to do" or "Promoted". Failed if the run fails, or with the name "Rejected" if
        the champion stays. Cancelled if another run is active. The state's message gives the reason.
    """
    stop_with_worker()
    try:
        with exclusive(ROOT, "retrain"):
            prepare()
            if champion.exists(ROOT) and not force and not changed_inputs(CANDIDATE):
                return Completed(name="Nothing to do", message="Data, code and parameters are those of the champion.")
            return _train_and_decide(force)
    except BusyError as error:
        return Cancelled(message=printable(str(error)))
    except (StageError, CommandError, PedigreeError) as error:
        return Failed(message=printable(str(error)))


def _train_and_decide(force: bool) -> State[Any]:
    try:
        run_stages(CANDIDATE, force=[stage.name for stage in graph(CANDIDATE)] if force else ())
    except StageError:
        publish_reports(CANDIDATE)
        raise
    publish_reports(CANDIDATE)
    result = compare()
    state: State[Any]
    if result.passed:
        state = Completed(name="Promoted", message=promote(result))
    else:
        state = Failed(name="Rejected", message=reject(result))
    for clone_folder in (CANDIDATE, CHAMPION):
        shutil.rmtree(clone_folder, ignore_errors=True)
    return state


@task(task_run_name="prepare")
def prepare() -> None:
    """Clone the last commit with the current archives, and restore the champion's outputs that are still valid."""
    logger = get_run_logger()
    clone(ROOT, CANDIDATE, SCRATCH)
    if champion.exists(ROOT):
        champion.restore_lock(CANDIDATE)
    for path in bring_data(ROOT, CANDIDATE):
        logger.info("New data: %s", path)
    dvc(CANDIDATE, "checkout", "--quiet", "--force", "--allow-missing")


@task(task_run_name="compare")
def compare() -> gate.GateResult:
    """Compare the candidate with the champion, if there is one: the data, and the scores by the gate."""
    current = None
    if champion.exists(ROOT):
        current = clone(ROOT, CHAMPION, SCRATCH, champion.TAG)
        dvc(current, "checkout", "--quiet", "--force", "--allow-missing", *drift.READS)
        table = drift.between(current, CANDIDATE)
        publish(Exhibit("drift", "Changes in the data since the champion", table=table))
    result = gate.between(current, CANDIDATE)
    publish(Exhibit("gate", "Scores of the candidate and the champion", table=result.rows))
    for note in result.notes:
        get_run_logger().info(note)
    return result


@task(task_run_name="promote")
def promote(result: gate.GateResult) -> str:
    """Make the candidate the champion, push its outputs and send a notification; return its message."""
    tag = champion.promote(ROOT, CANDIDATE, "A new champion", str(result))
    pushed = " Its outputs are in the DVC remote." if champion.push_outputs(ROOT, CANDIDATE) else ""
    message = f"{tag} is the new champion.{pushed} To use it: pedigree generate --rev {tag}"
    notify("Promoted", message)
    return message


@task(task_run_name="reject")
def reject(result: gate.GateResult) -> str:
    """Save the candidate as an experiment, with the reason; return the message."""
    reason = printable("; ".join(result.reasons))
    name = champion.save_experiment(ROOT, CANDIDATE, reason)
    return f"The champion stays: {reason}. The candidate is saved as experiment {name}."


def main() -> int:
    """Run the flow from the command line; return 0, or 1 if it has failed or the candidate is rejected."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an exception, so that Prefect stops its temporary server
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--force", action="store_true", help="train even if nothing has changed since the champion")
    state = retrain(parser.parse_args().force, return_state=True)
    print(f"retrain: {state.name}. {state.message or ''}", file=sys.stderr)
    return 0 if state.is_completed() else 1


if __name__ == "__main__":
    sys.exit(main())
