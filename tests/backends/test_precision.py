"""The precision of a run: that of the parameter, or with "auto" the one the device has units for."""

from pathlib import Path

import pytest

from pedigree.backends import devices, find_device
from pedigree.backends.devices import Device, cpu_device, gpu_device
from pedigree.backends.precision import choose

FLAGS = {
    "fpu avx2 avx512f": False,
    "fpu avx2 avx512_bf16": True,
    "amx_bf16 amx_tile amx_int8": True,
    "notamx_bf16 avx512_bf16x": False,
}


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("units", [True, False])
def test_an_explicit_precision_is_used_on_any_device(precision: str, units: bool) -> None:
    assert choose(precision, Device("cpu", "any", units)) == precision


def test_auto_is_bfloat16_if_the_device_has_units_for_it() -> None:
    assert choose("auto", Device("cpu", "any", True)) == "bfloat16"
    assert choose("auto", Device("cpu", "any", False)) == "float32"


@pytest.mark.parametrize(("flags", "units"), FLAGS.items())
def test_the_flags_of_a_cpu_show_whether_it_has_bfloat16_units(
    flags: str, units: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpuinfo").write_text(
        f"processor\t: 0\nmodel name\t: Some: CPU\nflags\t\t: {flags}\n\nprocessor\t: 1\n"
    )
    monkeypatch.setattr(devices, "_CPUINFO", tmp_path / "cpuinfo")
    assert cpu_device() == Device("cpu", "Some: CPU", units)
    assert cpu_device(bfloat16_units=False) == Device("cpu", "Some: CPU", False)


def test_a_cpu_without_cpuinfo_has_no_bfloat16_units(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "_CPUINFO", tmp_path / "missing")
    assert cpu_device() == Device("cpu", "CPU", False)


@pytest.mark.parametrize(
    ("capability", "units"), [((7, 5), False), ((8, 0), True), ((8, 9), True), ((10, 0), True), (None, False)]
)
def test_the_compute_capability_of_a_gpu_shows_whether_it_has_bfloat16_units(
    capability: tuple[int, int] | None, units: bool
) -> None:
    assert gpu_device("GPU", capability) == Device("gpu", "GPU", units)


def test_the_device_of_this_machine_is_the_same_each_time() -> None:
    assert find_device() == find_device()
