"""Telling people: a line in the log always, and a message where they have asked for one.

Save a notification block in Prefect's UI (Blocks: Slack Webhook, Microsoft Teams, Sendgrid Email and others) and name
it in a variable: `prefect variable set pedigree_notify slack-webhook/dogs`.
"""

import logging
from typing import Any

import defaults  # noqa: F401  (before Prefect)
from prefect.blocks.core import Block
from prefect.client.schemas.objects import FlowRun, State
from prefect.flows import Flow
from prefect.logging import get_run_logger
from prefect.logging.loggers import flow_run_logger
from prefect.variables import Variable

VARIABLE = "pedigree_notify"

Log = logging.Logger | logging.LoggerAdapter[Any]


def notify(subject: str, text: str, log: Log | None = None) -> None:
    """Log the subject and the text, and send them by the notification block that `pedigree_notify` names, if any.

    Without `log`, the run's at hand is taken.
    """
    log = log or get_run_logger()
    log.info("%s: %s", subject, text)
    if block := Variable.get(VARIABLE):
        try:
            sender: Any = Block.load(str(block))
            sender.notify(text, subject=subject)
        except Exception as error:  # of any library a block may use: a message that does not go out fails no run
            log.warning("%s could not be sent by %s: %s", subject, block, error)


def failed(flow: "Flow[..., Any]", flow_run: FlowRun, state: State[Any]) -> None:
    """Tell that a run of a flow has failed or crashed: a hook for both."""
    subject = f"{flow.name} {flow_run.name} {(state.name or 'failed').lower()}"
    notify(subject, state.message or "", flow_run_logger(flow_run, flow))  # a run that has crashed is no longer at hand
