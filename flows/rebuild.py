"""Run the pipeline as a Prefect flow: the stages that have changed, with their output in the log and their reports as
artifacts.

python flows/rebuild.py                                      # Prefect starts a temporary server for this run
python flows/rebuild.py --target crop                        # only that stage and its dependencies
python flows/rebuild.py --force train --param train.seed=1   # change params.yaml, then run that stage in any case
PREFECT_API_URL=http://127.0.0.1:4200/api python flows/rebuild.py
"""

import argparse
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import defaults  # noqa: F401  (before Prefect)
from artifacts import publishing
from expected_errors import final_state, log_in_one_line
from notifications import notify_failure
from prefect import flow
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Cancelled, Completed, Failed
from process_group import stop_with_worker
from run_report import RunReport
from stages import BusyError, StageError, exclusive, run_stages, stage_names

from pedigree.common.paths import METRICS
from pedigree.common.printable import printable
from pedigree.errors import PedigreeError
from pedigree.results import metrics_file
from pedigree.settings import plain_yaml
from pedigree.settings.overrides import override

ROOT = Path(__file__).parents[1]
if TYPE_CHECKING:
    StageName = str
else:
    StageName = Literal[stage_names(ROOT)]  # a choice in the form of Prefect's UI


@flow(on_failure=[notify_failure], on_crashed=[notify_failure])
def rebuild(
    targets: list[StageName] | None = None, force: list[StageName] | None = None, params: dict[str, Any] | None = None
) -> State[Any] | list[str]:
    """Run the stages that have changed, as `dvc repro` does.

    Args:
        targets: names of stages; only these and their dependencies are run.
        force: names of stages to run even if they have not changed.
        params: parameters to write to params.yaml first, such as {"train.steps": 5000}.

    Returns:
        The names of the stages that ran. If another run is active, the state Cancelled; if a stage fails, or a stage or
        parameter is unknown or out of range, the state Failed. The state's message gives the reason.
    """
    stop_with_worker()
    log_in_one_line()
    report = RunReport("rebuild")
    try:
        with exclusive(ROOT):
            if params:
                override(params, ROOT / "params.yaml")
            with publishing(ROOT):
                report.seconds = run_stages(ROOT, targets, force or [])
            with suppress(PedigreeError):  # there may be no scores yet
                report.scores = metrics_file.read(ROOT / METRICS)
    except BusyError as error:
        return Cancelled(message=printable(str(error)))
    except (StageError, PedigreeError, ValueError) as error:
        failed: State[Any] = Failed(message=printable(str(error)))
        report.write(ROOT, failed)
        return failed
    report.write(ROOT, Completed())
    stages = list(report.seconds)
    get_run_logger().info(f"Ran {', '.join(stages)}." if stages else "Everything is up to date. No stage ran.")
    return stages


def main() -> int:
    """Run the flow from the command line; return 0, or 1 if it has failed."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an exception, so that Prefect stops its temporary server
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    stage: dict[str, Any] = {"action": "append", "metavar": "STAGE", "choices": stage_names(ROOT)}
    parser.add_argument("--target", **stage, help="run only this stage and its dependencies")
    parser.add_argument("--force", **stage, help="run this stage even if it has not changed")
    parser.add_argument(
        "--param", action="append", default=[], metavar="KEY=VALUE", help="a parameter to write to params.yaml first"
    )
    arguments = parser.parse_args()
    if invalid := [pair for pair in arguments.param if "=" not in pair]:
        parser.error(f"--param expects KEY=VALUE, such as train.steps=5000. Received: {invalid[0]}")
    try:
        params = {key: plain_yaml.parse(value) for key, value in (pair.split("=", 1) for pair in arguments.param)}
    except ValueError as error:
        parser.error(f"--param expects a value in YAML: {printable(str(error))}")
    state = final_state("rebuild", lambda: rebuild(arguments.target, arguments.force, params, return_state=True))
    if not state.is_completed():
        print(f"rebuild: {state.message}", file=sys.stderr)
    return 0 if state.is_completed() else 1


if __name__ == "__main__":
    sys.exit(main())
