"""The run that was killed before this one, and that Prefect still counts as active: it is marked as Crashed.

A killed run cannot report its end, but it has left its name in the lock that this run now holds. Other runs that are
gone, for example those of another folder, are left to the automation (`automations.py`).
"""

from uuid import UUID

import defaults  # noqa: F401  (before Prefect)
from notifications import notify
from prefect.client.orchestration import get_client
from prefect.context import FlowRunContext
from prefect.exceptions import ObjectNotFound
from prefect.states import Crashed

from pedigree.doctor.locks import Holder


def current_run() -> str:
    """Return the id of this flow run, empty outside of a flow."""
    context = FlowRunContext.get()
    return str(context.flow_run.id) if context and context.flow_run else ""


def mark_crashed(killed: Holder) -> None:
    """Mark a run as Crashed that was killed while it held the lock of its flow, if it has no final state.

    Args:
        killed: the last holder of the lock. This run now holds it.
    """
    own = current_run()
    if not own or not killed.run or killed.run == own:  # a run that was killed can be run again
        return
    message = f"It was killed: process {killed.process} on {killed.host} is gone. A later run found that."
    with get_client(sync_client=True) as client:
        try:
            run = client.read_flow_run(UUID(killed.run))
        except ObjectNotFound:  # it was on another server
            return
        if run.state and not run.state.is_final():
            client.set_flow_run_state(run.id, Crashed(message=message))
            notify(f"{run.name} crashed", message)
