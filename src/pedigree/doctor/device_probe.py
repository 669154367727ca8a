"""Writes the versions of Keras and its backend, and the device to train on, as a JSON object: run by `devices.py`."""

import json


def main() -> None:
    """Import Keras and its backend and print what they see."""
    import keras

    from pedigree.backends import find_device

    backend = keras.backend.backend()
    device = find_device()
    facts = {"keras": keras.__version__, "backend": backend, "kind": device.kind, "device": device.name}
    print(json.dumps(facts | {"bfloat16": device.bfloat16} | _library(backend)))


def _library(backend: str) -> dict[str, object]:
    """Return the version of the backend's library, whether it was built for CUDA, and how many GPUs it can use."""
    if backend == "jax":
        import jax

        gpus = [device for device in jax.devices() if device.platform != "cpu"]
        return {"version": jax.__version__, "cuda": _has_cuda_plugin(), "gpus": len(gpus)}
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    return {"version": tf.__version__, "cuda": tf.test.is_built_with_cuda(), "gpus": len(gpus)}


def _has_cuda_plugin() -> bool:
    from importlib.metadata import distributions

    return any((each.name or "").startswith("jax-cuda") for each in distributions())


if __name__ == "__main__":
    main()
