"""Train on one and on two devices of this machine, and write the results to a file; run by test_devices.py.

This needs a separate process, because a CPU must be split into logical devices before any other TensorFlow operation.
"""

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from pedigree.backends import make_engine
from pedigree.errors import UsageError
from pedigree.settings import params
from pedigree.settings.params import Train
from pedigree.train.batches import stacked
from pedigree.train.gan import ConditionalGAN
from pedigree.train.record import Record
from pedigree.train.stage import train
from pedigree.train.step import compile_steps

STEPS = 10
COMPOSITIONS: dict[str, dict[str, Any]] = {
    "the default": {"augment": ["flip", "translation"]},
    "batch norm in both": {"architecture": "dcgan", "r1_weight": 0.0},
    "pretrained features": {
        "architecture": "mlp",
        "r1_weight": 0.0,
        "features_weight": 0.003,
        "features_input": 32,
        "generator_batch_size": 12,
        # With a larger weight or larger rates, the rounding errors of the deep frozen network are too large.
        **dict.fromkeys(("generator_learning_rate", "discriminator_learning_rate", "features_learning_rate"), 1e-6),
    },
    "everything": {
        "architecture": "mlp",
        "conditioning": "classifier",
        "classifier_weight": 1.0,
        "generator_classifier_weight": 0.1,
        "discriminator_steps": 2,
        "generator_batch_size": 12,
        "spectral_norm": "both",
        "condition_ramp": [40, 240],
        "augment": ["flip", "color", "translation", "cutout"],
        "augment_target": 0.0,
        "augment_speed": 200,
        "penalty_interval": 3,
        "gradient_penalty_weight": 1.0,
    },
}


class Killed(BaseException):
    """Ends a training as SIGKILL would: nothing is saved."""


def small(folder: Path, **others: Any) -> Train:
    settings = params.load(Train, folder / "params.yaml")
    return dataclasses.replace(settings, **{"penalty_interval": 4, "batch_size": 8, "generator_batch_size": 8} | others)


def trained(settings: Train, devices: str) -> tuple[ConditionalGAN, dict[str, Any]]:
    """Take STEPS steps, in two calls. Return the GAN and the metrics."""
    chance = np.random.default_rng(0)
    images = chance.integers(0, 255, (12, 16, 16, 3), dtype=np.uint8)
    labels = (np.arange(12) % 2).astype(np.int32)
    gan = ConditionalGAN(settings, 16, 2, "float32", make_engine(devices))
    take = compile_steps(gan, STEPS)
    calls = [take(stacked(call, images, labels, settings)) for call in (range(3), range(3, STEPS))]
    return gan, {name: np.concatenate([metrics[name] for metrics in calls]) for name in calls[0]}


def compared(settings: Train) -> dict[str, Any]:
    (one, metrics), (two, metrics_of_two) = (trained(settings, devices) for devices in ("one", "all"))
    copies = [[np.array(copy) for copy in variable.value.values] for variable in two.variables]
    return {
        "devices": [one.engine.devices, two.engine.devices],
        "metrics": {name: distance(metrics[name], metrics_of_two[name]) for name in metrics},
        "weights": max(distance(a, b) for a, (b, _) in zip(map(np.array, one.variables), copies, strict=True)),
        "copies that differ": [
            v.path for v, pair in zip(two.variables, copies, strict=True) if (pair[0] != pair[1]).any()
        ],
    }


def distance(a: Any, b: Any) -> float:
    return float(np.abs(np.float64(a) - np.float64(b)).max())


def outputs(settings: Train, crops: Path, folder: Path, kill_at: int | None = None) -> dict[str, bytes]:
    """Train in a folder, until step `kill_at` if given, and return the files there."""
    add = Record.add

    def add_and_die(self: Record, first: int, metrics: dict[str, Any], *others: float) -> None:
        add(self, first, metrics, *others)
        if kill_at is not None and first + len(metrics["logit_gap"]) >= kill_at:
            raise Killed

    Record.add = add_and_die  # type: ignore[method-assign]
    try:
        train(settings, crops, folder / "generator.keras", folder / "reports", folder / "logs", folder / "runs")
    except Killed:
        pass
    finally:
        Record.add = add  # type: ignore[method-assign]
    files = [*folder.glob("generator.keras"), *folder.glob("reports/*.csv"), *folder.glob("reports/samples/*.png")]
    return {file.name: file.read_bytes() for file in files}


def resumed(settings: Train, crops: Path, folder: Path) -> dict[str, Any]:
    uninterrupted = outputs(settings, crops, folder / "uninterrupted")
    outputs(settings, crops, folder / "killed", kill_at=6)
    saved = sorted(path.name for path in folder.glob("killed/runs/*/step-*.npz"))
    again = outputs(settings, crops, folder / "killed")
    return {
        "saved": saved,
        "made": sorted(again),
        "differ": [name for name in again if again[name] != uninterrupted[name]],
    }


def refused(settings: Train) -> str:
    try:
        trained(settings, "all")
    except UsageError as error:
        return str(error)
    return ""


def main(folder: Path) -> None:
    processor = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)
    intervals = {
        "architecture": "mlp",
        "devices": "all",
        "steps": 8,
        "checkpoint_every": 2,
        "sample_every": 4,
        "log_every": 2,
    }
    results = {
        "auto": make_engine("auto").devices,
        "refused": refused(small(folder, architecture="mlp", batch_size=5, generator_batch_size=5)),
        "resumed": resumed(small(folder, **intervals), folder / "crops", folder),
        "compared": {name: compared(small(folder, **change)) for name, change in COMPOSITIONS.items()},
    }
    (folder / "results.json").write_text(json.dumps(results))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
