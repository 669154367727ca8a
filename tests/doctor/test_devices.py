"""Devices: the reason why a GPU is not used, from what TensorFlow writes; whether that is a problem."""

import os
from ctypes.util import find_library
from pathlib import Path

import pytest

from pedigree.doctor import devices
from pedigree.doctor.subprocesses import Answer, ask

FACTS = {"keras": "3.15", "backend": "tensorflow", "version": "2.21", "kind": "cpu", "device": "EPYC"}
FACTS = FACTS | {"cuda": True, "gpus": 0, "bfloat16": False}
NO_DRIVER = "I0000 00:00:1.2 3 cudart_stub.cc:31] Could not find cuda drivers on your machine, GPU will not be used."
NO_LIBRARY = (
    "W dso_loader.cc:60] Could not load dynamic library 'libcudnn.so.9'; dlerror: libcudnn.so.9: cannot open\n"
    "W gpu_device.cc:2341] Cannot dlopen some GPU libraries.\n"
)
NO_START = "E cuda_platform.cc:52] failed call to cuInit: INTERNAL: CUDA error: Failed call to cuInit: UNKNOWN ERROR"
REASONS = {
    "libraries": (FACTS, NO_LIBRARY, "TensorFlow cannot load libcudnn.so.9", "pip install 'pedigree[gpu]'"),
    "build": (FACTS | {"cuda": False}, NO_DRIVER, "TensorFlow was built without CUDA", "pip install 'pedigree[gpu]'"),
    "driver": (FACTS, NO_DRIVER, "libcuda.so.1 is missing", "NVIDIA's driver"),
    "start": (FACTS, NO_START, "CUDA does not start: INTERNAL", "nvidia-smi"),
    "jax": (FACTS | {"backend": "jax", "cuda": False}, "", "JAX was built without CUDA", "pip install 'jax[cuda13]'"),
}


@pytest.mark.parametrize(("facts", "log", "reason", "remedy"), REASONS.values(), ids=REASONS)
def test_the_reason_is_named_why_a_gpu_is_not_used(
    facts: dict[str, object], log: str, reason: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    finding = devices.device_finding(Answer(facts, log, ""), "auto", "/dev/nvidia0")
    assert finding.level == "note"
    assert reason in finding.text
    assert remedy in finding.remedy


@pytest.mark.skipif(find_library("cuda") is not None, reason="this machine has NVIDIA's driver")
def test_tensorflow_itself_says_here_that_the_driver_is_missing(tmp_path: Path) -> None:
    answer = ask(devices.PROBE, 100, tmp_path, devices.VARIABLES | {"KERAS_BACKEND": "tensorflow"})
    assert answer.error == ""
    assert "libcuda.so.1 is missing" in devices.device_finding(answer, "gpu", "/dev/nvidia0").text


def test_a_hidden_gpu_is_named_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    finding = devices.device_finding(Answer(FACTS, NO_START, ""), "auto", "/dev/nvidia0")
    assert finding.remedy == "unset CUDA_VISIBLE_DEVICES"


@pytest.mark.parametrize(
    ("choice", "nvidia", "level"),
    [
        ("auto", "", "fine"),
        ("gpu", "", "problem"),
        ("auto", "/dev/nvidia0", "note"),
        ("gpu", "/dev/nvidia0", "problem"),
    ],
)
def test_no_gpu_is_a_problem_only_if_one_is_required(choice: str, nvidia: str, level: str) -> None:
    assert devices.device_finding(Answer(FACTS, "", ""), choice, nvidia).level == level
    with_gpu = Answer(FACTS | {"gpus": 1, "device": "H200"}, "", "")
    assert devices.device_finding(with_gpu, choice, nvidia).level == "fine"


def test_a_gpu_of_any_number_is_seen(tmp_path: Path) -> None:
    assert devices.nvidia_gpu(tmp_path) == ""
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/nvidiactl").touch()  # the driver without a GPU
    assert devices.nvidia_gpu(tmp_path) == ""
    (tmp_path / "dev/nvidia3").touch()
    assert devices.nvidia_gpu(tmp_path) == str(tmp_path / "dev/nvidia3")


@pytest.mark.parametrize(("units", "level"), [(False, "note"), (True, "fine")])
def test_bfloat16_without_units_is_a_note(units: bool, level: str) -> None:
    gpu = Answer(FACTS | {"kind": "gpu", "bfloat16": units}, "", "")
    assert devices.precision_finding(gpu, "bfloat16").level == level
    text = devices.precision_finding(gpu, "auto").text
    assert f"auto is {'bfloat16' if units else 'float32'} here" in text


@pytest.mark.parametrize(
    ("backend", "text", "remedy"),
    [
        ("numpy", "KERAS_BACKEND must be tensorflow or jax", "export KERAS_BACKEND=tensorflow"),
        ("torch", "No module named 'torch'", "export KERAS_BACKEND=tensorflow"),
    ],
)
def test_another_backend_of_keras_is_a_problem(
    backend: str, text: str, remedy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", backend)
    if backend == "torch":  # as if it were not installed
        (tmp_path / "torch.py").write_text("raise ModuleNotFoundError(\"No module named 'torch'\")\n")
        monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    failure, precision = devices.check(tmp_path, "auto", "auto")
    assert failure.level == "problem"
    assert text in failure.text
    assert failure.remedy.startswith(remedy)
    assert precision.check == "precision"
