"""The pipeline file of the stage, which is only in a project that has switched the stage on.

DVC reads every `dvc.yaml` of a project. With a stage that was never run, `dvc pull` and `dvc checkout` fail.
"""

from importlib.resources import files
from pathlib import Path

from pedigree.common.files import write_text
from pedigree.common.paths import TRANSLATION_PIPELINE


def write(path: Path = TRANSLATION_PIPELINE) -> None:
    """Write the pipeline file, with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, files(__package__).joinpath("pipeline.yaml").read_text(encoding="utf-8"))
