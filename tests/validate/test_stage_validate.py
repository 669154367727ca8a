import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas
import pytest
from bounds import EACH, FOX, PUG, STRICT, TZU
from PIL import Image

from pedigree.errors import PedigreeError
from pedigree.photos.census import read_census
from pedigree.photos.verdict import require_passed
from pedigree.settings.params import Crop
from pedigree.validate.expectations import Finding
from pedigree.validate.stage import Validation, findings_table, validate

CROP = Crop(size=16)


def photo(path: Path, seed: int, name: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path, "JPEG")
    note = path.parents[2] / "Annotation" / path.parent.name / path.stem
    note.parent.mkdir(parents=True, exist_ok=True)
    box = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30</xmax><ymax>40</ymax></bndbox>"
    note.write_text(
        "<annotation><size><width>64</width><height>48</height></size>"
        f"<object><name>{name}</name>{box}</object></annotation>"
    )


@pytest.fixture
def raw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a project with three breeds in data/raw the working folder; return data/raw."""
    monkeypatch.chdir(tmp_path)
    raw = Path("data/raw")
    for index, breed in enumerate((PUG, FOX, TZU)):
        for number in range(EACH):
            photo(raw / "Images" / breed / f"{number:02}.jpg", 100 * index + number, breed.partition("-")[2])
    return raw


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def test_the_stage_writes_the_same_bytes_twice(raw: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truncate(raw / "Images" / PUG / "03.jpg")
    written = []
    for _ in range(2):
        assert validate(raw, STRICT, CROP).passed
        files = ("data/census.csv", "data/verdict.json", "reports/validation.json", "reports/validation.html")
        written.append([Path(file).read_bytes() for file in files])
    assert written[0] == written[1]
    assert str(raw.resolve()).encode() not in b"".join(written[0])
    output = capsys.readouterr().out
    assert "30 photos of 3 breeds: 29 usable" in output
    assert "Page: reports/validation.html   Data Docs: runs/data_docs/index.html" in output
    assert Path("runs/data_docs/index.html").is_file()


def test_a_broken_photo_within_the_share_is_set_aside_by_name(raw: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truncate(raw / "Images" / PUG / "03.jpg")
    validation = validate(raw, STRICT, CROP)
    report = json.loads(Path("reports/validation.json").read_text())
    assert list(report["set_aside"]) == [f"{PUG}/03.jpg"] and "truncated" in report["set_aside"][f"{PUG}/03.jpg"]
    assert (report["success"], report["photos"], report["breeds"], report["usable"]) == (True, 30, 3, 29)
    assert report["census"][PUG]["usable"] == 9 and report["census"][PUG]["width"] == [64, 64, 64]
    assert report["set_aside"] == validation.set_aside
    warnings = capsys.readouterr().err
    assert "set aside" in warnings and f"{PUG}/03.jpg" in warnings
    assert read_census(Path("data/census.csv"))["usable"].sum() == 29


def test_a_critical_failure_is_an_error_after_all_files_are_written(raw: Path) -> None:
    for number in range(4):
        truncate(raw / "Images" / PUG / f"{number:02}.jpg")
    with pytest.raises(PedigreeError) as raised:
        validate(raw, replace(STRICT, breeds=4), CROP)
    head, *table, advice = str(raised.value).splitlines()
    assert "validate.set_aside" in advice and "params.yaml" in advice
    assert head == "data/raw fails 3 critical expectations (see reports/validation.json):"
    assert "\n".join(table).count(f"{PUG}/0") == 4
    assert any(line.split() == ["number", "of", "breeds", "3", "breeds", "4"] for line in table)
    report = json.loads(Path("reports/validation.json").read_text())
    failed = {entry["expectation"] for entry in report["expectations"] if not entry["success"]}
    assert report["success"] is False and failed == {
        "number of breeds",
        "usable photos of a breed",
        "photos decode",
        "balance of breeds",
    }
    assert len(read_census(Path("data/census.csv"))) == 30
    assert "<h1>Failed: " in Path("reports/validation.html").read_text()
    with pytest.raises(PedigreeError, match="the photos failed validation"):
        require_passed(Path("data/verdict.json"))


def test_the_verdict_changes_only_with_the_decision(raw: Path) -> None:
    validate(raw, STRICT, CROP)
    first = Path("data/verdict.json").read_bytes()
    truncate(raw / "Images" / PUG / "03.jpg")
    assert validate(raw, replace(STRICT, breed_pattern="."), CROP).passed
    assert Path("data/verdict.json").read_bytes() == first
    with pytest.raises(PedigreeError, match="fails 1 critical"):
        validate(raw, replace(STRICT, breeds=4), CROP)
    assert Path("data/verdict.json").read_bytes() != first


def test_warnings_are_printed_and_the_stage_passes(raw: Path, capsys: pytest.CaptureFixture[str]) -> None:
    twin = raw / "Images" / PUG / "03.jpg"
    twin.write_bytes((raw / "Images" / PUG / "01.jpg").read_bytes())
    (raw / "Annotation" / FOX / "05").write_text("<annotation")
    validation = validate(raw, STRICT, CROP)
    assert validation.passed and {finding.expectation for finding in validation.failed("warning")} == {
        "no duplicates within a breed",
        "boxes fit the photo",
    }
    warnings = capsys.readouterr().err
    assert "2 warning expectations" in warnings
    assert f"{PUG}/03.jpg: same as {PUG}/01.jpg" in warnings and f"{FOX}/05.jpg: cannot be read as XML" in warnings


def test_photos_set_aside_by_name_are_left_out_with_their_reason(raw: Path) -> None:
    reasons = {f"{PUG}/03.jpg": "a cat, not a pug"}
    validation = validate(raw, replace(STRICT, min_decodable=1.0, set_aside=reasons), CROP)
    assert validation.passed and validation.set_aside == {f"{PUG}/03.jpg": "set aside: a cat, not a pug"}
    assert read_census(Path("data/census.csv"))["usable"].sum() == 29
    assert json.loads(Path("reports/validation.json").read_text())["set_aside"] == validation.set_aside


def test_near_duplicates_are_grouped_in_the_census_and_in_the_report(raw: Path) -> None:
    coarse = np.random.default_rng(7).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    original = Image.fromarray(coarse).resize((64, 48), Image.Resampling.BICUBIC)
    original.save(raw / "Images" / PUG / "01.jpg")
    twin = original.transpose(Image.Transpose.FLIP_LEFT_RIGHT).resize((32, 24))
    twin.save(raw / "Images" / FOX / "03.jpg", quality=80)
    with pytest.raises(PedigreeError, match="no near-duplicates across breeds"):
        validate(raw, replace(STRICT, max_unclear=1.0, max_bad_boxes=1.0), CROP)
    census = read_census(Path("data/census.csv")).set_index("photo")
    group = [f"{FOX}/03.jpg", f"{PUG}/01.jpg"]
    assert census["group"][census["group"] != ""].to_dict() == dict.fromkeys(group, group[0])
    assert json.loads(Path("reports/validation.json").read_text())["near_duplicates"] == [group]


def test_all_photos_that_fail_an_expectation_are_listed_and_no_others(raw: Path) -> None:
    shutil.rmtree(raw / "Annotation")
    truncate(raw / "Images" / PUG / "03.jpg")
    validate(raw, STRICT, CROP)
    listed = pandas.read_csv("data/complaints.csv", keep_default_na=False).set_index("photo")
    assert list(listed.index) == [f"{PUG}/03.jpg"] and "truncated" in listed.loc[f"{PUG}/03.jpg", "problem"]
    assert "unannotated" not in listed


def test_without_photos_the_stage_leaves_the_old_files(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("census.csv", "validation.json", "verdict.json")]
    for file in files:
        file.write_text("old")
    with pytest.raises(PedigreeError, match="run `pedigree unpack` first"):
        validate(tmp_path / "raw", STRICT, CROP, *files)
    assert [file.read_text() for file in files] == ["old"] * 3


def test_photos_pass_if_no_critical_expectation_failed() -> None:
    warned = Finding("boxes fit the photo", "warning", False, "", "", ())
    failed = Finding("photos decode", "critical", False, "", "", ())
    nothing = pandas.DataFrame()
    assert Validation(nothing, nothing, nothing, [warned], {}).passed
    assert not Validation(nothing, nothing, nothing, [warned, failed], {}).passed


def test_the_table_of_findings_is_aligned_and_names_offenders_below_their_row() -> None:
    findings = [
        Finding("photos decode", "critical", False, "2 of 30", "at most 0 %", ("a.jpg: truncated", "b.jpg: empty")),
        Finding("number of breeds", "critical", False, "3 breeds", "4", ()),
    ]
    assert findings_table(findings).splitlines() == [
        "  expectation       observed  expected",
        "  photos decode     2 of 30   at most 0 %",
        "      a.jpg: truncated",
        "      b.jpg: empty",
        "  number of breeds  3 breeds  4",
    ]
