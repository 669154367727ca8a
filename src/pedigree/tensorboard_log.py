"""A TensorBoard log written through TensorBoard's own event writer, so that no backend is needed for it."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from time import time

from PIL import Image
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams.summary_v2 import hparams_pb
from tensorboard.summary.writer.event_file_writer import EventFileWriter


class TensorBoardLog:
    """One run's scalars, pictures and hyperparameters, in `folder`. A context manager.

    Where the run goes on from step `start`, TensorBoard drops what an earlier process told of later steps.
    """

    def __init__(self, folder: Path, start: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._writer = EventFileWriter(str(folder))
        if start:
            restart = SessionLog(status=SessionLog.START)
            self._writer.add_event(Event(session_log=restart, step=start + 1, wall_time=time()))

    def __enter__(self) -> "TensorBoardLog":
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Add one point to each curve of `values`, tag → value."""
        self._add(Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]), step)

    def image(self, tag: str, image: Image.Image, step: int) -> None:
        """Add a picture under `tag`."""
        encoded = BytesIO()
        image.save(encoded, "png")
        picture = Summary.Image(
            height=image.height, width=image.width, colorspace=3, encoded_image_string=encoded.getvalue()
        )
        self._add(Summary(value=[Summary.Value(tag=tag, image=picture)]), step)

    def hyperparameters(self, values: Mapping[str, object]) -> None:
        """Add the run's hyperparameters, for the HPARAMS page; lists are told as text."""
        told = {key: value if isinstance(value, int | float | str) else str(value) for key, value in values.items()}
        self._add(hparams_pb(told), 0)

    def _add(self, summary: Summary, step: int) -> None:
        self._writer.add_event(Event(summary=summary, step=step, wall_time=time()))
