"""Imports Keras with the project's settings, without TensorFlow's start-up messages, and without unused packages.

`keras.json` in a person's home, and some variables of the environment, change what Keras computes. The results of a
stage depend on what DVC knows, so they are ignored here. Only KERAS_BACKEND is kept: the docs name it.

TensorFlow 2.21 writes start-up messages to file descriptor 2 before it can be configured. Errors are not lost: they are
raised as exceptions.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pedigree.errors import PedigreeError

# Variables that change what Keras, TensorFlow and JAX compute.
IGNORED = (
    "KERAS_MAX_EPOCHS",
    "KERAS_MAX_STEPS_PER_EPOCH",
    "TF_XLA_FLAGS",
    "JAX_DISABLE_JIT",
    "JAX_ENABLE_X64",
    "JAX_NUMPY_DTYPE_PROMOTION",
    "JAX_NUMPY_RANK_PROMOTION",
)

# By default, TensorFlow uses oneDNN only on processors with AVX-512 VNNI or newer units. Those with AVX2 alone train
# and compute features faster with it too; bench/onednn.py measures by how much.
SET = {"KERAS_NNX_ENABLED": "false", "TF_ENABLE_ONEDNN_OPTS": "1"}

# Keras and TensorFlow import these packages if they are installed: two seconds for nothing that is used here.
UNUSED = {"tensorflow": ("jax", "pandas", "sklearn"), "jax": ("pandas", "sklearn")}


def import_keras() -> None:
    """Import Keras and its backend, set what results depend on, and hide the start-up messages of the backend.

    Raises:
        PedigreeError: Keras does not accept `keras.json` or KERAS_BACKEND.
    """
    _prepare_environment()
    try:
        with hidden_stderr(), _hidden(*UNUSED.get(os.environ["KERAS_BACKEND"], ())):
            import keras
    except (AssertionError, AttributeError, TypeError, ValueError) as error:
        folder = os.environ.get("KERAS_HOME", "~/.keras")
        reason = " ".join(str(error).split()) or type(error).__name__
        raise PedigreeError(
            f"Keras cannot be imported ({reason}): correct or remove {folder}/keras.json, and set KERAS_BACKEND to "
            "tensorflow or jax, or not at all."
        ) from error
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")
    _leave_tensorflow_out()


@contextmanager
def hidden_stderr() -> Iterator[None]:
    """Hide what is written to file descriptor 2 within the block, also by libraries in C. Exceptions pass."""
    sys.stderr.flush()
    stderr, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(null)


def _prepare_environment() -> None:
    """Set the variables that Keras and its backend read when they are imported."""
    for name in IGNORED:
        os.environ.pop(name, None)
    os.environ["KERAS_BACKEND"] = os.environ.get("KERAS_BACKEND") or "tensorflow"  # not the one of keras.json
    os.environ.update(SET)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def _leave_tensorflow_out() -> None:
    """Make Keras believe that TensorFlow is not installed, unless it is already imported.

    To serialise a layer, Keras would otherwise import TensorFlow on every backend, which takes seconds, only to check
    that no part of the layer belongs to TensorFlow. Keras checks once per process.
    """
    if "tensorflow" in sys.modules:
        return

    import keras

    with _hidden("tensorflow"):
        keras.saving.serialize_keras_object(keras.DTypePolicy("float32"))


@contextmanager
def _hidden(*names: str) -> Iterator[None]:
    """Make Python believe in the block that packages are not installed, except those that are already imported."""
    modules: dict[str, Any] = sys.modules
    hidden = [name for name in names if name not in modules]
    modules.update(dict.fromkeys(hidden))  # for Python, None means that the module is missing
    try:
        yield
    finally:
        for name in hidden:
            del modules[name]
