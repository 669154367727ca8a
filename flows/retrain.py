"""Train on new data in a clone of the project. If the new generator is no worse, it becomes the champion.

    python flows/retrain.py            # does nothing unless data, code or parameters have changed since the champion
    python flows/retrain.py --force    # trains in any case

The flow reads only the last commit and the archives of this checkout, and works in a clone (`isolation.py`).
"""

import argparse
import logging
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import champion
import defaults  # noqa: F401  (before Prefect)
from artifacts import publish, publishing
from expected_errors import final_state, log_in_one_line
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
PAGES = FOLDER / "pages"  # of the last runs, which outlive the clones too
SCRATCH = FOLDER / "state"  # outlives the clones: the checkpoints of an interrupted training, logs

NO_COPY = (
    "The DVC remote %s is inside this checkout. It is lost with the checkout, and other clones cannot pull from it. "
    "docs/pipeline.md, Where results are kept, shows how to add another one."
)


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
    log_in_one_line()
    try:
        with exclusive(ROOT, "retrain"):
            candidate = prepare()
            if champion.exists(ROOT) and not force and not changed_inputs(candidate):
                send_champion()
                return Completed(name="Nothing to do", message="Data, code and parameters are those of the champion.")
            return _train_and_decide(candidate, force)
    except BusyError as error:
        return Cancelled(message=printable(str(error)))
    except (StageError, CommandError, PedigreeError) as error:
        return Failed(message=printable(str(error)))


def _train_and_decide(candidate: Path, force: bool) -> State[Any]:
    with publishing(candidate, PAGES):
        run_stages(candidate, force=[stage.name for stage in graph(candidate)] if force else ())
    if champion.exists(ROOT):
        send_champion()
    result = compare(candidate)
    state: State[Any]
    if result.passed:
        state = Completed(name="Promoted", message=promote(candidate, result))
    else:
        state = Failed(name="Rejected", message=reject(candidate, result))
    for clone_folder in (CANDIDATE, CHAMPION):
        shutil.rmtree(clone_folder, ignore_errors=True)
    return state


@task(task_run_name="prepare")
def prepare() -> Path:
    """Clone the last commit with the current archives, and restore the champion's outputs that are still valid.

    Returns:
        The folder of the project in the clone.
    """
    logger = get_run_logger()
    candidate = clone(ROOT, CANDIDATE, SCRATCH)
    if champion.exists(ROOT):
        champion.restore_lock(candidate)
    for path in bring_data(ROOT, candidate):
        logger.info("New data: %s", path)
    dvc(candidate, "checkout", "--force", "--allow-missing")
    return candidate


@task(task_run_name="compare")
def compare(candidate: Path) -> gate.GateResult:
    """Compare the candidate with the champion, if there is one: the data, and the scores by the gate."""
    current = None
    if champion.exists(ROOT):
        current = clone(ROOT, CHAMPION, SCRATCH, champion.TAG)
        dvc(current, "checkout", "--force", "--allow-missing", *drift.READS)
        table = drift.between(current, candidate)
        publish(Exhibit("drift", "Changes in the data since the champion", table=table))
    result = gate.between(current, candidate)
    publish(Exhibit("gate", "Scores of the candidate and the champion", table=result.rows))
    for note in result.notes:
        get_run_logger().info(note)
    return result


@task(task_run_name="send champion")
def send_champion() -> None:
    """Push what the DVC remote lacks of the champion's outputs, for example because it was away when they were made."""
    if report := champion.push_outputs(ROOT, clone(ROOT, CHAMPION, SCRATCH, champion.TAG)):
        level = logging.WARNING if "WARNING" in report else logging.INFO
        get_run_logger().log(level, "The champion's outputs in the DVC remote: %s", report)


@task(task_run_name="promote")
def promote(candidate: Path, result: gate.GateResult) -> str:
    """Push the candidate's outputs, make it the champion and send a notification; return its message.

    The outputs come first: if they cannot be pushed, the champion stays, and the next run tries again.
    """
    pushed = " Its outputs are in the DVC remote." if champion.push_outputs(ROOT, candidate) else ""
    if folder := champion.remote_in_checkout(ROOT):
        get_run_logger().warning(NO_COPY, folder)
    tag = champion.promote(ROOT, candidate, "A new champion", str(result))
    message = f"{tag} is the new champion.{pushed} To use it: pedigree generate --rev {tag}"
    notify("Promoted", message)
    return message


@task(task_run_name="reject")
def reject(candidate: Path, result: gate.GateResult) -> str:
    """Save the candidate as an experiment, with the reason; return the message."""
    reason = printable("; ".join(result.reasons))
    name = champion.save_experiment(ROOT, candidate, reason)
    stays = "The champion stays" if champion.exists(ROOT) else "There is no champion yet, and the candidate is rejected"
    return f"{stays}: {reason}. The candidate is saved as experiment {name}."


def main() -> int:
    """Run the flow from the command line; return 0, or 1 if it has failed or the candidate is rejected."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an exception, so that Prefect stops its temporary server
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--force", action="store_true", help="train even if nothing has changed since the champion")
    force = parser.parse_args().force
    state = final_state("retrain", lambda: retrain(force, return_state=True))
    print(f"retrain: {state.name}. {state.message or ''}", file=sys.stderr)
    return 0 if state.is_completed() else 1


if __name__ == "__main__":
    sys.exit(main())
