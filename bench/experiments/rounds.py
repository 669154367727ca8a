"""What draws the best dogs for the cost: rounds of training runs, each kept as a DVC experiment.

    python bench/experiments/rounds.py run ROUND [--only NAME ...] [--photos FOLDER] [--project FOLDER]
    python bench/experiments/rounds.py table ROUND [--only NAME ...] [--project FOLDER ...]
    python bench/experiments/rounds.py curves ROUND [--only NAME ...] [--project FOLDER ...] > curves.svg
    python bench/experiments/rounds.py beside ROUND [--only NAME ...] [--project FOLDER ...] > beside.png

The rounds are those of `rounds.yaml`. A round names its photos, a folder with `images.tar` and `annotation.tar` in
`shared/data` beside this checkout; FOLDER replaces it. The runs are in PROJECT (default runs/experiments/PHOTOS), a
clone of this checkout's last commit with the parameters of these photos. `dvc exp show`, `dvc exp apply` and
`dvc plots diff` work there. A run that exists is not run again. `table` prints the tables of
`reports/experiments/README.md`, `curves` draws the distance of a few pictures to held-out crops, and `beside` shows the
pictures of the runs side by side.
"""

import argparse
import os
import subprocess
import sys
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from ruamel.yaml import YAML

from pedigree.common.files import replacing_folder
from pedigree.pages.axes import around
from pedigree.results.side_by_side import side_by_side
from pedigree.settings import recipes
from pedigree.settings.overrides import override

ROOT = Path(__file__).parents[2]
PLAN = Path(__file__).with_name("rounds.yaml")
SCORES = {  # and their decimals
    "Fréchet": ("frechet_distance", 0),
    "kernel": ("kernel_distance", 3),
    "accuracy": ("breed_accuracy", 2),
    "precision": ("precision", 2),
    "recall": ("recall", 2),
    "coverage": ("coverage", 2),
    "diversity": ("intra_breed_diversity", 1),
    "memorisation distance": ("memorization_distance", 3),
}
COLORS = "#4363d8", "#e6194b", "#3cb44b", "#f58231", "#911eb4", "#008080", "#9a6324", "#808080"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["run", "table", "curves", "beside"])
    parser.add_argument("round")
    parser.add_argument("--photos", type=Path, metavar="FOLDER")
    parser.add_argument("--only", nargs="+", metavar="NAME")
    parser.add_argument("--project", nargs="+", type=Path, metavar="FOLDER")
    options = parser.parse_args()
    plan = YAML(typ="safe").load(PLAN)
    if options.round not in plan["rounds"]:
        parser.error(f"no round is called {options.round!r}: there are {', '.join(plan['rounds'])}")
    chosen = plan["rounds"][options.round]
    photos = plan["photos"][chosen["photos"]]
    projects = options.project or [ROOT / "runs/experiments" / chosen["photos"]]
    names = options.only or list(chosen["runs"])
    if unknown := set(names) - set(chosen["runs"]):
        parser.error(f"{options.round} has no run {', '.join(sorted(unknown))}: there are {', '.join(chosen['runs'])}")
    if options.command != "run":
        if missing := [str(project) for project in projects if not project.exists()]:
            parser.error(f"no project at {' and '.join(missing)}: run the round first")
        shows = {"table": table, "curves": curves, "beside": beside}
        shows[options.command](found(options.round, names, projects, photos["score"]["extractor"]))
        return
    project = projects[0].resolve()
    if not project.exists():
        folder = options.photos or ROOT.parent / "shared/data" / chosen["photos"]
        archives = {"images": folder / "images.tar", "annotations": folder / "annotation.tar"}
        if missing := [str(archive) for archive in archives.values() if not archive.exists()]:
            parser.error(f"no archive at {' and '.join(missing)}: name the folder of the photos by --photos")
        prepare(project, photos | {"data": {name: str(path.resolve()) for name, path in archives.items()}})
    for name in names:
        run(project, f"{options.round}-{name}", chosen.get("set", {}) | chosen["runs"][name])


def prepare(project: Path, sections: dict[str, dict[str, Any]]) -> None:
    """Clone the last commit, change its parameters and make the crops."""
    with replacing_folder(project) as beside:
        subprocess.run(["git", "clone", "--quiet", ROOT, beside], check=True)
        edit(beside / "params.yaml", sections)
        dvc(beside, "repro", "crop", shown=True)
        git(beside, "commit", "--quiet", "--all", "--message", "Photos to experiment with")


def run(project: Path, name: str, settings: dict[str, Any]) -> None:
    """Train and score with the settings, as an experiment of that name."""
    if name in dvc(project, "exp", "list", "--name-only").split():
        print(f"{name} is there already.")
        return
    write(project, settings)
    try:
        dvc(project, "exp", "run", "--name", name, shown=True)
    finally:
        git(project, "checkout", "--quiet", ".")


def write(project: Path, settings: dict[str, Any]) -> None:
    """Write a run's recipe and settings into the project's params.yaml, as it was committed.

    A setting is a parameter of training, or a whole section of other parameters, such as `{"crop": {"holdout": 0.5}}`.
    """
    sections = {name: part for name, part in settings.items() if isinstance(part, dict)}
    settings = {name: value for name, value in settings.items() if name not in sections}
    git(project, "checkout", "--quiet", ".")
    recipes.write(settings.pop("recipe", "projection-dcgan"), project / "params.yaml")
    looks = settings.pop("looks")
    often = settings["steps"] // looks
    every = {"sample_every": often, "score_every": often, "keep": "kernel_distance"}
    edit(project / "params.yaml", {"train": every | settings, **sections})


def edit(path: Path, sections: dict[str, dict[str, Any]]) -> None:
    """Change some of a parameters' file, by sections; its comments stay."""
    override({f"{section}.{key}": value for section, part in sections.items() for key, value in part.items()}, path)


def table(rows: pd.DataFrame) -> None:
    """Print the runs as a table, the nearest to real photos first."""
    print(f"| run | steps | images/s | minutes | {' | '.join(SCORES)} |\n|{' --- |' * (4 + len(SCORES))}")
    for _, row in rows.sort_values("frechet_distance").iterrows():
        scores = [f"{row[score]:.{decimals}f}" for score, decimals in SCORES.values()]
        minutes = row["steps"] * row["train.batch_size"] / row["images_per_second"] / 60
        facts = row["run"], f"{row['steps']:.0f}", f"{row['images_per_second']:.0f}", f"{minutes:.1f}"
        print(f"| {' | '.join((*facts, *scores))} |")


def found(round_name: str, names: list[str], projects: list[Path], judge: str) -> pd.DataFrame:
    """Return the runs of a round that are done: names, parameters, a judge's metrics, and the project they are in."""
    runs = {f"{round_name}-{name}": name for name in names}
    judged = {f"{judge}.{score}": score for score, _ in SCORES.values()}
    wanted = ["Experiment", "rev", "steps", "images_per_second", "train.batch_size", *judged]
    rows = pd.concat([experiments(project)[wanted].assign(project=project) for project in projects])
    rows = rows.rename(columns=judged)
    rows = rows[rows["Experiment"].isin(runs) & (rows["rev"] != "workspace")].drop_duplicates("Experiment")
    rows = rows.set_index("Experiment", drop=False).loc[[run for run in runs if run in set(rows["Experiment"])]]
    if missing := [name for run, name in runs.items() if run not in set(rows["Experiment"])]:
        sys.exit(f"{round_name} has not run {', '.join(missing)} there: run it first, or name others by --only")
    return rows.assign(run=rows["Experiment"].map(runs))


def experiments(project: Path) -> pd.DataFrame:
    return pd.read_csv(StringIO(dvc(project, "exp", "show", "--csv")), na_values=["!"])


def curves(rows: pd.DataFrame) -> None:
    """Print an SVG: the distance of a few pictures to the held-out crops, by minutes of training."""
    lines = {row["run"]: history(row) for _, row in rows.iterrows()}
    across = around(0, max(minutes[-1] for minutes, _ in lines.values()), 50, 560)
    up = around(0, max(distances.max() for _, distances in lines.values()), 360, 20)
    print('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 400" font-family="sans-serif" font-size="12">')
    print('<rect width="720" height="400" fill="white"/>')
    for tick in up.ticks():
        print(f'<path d="M50 {tick.at}H560" stroke="#ddd"/>')
        print(f'<text x="44" y="{tick.at + 4}" text-anchor="end">{tick.label}</text>')
    for tick in across.ticks(9):
        print(f'<text x="{tick.at}" y="378" text-anchor="middle">{tick.label}</text>')
    print('<text x="305" y="395" text-anchor="middle">minutes of training</text>')
    print('<text x="50" y="12">Fréchet distance of 256 pictures to held-out crops</text>')
    ends = sorted((up.place(distances[-1]), name) for name, (_, distances) in lines.items())
    places: list[float] = []
    for at, name in ends:  # a name a line, none on top of another
        places.append(max(at + 4, places[-1] + 14 if places else 0))
        color = COLORS[sorted(lines).index(name) % len(COLORS)]
        points = " ".join(f"{across.place(x)},{up.place(y)}" for x, y in zip(*lines[name], strict=True))
        print(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"/>')
        print(f'<text x="566" y="{places[-1]}" fill="{color}">{name}</text>')
    print("</svg>")


def beside(rows: pd.DataFrame) -> None:
    """Write a PNG: the last samples of each run, one row per breed."""
    grids = {row["run"]: report(row, "samples/final.png") for _, row in rows.iterrows()}
    sys.stdout.buffer.write(side_by_side(grids))


def history(row: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return the minutes and the distances of a run's looks."""
    looks = pd.read_csv(BytesIO(report(row, "history.csv"))).dropna(subset=["frechet_distance"])
    seconds = looks["step"] * row["train.batch_size"] / row["images_per_second"]
    return seconds.to_numpy() / 60, looks["frechet_distance"].to_numpy()


def report(row: pd.Series, name: str) -> bytes:
    """Return one of a run's reports."""
    command = ["git", "show", f"{row['rev']}:reports/{name}"]
    return subprocess.run(command, cwd=row["project"], check=True, stdout=subprocess.PIPE).stdout


def dvc(project: Path, *arguments: str, shown: bool = False) -> str:
    """Run DVC there; return what it prints, unless it is shown."""
    command, out = [sys.executable, "-m", "dvc", *arguments], None if shown else subprocess.PIPE
    # DVC's stages run `python`, which is this interpreter also where no environment is activated.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    own = os.environ | {"PATH": path, "PYTHONPATH": str(project / "src")}
    return subprocess.run(command, cwd=project, env=own, check=True, stdout=out, text=True).stdout or ""


def git(project: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=project, check=True)


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as failed:
        sys.exit(f"{' '.join(map(str, failed.cmd))} failed, as said above.")
