"""Rebuild the project as a Prefect flow: every stage that is due, its output in the log, its reports as artifacts.

python flows/rebuild.py                                      # Prefect brings a server of its own, for this run
python flows/rebuild.py --target crop                        # that stage and what it needs
python flows/rebuild.py --force train --set train.seed=1     # that stage in any case, params.yaml changed before
PREFECT_API_URL=http://127.0.0.1:4200/api python flows/rebuild.py
"""

import argparse
import signal
import sys
from pathlib import Path
from typing import Any

import defaults  # noqa: F401  (before Prefect)
from exhibits import publish
from leash import end_with_worker
from notices import failed
from prefect import flow
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Cancelled, Failed
from ruamel.yaml import YAML
from stages import BusyError, StageError, one_at_a_time, run_stages

from pedigree.errors import PedigreeError
from pedigree.settings.overrides import override

ROOT = Path(__file__).parents[1]


@flow(on_failure=[failed], on_crashed=[failed])
def rebuild(
    targets: list[str] | None = None, force: list[str] | None = None, params: dict[str, Any] | None = None
) -> State[Any] | list[str]:
    """Bring the project up to date, as `dvc repro` does.

    Args:
        targets: names of stages; these and what they need are run, all if None.
        force: names of stages to run even if nothing they depend on has changed.
        params: parameters to write into params.yaml before, such as {"train.steps": 5000}.

    Returns:
        The names of the stages that ran; or, with a word, the state Cancelled where another run is at work, and Failed
        where a stage fails, a stage or parameter is none, or a value out of range.
    """
    end_with_worker()
    try:
        with one_at_a_time(ROOT):
            if params:
                override(params, ROOT / "params.yaml")
            ran = _run(targets, force or [])
    except BusyError as busy:
        return Cancelled(message=str(busy))
    except (StageError, PedigreeError, ValueError) as error:
        return Failed(message=str(error))
    get_run_logger().info(f"Ran {', '.join(ran)}." if ran else "Everything is up to date: nothing ran.")
    return ran


def _run(targets: list[str] | None, force: list[str]) -> list[str]:
    """Run the stages and publish what there is to see, also where one fails."""
    try:
        ran = run_stages(ROOT, targets, force)
    except StageError:
        publish(ROOT)
        raise
    publish(ROOT)
    return ran


def main() -> int:
    """Run the flow from the command line; return 0, or 1 where it failed."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that Prefect's own server ends too
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", action="append", metavar="STAGE", help="that stage and what it needs alone")
    parser.add_argument("--force", action="append", metavar="STAGE", help="run that stage though nothing changed")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a parameter, into params.yaml")
    asked = parser.parse_args()
    if wrong := [pair for pair in asked.set if "=" not in pair]:
        parser.error(f"--set takes KEY=VALUE, as in train.steps=5000. Received: {wrong[0]}")
    params = {key: YAML(typ="safe").load(value) for key, value in (pair.split("=", 1) for pair in asked.set)}
    state = rebuild(asked.target, asked.force, params, return_state=True)
    if not state.is_completed():
        print(f"rebuild: {state.message}", file=sys.stderr)
    return 0 if state.is_completed() else 1


if __name__ == "__main__":
    sys.exit(main())
