"""Imports Keras without the start-up messages of TensorFlow, and without TensorFlow on another backend.

TensorFlow 2.21 writes start-up messages to file descriptor 2 before it can be configured. Errors are not lost: they are
raised as exceptions.
"""

import os
import sys
from typing import Any


def import_keras() -> None:
    """Import Keras and its backend, and hide the start-up messages of the backend."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    stderr, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        import keras  # noqa: F401
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(null)
    _leave_tensorflow_out()


def _leave_tensorflow_out() -> None:
    """Make Keras believe that TensorFlow is not installed, unless it is already imported.

    To serialise a layer, Keras would otherwise import TensorFlow on every backend, which takes seconds, only to check
    that no part of the layer belongs to TensorFlow. Keras checks once per process.
    """
    modules: dict[str, Any] = sys.modules
    if "tensorflow" in modules:
        return

    import keras

    modules["tensorflow"] = None  # for Python, this means that the module is missing
    try:
        keras.saving.serialize_keras_object(keras.DTypePolicy("float32"))
    finally:
        del modules["tensorflow"]
