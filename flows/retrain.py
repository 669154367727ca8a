"""Train on new data in a clone of the project. If the new generator is no worse, it becomes the champion.

    python flows/retrain.py            # does nothing unless data, code or parameters have changed since the champion
    python flows/retrain.py --force    # trains in any case
    python flows/retrain.py --promote rejected-1a2b3c4d --because "the heads are better"    # by hand

The flow reads only the last commit and the archives of this checkout, and works in a clone (`isolation.py`).
"""

import argparse
import csv
import logging
import shutil
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any

import champion
import defaults  # noqa: F401  (before Prefect)
from artifacts import publish, publishing
from expected_errors import final_state, log_in_one_line
from isolation import CommandError, bring_data, clone, dvc, pedigree
from notifications import REJECTED, notify, notify_failure
from prefect import flow, task
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Cancelled, Completed, Failed
from process_group import stop_with_worker
from run_report import RunReport
from stages import BusyError, StageError, changed_inputs, exclusive, graph, run_stages

from pedigree.common.paths import BREED_SCORES, GENERATOR, METRICS
from pedigree.common.printable import printable
from pedigree.errors import PedigreeError
from pedigree.results import drift, gate, metrics_file
from pedigree.results.champions import TAG
from pedigree.results.digest import Digest
from pedigree.results.highlights import Exhibit, Table
from pedigree.results.side_by_side import side_by_side

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "runs/retrain"
CANDIDATE, CHAMPION = FOLDER / "candidate", FOLDER / "champion"  # clones, deleted after a decision
PAGES = FOLDER / "pages"  # of the last runs, which outlive the clones too
SCRATCH = FOLDER / "state"  # outlives the clones: the checkpoints of an interrupted training, logs

SHEET = Path("runs/beside.png")
BREEDS_BESIDE = 6

KNOWN = (
    "{name} has the same data, code and parameters, and is rejected again: {reason}. To train it again: --force; to "
    'promote it by hand: --promote {name} --because "REASON"'
)
NO_COPY = (
    "The DVC remote %s is inside this checkout. It is lost with the checkout, and other clones cannot pull from it. "
    "docs/pipeline.md, Where results are kept, shows how to add another one."
)


@flow(on_failure=[notify_failure], on_crashed=[notify_failure])
def retrain(
    force: bool = False, promote: str | None = None, because: str | None = None, who: str | None = None
) -> State[Any]:
    """Train on the current data, and decide whether the new generator replaces the champion.

    Args:
        force: train even if data, code and parameters are those of the champion or of a rejected candidate.
        promote: the name of a rejected candidate, such as rejected-1a2b3c4d, to make the champion. Nothing is trained.
        because: the reason for that, which is required.
        who: the person who decides; the git user of the checkout by default.

    Returns:
        Completed, with the name "Nothing to do" or "Promoted". Failed if the run fails, or with the name "Rejected" if
        the champion stays. Cancelled if another run is active. The state's message gives the reason.
    """
    stop_with_worker()
    log_in_one_line()
    report = RunReport("retrain")
    try:
        with exclusive(ROOT, "retrain"):
            if promote:
                state = _promote_by_hand(promote, because or "", who or champion.user(ROOT), report)
            else:
                state = _retrain(force, report)
    except BusyError as error:
        return Cancelled(message=printable(str(error)))
    except (StageError, CommandError, PedigreeError) as error:
        state = Failed(message=printable(str(error)))
    report.write(ROOT, state)
    return state


def _retrain(force: bool, report: RunReport) -> State[Any]:
    candidate = prepare()
    if champion.exists(ROOT) and not force and not changed_inputs(candidate):
        send_champion()
        return Completed(name="Nothing to do", message="Data, code and parameters are those of the champion.")
    known = None if force else recall(candidate)
    with publishing(candidate, PAGES):
        report.seconds = run_stages(candidate, force=[stage.name for stage in graph(candidate)] if force else ())
    report.scores = metrics_file.read(candidate / METRICS)
    result, changes = compare(send_champion(), candidate)
    state: State[Any]
    if result.passed:
        state = Completed(name="Promoted", message=promote_candidate(candidate, "A new champion", str(result)))
    elif known:
        state = Completed(name="Nothing to do", message=KNOWN.format(name=known, reason=_reason(result)))
    else:
        state = Failed(name=REJECTED, message=reject(candidate, result))
    if state.name != "Nothing to do":
        send_digest(Digest(str(state.name), str(state.message), report.seconds, changes, result))
    _remove_clones()
    return state


def _promote_by_hand(name: str, because: str, who: str, report: RunReport) -> State[Any]:
    """Make a rejected candidate the champion, for a reason that its commit keeps."""
    if not because.strip():
        raise PedigreeError("A promotion by hand needs a reason, which its commit keeps: because.")
    commit = champion.rejected(ROOT, name)
    if commit is None:
        raise PedigreeError(f"There is no rejected candidate {name!r}: `dvc exp list --all-commits` lists them.")
    candidate = clone(ROOT, CANDIDATE, SCRATCH, commit)
    dvc(candidate, "checkout", "--force")
    report.scores = metrics_file.read(candidate / METRICS)
    result, _ = compare(send_champion(), candidate)
    reason = f"{name} was promoted by {who}: {because}"
    message = promote_candidate(candidate, f"A new champion, by hand: {because}", f"{reason}\n\n{result}")
    notify("Promoted", f"{message} {reason}")
    _remove_clones()
    return Completed(name="Promoted", message=message)


def _remove_clones() -> None:
    for clone_folder in (CANDIDATE, CHAMPION):
        shutil.rmtree(clone_folder, ignore_errors=True)


def _reason(result: gate.GateResult) -> str:
    return printable("; ".join(result.reasons))


@task(task_run_name="prepare")
def prepare() -> Path:
    """Clone the last commit with the current archives, and restore the champion's outputs that are still valid.

    Returns:
        The folder of the project in the clone.
    """
    logger = get_run_logger()
    candidate = clone(ROOT, CANDIDATE, SCRATCH)
    if champion.exists(ROOT):
        champion.restore(candidate)
    for path in bring_data(ROOT, candidate):
        logger.info("New data: %s", path)
    dvc(candidate, "checkout", "--force", "--allow-missing")
    return candidate


@task(task_run_name="recall")
def recall(candidate: Path) -> str | None:
    """If a candidate of the same data, code and parameters was rejected before, restore its results.

    Then no stage has to run, and only the gate decides again: its parameters or the champion may have changed.

    Returns:
        The name of the rejected candidate, or None.
    """
    name = champion.rejected_name(candidate)
    commit = champion.rejected(ROOT, name)
    if commit is None:
        return None
    champion.restore(candidate, commit)
    dvc(candidate, "checkout", "--force", "--allow-missing")
    return name


@task(task_run_name="compare")
def compare(current: Path | None, candidate: Path) -> tuple[gate.GateResult, Table | None]:
    """Compare the candidate with the champion in its clone, if there is one: the data, and the scores by the gate.

    Returns:
        The decision of the gate, and the changes of the data; None without a champion.
    """
    changes = None
    if current:
        dvc(current, "checkout", "--force", "--allow-missing", *drift.READS, str(GENERATOR))
        changes = drift.between(current, candidate)
        publish(Exhibit("drift", "Changes in the data since the champion", table=changes))
        draw_beside(current, candidate)
    result = gate.between(current, candidate)
    publish(Exhibit("gate", "Scores of the candidate and the champion", table=result.rows))
    for note in result.notes:
        get_run_logger().info(note)
    return result, changes


def draw_beside(current: Path, candidate: Path) -> None:
    """Publish a picture of both generators' dogs, each project with its own code; without one, log why."""
    known = _breeds(current)
    shared = [breed for breed in _breeds(candidate) if breed in known]
    names = [argument for breed in shared[:BREEDS_BESIDE] for argument in ("--breed", breed)]
    sheets = {}
    try:
        for name, root in (("champion", current), ("candidate", candidate)):
            pedigree(root, "generate", *names, "--count", "4", "--seed", "0", "--out", str(SHEET))
            sheets[name] = (root / SHEET).read_bytes()
    except CommandError as error:
        get_run_logger().warning("There is no picture of the champion beside the candidate: %s", error)
        return
    publish(Exhibit("beside", "The same latents in both generators", picture=side_by_side(sheets)))


def _breeds(root: Path) -> list[str]:
    with (root / BREED_SCORES).open(encoding="utf-8", newline="") as table:
        return [row["breed"] for row in csv.DictReader(table)]


@task(task_run_name="send champion")
def send_champion() -> Path | None:
    """Push what the DVC remote lacks of the champion's outputs, for example because it was away when they were made.

    Returns:
        The folder of the champion's project in a clone, or None if there is no champion.
    """
    if not champion.exists(ROOT):
        return None
    current = clone(ROOT, CHAMPION, SCRATCH, TAG)
    if report := champion.push_outputs(ROOT, current):
        level = logging.WARNING if "WARNING" in report else logging.INFO
        get_run_logger().log(level, "The champion's outputs in the DVC remote: %s", report)
    return current


@task(task_run_name="promote")
def promote_candidate(candidate: Path, title: str, text: str) -> str:
    """Push the candidate's outputs and make it the champion; return what was done.

    The outputs come first: if they cannot be pushed, the champion stays, and the next run tries again.

    Args:
        candidate: the project in its clone.
        title: the first line of the champion's commit.
        text: the rest of its message.
    """
    pushed = " Its outputs are in the DVC remote." if champion.push_outputs(ROOT, candidate) else ""
    if folder := champion.remote_in_checkout(ROOT):
        get_run_logger().warning(NO_COPY, folder)
    tag = champion.promote(ROOT, candidate, title, text)
    return f"{tag} is the new champion.{pushed} To use it: pedigree generate --rev {tag}"


@task(task_run_name="reject")
def reject(candidate: Path, result: gate.GateResult) -> str:
    """Save the candidate as an experiment, with the reason; return the message."""
    name = champion.save_experiment(ROOT, candidate, _reason(result))
    stays = "The champion stays" if champion.exists(ROOT) else "There is no champion yet, and the candidate is rejected"
    return f"{stays}: {_reason(result)}. The candidate is saved as experiment {name}."


@task(task_run_name="digest")
def send_digest(digest: Digest) -> None:
    """Publish the digest, and send it as a notification."""
    publish(digest.exhibit())
    notify(digest.outcome, digest.text())


def main() -> int:
    """Run the flow from the command line; return 0, or 1 if it has failed or the candidate is rejected."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an exception, so that Prefect stops its temporary server
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--force", action="store_true", help="train even if nothing has changed since the champion")
    parser.add_argument("--promote", metavar="NAME", help="make a rejected candidate the champion; train nothing")
    parser.add_argument("--because", metavar="REASON", help="why it is promoted; its commit keeps the reason")
    parser.add_argument("--who", metavar="NAME", help="who decides (default: the git user of this checkout)")
    given = parser.parse_args()
    if (given.promote is None) != (given.because is None) or (given.promote and given.force):
        parser.error("--promote needs --because, and neither goes with --force")
    run = partial(retrain, given.force, given.promote, given.because, given.who, return_state=True)
    state = final_state("retrain", run)
    print(f"retrain: {state.name}. {state.message or ''}", file=sys.stderr)
    return 0 if state.is_completed() else 1


if __name__ == "__main__":
    sys.exit(main())
