"""A run of training under way: the GAN, what watches it, and the calls that take it on."""

import dataclasses
import json
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from pedigree.backends import find_device
from pedigree.backends.engine import Engine, Metrics
from pedigree.common.files import write_text
from pedigree.common.packed_crops import Crops
from pedigree.generator.model import Generator
from pedigree.settings.train import Train
from pedigree.train.batches import stream
from pedigree.train.gallery import Gallery
from pedigree.train.gan import ConditionalGAN
from pedigree.train.inspection import Inspection
from pedigree.train.record import Record
from pedigree.train.resume.checkpoints import Checkpoint
from pedigree.train.selection import Selection
from pedigree.train.step import compile_steps
from pedigree.train.tensorboard_log import TensorBoardLog

CAPACITY = 32  # steps a call at most
CALL = 0.5  # seconds a call should take, so that an interruption is heeded soon


class Session:
    """One run, from its first step or from a checkpoint.

    Where several processes train, each has a session; but the chief's, they only train.

    Args:
        settings: the `train` section, its precision decided.
        data: the crops.
        found: where to go on from, or None.
        engine: the backend's.
        logs: the folder of TensorBoard logs; a run has one folder there, however often it is interrupted.
    """

    def __init__(self, settings: Train, data: Crops, found: Checkpoint | None, engine: Engine, logs: Path) -> None:
        self.settings, self.data, self.start = settings, data, found.step if found else 0
        self.workers, self.device, self.devices = engine.workers, find_device(), engine.devices
        self.name = found.facts["name"] if found else f"{settings.recipe}-{datetime.now():%Y%m%d-%H%M%S}"
        self.gan = ConditionalGAN(settings, data.size, len(data.breeds), settings.precision, engine)
        kept = Generator(self.gan.average, data.breeds, settings.latent)
        scored = settings.score_every > 0 and self.workers.chief
        self.selection = Selection(kept, data, settings) if scored else None
        self.log = TensorBoardLog(logs / self.name if self.workers.chief else None, self.start)
        self.gallery = Gallery(kept, settings.seed, self.log)
        self.inspection = Inspection(self.gan, kept, data, self.log)
        self.record = Record(settings, self.log, self.start)
        self.stopped_at: int | None = None
        self.stopped_by: str | None = None
        self.saved_at = self.start
        self.steps_a_call = 1
        if found:
            self._restore(found)
        else:
            self.log.hyperparameters(dataclasses.asdict(settings))
        print(self._told())

    def steps(self) -> Iterator[int]:
        """Train, a call at a time; yield how many steps are done after each, and after the looks due there."""
        take, done = compile_steps(self.gan, min(CAPACITY, self.settings.log_every)), self.start
        with closing(stream(self._calls(), self.data.train_images, self.data.train_labels, self.settings)) as batches:
            while done < self.settings.steps:
                began = perf_counter()
                batch = next(batches)
                waited = perf_counter() - began
                told = take(batch)
                seconds, count = perf_counter() - began, len(batch["images"])
                self.steps_a_call = max(1, int(CALL * count / seconds))
                self.record.add(done, told, seconds, waited)
                done += count
                self._look(done, told)
                self.stopped_at = self.workers.maximum(self.stopped_at or 0) or None
                if self.stopped_at is not None:
                    return
                yield done

    def end(self) -> None:
        """Take the chief's looks that are due after the last step, whatever its number; put back the best generator."""
        last = self.stopped_at or self.settings.steps
        self.record.close_row(last)
        self.gallery.look(last)
        if self.selection is not None:
            if self.selection.scores[-1:] == [] or self.selection.scores[-1]["step"] != last:
                self._score(self.selection, last)
            self.selection.put_back()

    def _look(self, step: int, told: Metrics) -> None:
        """Take the looks due after `step` steps; what training tells comes first, since it may have diverged."""
        shown = step % self.settings.sample_every == 0
        scored = self.settings.score_every > 0 and step % self.settings.score_every == 0
        if shown or scored:
            self.record.close_row(step)
        if shown and self.workers.chief:
            self.gallery.look(step)
            self.record.look(step, self.inspection.look(step, told))
        if scored and self.selection is not None:
            self._score(self.selection, step)

    def _score(self, selection: Selection, step: int) -> None:
        numbers, trouble = selection.look(step)
        self.record.look(step, numbers)
        if trouble:
            if self.settings.on_collapse == "stop":
                self.stopped_at, self.stopped_by = step, trouble
                trouble += f" Training stops here and keeps the generator of step {selection.kept['step']}."
            self.record.bar.write(trouble, file=sys.stderr)
            self.log.text("trouble", trouble, step)

    def checkpoint(self, step: int) -> Checkpoint:
        """Return all that the run goes on from after `step` steps."""
        arrays = {f"gan-{place}": np.asarray(variable) for place, variable in enumerate(self.gan.variables)}
        arrays |= {f"gallery-{name}": array for name, array in self.gallery.state().items()}
        facts = {"name": self.name, "record": self.record.state()}
        if self.selection is not None:
            facts["scores"], best = self.selection.state()
            arrays |= {f"best-{name}": array for name, array in best.items()}
        return Checkpoint(step, arrays, facts)

    def _restore(self, found: Checkpoint) -> None:
        for place, variable in enumerate(self.gan.variables):
            variable.assign(found.arrays[f"gan-{place}"])
        self.gallery.restore(_named("gallery-", found))
        self.record.restore(found.facts["record"])
        if self.selection is not None:
            self.selection.restore(found.facts["scores"], _named("best-", found))

    def _calls(self) -> Iterator[range]:
        """Yield the steps of each call: none goes across a moment at which somebody looks or saves."""
        settings, done = self.settings, self.start
        every = (settings.log_every, settings.sample_every, settings.score_every, settings.checkpoint_every)
        capacity = min(CAPACITY, settings.log_every)
        while done < settings.steps:
            until = min((done // often + 1) * often for often in every if often)
            end = min(until, done + min(self.workers.maximum(self.steps_a_call), capacity), settings.steps)
            yield range(done, end)
            done = end

    def write_facts(self, path: Path) -> None:
        """Write what trained and how fast: reports/training.json. Distances are the kept generator's."""
        kept = self.selection.kept if self.selection else {"step": self.settings.steps}
        facts: dict[str, Any] = {
            "recipe": self.settings.recipe,
            "steps": self.stopped_at or self.settings.steps,
            "stopped_by": self.stopped_by,
            "kept_step": kept["step"],
            "kernel_distance": kept.get("kernel_distance"),
            "frechet_distance": kept.get("frechet_distance"),
            "device": self.device.name,
            "precision": self.settings.precision,
            **self.record.speed(),
            "discriminator_loss": self.record.rows[-1]["discriminator_loss"],
            "generator_loss": self.record.rows[-1]["generator_loss"],
        }
        write_text(path, json.dumps(facts, indent=2) + "\n")

    def _told(self) -> str:
        count = f"{self.devices} × " if self.devices > 1 else ""
        where = f"{count}{self.device.name} ({self.device.kind}) in {self.settings.precision}"
        what = f"{where}, {len(self.data.train_images)} crops"
        return f"Training on {what}{f', going on from step {self.start}' if self.start else ''}."


def _named(prefix: str, found: Checkpoint) -> dict[str, Any]:
    return {name.removeprefix(prefix): array for name, array in found.arrays.items() if name.startswith(prefix)}
