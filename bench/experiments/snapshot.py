"""Write the generator of an unfinished run, as its newest checkpoint has it.

    python bench/experiments/snapshot.py PROJECT OUT.keras

PROJECT is a project in which `pedigree train` runs or was interrupted, with the `params.yaml` of that run. The file can
be scored and drawn like that of a finished run, so that a long run can be judged at several of its steps.
"""

import argparse
from pathlib import Path

import numpy as np

from pedigree.common import paths
from pedigree.common.packed_crops import load_crops
from pedigree.generator.model import save_generator
from pedigree.networks.building import build
from pedigree.networks.layer_factory import LayerFactory
from pedigree.settings.params import load
from pedigree.settings.train import Train
from pedigree.train.breed_features import COMPONENTS
from pedigree.train.resume.checkpoints import Checkpoint, Checkpoints


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    train = load(Train, options.project / "params.yaml")
    checkpoint = newest(options.project / paths.CHECKPOINTS)
    if checkpoint is None:
        parser.error(f"no run in {options.project} has a checkpoint")
    crops = load_crops(options.project / paths.CROPS)
    count = len(crops.breeds)
    known = (
        np.zeros((count, min(COMPONENTS, count - 1)), np.float32) if train.breed_embeddings == "pretrained" else None
    )
    networks = build(train, crops.size, count, "float32", LayerFactory(breed_features=known))
    generator, discriminator, average = networks
    first = len(generator.variables) + len(discriminator.variables)
    for index, variable in enumerate(average.variables, first):
        variable.assign(checkpoint.arrays[f"variable-{index}"])
    save_generator(average, crops.breeds, options.out, train.latent)
    print(f"{options.out}: the generator after {checkpoint.step} steps.")


def newest(folder: Path) -> Checkpoint | None:
    """Return the newest checkpoint of the run that last saved one."""
    files = sorted(folder.glob("*/step-*.npz"), key=lambda path: path.stat().st_mtime)
    return Checkpoints(folder, files[-1].parent.name).latest() if files else None


if __name__ == "__main__":
    main()
