"""Progress artifacts in Prefect's UI, updated from the tqdm progress bars in a stage's output."""

import re
from typing import Any

import httpx
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.exceptions import PrefectException
from prefect.logging import get_run_logger

_BAR = re.compile(
    r"(?P<label>[^%|]*?):? +(?P<percent>\d{1,3})%\|[^|]*\| ?(?P<counts>[^\[]*(\[[^\]]*\])?)"
)  # the format of tqdm


class ProgressArtifact:
    """The progress artifact of one run of a stage.

    If Prefect's server does not answer, the artifact is not updated and the stage continues.
    """

    def __init__(self, stage: str) -> None:
        self._key = f"{_artifact_key(stage)}-progress"
        self._percent = -1
        self._server_is_away = False
        self._id: Any = None  # set when the artifact has been created

    def update(self, line: str) -> str:
        """Update the artifact from the progress bars in a line of output; return the line without them."""
        bars = list(_BAR.finditer(line))
        if bars and int(bars[-1]["percent"]) != self._percent:
            self._percent = int(bars[-1]["percent"])
            self._send(f"{bars[-1]['label'].strip()}: {bars[-1]['counts'].strip()}")
        return _BAR.sub("", line).rstrip() if bars else line.rstrip()

    def _send(self, description: str) -> None:
        try:
            if self._id is None:
                self._id = create_progress_artifact(progress=self._percent, key=self._key, description=description)
            else:
                update_progress_artifact(self._id, progress=self._percent, description=description)
            self._server_is_away = False
        except (httpx.HTTPError, PrefectException) as error:
            if not self._server_is_away:
                get_run_logger().warning("Prefect's server does not answer (%s). The stage continues.", error)
            self._server_is_away = True


def _artifact_key(name: str) -> str:
    """Return `name` as an artifact key: lowercase letters, digits and dashes."""
    return re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")
