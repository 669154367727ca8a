"""Notifications: always a line in the log, and a message to Slack, mail and so on if one is configured.

To configure one, save a notification block in Prefect's UI (Blocks: Slack Webhook, Microsoft Teams, Sendgrid Email and
others) and write its name to a variable: `prefect variable set pedigree_notify slack-webhook/dogs`.
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
REJECTED = "Rejected"

Logger = logging.Logger | logging.LoggerAdapter[Any]


def notify(subject: str, text: str, logger: Logger | None = None) -> None:
    """Log a notification and send it through the block that the variable `pedigree_notify` names, if it is set.

    Args:
        subject: a few words.
        text: the message.
        logger: the logger of the current run if None.
    """
    logger = logger or get_run_logger()
    logger.info("%s: %s", subject, text)
    if block := Variable.get(VARIABLE):
        try:
            sender: Any = Block.load(str(block))
            sender.notify(text, subject=subject)
        except Exception as error:  # a block may use any library, and a notification must not fail the run
            logger.warning("%s could not be sent by %s: %s", subject, block, error)


def notify_failure(flow: "Flow[..., Any]", flow_run: FlowRun, state: State[Any]) -> None:
    """Notify that a flow run has failed or crashed: a hook for `on_failure` and `on_crashed`.

    Of a rejected candidate, `retrain` has sent a digest.
    """
    if state.name == REJECTED:
        return
    subject = f"{flow.name} {flow_run.name} {(state.name or 'failed').lower()}"
    notify(subject, state.message or "", flow_run_logger(flow_run, flow))  # a crashed run is no longer the current run
