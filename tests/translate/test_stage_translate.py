"""The stage translate end to end: its outputs, exact resume after a kill, and errors in one line."""

import contextlib
import dataclasses
import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pedigree.errors import PedigreeError, UsageError
from pedigree.generator.translator import load_translator
from pedigree.settings.translate import Translate
from pedigree.train.record import Record
from pedigree.translate.stage import translate
from pedigree.translate.translation_task import SCORE_TAGS, TAGS

pytestmark = pytest.mark.usefixtures("quick_judge", "eagerly")
CROP = {"fit": "pad", "size": 16}


class Killed(BaseException):
    """Ends a training run in this process as SIGKILL would: nothing is saved."""


def run(settings: Translate, crops: Path, where: Path) -> dict[str, bytes]:
    """Run the stage; return all outputs without times."""
    scratch = (where / "logs", where / "scratch", where / "features")
    translate(settings, CROP, crops, where / "translator.keras", where / "reports", *scratch)
    made = [where / "translator.keras", *(where / "reports").rglob("*.*")]
    return {path.name: path.read_bytes() for path in made if path.name != "training.json"}


def test_a_run_killed_and_interrupted_has_the_outputs_of_an_uninterrupted_one(
    settings: Translate, crops_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = run(settings, crops_folder, tmp_path / "whole")
    expected = {"translator.keras", "history.csv", "final.png", "progress.png", "training.gif", "metrics.json"}
    assert set(whole) == expected | {"translation.html"}
    add = Record.add

    def killed(self: Record, first: int, metrics: dict[str, Any], *others: float) -> None:
        add(self, first, metrics, *others)
        if first + len(metrics["logit_gap"]) >= 3:
            raise Killed

    def interrupted(self: Record, first: int, metrics: dict[str, Any], *others: float) -> None:
        add(self, first, metrics, *others)
        if first + len(metrics["logit_gap"]) == 5:
            signal.raise_signal(signal.SIGTERM)

    capfd.readouterr()
    for end in (killed, interrupted):
        with pytest.MonkeyPatch.context() as patch, contextlib.suppress(Killed, SystemExit):
            patch.setattr(Record, "add", end)
            run(settings, crops_folder, tmp_path / "resumed")
    assert run(settings, crops_folder, tmp_path / "resumed") == whole
    output = capfd.readouterr()
    assert "resuming from step 2" in output.out
    assert "pedigree translate: interrupted at step" in output.err
    assert "run `dvc repro translation/dvc.yaml` (or `pedigree translate`) again" in output.err
    assert not (tmp_path / "resumed/scratch").exists()
    _check_outputs(tmp_path / "whole")


def _check_outputs(where: Path) -> None:
    translator = load_translator(where / "translator.keras")
    assert (translator.breeds, translator.crop) == (("n90000001-Red", "n90000002-Blue"), CROP)
    history = pd.read_csv(where / "reports/history.csv")
    assert list(history.columns) == ["step", *TAGS, *SCORE_TAGS]
    assert history["step"].tolist() == [2, 3, 4, 6]
    assert history["holdout_round_trip"].notna().tolist() == [False, True, False, True]
    numbers = json.loads((where / "reports/metrics.json").read_text())
    assert list(numbers) == ["to_Red", "to_Blue"]
    assert numbers["to_Blue"]["breed_accuracy_real"] == 1
    assert numbers["to_Blue"]["breed_accuracy_untranslated"] == 0
    assert numbers["to_Blue"]["frechet_distance_untranslated"] > numbers["to_Blue"]["frechet_distance_real"]
    facts = json.loads((where / "reports/training.json").read_text())
    assert facts | {"steps": 6, "precision": "float32"} == facts
    with Image.open(where / "reports/samples/final.png") as final:
        assert np.asarray(final).std() > 1


def test_bfloat16_trains_and_the_saved_translator_is_float32(
    settings: Translate, crops_folder: Path, tmp_path: Path
) -> None:
    few = dataclasses.replace(settings, steps=2, precision="bfloat16")
    run(few, crops_folder, tmp_path)
    translator = load_translator(tmp_path / "translator.keras")
    assert {layer.compute_dtype for layer in translator.network.layers} == {"float32"}
    assert np.isfinite(pd.read_csv(tmp_path / "reports/history.csv")[list(TAGS)].to_numpy()).all()


@pytest.mark.parametrize(
    ("breeds", "message"),
    [
        (["Red", "Bleu"], r"params.yaml: translate.breeds: There is no breed 'Bleu'; nearest: Blue"),
        (["Red", "n90000001-Red"], "both are n90000001-Red: name two different breeds"),
    ],
)
def test_breeds_that_are_not_two_of_the_crops_are_wrong_usage(
    settings: Translate, crops_folder: Path, tmp_path: Path, breeds: list[str], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        run(dataclasses.replace(settings, breeds=breeds), crops_folder, tmp_path)


def test_a_breed_without_held_out_crops_is_refused(settings: Translate, crops_folder: Path, tmp_path: Path) -> None:
    np.save(crops_folder / "holdout-labels.npy", np.array([0, 0, 0, 1], np.int32))
    with pytest.raises(PedigreeError, match="n90000002-Blue has 1 holdout crops: translate needs 2 or more"):
        run(settings, crops_folder, tmp_path)


def test_several_processes_are_wrong_usage(
    settings: Translate, crops_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAX_NUM_PROCESSES", "2")
    with pytest.raises(UsageError, match="translate trains on one device of one machine"):
        run(settings, crops_folder, tmp_path)
