"""Telling people: a line in the log always, and a message where they have asked for one.

Save a notification block in Prefect (Blocks → Slack Webhook, Microsoft Teams, Twilio and others; for mail install `prefect-email`
and use its automation action) and name it in the variable `pedigree_notify`, as in
`prefect variable set pedigree_notify slack-webhook/dogs`.
"""

import defaults  # noqa: F401  (before Prefect)
from prefect.blocks.core import Block
from prefect.client.schemas.objects import FlowRun, State
from prefect.flows import Flow
from prefect.logging import get_run_logger
from prefect.variables import Variable

VARIABLE = "pedigree_notify"


def notify(subject: str, text: str) -> None:
    """Log the subject and the text, and send them by the notification block that `pedigree_notify` names, if any."""
    log = get_run_logger()
    log.info("%s: %s", subject, text)
    if block := Variable.get(VARIABLE):
        try:
            Block.load(str(block)).notify(text, subject=subject)
        except Exception as error:  # of any library a block may use: a message that does not go out fails no run
            log.warning("%s could not be sent by %s: %s", subject, block, error)


def failed(flow: "Flow[..., object]", run: FlowRun, state: "State[object]") -> None:
    """A flow's hook for when it failed or crashed."""
    from prefect.context import FlowRunContext  # noqa: F401

    notify(f"{flow.name} {run.name} {(state.name or 'failed').lower()}", state.message or "")
