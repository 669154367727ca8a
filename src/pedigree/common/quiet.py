"""Keras without greetings from TensorFlow, and without TensorFlow where another backend is at work.

TensorFlow 2.21 writes start-up notes to file descriptor 2 before anything can tell it not to. What goes wrong is
raised as an exception and so is not lost.
"""

import os
import sys
from typing import Any


def import_keras() -> None:
    """Import Keras and its backend with stderr closed to the backend's start-up notes."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        import keras  # noqa: F401
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
    _leave_tensorflow_out()


def _leave_tensorflow_out() -> None:
    """Tell Keras, unless TensorFlow is here already, that there is none.

    To describe a layer on any backend, Keras imports it where it is installed, for seconds, only to see that no part
    of the layer is TensorFlow's. It looks once in a process.
    """
    modules: dict[str, Any] = sys.modules
    if "tensorflow" in modules:
        return

    import keras

    modules["tensorflow"] = None  # Python's way to say that a module is missing
    try:
        keras.saving.serialize_keras_object(keras.DTypePolicy("float32"))
    finally:
        del modules["tensorflow"]
