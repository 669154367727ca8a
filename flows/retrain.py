"""Retrain on new data, in isolation, and let the new generator take the champion's place if it is no worse.

    python flows/retrain.py            # does nothing unless data, code or parameters differ from the champion's
    python flows/retrain.py --force    # trains in any case

Of the checkout here only the last commit and the archives are read; the work is done in a clone (`isolation.py`).
"""

import argparse
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import champion
import defaults  # noqa: F401  (before Prefect)
from exhibits import publish, show
from isolation import CommandError, bring_data, clone, dvc
from leash import end_with_worker
from notices import failed, notify
from prefect import flow, task
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Cancelled, Completed, Failed
from stages import BusyError, StageError, due, graph, one_at_a_time, run_stages

from pedigree.errors import PedigreeError
from pedigree.results import drift, gate
from pedigree.results.highlights import Exhibit

ROOT = Path(__file__).parents[1]
PLACE = ROOT / "runs/retrain"
CANDIDATE, BEFORE = PLACE / "candidate", PLACE / "champion"  # clones, for as long as a run lasts
STATE = PLACE / "state"  # what outlives them: an interrupted training's state, logs


@flow(on_failure=[failed], on_crashed=[failed])
def retrain(force: bool = False) -> State[Any]:
    """Train on the data as they are now, and decide whether the result replaces the champion.

    Args:
        force: train though neither data nor code nor parameters differ from the champion's.

    Returns:
        Completed, named "Nothing to do" or "Promoted"; Failed, with the reason, named "Rejected" where the gate has so
        decided: the champion stays; or Cancelled, with a word, where another run is at work.
    """
    end_with_worker()
    try:
        with one_at_a_time(ROOT, "retrain"):
            prepare()
            if champion.exists(ROOT) and not force and not due(CANDIDATE):
                return Completed(name="Nothing to do", message="Data, code and parameters are the champion's.")
            return _train_and_decide(force)
    except BusyError as busy:
        return Cancelled(message=str(busy))
    except (StageError, CommandError, PedigreeError) as error:
        return Failed(message=str(error))


def _train_and_decide(force: bool) -> State[Any]:
    try:
        run_stages(CANDIDATE, force=[stage.name for stage in graph(CANDIDATE)] if force else ())
    except StageError:
        publish(CANDIDATE)
        raise
    publish(CANDIDATE)
    verdict = compare()
    outcome: State[Any]
    if verdict.passed:
        outcome = Completed(name="Promoted", message=promote(verdict))
    else:
        outcome = Failed(name="Rejected", message=reject(verdict))
    for place in (CANDIDATE, BEFORE):
        shutil.rmtree(place, ignore_errors=True)
    return outcome


@task(task_run_name="prepare")
def prepare() -> None:
    """Clone the last commit; give it the data as they are now, and the champion's outputs where they still hold."""
    log = get_run_logger()
    clone(ROOT, CANDIDATE, STATE)
    if champion.exists(ROOT):
        champion.take_over(CANDIDATE)
    for path in bring_data(ROOT, CANDIDATE):
        log.info("New data: %s", path)
    dvc(CANDIDATE, "checkout", "--quiet", "--force", "--allow-missing")


@task(task_run_name="compare")
def compare() -> gate.GateResult:
    """Hold the candidate against the champion, if there is one: how the data differ, and whether it may replace it."""
    before = None
    if champion.exists(ROOT):
        before = clone(ROOT, BEFORE, STATE, champion.TAG)
        dvc(before, "checkout", "--quiet", "--force", "--allow-missing", *drift.READS)
        show(Exhibit("drift", "How the data differ from the champion's", table=drift.between(before, CANDIDATE)))
    verdict = gate.between(before, CANDIDATE)
    show(Exhibit("gate", "Whether the candidate may replace the champion", table=verdict.rows))
    for note in verdict.notes:
        get_run_logger().info(note)
    return verdict


@task(task_run_name="promote")
def promote(verdict: gate.GateResult) -> str:
    """Make the candidate the champion, push what it consists of, and tell people; return what they are told."""
    tag = champion.promote(ROOT, CANDIDATE, "A new champion", str(verdict))
    pushed = champion.send(ROOT, CANDIDATE)
    told = f"{tag} is the champion now{', pushed to the DVC remote' if pushed else ''}: pedigree generate --rev {tag}"
    notify("Promoted", told)
    return told


@task(task_run_name="reject")
def reject(verdict: gate.GateResult) -> str:
    """Keep the candidate as an experiment, with the reason; return that."""
    reason = "; ".join(verdict.reasons)
    return f"The champion stays: {reason}. The candidate is the experiment {champion.keep(ROOT, CANDIDATE, reason)}."


def main() -> int:
    """Run the flow from the command line; return 0, or 1 where nothing was decided or the candidate was rejected."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that Prefect's own server ends too
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--force", action="store_true", help="train though nothing differs from the champion")
    state = retrain(parser.parse_args().force, return_state=True)
    print(f"retrain: {state.name}. {state.message or ''}", file=sys.stderr)
    return 0 if state.is_completed() else 1


if __name__ == "__main__":
    sys.exit(main())
