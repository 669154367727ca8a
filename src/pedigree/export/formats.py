"""The formats of an exported generator: how each is written, how it is run, and how a person uses it.

Keras writes all of them but its own with `keras.Model.export`. The exported network always has the inputs `latent` and
`breed`, whatever the names in the generator's file are.
"""

import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pedigree.common import quiet
from pedigree.common.guard import is_short_of_memory
from pedigree.errors import PedigreeError
from pedigree.generator.model import Generator, Latents

LATENT, BREED = "latent", "breed"  # the names of the inputs
LONGEST = 200  # characters of a converter's message

Labels = npt.NDArray[np.int32]
Run = Callable[[Latents, Labels], npt.NDArray[np.float32]]  # latents (n, size), breeds (n,) → (n, side, side, 3)


@dataclass(frozen=True)
class Format:
    """A format of an exported generator.

    Attributes:
        title: its name in sentences.
        file: the file or folder with the network, in the exported folder.
        packages: what writes and runs it, of the extra `export`.
        installs: what a person installs to run it, as for pip.
        imports: the import lines of the example.
        load: the line of the example that loads the network as `generator`.
        draw: the line that draws `pictures`; `{latents}` and `{breeds}` stand for its inputs.
        keras_name: the name of the format for `keras.Model.export`; empty for Keras's own.
        open: returns a function that draws with the written file.
        one: whether the network draws one picture a call. LiteRT cannot convolve enlarged pictures of an open number.
    """

    title: str
    file: str
    packages: tuple[str, ...]
    installs: str
    imports: str
    load: str
    draw: str
    keras_name: str
    open: Callable[[Path], Run]
    one: bool = False

    def check_installed(self) -> None:
        """Check the packages and the backend before anything is loaded.

        Raises:
            PedigreeError: a package is missing, or Keras runs on another backend than the export needs.
        """
        if missing := [package for package in self.packages if not _is_installed(package)]:
            raise PedigreeError(f"{missing[0]} is not installed: pip install 'pedigree[export]'")
        if not self.keras_name:
            return
        quiet.import_keras()
        import keras

        if (backend := keras.backend.backend()) != "tensorflow":
            raise PedigreeError(
                f"{self.title} is written by Keras's TensorFlow backend only, and KERAS_BACKEND is {backend}: unset "
                "KERAS_BACKEND for this command, or use --format keras. The generator's file fits every backend."
            )

    def write(self, generator: Generator, model: Path, folder: Path) -> Run:
        """Write the network into `folder`; return a function that draws with what was written.

        Args:
            generator: the generator.
            model: its file.
            folder: an empty folder.

        Raises:
            PedigreeError: the format cannot take the network.
        """
        target = folder / self.file
        with self._converting(target):
            if self.keras_name:
                _export(generator, target, self.keras_name, 1 if self.one else None)
            else:
                shutil.copyfile(model, target)
            run = self.open(target)
            run(generator.latents(1, seed=0), np.zeros(1, np.int32))
        return run

    @contextmanager
    def _converting(self, target: Path) -> Iterator[None]:
        """Hide what converters print, and turn their exceptions into one clear error."""
        try:
            with quiet.hidden_stderr(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        except Exception as error:  # each converter raises exceptions of many types
            if is_short_of_memory(error) or isinstance(error, OSError):
                raise
            reason = _reason(error).replace(str(target), self.file)[:LONGEST]
            raise PedigreeError(
                f"{self.title} cannot take this generator ({reason}): use another --format, such as saved-model or "
                "keras."
            ) from None


def _is_installed(package: str) -> bool:
    """Whether a package can be imported. It is not imported: some print when they are."""
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:
        return False


def _reason(error: Exception) -> str:
    """Return the first sentence of a converter's message, without the places in its graph."""
    line = next(iter(str(error).splitlines()), "") or type(error).__name__
    return " ".join(line.rpartition("): ")[2].split()).partition(". ")[0]


def _export(generator: Generator, target: Path, keras_name: str, count: int | None) -> None:
    """Write the network with the inputs `LATENT` and `BREED`, for `count` pictures a call; None: any number."""
    import keras

    from pedigree.export.plain_layers import with_plain_layers

    latent = keras.Input((generator.latent_size,), dtype="float32", name=LATENT)
    breed = keras.Input((), dtype="int32", name=BREED)
    network = with_plain_layers(generator.network)
    served = keras.Model([latent, breed], network([latent, breed], training=False))
    served([generator.latents(1, seed=0), np.zeros(1, np.int32)])  # Keras exports only what has been called
    inputs = [keras.InputSpec(one.dtype, (count, *one.shape[1:]), name=one.name) for one in (latent, breed)]
    served.export(str(target), format=keras_name, verbose=False, input_signature=[inputs])


def _open_keras(path: Path) -> Run:
    import keras

    network: Any = keras.saving.load_model(path, compile=False)
    return lambda latents, labels: np.asarray(network([latents, labels], training=False))


def _open_onnx(path: Path) -> Run:
    import onnxruntime

    session = onnxruntime.InferenceSession(path)
    return lambda latents, labels: np.asarray(session.run(None, {LATENT: latents, BREED: labels})[0])


def _open_saved_model(path: Path) -> Run:
    import tensorflow

    loaded = tensorflow.saved_model.load(str(path))
    return lambda latents, labels: np.asarray(loaded.serve([latents, labels]))


def _open_litert(path: Path) -> Run:
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(str(path)).get_signature_runner()

    def run(latents: Latents, labels: Labels) -> npt.NDArray[np.float32]:
        calls = ({LATENT: latents[[index]], BREED: labels[[index]]} for index in range(len(labels)))
        return np.concatenate([picture for call in calls for picture in runner(**call).values()])

    return run


FORMATS = {
    "keras": Format(
        title="Keras",
        file="generator.keras",
        packages=(),
        installs="keras tensorflow pillow",
        imports="import keras",
        load='generator = keras.saving.load_model("generator.keras")',
        draw="pictures = generator.predict([{latents}, {breeds}], verbose=0)",
        keras_name="",
        open=_open_keras,
    ),
    "onnx": Format(
        title="ONNX",
        file="generator.onnx",
        packages=("onnx", "tf2onnx", "onnxruntime"),
        installs="onnxruntime numpy pillow",
        imports="import onnxruntime",
        load='generator = onnxruntime.InferenceSession("generator.onnx")',
        draw='(pictures,) = generator.run(None, {{"latent": {latents}, "breed": {breeds}}})',
        keras_name="onnx",
        open=_open_onnx,
    ),
    "saved-model": Format(
        title="SavedModel",
        file="saved_model",
        packages=(),
        installs="tensorflow pillow",
        imports="import tensorflow",
        load='generator = tensorflow.saved_model.load("saved_model")',
        draw="pictures = generator.serve([{latents}, {breeds}]).numpy()",
        keras_name="tf_saved_model",
        open=_open_saved_model,
    ),
    "litert": Format(
        title="LiteRT",
        file="generator.tflite",
        packages=("ai_edge_litert",),
        installs="ai-edge-litert numpy pillow",
        imports="from ai_edge_litert.interpreter import Interpreter",
        load='generator = Interpreter("generator.tflite").get_signature_runner()',
        draw="(pictures,) = generator(latent={latents}, breed={breeds}).values()",
        keras_name="litert",
        open=_open_litert,
        one=True,
    ),
}
