import tempfile
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas
import pytest
from bounds import EACH, FOX, PUG, STRICT, TZU

from pedigree.errors import PedigreeError
from pedigree.photos.census import COLUMNS, breed_census
from pedigree.settings.params import Validate
from pedigree.validate.complaints import photo_complaints
from pedigree.validate.data_docs import new_context
from pedigree.validate.expectations import SHOWN, Finding, judge

NAMES = "folder names match validate.breed_pattern"
NUMBER = "number of breeds"
PHOTOS = "usable photos of a breed"
BALANCE = "balance of breeds"
DECODE = "photos decode"
WITHIN = "no duplicates within a breed"
ACROSS = "no duplicates across breeds"
ANNOTATED = "photos are annotated"
BOXES = "boxes fit the photo"
NAMED = "annotation names the folder's breed"
ALIKE = "no near-duplicates within a breed"
ALIKE_ACROSS = "no near-duplicates across breeds"
CLEAR = "photos are clear"
WARNED = "photos decode without a warning"
INSIDE = "crops lie inside the photo"
LARGE = "crops are not enlarged"

CRITICAL = {NAMES, NUMBER, PHOTOS, DECODE, ACROSS, ALIKE_ACROSS, NAMED}
WARNING = {BALANCE, WITHIN, ALIKE, CLEAR, WARNED, INSIDE, LARGE, ANNOTATED, BOXES}

Change = Callable[[pandas.DataFrame], pandas.DataFrame | None]  # changes the census, or returns a new one


def sound_rows(breed: str, count: int = EACH) -> list[dict[str, Any]]:
    return [
        {
            "photo": f"{breed}/{number:02}.jpg",
            "breed": breed,
            **{"bytes": 9000, "width": 64, "height": 48, "mode": "RGB", "orientation": 1, "problem": ""},
            "sha256": f"{breed} {number}",
            **{"boxes": "[[1,2,30,40]]", "box_problems": "", "box_note": ""},
            **{"decoder_warning": "", "private_tags": "", "aspect": 1.3333},
            **{"brightness": 0.5, "contrast": 0.2, "entropy": 7.0, "sharpness": 3.0, "grey": False},
            **{"phashes": "-", "group": "", "mirrored": 0.0, "enlargement": 0.5},
            "annotated_breed": breed.partition("-")[2],
            "annotated_folder": breed[1:9],
            **{"usable": True, "split": ""},
        }
        for number in range(count)
    ]


def census_of(*breeds: list[dict[str, Any]]) -> pandas.DataFrame:
    rows = sorted((row for breed in breeds for row in breed), key=lambda row: row["photo"])
    return pandas.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


def sound() -> pandas.DataFrame:
    return census_of(*(sound_rows(breed) for breed in (PUG, FOX, TZU)))


def judged(
    census: pandas.DataFrame, bounds: Validate, *, annotated: bool = True, folders: tuple[str, ...] = ()
) -> dict[str, Finding]:
    findings = judge(photo_complaints(census), breed_census(census, folders), bounds, annotated=annotated)
    return {finding.expectation: finding for finding in findings}


def setting(photo: str, **values: Any) -> Change:
    def change(census: pandas.DataFrame) -> None:
        for column, value in values.items():
            census.loc[census["photo"] == photo, column] = value

    return change


def renaming(old: str, new: str) -> Change:
    def change(census: pandas.DataFrame) -> None:
        census["photo"] = census["photo"].str.replace(old, new)
        census["breed"] = census["breed"].str.replace(old, new)

    return change


def dropping(breed: str, count: int) -> Change:
    return lambda census: census.drop(census.index[census["breed"] == breed][:count])


def test_good_photos_meet_every_expectation() -> None:
    findings = judged(sound(), STRICT)
    assert {name: finding.severity for name, finding in findings.items()} == {
        **dict.fromkeys(CRITICAL, "critical"),
        **dict.fromkeys(WARNING, "warning"),
    }
    assert all(finding.success and not finding.where for finding in findings.values())


def test_data_docs_replace_the_old_ones_and_no_other_file_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "old.html").write_text("old")
    census = sound()
    setting(f"{PUG}/03.jpg", problem="truncated", usable=False)(census)
    judge(photo_complaints(census), breed_census(census), STRICT, annotated=True, docs=tmp_path / "docs")
    pages = {path.name: path.read_text() for path in (tmp_path / "docs").glob("validations/*/*/*/*.html")}
    assert len(pages) == 2 and any("truncated" in page and DECODE in page for page in pages.values())
    assert (tmp_path / "docs" / "index.html").is_file() and not (tmp_path / "docs" / "old.html").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["docs", "temporary"]
    assert not list((tmp_path / "temporary").iterdir())


def test_data_docs_that_cannot_be_written_are_one_error_and_the_old_ones_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def obstructed(gx: Any, docs: Path) -> Any:
        (docs / "validations").write_text("a file where Great Expectations makes a folder")
        return new_context(gx, docs)

    monkeypatch.setattr("pedigree.validate.data_docs.new_context", obstructed)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/old.html").write_text("old")
    with pytest.raises(PedigreeError, match=r"cannot write its Data Docs \(\w+Error: "):
        judge(photo_complaints(sound()), breed_census(sound()), STRICT, annotated=True, docs=tmp_path / "docs")
    assert [path.name for path in (tmp_path / "docs").iterdir()] == ["old.html"]
    assert "Traceback" not in capfd.readouterr().err


def test_a_name_is_never_markup_in_the_data_docs(tmp_path: Path) -> None:
    hostile = "n02110958-<script>alert(1)</script>&amp;"
    census = census_of(sound_rows(hostile), sound_rows(FOX), sound_rows(TZU))
    setting(f"{hostile}/03.jpg", sha256=f"{hostile} 1")(census)
    complaints, breeds = photo_complaints(census), breed_census(census)
    bounds = replace(STRICT, breed_pattern="^x")
    findings = judge(complaints, breeds, bounds, annotated=True, docs=tmp_path / "docs")
    where = {finding.expectation: finding.where for finding in findings}
    assert where[WITHIN] == (f"{hostile}/03.jpg: same as {hostile}/01.jpg",)
    assert f"{hostile}: does not match" in where[NAMES]
    pages = "".join(path.read_text() for path in (tmp_path / "docs").rglob("*.html"))
    assert "alert(1)" in pages and "<script>alert(1)" not in pages


FAILING: dict[str, tuple[str, Change | list[Change], dict[str, Any], tuple[str, ...]]] = {
    "a folder of another pattern": (NAMES, renaming(TZU, "shih_tzu"), {}, ("shih_tzu: does not match",)),
    "one breed too many": (NUMBER, lambda census: None, {"breeds": 2}, ()),
    "one breed too few": (NUMBER, lambda census: None, {"breeds": 4}, ()),
    "too few photos": (PHOTOS, dropping(PUG, 3), {"max_imbalance": 9.0}, (f"{PUG}: 7",)),
    "too many photos": (
        PHOTOS,
        lambda census: None,
        {"photos_per_breed": [1, EACH - 1]},
        (f"{TZU}: 10", f"{FOX}: 10", f"{PUG}: 10"),
    ),
    "a small breed": (BALANCE, dropping(PUG, 2), {}, (f"{PUG}: the largest breed has 1.25 times as many",)),
    "a broken photo": (
        DECODE,
        setting(f"{PUG}/03.jpg", problem="truncated", usable=False),
        {"min_decodable": 0.97},
        (f"{PUG}/03.jpg: truncated",),
    ),
    "a photo twice in a breed": (
        WITHIN,
        setting(f"{PUG}/03.jpg", sha256=f"{PUG} 1"),
        {},
        (f"{PUG}/03.jpg: same as {PUG}/01.jpg",),
    ),
    "a photo in two breeds": (
        ACROSS,
        setting(f"{PUG}/03.jpg", sha256=f"{FOX} 1"),
        {},
        (f"{FOX}/01.jpg: same as {PUG}/03.jpg", f"{PUG}/03.jpg: same as {FOX}/01.jpg"),
    ),
    "a near-duplicate in a breed": (
        ALIKE,
        [setting(f"{PUG}/{number}.jpg", group=f"{PUG}/01.jpg") for number in ("01", "03")],
        {},
        (f"{PUG}/03.jpg: like {PUG}/01.jpg",),
    ),
    "a near-duplicate in another breed": (
        ALIKE_ACROSS,
        [setting(f"{breed}/03.jpg", group=f"{FOX}/03.jpg") for breed in (FOX, PUG)],
        {},
        (f"{FOX}/03.jpg: like {PUG}/03.jpg", f"{PUG}/03.jpg: like {FOX}/03.jpg"),
    ),
    "a blurred photo": (CLEAR, [setting(f"{PUG}/03.jpg", sharpness=0.9)], {}, (f"{PUG}/03.jpg: blurred",)),
    "a dark photo": (CLEAR, [setting(f"{PUG}/03.jpg", brightness=0.1, contrast=0.1)], {}, (f"{PUG}/03.jpg: dark",)),
    "a bright photo": (CLEAR, [setting(f"{PUG}/03.jpg", brightness=0.9, contrast=0.1)], {}, (f"{PUG}/03.jpg: bright",)),
    "an empty photo": (
        CLEAR,
        [setting(f"{PUG}/03.jpg", brightness=0.0, contrast=0.0, entropy=0.0, sharpness=0.0)],
        {},
        (f"{PUG}/03.jpg: empty",),
    ),
    "a warning of the decoder": (
        WARNED,
        [setting(f"{PUG}/03.jpg", decoder_warning="extraneous bytes")],
        {},
        (f"{PUG}/03.jpg: extraneous bytes",),
    ),
    "a crop that is mirrored": (
        INSIDE,
        [setting(f"{PUG}/03.jpg", mirrored=0.25)],
        {},
        (f"{PUG}/03.jpg: 25 % of a crop mirrored",),
    ),
    "a small dog": (LARGE, [setting(f"{PUG}/03.jpg", enlargement=1.5)], {}, (f"{PUG}/03.jpg: enlarged 1.50 times",)),
    "a photo without annotation": (
        ANNOTATED,
        setting(f"{PUG}/03.jpg", boxes="", annotated_breed="", annotated_folder=""),
        {},
        (f"{PUG}/03.jpg: no annotation",),
    ),
    "a box outside": (
        BOXES,
        setting(f"{FOX}/03.jpg", box_problems="box 1 reaches outside the photo"),
        {},
        (f"{FOX}/03.jpg: box 1 reaches outside the photo",),
    ),
    "an annotation that cannot be read": (
        BOXES,
        setting(f"{FOX}/03.jpg", boxes="", box_problems="the annotation is empty", annotated_breed=""),
        {},
        (f"{FOX}/03.jpg: the annotation is empty",),
    ),
    "another breed in the XML": (
        NAMED,
        setting(f"{PUG}/03.jpg", annotated_breed="boxer"),
        {},
        (f"{PUG}/03.jpg: annotated as boxer",),
    ),
    "another breed for one of two dogs": (
        NAMED,
        setting(f"{PUG}/03.jpg", annotated_breed="boxer; pug"),
        {},
        (f"{PUG}/03.jpg: annotated as boxer",),
    ),
    "another folder in the XML": (
        NAMED,
        setting(f"{PUG}/03.jpg", annotated_folder="02086240"),
        {},
        (f"{PUG}/03.jpg: annotated with folder 02086240",),
    ),
}


@pytest.mark.parametrize("kind", FAILING)
def test_each_fault_fails_only_its_own_expectation_and_is_named(kind: str) -> None:
    name, change, bounds, where = FAILING[kind]
    census = sound()
    for apply in change if isinstance(change, list) else [change]:
        changed = apply(census)
        census = census if changed is None else changed
    findings = judged(census, replace(STRICT, **bounds))
    assert [finding.expectation for finding in findings.values() if not finding.success] == [name]
    assert findings[name].where == where


def test_faults_within_the_allowed_share_pass_and_are_still_named() -> None:
    census = sound()
    setting(f"{PUG}/03.jpg", sha256=f"{PUG} 1")(census)
    setting(f"{PUG}/05.jpg", box_problems="box 1 has no area")(census)
    thirtieth = 1 / len(census)
    bounds = replace(STRICT, max_duplicates_within=thirtieth, max_bad_boxes=thirtieth, photos_per_breed=[EACH, EACH])
    findings = judged(census, bounds)
    assert all(finding.success for finding in findings.values())
    assert findings[WITHIN].where == (f"{PUG}/03.jpg: same as {PUG}/01.jpg",)
    assert findings[BOXES].observed == "1 of 30 photos fail (3.33 %)"


@pytest.mark.parametrize("bad", [3, 4])
def test_a_share_equal_to_its_limit_passes_and_one_photo_more_fails(bad: int) -> None:
    census = sound()
    for number in range(bad):
        setting(f"{PUG}/{number:02}.jpg", box_problems="box 1 has no area")(census)
    assert judged(census, replace(STRICT, max_bad_boxes=0.1))[BOXES].success == (bad == 3)


def test_of_many_offenders_ten_are_named_and_the_rest_counted() -> None:
    census = sound().assign(box_problems="box 1 has no area")
    where = judged(census, STRICT)[BOXES].where
    assert len(where) == SHOWN + 1 and where[-1] == "and 20 more"


def test_a_photo_that_does_not_decode_fails_no_other_expectation() -> None:
    census = sound()
    blank = {"boxes": "", "annotated_breed": "boxer", "box_problems": "", "sha256": f"{FOX} 1"}
    setting(f"{PUG}/03.jpg", problem="truncated", usable=False, **blank)(census)
    findings = judged(census, STRICT)
    assert all(finding.success for finding in findings.values())


def test_without_annotations_nothing_is_expected_of_them() -> None:
    census = sound().assign(boxes="", annotated_breed="", annotated_folder="")
    findings = judged(census, STRICT, annotated=False)
    assert set(findings) == (CRITICAL | WARNING) - {ANNOTATED, BOXES, NAMED}
    assert all(finding.success for finding in findings.values())


def test_folders_of_digits_pass_with_their_own_pattern_and_any_number() -> None:
    census = census_of(*(sound_rows(str(digit)) for digit in range(10))).assign(annotated_breed="", annotated_folder="")
    findings = judged(census, replace(STRICT, breed_pattern="^[0-9]$", breeds=None))
    assert NUMBER not in findings
    assert all(finding.success for finding in findings.values())


def test_without_a_pattern_any_name_of_a_folder_passes_and_the_rest_is_still_checked() -> None:
    census = census_of(*(sound_rows(name) for name in ("Épagneul", "7", "my dog")))
    findings = judged(census, replace(STRICT, breed_pattern=None))
    assert set(findings) == (CRITICAL | WARNING) - {NAMES}
    assert findings[NUMBER].success and findings[PHOTOS].success


def test_an_annotated_name_that_only_looks_like_the_folder_is_shown_by_its_code_points() -> None:
    census = census_of(sound_rows("Pug")).assign(annotated_breed="Pug\u200b")
    findings = judged(census, replace(STRICT, breed_pattern=None, breeds=1))
    assert findings[NAMED].where[0] == r"Pug/00.jpg: annotated as Pug\u200b"


@pytest.mark.parametrize("forms", [("NFC", "NFD"), ("NFD", "NFC")])
def test_an_annotated_name_in_another_unicode_form_is_the_folder_s_name(forms: tuple[str, str]) -> None:
    folder, name = (unicodedata.normalize(form, "Épagneul") for form in forms)
    census = census_of(sound_rows(folder)).assign(annotated_breed=name)
    assert judged(census, replace(STRICT, breed_pattern=None, breeds=1))[NAMED].success


def test_an_empty_folder_is_a_breed_without_photos() -> None:
    census = census_of(sound_rows(PUG), sound_rows(FOX))
    findings = judged(census, STRICT, folders=(TZU,))
    assert findings[NUMBER].success
    assert findings[PHOTOS].where == (f"{TZU}: 0",)


def test_empty_folders_alone_are_judged_too() -> None:
    findings = judged(census_of(), replace(STRICT, breeds=1), folders=(PUG,))
    assert findings[PHOTOS].where == (f"{PUG}: 0",) and findings[DECODE].observed == "0 of 0 photos fail (0 %)"


def test_a_copy_in_another_breed_names_the_first_photo_of_another_breed() -> None:
    census = sound()
    for breed in (PUG, FOX, TZU):
        setting(f"{breed}/03.jpg", sha256="one")(census)
    setting(f"{FOX}/04.jpg", sha256="one")(census)
    complaints = photo_complaints(census).set_index("photo")
    named = complaints["elsewhere"][complaints["elsewhere"] != ""].to_dict()
    first = f"same as {TZU}/03.jpg"
    assert named == {
        f"{TZU}/03.jpg": f"same as {FOX}/03.jpg",
        **dict.fromkeys([f"{FOX}/03.jpg", f"{FOX}/04.jpg", f"{PUG}/03.jpg"], first),
    }
    assert complaints["repeats"][complaints["repeats"] != ""].to_dict() == {f"{FOX}/04.jpg": f"same as {FOX}/03.jpg"}


@pytest.mark.parametrize(
    ("breed", "annotated", "folder"),
    [
        (TZU, "shih tzu", "02086240"),
        (TZU, "SHIH_TZU", "%s"),
        (TZU, TZU, ""),
        (FOX, "Wire-haired fox terrier", "02095314"),
        ("7", "7", "02095314"),
        (PUG, "", "02086240"),
    ],
)
def test_names_are_compared_without_case_and_separators(breed: str, annotated: str, folder: str) -> None:
    census = census_of(sound_rows(breed, 1)).assign(annotated_breed=annotated, annotated_folder=folder)
    assert photo_complaints(census)["misnamed"].tolist() == [""]
