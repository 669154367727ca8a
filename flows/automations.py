"""Install Prefect's automation that marks runs as Crashed whose worker or machine is gone.

    python flows/automations.py [--minutes 15]

It asks the server of PREFECT_API_URL. If the automation exists, it is updated. `make serve` runs this too.

A run sends a heartbeat every three minutes (PREFECT_FLOWS_HEARTBEAT_FREQUENCY), also while a stage trains for hours. If
neither a heartbeat nor the end of the run follows within these minutes, the automation marks the run as Crashed. The
first heartbeat must follow the submission of the run to its work pool.
"""

import argparse
import sys
from datetime import timedelta

import defaults  # noqa: F401  (before Prefect)
import httpx
from notifications import REJECTED
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification
from prefect.exceptions import PrefectException
from prefect.settings import get_current_settings

from pedigree.doctor.prefect_server import HEARTBEAT, SILENCE

NAME = "pedigree: mark dead runs as Crashed"
FLOWS = ["rebuild", "retrain"]
SUBMITTED = "prefect.flow-run.Pending"
ENDS = ["Completed", "Failed", "Cancelled", "Crashed", "Nothing to do", "Promoted", REJECTED]  # names of final states
MINUTES = SILENCE / timedelta(minutes=1)
SHORTEST = 10 / 60  # minutes; Prefect's limit


def dead_runs(minutes: float) -> AutomationCore:
    """Return the automation.

    Args:
        minutes: the time without a heartbeat after which a run is dead.
    """
    return AutomationCore(
        name=NAME,
        description=f"A run that has sent no heartbeat for {minutes:g} minutes has lost its worker or machine.",
        trigger=EventTrigger(
            posture=Posture.Proactive,
            match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
            match_related=ResourceSpecification({"prefect.resource.role": "flow", "prefect.resource.name": FLOWS}),
            for_each={"prefect.resource.id"},
            after={SUBMITTED, HEARTBEAT},
            expect={HEARTBEAT, *(f"prefect.flow-run.{name}" for name in ENDS)},
            within=timedelta(minutes=minutes),
        ),
        actions=[
            ChangeFlowRunState(
                name="Crashed",
                state=StateType.CRASHED,
                force=False,  # a run that has ended keeps its state
                message=f"No heartbeat for {minutes:g} minutes: its worker or its machine is gone.",
            )
        ],
    )


def install(automation: AutomationCore) -> None:
    """Create an automation on the server, or update the one with its name."""
    with get_client(sync_client=True) as client:
        if existing := client.read_automations_by_name(automation.name):
            client.update_automation(existing[0].id, automation)
        else:
            client.create_automation(automation)


def main() -> int:
    """Install the automation; return 0, or 1 if the server cannot be used."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--minutes", type=float, default=MINUTES, help=f"without a heartbeat until a run is dead (default {MINUTES:g})"
    )
    minutes = parser.parse_args().minutes
    if minutes < SHORTEST:
        parser.error(f"--minutes expects at least {SHORTEST:.2f}. Received: {minutes:g}")
    if not get_current_settings().api.url:
        sys.exit("automations: which server? Set PREFECT_API_URL")
    try:
        install(dead_runs(minutes))
    except (RuntimeError, httpx.HTTPError, PrefectException) as error:
        print(f"automations: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    print(f"Installed the automation {NAME!r}: {minutes:g} minutes.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
