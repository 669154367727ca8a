"""A training run: the GAN, its monitoring, and the loop over calls of several steps."""

import dataclasses
import json
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pedigree.backends import find_device
from pedigree.backends.engine import Engine, Metrics
from pedigree.common.files import write_text
from pedigree.common.packed_crops import Crops
from pedigree.common.plurals import plural
from pedigree.features.extractors import load
from pedigree.generator.model import Generator
from pedigree.settings.train import Train
from pedigree.train.batches import stream
from pedigree.train.breed_features import breed_features
from pedigree.train.gallery import Gallery
from pedigree.train.gan import ConditionalGAN
from pedigree.train.inspection import Inspection
from pedigree.train.pretrained import NETWORK
from pedigree.train.record import Record
from pedigree.train.resume.checkpoints import Checkpoint
from pedigree.train.selection import Selection
from pedigree.train.step import compile_steps
from pedigree.train.tensorboard_log import TensorBoardLog

CAPACITY = 32  # maximum number of steps per call
CALL_SECONDS = 0.5  # target duration of a call, so that training stops soon after an interruption


class Session:
    """One training run, from its first step or from a checkpoint.

    With several workers, every worker has a session. Only the chief logs, draws samples and scores.

    Args:
        settings: the `train` section, with "float32" or "bfloat16" as precision.
        data: the crops.
        checkpoint: the checkpoint to resume from, or None.
        engine: the engine of the backend.
        logs: the folder of TensorBoard logs. A run has one folder there, even if it is interrupted.
        name: the name of that folder for a run without a checkpoint. A checkpoint has the name.
    """

    def __init__(
        self, settings: Train, data: Crops, checkpoint: Checkpoint | None, engine: Engine, logs: Path, name: str
    ) -> None:
        self.settings, self.data, self.start = settings, data, checkpoint.step if checkpoint else 0
        self.workers, self.device, self.devices = engine.workers, find_device(), engine.devices
        self.name = checkpoint.facts["name"] if checkpoint else name
        known = self._breed_features() if settings.breed_embeddings == "pretrained" else None
        self.gan = ConditionalGAN(settings, data.size, len(data.breeds), settings.precision, engine, known)
        generator = Generator(self.gan.average, data.breeds, settings.latent)
        scored = settings.score_every > 0 and self.workers.chief
        self.selection = Selection(generator, data, settings) if scored else None
        self.log = TensorBoardLog(logs / self.name if self.workers.chief else None, self.start)
        self.gallery = Gallery(generator, settings.seed, self.log)
        self.inspection = Inspection(self.gan, generator, data, self.log)
        self.record = Record(settings, self.log, self.start)
        self.stopped_at: int | None = None
        self.stopped_by: str | None = None
        self.saved_at = self.start
        self.steps_per_call = 1
        if checkpoint:
            self._restore(checkpoint)
        else:
            self.log.hyperparameters(dataclasses.asdict(settings))
        print(self._summary())

    def steps(self) -> Iterator[int]:
        """Train. After each call and its monitoring, yield the number of steps done."""
        take, done = compile_steps(self.gan, min(CAPACITY, self.settings.log_every)), self.start
        with closing(stream(self._calls(), self.data.train_images, self.data.train_labels, self.settings)) as batches:
            while done < self.settings.steps:
                began = perf_counter()
                batch = next(batches)
                waited = perf_counter() - began
                metrics = take(batch)
                seconds, count = perf_counter() - began, len(batch["images"])
                self.steps_per_call = max(1, int(CALL_SECONDS * count / seconds))
                self.record.add(done, metrics, seconds, waited)
                done += count
                self._monitor(done, metrics)
                self.stopped_at = self.workers.maximum(self.stopped_at or 0) or None
                if self.stopped_at is not None:
                    return
                yield done

    def _breed_features(self) -> NDArray[np.float32]:
        """Return the chief's features of the breeds on all workers."""
        features = breed_features(self.data, load(NETWORK, None)).tobytes() if self.workers.chief else b""
        values = np.frombuffer(self.workers.broadcast(features), np.float32)
        return values.reshape(len(self.data.breeds), -1)

    def finish(self) -> None:
        """Draw and score the generator after the last step, and load the selected weights. Only for the chief."""
        last = self.stopped_at or self.settings.steps
        self.record.close_row(last)
        self.gallery.draw(last)
        if self.selection is not None:
            if self.selection.scores[-1:] == [] or self.selection.scores[-1]["step"] != last:
                self._score(self.selection, last)
            self.selection.load_selected()

    def _monitor(self, step: int, metrics: Metrics) -> None:
        """Draw samples, inspect and score after `step` steps if due. The row of metrics comes first and may raise."""
        sample_due = step % self.settings.sample_every == 0
        score_due = self.settings.score_every > 0 and step % self.settings.score_every == 0
        if sample_due or score_due:
            self.record.close_row(step)
        if sample_due and self.workers.chief:
            self.gallery.draw(step)
            self.record.add_scores(step, self.inspection.inspect(step, metrics))
        if score_due and self.selection is not None:
            self._score(self.selection, step)

    def _score(self, selection: Selection, step: int) -> None:
        scores, problem = selection.score(step)
        self.record.add_scores(step, scores)
        if problem:
            if self.settings.on_collapse == "stop":
                self.stopped_at, self.stopped_by = step, problem
                problem += f" Training stops here and keeps the generator of step {selection.selected['step']}."
            self.record.bar.write(problem, file=sys.stderr)
            self.log.text("trouble", problem, step)

    def checkpoint(self, step: int) -> Checkpoint:
        """Return the state of the run after `step` steps."""
        arrays = {f"gan-{index}": np.asarray(variable) for index, variable in enumerate(self.gan.variables)}
        arrays |= {f"gallery-{name}": array for name, array in self.gallery.state().items()}
        facts = {"name": self.name, "record": self.record.state()}
        if self.selection is not None:
            facts["scores"], best = self.selection.state()
            arrays |= {f"best-{name}": array for name, array in best.items()}
        return Checkpoint(step, arrays, facts)

    def _restore(self, checkpoint: Checkpoint) -> None:
        for index, variable in enumerate(self.gan.variables):
            variable.assign(checkpoint.arrays[f"gan-{index}"])
        self.gallery.restore(_arrays("gallery-", checkpoint))
        self.record.restore(checkpoint.facts["record"])
        if self.selection is not None:
            self.selection.restore(checkpoint.facts["scores"], _arrays("best-", checkpoint))

    def _calls(self) -> Iterator[range]:
        """Yield the steps of each call. A call stops where logging, samples, scores or saving is due."""
        settings, done = self.settings, self.start
        intervals = (settings.log_every, settings.sample_every, settings.score_every, settings.checkpoint_every)
        capacity = min(CAPACITY, settings.log_every)
        while done < settings.steps:
            due = min((done // interval + 1) * interval for interval in intervals if interval)
            end = min(due, done + min(self.workers.maximum(self.steps_per_call), capacity), settings.steps)
            yield range(done, end)
            done = end

    def write_facts(self, path: Path) -> None:
        """Write reports/training.json: the device, the speed, and the step and scores of the selected generator."""
        selected = self.selection.selected if self.selection else {"step": self.settings.steps}
        facts: dict[str, Any] = {
            "architecture": self.settings.architecture,
            "steps": self.stopped_at or self.settings.steps,
            "stopped_by": self.stopped_by,
            "kept_step": selected["step"],
            "kernel_distance": selected.get("kernel_distance"),
            "frechet_distance": selected.get("frechet_distance"),
            "device": self.device.name,
            "precision": self.settings.precision,
            **self.record.speed(),
            "discriminator_loss": self.record.rows[-1]["discriminator_loss"],
            "generator_loss": self.record.rows[-1]["generator_loss"],
        }
        write_text(path, json.dumps(facts, indent=2) + "\n")

    def _summary(self) -> str:
        count = f"{self.devices} × " if self.devices > 1 else ""
        device = f"{count}{self.device.name} ({self.device.kind})"
        resuming = f", resuming from step {self.start}" if self.start else ""
        crops = plural(len(self.data.train_images), "crop")
        return f"Training on {device} in {self.settings.precision}, {crops}{resuming}."


def _arrays(prefix: str, checkpoint: Checkpoint) -> dict[str, Any]:
    """Return the arrays of a checkpoint whose names start with `prefix`, without it."""
    return {name.removeprefix(prefix): array for name, array in checkpoint.arrays.items() if name.startswith(prefix)}
