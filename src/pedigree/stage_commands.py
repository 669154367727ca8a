"""The commands that run stages: each stage by itself, `recipe`, which writes the parameters of one, and `spread`."""

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

from pedigree.common.paths import CENSUS, GENERATOR, HISTORY, RAW, TRAINING_FACTS, TRANSLATION_PIPELINE, VERDICT
from pedigree.common.printable import printable
from pedigree.errors import UsageError

CUTTING = ("fit", "frames", "max_aspect", "min_box", "padding", "size")  # the parameters of `crop` that cut a photo


def unpack(_: argparse.Namespace) -> None:
    """Extract the archives named in params.yaml into data/raw."""
    from pedigree.settings import params
    from pedigree.unpack import stage

    data = params.load(params.Data)
    annotations = Path(data.annotations) if data.annotations else None
    print(printable(str(stage.unpack(Path(data.images), annotations, params.load(params.Unpack)))))


def validate(_: argparse.Namespace) -> None:
    """Check the photos in data/raw and write data/census.csv."""
    from pedigree.settings import params
    from pedigree.validate import stage

    stage.validate(RAW, params.load(params.Validate), params.load(params.Crop))


def crop(_: argparse.Namespace) -> None:
    """Cut one square crop per dog and pack the crops into data/crops."""
    from pedigree.crop import stage
    from pedigree.settings import params

    stage.crop(RAW, CENSUS, VERDICT, params.load(params.Crop))


def train(_: argparse.Namespace) -> None:
    """Train the conditional GAN on data/crops."""
    from pedigree.common import quiet
    from pedigree.settings import params

    settings = params.load(params.Train)  # before Keras, so that a wrong parameter is reported at once
    quiet.import_keras()

    from pedigree.train import stage

    stage.train(settings)


def score(arguments: argparse.Namespace) -> None:
    """Score models/generator.keras against data/crops. With --against, compare the scores with earlier ones."""
    if arguments.against is not None:
        from pedigree.results import comparison

        print(comparison.against(arguments.against, _in_colour()))
        return

    from pedigree.score import stage
    from pedigree.settings import params

    stage.score(params.load(params.Score))


def translate(arguments: argparse.Namespace) -> None:
    """Train a translator between two breeds (an optional stage). With --photo, give the dog in a photo another coat."""
    from pedigree.common import quiet

    if arguments.photo is not None or arguments.to is not None:
        if arguments.photo is None or arguments.to is None:
            raise UsageError("--photo and --to belong together: --photo FILE --to BREED.")
        from pedigree import translated_photo

        print(printable(translated_photo.translate_photo(arguments.photo, arguments.to, arguments.out)))
        return

    from pedigree.settings import params

    settings, crop = params.load(params.Translate), params.load(params.Crop)
    quiet.import_keras()

    from pedigree.translate import stage

    stage.translate(settings, {name: getattr(crop, name) for name in CUTTING})


def recipe(arguments: argparse.Namespace) -> None:
    """Write a recipe into its section of params.yaml. Without a name, list the recipes."""
    from pedigree.settings import recipes

    if arguments.name:
        crops = recipes.other_crops(arguments.name)  # before anything is written: it reads the section `crop`
        recipes.write(arguments.name)
        section, repro = recipes.section_of(arguments.name), "dvc repro"
        if section == translate.__name__:
            from pedigree.translate import pipeline

            pipeline.write()
            repro += f" {TRANSLATION_PIPELINE}"
        print(f"params.yaml: the {section} section is now the recipe {arguments.name}. Run `{repro}` to train it.")
        if crops:
            print(f"It was made for {crops}. params.yaml has other values.")
    else:
        print(recipes.listing())


def spread(arguments: argparse.Namespace) -> None:
    """Train and score with further seeds, to measure how much the scores vary by chance."""
    from pedigree.common import quiet
    from pedigree.settings import params

    training, scoring = params.load(params.Train), replace(params.load(params.Score), require=[])
    quiet.import_keras()

    from pedigree.results import seed_spread
    from pedigree.score import stage as score_stage
    from pedigree.train import stage as train_stage

    def run(seed: int, reports: Path) -> None:
        generator, history = reports / GENERATOR.name, reports / HISTORY.name
        if not (reports / TRAINING_FACTS.name).is_file():
            train_stage.train(replace(training, seed=seed), model=generator, reports=reports)
        score_stage.score(scoring, generator, history=history, reports=reports)

    print(printable(seed_spread.measure(arguments.seeds, run)))


def _in_colour() -> bool:
    """Return whether stdout is a terminal that should get colours (no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
