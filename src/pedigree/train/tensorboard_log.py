"""Writes a TensorBoard log without TensorFlow.

It is our own because TensorBoard's public writers do not fit: `EventFileWriter` imports TensorFlow wherever that is
installed, which takes seconds in a run on JAX, and `tensorboard.summary.Writer` only has scalars. So this module uses
TensorBoard's record writer and messages. tensorboardX would be one more dependency for the same few lines.
"""

import os
import socket
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from time import time

from PIL import Image
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.plugins.hparams.summary_v2 import hparams_pb
from tensorboard.summary.writer.record_writer import RecordWriter


class TensorBoardLog:
    """A context manager that logs the scalars, pictures and hyperparameters of one run to `folder`.

    If `folder` is None, it logs nothing. If the folder has the log of an earlier process, TensorBoard discards what it
    logged for steps after `start`, from which the run resumes.
    """

    def __init__(self, folder: Path | None, start: int = 0) -> None:
        self.folder, self.start = folder, start
        self._writer: RecordWriter | None = None

    def __enter__(self) -> "TensorBoardLog":
        if self.folder is None:
            return self
        self.folder.mkdir(parents=True, exist_ok=True)
        resumed = any(self.folder.iterdir())
        name = f"events.out.tfevents.{time():.6f}.{socket.gethostname()}.{os.getpid()}"
        self._writer = RecordWriter((self.folder / name).open("xb"))
        self._write(Event(file_version="brain.Event:2", wall_time=time()))
        if resumed:
            session = SessionLog(status=SessionLog.START)
            self._write(Event(session_log=session, step=self.start + 1, wall_time=time()))
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Add a point to the curve of each tag in `values`."""
        self._add(Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]), step)

    def image(self, tag: str, image: Image.Image, step: int) -> None:
        """Add a picture under `tag`."""
        encoded = BytesIO()
        image.save(encoded, "png")
        picture = Summary.Image(
            height=image.height, width=image.width, colorspace=3, encoded_image_string=encoded.getvalue()
        )
        self._add(Summary(value=[Summary.Value(tag=tag, image=picture)]), step)

    def text(self, tag: str, text: str, step: int) -> None:
        """Add a line of text under `tag`."""
        tensor = TensorProto(dtype=DT_STRING, string_val=[text.encode()])
        kind = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"))
        self._add(Summary(value=[Summary.Value(tag=tag, tensor=tensor, metadata=kind)]), step)

    def hyperparameters(self, values: Mapping[str, object]) -> None:
        """Add the hyperparameters for the HPARAMS page. Values other than numbers and strings are written as text."""
        known = {key: value if isinstance(value, int | float | str) else str(value) for key, value in values.items()}
        self._add(hparams_pb(known), 0)

    def _add(self, summary: Summary, step: int) -> None:
        self._write(Event(summary=summary, step=step, wall_time=time()))

    def _write(self, event: Event) -> None:
        if self._writer is not None:
            self._writer.write(event.SerializeToString())
            self._writer.flush()
