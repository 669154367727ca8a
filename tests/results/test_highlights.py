"""The digest: what the files say, from any folder, in the pipeline's order; what is missing or broken is left out."""

import json
import os
import shutil
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from PIL import Image

from pedigree.common.paths import METRICS
from pedigree.photos.census import COLUMNS
from pedigree.results import highlights as module
from pedigree.results.comparison import compare, render
from pedigree.results.highlights import Exhibit, highlights
from pedigree.results.metrics_file import Scores

NOW: Scores = {
    "efficientnet-lite0": {
        "samples": 1000,
        "real": 700,
        "holdout": 200,
        "frechet_distance": 120.1,
        "breed_accuracy": 0.5,
        "breed_accuracy_holdout": 0.98,
        "imagenet_accuracy": None,
        "memorization_verdict": "copies",
        "of_tomorrow": 5.5,
        "standard_error": {"frechet_distance": 3.0, "breed_accuracy": 0.015, "breed_accuracy_holdout": 0.01},
    }
}
BEFORE: Scores = {
    "efficientnet-lite0": NOW["efficientnet-lite0"]
    | {"real": 600, "frechet_distance": 151.5, "breed_accuracy": 0.6, "memorization_verdict": "fine"}
}
FINDINGS = [
    {"expectation": "a", "severity": "critical", "success": True, "observed": "8", "expected": "8", "where": []},
    {"expectation": "b", "severity": "warning", "success": False, "observed": "2", "expected": "1", "where": ["x: 1"]},
    {
        "expectation": "c",
        "severity": "critical",
        "success": False,
        "observed": "3",
        "expected": "1",
        "where": ["y", "z"],
    },
]
PHOTOS = [
    {"photo": "Red/1.jpg", "breed": "Red", "width": 30, "height": 20, "boxes": "[[0,0,10,8]]", "usable": True},
    {"photo": "Red/2.jpg", "breed": "Red", "width": 50, "height": 20, "usable": True},
    {"photo": "Blue/1.jpg", "breed": "Blue", "problem": "empty file", "usable": False},
]


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep git settings, and any repository around the temporary folder, out of sight; work elsewhere."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, os.devnull)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project whose every report is there, its scores committed once with other numbers."""
    root = tmp_path / "a project"
    commit(root, BEFORE, "First | <b>scores</b>")
    write(root / METRICS, json.dumps(NOW))
    write(root / "reports/validation.json", json.dumps({"expectations": FINDINGS}))
    blank = {column: kind() for column, kind in COLUMNS.items()}
    lines = [",".join(COLUMNS), *(",".join(f'"{value}"' for value in (blank | photo).values()) for photo in PHOTOS)]
    write(root / "data/census.csv", "\n".join(lines) + "\n")
    save(np.zeros((4, 4, 3), np.uint8), root / "reports/samples/final.png")
    for page in module.PAGES.values():
        write(root / page, "<html>")
    return root


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def save(pixels: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def commit(root: Path, scores: object, message: str) -> str:
    """Commit `scores` in the repository `root`, made where there is none; return the commit's short hash."""
    write(root / METRICS, json.dumps(scores))
    for command in (
        ["init", "-q"],
        ["add", str(METRICS)],
        ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", message],
    ):
        subprocess.run(["git", *command], cwd=root, check=True, capture_output=True)
    shown = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=root, check=True, capture_output=True, text=True
    )
    return shown.stdout.strip()


def shown(root: Path) -> dict[str, Exhibit]:
    return {exhibit.key: exhibit for exhibit in highlights(root)}


def text(root: Path, key: str = "changes") -> str:
    return shown(root)[key].text or ""


def test_all_that_is_there_is_shown_in_the_pipelines_order_by_any_path(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exhibits = highlights(root)
    assert [exhibit.key for exhibit in exhibits] == ["validation", "census", "samples", "metrics", "changes", "pages"]
    assert highlights(Path("../a project")) == exhibits
    monkeypatch.chdir(root)
    assert highlights(Path()) == exhibits


def test_tables_are_of_what_json_has(root: Path) -> None:
    for exhibit in highlights(root):
        if exhibit.table is not None:
            assert json.loads(json.dumps(exhibit.table, allow_nan=False)) == exhibit.table
            assert all(list(row) == list(exhibit.table[0]) for row in exhibit.table), "the same columns"


FILES = {
    "validation": "reports/validation.json",
    "census": "data/census.csv",
    "samples": "reports/samples/final.png",
    "metrics": "reports/metrics.json",
}


@pytest.mark.parametrize(("key", "path"), FILES.items())
@pytest.mark.parametrize(
    "content",
    [None, b"", b"[]", b"[1]", b'{"expectations": []}', b'{"expectations": 3}', b"\xff\xfe\x00", b"\x89PNG\r\n\x1a\n"],
)
def test_what_is_missing_or_broken_is_left_out_alone(root: Path, key: str, path: str, content: bytes | None) -> None:
    keys = list(shown(root))
    (root / path).unlink()
    if content is not None:
        (root / path).write_bytes(content)
    gone = {key, "changes"} if key == "metrics" else {key}
    assert list(shown(root)) == [kept for kept in keys if kept not in gone]


def test_a_picture_cut_off_is_left_out(root: Path) -> None:
    picture = root / FILES["samples"]
    save(np.random.default_rng(0).integers(0, 256, (50, 50, 3), dtype=np.uint8), picture)
    picture.write_bytes(picture.read_bytes()[:4000])
    assert "samples" not in shown(root)


def test_an_empty_folder_shows_nothing(tmp_path: Path) -> None:
    assert highlights(tmp_path) == highlights(tmp_path / "nowhere") == []


def test_failed_expectations_come_first_and_critical_ones_before_warnings(root: Path) -> None:
    rows = shown(root)["validation"].table or []
    assert [(row["expectation"], row["result"], row["where"]) for row in rows] == [
        ("c", "failed", "y; z"),
        ("b", "failed", "x: 1"),
        ("a", "met", ""),
    ]
    assert (rows[0]["observed"], rows[0]["expected"]) == ("3", "1")


def test_the_census_has_a_row_a_breed_and_nothing_where_nothing_can_be_measured(root: Path) -> None:
    sizes = ("median width", "median height", "median box side")
    looks = {"near-duplicates": 0, "grey": 0}
    red = dict(zip(sizes, (40.0, 20.0, 10.0), strict=True))
    assert shown(root)["census"].table == [
        {"breed": "Blue", "photos": 1, "usable": 0, "boxes": 0, **dict.fromkeys(sizes), **looks},
        {"breed": "Red", "photos": 2, "usable": 2, "boxes": 1, **red, **looks},
    ]


def test_a_small_picture_is_shown_byte_for_byte(root: Path) -> None:
    assert shown(root)["samples"].picture == (root / FILES["samples"]).read_bytes()


def test_a_large_picture_is_scaled_down_no_more_than_it_has_to_be(root: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (400, 1200, 3), dtype=np.uint8)  # which does not compress
    save(noise, root / FILES["samples"])
    picture = shown(root)["samples"].picture or b""
    assert 0.7 * module.MOST_BYTES < len(picture) <= module.MOST_BYTES
    with Image.open(BytesIO(picture)) as scaled:
        assert scaled.format == "PNG"
        assert scaled.width / scaled.height == pytest.approx(3, abs=0.01)


def test_a_score_stands_beside_what_real_photos_reach_with_intervals_and_its_better_end(root: Path) -> None:
    rows = shown(root)["metrics"].table or []
    assert [tuple(row.values())[1:] for row in rows] == [
        ("Fréchet distance", "120.1 ± 5.9", "", "lower"),
        ("Breed accuracy", "0.500 ± 0.029", "0.980 ± 0.020", "higher"),
        ("Memorisation verdict", "copies", "", ""),
        ("Generated pictures", "1000", "", ""),
        ("Training crops", "700", "", ""),
        ("Held-out crops", "200", "", ""),
        ("of_tomorrow", "5.5", "", ""),
    ]
    assert {row["extractor"] for row in rows} == set(NOW)


def test_a_judge_that_trained_the_generator_is_called_biased(root: Path) -> None:
    biased = {judge: numbers | {"bias": "trained the generator"} for judge, numbers in NOW.items()}
    (root / METRICS).write_text(json.dumps(biased))
    rows = shown(root)["metrics"].table or []
    assert {row["extractor"] for row in rows} == {"efficientnet-lite0 (biased)"}
    assert "bias" not in {row["number"] for row in rows}


def test_changes_say_what_the_terminal_says(root: Path) -> None:
    lines = render(compare(BEFORE["efficientnet-lite0"], NOW["efficientnet-lite0"])).splitlines()
    said = [" ".join(line.replace("\\", "").replace("|", " ").split()) for line in text(root).splitlines()]
    rows = [
        line for line in lines if line.rpartition(" ")[2] in {"better", "worse", "noise", "same", "changed", "sizes"}
    ]
    assert len(rows) == 5
    assert [line for line in said if line in {" ".join(row.split()) for row in rows}] == [
        " ".join(row.split()) for row in rows
    ]
    assert f"By efficientnet-lite0: {lines[0]}" in said


def test_the_heading_names_the_commit_as_it_was_written(root: Path) -> None:
    short = commit(root, BEFORE | {"other": {}}, "Then | <b>more</b>")
    write(root / METRICS, json.dumps(NOW))
    head = text(root).splitlines()[0]
    assert head == rf"## The scores compared with {short}, Then \| \<b\>more\</b\>"


def test_scores_are_held_against_the_last_commit_that_had_others(root: Path) -> None:
    other = {"efficientnet-lite0": NOW["efficientnet-lite0"] | {"breed_accuracy": 0.3}}
    commit(root, other, "Others")
    commit(root, "no scores", "Broken")
    commit(root, {"resnet50-v2": NOW["efficientnet-lite0"]}, "By another network")
    commit(root, NOW, "Committed")
    assert ", Others\n" in text(root)
    write(root / METRICS, json.dumps(BEFORE))
    assert ", Committed\n" in text(root)


def test_equal_scores_written_otherwise_are_no_others(root: Path) -> None:
    commit(root, NOW, "Committed")
    write(root / METRICS, json.dumps(NOW, indent=3, sort_keys=True))
    assert ", First " in text(root)


def test_without_earlier_scores_or_git_no_changes_are_shown(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(root / METRICS, json.dumps(BEFORE))
    rest = [exhibit for exhibit in highlights(root) if exhibit.key != "changes"]
    assert rest == highlights(root)
    write(root / METRICS, json.dumps(NOW))
    assert "changes" in shown(root)
    with monkeypatch.context() as patch:
        patch.setenv("PATH", "")
        assert "changes" not in shown(root)
    shutil.rmtree(root / ".git")
    assert "changes" not in shown(root)


def test_pages_are_links_that_lead_to_the_files_and_only_to_those_there(root: Path) -> None:
    scores, *others = (root / page for page in module.PAGES.values())
    assert f"({scores.as_uri()}): `{scores}`" in text(root, "pages")
    assert "%20" in scores.as_uri(), "a blank would end the link"
    for other in others:
        other.unlink()
    assert text(root, "pages").count("file://") == 1
    scores.unlink()
    assert "pages" not in shown(root)


def test_pages_that_were_kept_are_linked_instead_of_those_of_the_project(root: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    page = next(iter(module.PAGES.values()))
    write(kept / page, "<html>")
    shown_pages = {exhibit.key: exhibit for exhibit in highlights(root, kept)}["pages"].text or ""
    assert f"({(kept / page).as_uri()})" in shown_pages
    assert root.as_uri() not in shown_pages
    assert "paste it into the address bar" in shown_pages


@pytest.mark.parametrize("parts", [{}, {"text": "", "picture": b""}, {"table": [], "text": "", "picture": b""}])
def test_an_exhibit_holds_one_thing(parts: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected one of table, picture and text"):
        Exhibit("key", "title", **parts)  # type: ignore[arg-type]


def test_looking_needs_no_network_library_and_no_scheduler() -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom pedigree.results.highlights import highlights\n"
        "assert highlights(Path(sys.argv[1]))\n"
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'dvc', 'great_expectations', 'keras', 'prefect', "
        "'tensorflow'}))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(ROOT)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
