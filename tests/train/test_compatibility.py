"""Parameters of `train` that cannot be combined are refused by name before training."""

import dataclasses
from pathlib import Path
from typing import Any

import keras
import pytest
from conftest import recipe_settings

from pedigree.backends.devices import Device
from pedigree.errors import UsageError
from pedigree.settings import recipes
from pedigree.settings.params import Train
from pedigree.train import stage
from pedigree.train.compatibility import biased_scores, check, check_device

CONFLICTS: dict[str, tuple[dict[str, Any], str]] = {
    "group": ({"architecture": "progan", "batch_size": 6, "generator_batch_size": 6}, "multiple of 4"),
    "group of the default": ({"batch_size": 6, "generator_batch_size": 6}, "multiple of 4"),
    "no spectral norm": ({"architecture": "r3gan", "spectral_norm": "both"}, "spectral_norm must be none"),
    "drawn on photos": ({"architecture": "lapgan", "generator_batch_size": 8}, "generator_batch_size must equal"),
    "several pictures": ({"architecture": "lapgan", "features_weight": 1.0}, "features_weight must be 0.0"),
    "colours of several pictures": ({"architecture": "lapgan", "augment": ["color"]}, "augment must be without color"),
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
    "strides": ({"features_weight": 1.0, "features_input": 48}, "features_input: 48 must be a multiple of 32"),
    "grey": ({"features_weight": 1.0, "colors": "grey"}, "with colors: grey, features_weight must be 0.0"),
    "no use of features": (
        {"architecture": "mlp", "breed_embeddings": "pretrained"},
        "nothing in mlp uses breed_embeddings: pretrained",
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


@pytest.mark.parametrize(
    ("change", "warned"),
    [
        ({"score_extractor": "efficientnet-lite0-bfloat16"}, True),
        ({"score_extractor": "efficientnet-lite2"}, False),
        ({"features_weight": 0.0}, False),
        ({"score_every": 0}, False),
    ],
)
def test_scores_by_the_network_that_trains_are_said_to_be_biased(
    train_settings: Train, change: dict[str, Any], warned: bool
) -> None:
    settings = dataclasses.replace(train_settings, **({"features_weight": 1.0, "score_every": 1} | change))
    warning = biased_scores(settings)
    assert (warning is not None and "its scores are biased" in warning) == warned


@pytest.mark.parametrize(("backend", "kind"), [("jax", "cpu"), ("jax", "gpu"), ("tensorflow", "cpu")])
def test_pretrained_features_are_refused_on_the_cpu_with_jax(
    train_settings: Train, monkeypatch: pytest.MonkeyPatch, backend: str, kind: str
) -> None:
    monkeypatch.setattr(keras.backend, "backend", lambda: backend)
    device = Device(kind, "any", bfloat16=False)
    check_device(train_settings, device)
    settings = dataclasses.replace(train_settings, features_weight=1.0)
    if (backend, kind) != ("jax", "cpu"):
        return check_device(settings, device)
    with pytest.raises(UsageError, match="set KERAS_BACKEND=tensorflow, or features_weight"):
        check_device(settings, device)


@pytest.mark.parametrize("name", recipes.names("train"))
def test_the_parameters_of_every_recipe_can_be_combined(name: str) -> None:
    check(recipe_settings(name))


def test_training_refuses_a_conflict_before_it_reads_the_crops(train_settings: Train, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="classifier_weight"):
        stage.train(dataclasses.replace(train_settings, conditioning="both"), crops=tmp_path / "missing")
