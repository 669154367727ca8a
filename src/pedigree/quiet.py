"""Importing Keras without its backend's greetings.

TensorFlow 2.21 writes start-up notes to file descriptor 2 before anything can tell it not to. What goes wrong is
raised as an exception and so is not lost.
"""

import os
import sys


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
