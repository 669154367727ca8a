"""Keras's backend, the device that it trains on, and why it uses no GPU.

The backend is imported in another process: TensorFlow takes seconds, may be damaged, and may crash on an old processor.
"""

import os
import re
from pathlib import Path

from pedigree.backends.devices import BFLOAT16_FLAGS, cpu_device
from pedigree.backends.precision import choose
from pedigree.doctor.finding import Finding, Level, fine
from pedigree.doctor.subprocesses import Answer, ask

PROBE = ["-m", "pedigree.doctor.device_probe"]
SECONDS = 90.0  # to import TensorFlow from a slow disk
NVIDIA = ("dev/nvidia[0-9]*", "proc/driver/nvidia/version", "dev/dxg")  # the last: in Windows' Linux
NAMES = {"tensorflow": "TensorFlow", "jax": "JAX"}
OTHER_BACKENDS = ("torch", "openvino")  # of Keras; Pedigree does not train on them
VARIABLES = {
    "TF_CPP_MIN_LOG_LEVEL": "0",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
}  # 0: TensorFlow names what it misses
_NOT_LOADED = re.compile(r"Could not load dynamic library '([^']+)'")
_CUDA_ERROR = re.compile(r"failed call to cuInit: (.+)")


def check(root: Path, devices: str | None, precision: str | None) -> list[Finding]:
    """Return findings about the backend, the device and the precision.

    Args:
        root: the project's folder.
        devices: `train.devices`, None if it is not known.
        precision: the same of `train.precision`.
    """
    backend = os.environ.get("KERAS_BACKEND") or "tensorflow"  # not the one of keras.json
    answer = ask(PROBE, SECONDS, root, VARIABLES | {"KERAS_BACKEND": backend})
    if answer.error:
        return [_failure(answer), _precision_of_processor(precision)]
    return [device_finding(answer, devices, nvidia_gpu()), precision_finding(answer, precision)]


def nvidia_gpu(system: Path = Path("/")) -> str:
    """Return the file that shows that this process can see an NVIDIA GPU, "" if it cannot."""
    return next((str(path) for pattern in NVIDIA for path in sorted(system.glob(pattern))), "")


def device_finding(answer: Answer, devices: str | None, nvidia: str) -> Finding:
    """Judge the device that the backend has found.

    Args:
        answer: of the probe.
        devices: `train.devices`, None if it is not known.
        nvidia: a trace of an NVIDIA GPU; "" if there is none.
    """
    facts = answer.facts
    name = NAMES[facts["backend"]]
    about = f"Keras {facts['keras']} on {name} {facts['version']}"
    if facts["gpus"]:
        return fine("backend", f"{about} trains on {facts['gpus']} GPU(s): {facts['device']}")
    about = f"{about} trains on the processor{', but train.devices is gpu' if devices == 'gpu' else ''}."
    if not nvidia:
        text = f"{about} The system shows no NVIDIA GPU to this process."
        remedy = (
            "Set train.devices: auto, or check the driver with nvidia-smi. "
            "Start a container with --gpus all (Docker) or a GPU resource (Kubernetes)."
        )
        return Finding("backend", "problem", text, remedy) if devices == "gpu" else fine("backend", text)
    reason, remedy = _reason(answer, name)
    level: Level = "problem" if devices == "gpu" else "note"
    return Finding("backend", level, f"{about} There is an NVIDIA GPU ({nvidia}), but {reason}.", remedy)


def _reason(answer: Answer, name: str) -> tuple[str, str]:
    """Return why the backend does not use a GPU that is there, and what to do."""
    install = "pip install 'pedigree[gpu]'" if name == "TensorFlow" else "pip install 'jax[cuda13]'"
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    if hidden is not None and hidden.split(",")[0] in ("", "-1"):
        return f"CUDA_VISIBLE_DEVICES={hidden!r} hides it", "unset CUDA_VISIBLE_DEVICES"
    if not answer.facts["cuda"]:
        return f"this {name} was built without CUDA", install
    if libraries := dict.fromkeys(_NOT_LOADED.findall(answer.log)):
        return f"{name} cannot load {', '.join(libraries)}", install
    if "Could not find cuda drivers" in answer.log:
        return "CUDA's driver library libcuda.so.1 is missing", "Install NVIDIA's driver, then check it with nvidia-smi"
    if error := _CUDA_ERROR.search(answer.log):
        return f"CUDA does not start: {error[1]}", "Check the driver with nvidia-smi. Its CUDA version may be too old."
    return f"{name} does not say why it cannot use it", f"{install}, then check the driver with nvidia-smi"


def _failure(answer: Answer) -> Finding:
    package = re.search(r"No module named '(\w+)", answer.error)
    remedy = f"pip install 'pedigree[{'jax' if package and package[1] == 'jax' else 'pipeline'}]', or make setup"
    if "KERAS_BACKEND must be" in answer.error or (package and package[1] in OTHER_BACKENDS):
        remedy = "export KERAS_BACKEND=tensorflow, or jax"
    return Finding("backend", "problem", f"Keras and its backend cannot be used: {answer.error}", remedy)


def precision_finding(answer: Answer, precision: str | None) -> Finding:
    """Say which precision `train.precision: auto` chooses and why; judge an explicit `precision`."""
    if answer.facts["kind"] == "cpu" and answer.facts["backend"] == "tensorflow":
        return _precision_of_processor(precision)
    has = "has" if answer.facts["bfloat16"] else "has no"
    why = f"{answer.facts['device']} {has} bfloat16 units that {NAMES[answer.facts['backend']]} uses"
    return _chosen(precision, "bfloat16" if answer.facts["bfloat16"] else "float32", why)


def _precision_of_processor(precision: str | None) -> Finding:
    device, flags = cpu_device(), " and ".join(sorted(BFLOAT16_FLAGS))
    why = f"the processor has {'at least one' if device.bfloat16 else 'none'} of the flags {flags}"
    return _chosen(precision, choose("auto", device), why)


def _chosen(precision: str | None, automatic: str, why: str) -> Finding:
    text = f"train.precision: auto is {automatic} here: {why}"
    if precision in (None, "auto"):
        return fine("precision", text)
    slow = precision == "bfloat16" and automatic == "float32"
    text = f"train.precision is {precision}. {text[0].upper()}{text[1:]}"
    return (
        Finding("precision", "note", text, "bfloat16 is slow here: set train.precision: auto")
        if slow
        else fine("precision", text)
    )
