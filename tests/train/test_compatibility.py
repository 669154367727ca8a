"""Parameters of `train` that cannot be combined are refused by name before training."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from conftest import recipe_settings

from pedigree.errors import UsageError
from pedigree.settings import recipes
from pedigree.settings.params import Train
from pedigree.train import stage
from pedigree.train.compatibility import check

CONFLICTS: dict[str, tuple[dict[str, Any], str]] = {
    "group": ({"architecture": "progan", "batch_size": 6, "generator_batch_size": 6}, "multiple of 4"),
    "group of the default": ({"batch_size": 6, "generator_batch_size": 6}, "multiple of 4"),
    "no spectral norm": ({"architecture": "r3gan", "spectral_norm": "both"}, "spectral_norm must be none"),
    "soft labels": ({"loss": "hinge", "real_targets": [0.9, 1.0]}, "the hinge loss has no soft labels"),
    "flipped labels": ({"loss": "relativistic", "real_flips": 0.1}, "the relativistic loss has no labels to flip"),
    "pairs": ({"loss": "relativistic", "generator_batch_size": 8}, "generator_batch_size must equal batch_size"),
    "batch norm": ({"architecture": "dcgan", "r1_weight": 0.5}, "r1_weight, r2_weight and gradient_penalty_weight"),
    "slope": ({"loss": "wasserstein"}, "set gradient_penalty_weight above 0, or spectral_norm"),
    "no teacher": ({"conditioning": "both"}, "conditioning: both needs classifier_weight above 0"),
    "no classifier": ({"classifier_weight": 0.1}, "conditioning: projection has no classifier"),
    "nothing to steer": (
        {"augment": ["flip"], "augment_target": 0.6},
        "augment needs one of color, translation",
    ),
    "no sign": ({"loss": "relativistic", "augment_target": 0.6}, "no meaning with the relativistic loss"),
}


@pytest.mark.parametrize(("change", "reason"), CONFLICTS.values(), ids=CONFLICTS)
def test_a_conflict_is_one_line_that_names_the_parameters(
    train_settings: Train, change: dict[str, Any], reason: str
) -> None:
    with pytest.raises(UsageError) as error:
        check(dataclasses.replace(train_settings, **change))
    assert reason in str(error.value)
    assert str(error.value).startswith("params.yaml: train: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", recipes.names())
def test_the_parameters_of_every_recipe_can_be_combined(name: str) -> None:
    check(recipe_settings(name))


def test_training_refuses_a_conflict_before_it_reads_the_crops(train_settings: Train, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="classifier_weight"):
        stage.train(dataclasses.replace(train_settings, conditioning="both"), crops=tmp_path / "missing")
