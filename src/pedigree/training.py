"""The train stage: from packed crops to a generator."""

import dataclasses
import json
from datetime import datetime
from pathlib import Path
from statistics import median

from pedigree import generator
from pedigree.backends.tensorflow import TensorFlowGAN, find_device
from pedigree.batches import Batches
from pedigree.dataset import load_crops
from pedigree.files import write_text
from pedigree.gan import Device
from pedigree.monitors import Gallery, Record
from pedigree.params import Train
from pedigree.tensorboard_log import TensorBoardLog


def train(
    settings: Train,
    crops: Path = Path("data/crops"),
    model: Path = Path("models/generator.keras"),
    reports: Path = Path("reports"),
    logs: Path = Path("runs/tensorboard"),
) -> None:
    """Train the networks of `settings.recipe` on the crops and keep the averaged generator in `model`.

    Writes history.csv, samples/ and training.json to `reports`, and a TensorBoard log to a new folder of `logs`.

    Raises:
        PedigreeError: where the crops are missing, or training diverges; the model there was is kept.
    """
    data = load_crops(crops)
    device = find_device()
    precision = _precision(settings, device)
    print(f"Training on {device.name} ({device.kind}) in {precision}, {len(data.train_images)} crops.")
    gan = TensorFlowGAN(settings, data.size, len(data.breeds), precision)
    gan.compile_for_training()
    with TensorBoardLog(logs / f"{settings.recipe}-{datetime.now():%Y%m%d-%H%M%S}") as log:
        log.hyperparameters(dataclasses.asdict(settings))
        record, gallery = Record(settings, log), Gallery(gan, data.breeds, settings, log)
        try:
            batches = Batches(data.train_images, data.train_labels, settings)
            gan.fit(batches, shuffle=False, verbose=0, callbacks=[record, gallery])
        finally:
            record.close(reports / "history.csv")
    gallery.save(reports / "samples")
    _write_facts(reports / "training.json", settings, device, precision, record)
    generator.save(gan.average, data.breeds, model)


def _precision(settings: Train, device: Device) -> str:
    if settings.precision == "auto":
        return "bfloat16" if device.bfloat16 else "float32"
    return settings.precision


def _write_facts(path: Path, settings: Train, device: Device, precision: str, record: Record) -> None:
    facts = {
        "recipe": settings.recipe,
        "steps": settings.steps,
        "device": device.name,
        "precision": precision,
        "images_per_second": round(median(record.speeds), 1),
        "discriminator_loss": record.rows[-1]["discriminator_loss"],
        "generator_loss": record.rows[-1]["generator_loss"],
    }
    write_text(path, json.dumps(facts, indent=2) + "\n")
