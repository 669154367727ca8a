"""Durations and scores of the last run of each flow, in a file that Prometheus's node exporter reads.

Prefect's own metrics count requests, not runs of stages or scores. Point the node exporter to the folder:
`--collector.textfile.directory=runs/prometheus`.
"""

import time
from pathlib import Path
from typing import Any

from prefect.client.schemas.objects import State
from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from pedigree.results.metrics_file import BIAS, ERRORS, Scores

FOLDER = Path("runs/prometheus")


class RunReport:
    """What one run of a flow reports.

    Attributes:
        seconds: the stages that ran, each with its seconds.
        scores: the scores of the generator; empty if there are none.
    """

    def __init__(self, flow: str) -> None:
        self.seconds: dict[str, float] = {}
        self.scores: Scores = {}
        self._flow = flow
        self._start = time.monotonic()

    def write(self, root: Path, state: State[Any]) -> None:
        """Write the file of the flow in the project at `root`."""
        registry = CollectorRegistry()

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"pedigree_{name}", text, ["flow", *labels], registry=registry)

        gauge("run_seconds", "Duration of the last run.").labels(self._flow).set(time.monotonic() - self._start)
        ended = gauge("run_ended_timestamp_seconds", "When the last run ended, and how.", "outcome")
        ended.labels(self._flow, state.name or "").set_to_current_time()
        stages = gauge("stage_seconds", "Duration of each stage that the last run ran.", "stage")
        for stage, seconds in self.seconds.items():
            stages.labels(self._flow, stage).set(seconds)
        scores = gauge("generator_score", "Numbers of metrics.json.", "judge", "number")
        for judge, numbers in self.scores.items():
            for number, value in numbers.items():
                if number not in (BIAS, ERRORS) and isinstance(value, int | float):
                    scores.labels(self._flow, judge, number).set(value)
        (root / FOLDER).mkdir(parents=True, exist_ok=True)
        write_to_textfile(str(root / FOLDER / f"pedigree-{self._flow}.prom"), registry)
