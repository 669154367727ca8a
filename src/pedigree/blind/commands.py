"""The commands of the blind test: `make` writes the questions and the key, `score` reads the answers."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pedigree import shipped
from pedigree.blind import answers, key, page, questions, report, sheets, table
from pedigree.common.breeds import find_breed
from pedigree.common.files import check_replaceable, replacing_folder, write_text
from pedigree.common.packed_crops import load_crops
from pedigree.common.paths import CROPS, GENERATOR, REPORTS
from pedigree.common.plurals import plural
from pedigree.errors import UsageError
from pedigree.generator.model import breeds_of, load_generator
from pedigree.pages.wording import breed_name, listed

REPORT = REPORTS / "blind.json"
READERS = "readers"  # the folder that readers get


def make(
    out: Path,
    models: Sequence[Path] = (GENERATOR,),
    breeds: int = 12,
    names: Sequence[str] = (),
    pictures: int = 120,
    photos: int = 60,
    seed: int = 0,
    crops: Path = CROPS,
) -> str:
    """Write a blind test into the new folder `out`; return a summary.

    `readers/` holds what readers get: `blind.html`, and for those without a browser `sheets/` and
    `answers-template.csv`. Nothing there shows which pictures are photos. `key.json` does.

    Args:
        out: the folder to write; it must not exist or be empty.
        models: the generators, as in `shipped.find`. The pictures of several are mixed in one test.
        breeds: how many breeds to choose by chance, unless `names` names them.
        names: names of breeds, at least two.
        pictures: how many pictures each generator draws.
        photos: how many held-out crops there are among them.
        seed: of the latents and of every choice. Equal arguments give equal files.
        crops: the folder of the packed crops.

    Raises:
        UsageError: if `out` is not empty, a model is named twice, a breed is unknown, or a breed has too few crops.
        PedigreeError: if a model or the crops are missing or do not fit each other.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} holds files already, maybe answers: name another folder with --out.")
    if len(set(models)) < len(models):
        raise UsageError(f"Name each model once. Received: {', '.join(map(str, models))}")
    files = {path.as_posix(): shipped.find(path) for path in models}
    known = {name: breeds_of(path) for name, path in files.items()}
    held = load_crops(crops)
    common = questions.common_breeds(held, known)
    random = np.random.default_rng(seed)
    chosen = _named(names, common) if names else questions.choose_breeds(common, breeds, random)
    chosen.sort(key=lambda breed: breed_name(breed).lower())
    generators = {name: load_generator(path) for name, path in files.items()}
    test = questions.compose(generators, held, chosen, pictures, photos, seed, random)
    with replacing_folder(out) as folder:
        write_text(folder / READERS / "blind.html", page.render(test))
        sheets.write(test, folder / READERS)
        key.write(test, files, seed, folder / key.NAME)
    shown = listed([breed_name(breed) for breed in chosen])
    return (
        f"{plural(pictures, 'picture')} of {listed(list(files))} and {plural(photos, 'held-out photo')} of {shown}.\n"
        f"Give readers the folder {out / READERS} and nothing else: {out / key.NAME} says which picture is which."
    )


def _named(names: Sequence[str], folders: Sequence[str]) -> list[str]:
    """Return the folders of the named breeds, each once."""
    chosen = {find_breed(name, folders) for name in names}
    if len(chosen) < 2:
        raise UsageError(f"Name at least two breeds with --breed. Received: {', '.join(names)}")
    return list(chosen)


def score(files: Sequence[Path], key_file: Path | None = None, out: Path = REPORT) -> str:
    """Write what readers answered into `out`; return a table for the terminal.

    Args:
        files: the answers, one file per reader, JSON or CSV.
        key_file: the key of the test; None for `key.json` beside the first of the answers.
        out: the report to write.

    Raises:
        UsageError: if `out` is the key or one of the answers.
        PedigreeError: if a file is missing, is damaged, or belongs to another test.
    """
    key_file = key_file or files[0].parent / key.NAME
    if out.resolve() in (path.resolve() for path in (key_file, *files)):
        raise UsageError(f"{out} is read by this command, so it is not replaced: name another file with --out.")
    check_replaceable(out)
    truth = key.read(key_file)
    numbers = report.report(truth, answers.read_all(list(files), truth))
    write_text(out, json.dumps(numbers, ensure_ascii=False, indent=1) + "\n")
    return f"{table.render(numbers)}\n\nReport: {out}"
