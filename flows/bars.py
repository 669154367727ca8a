"""Progress bars of a stage's output as progress artifacts: they move in Prefect's UI while the stage runs."""

import re
from typing import Any

import httpx
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.exceptions import PrefectException
from prefect.logging import get_run_logger

_BAR = re.compile(
    r"(?P<label>[^%|]*?):? +(?P<percent>\d{1,3})%\|[^|]*\| ?(?P<counts>[^\[]*(\[[^\]]*\])?)"
)  # as tqdm draws them


def key_of(name: str) -> str:
    """Make of any name an artifact's key: small letters, digits and dashes."""
    return re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")


class Bar:
    """The progress of one stage's run. It is only told, never waited for: a server that is away costs no work."""

    def __init__(self, stage: str) -> None:
        self._key, self._shown, self._away = f"{key_of(stage)}-progress", -1, False
        self._artifact: Any = None  # its id, once it is there

    def rest(self, line: str) -> str:
        """Show the progress bars in a line of output; return what else it says."""
        bars = list(_BAR.finditer(line))
        if bars and int(bars[-1]["percent"]) != self._shown:
            self._shown = int(bars[-1]["percent"])
            self._show(f"{bars[-1]['label'].strip()}: {bars[-1]['counts'].strip()}")
        return _BAR.sub("", line).rstrip() if bars else line.rstrip()

    def _show(self, description: str) -> None:
        try:
            if self._artifact is None:
                self._artifact = create_progress_artifact(progress=self._shown, key=self._key, description=description)
            else:
                update_progress_artifact(self._artifact, progress=self._shown, description=description)
            self._away = False
        except (httpx.HTTPError, PrefectException) as error:
            if not self._away:
                get_run_logger().warning("Prefect's server does not answer (%s); the stage goes on.", error)
            self._away = True
