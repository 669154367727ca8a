"""The validation page: it says what failed, shows the photos, and is one file that opens anywhere."""

import base64
import io
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas
import pytest
from bounds import STRICT
from html_page import Page, browsed
from PIL import Image, ImageFilter

from pedigree.errors import PedigreeError
from pedigree.photos.census import COLUMNS, breed_census, breed_folders, take_census
from pedigree.photos.photo_groups import with_groups
from pedigree.settings.params import Crop
from pedigree.validate.complaints import photo_complaints
from pedigree.validate.expectations import Finding
from pedigree.validate.page import failures, groups, histograms, names, render, set_aside
from pedigree.validate.page.thumbnails import thumbnails
from pedigree.validate.stage import Validation, validate

SNOW, FOG = "n99000001-Snow_spitz", "n99000002-Fog_shagcoat"
HOSTILE = "<b>x<b> & \"y\" 'z' {{ 7*7 }}"  # names of a breed and of a photo, as a file system allows them
HOSTILE_PHOTO = '<i>it\'s & "a" #1 %41.jpg'
ACROSS = Finding(
    "no near-duplicates across breeds",
    "critical",
    False,
    "2 of 6 photos fail (33.3 %)",
    "at most 1 %",
    (),
    "alike_elsewhere",
)
DECODE = Finding("photos decode", "critical", False, "1 of 6 photos fail (16.7 %)", "at most 0 %", (), "problem")
UNCLEAR = Finding("photos are clear", "warning", False, "2 of 6 photos fail (33.3 %)", "at most 2 %", (), "unclear")
FEW = Finding(
    "usable photos of a breed", "critical", False, "1 of 2 breeds fail (50 %)", "60 to 400", (f"{FOG}: 3", "and 1 more")
)
MET = Finding("boxes fit the photo", "warning", True, "0 of 6 photos fail (0 %)", "at most 1 %", (), "box_problems")


def picture(seed: int, size: tuple[int, int] = (160, 120)) -> Image.Image:
    """Return a picture that no other seed's is like: large blots of colour, and some grain."""
    rng = np.random.default_rng(seed)
    blots = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize(size, Image.Resampling.BICUBIC)
    grain = Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))
    return Image.blend(blots, grain, 0.2)


def put(raw: Path, name: str, image: Image.Image, **options: object) -> None:
    path = raw / "Images" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)


def judged(raw: Path, *findings: Finding) -> Validation:
    """Return what `validate` would pass to the page, with these findings."""
    photos = with_groups(take_census(raw), raw)
    unusable = photos[~photos["usable"]]
    reasons = dict(zip(unusable["photo"], unusable["problem"], strict=True))
    breeds = breed_census(photos, breed_folders(raw))
    return Validation(photos, breeds, photo_complaints(photos), list(findings), reasons)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Photos of two breeds: a pair of twins across breeds, a pair within one, one that does not decode."""
    raw = tmp_path / "raw"
    put(raw, f"{SNOW}/a.jpg", picture(1))
    put(raw, f"{SNOW}/b.jpg", picture(2))
    put(raw, f"{SNOW}/c.jpg", picture(2), quality=60)
    put(raw, f"{FOG}/d.jpg", picture(1), quality=60)
    put(raw, f"{FOG}/e.jpg", picture(3).filter(ImageFilter.GaussianBlur(12)))
    (raw / "Images" / FOG / "f.jpg").write_bytes(b"no photo")
    return raw


@pytest.mark.parametrize(
    ("finding", "sentence"),
    [
        (ACROSS, "2 of 6 photos look like a photo of another breed; at most 1 % may"),
        (DECODE, "1 of 6 photos does not decode; none may"),
        (FEW, "1 of 2 breeds has too few or too many usable photos; expected: 60 to 400"),
        (
            Finding("number of breeds", "critical", False, "3 breeds", "4", ()),
            "number of breeds: 3 breeds, expected 4",
        ),
        (
            Finding("photos show a dog", "warning", False, "1200 of 19380 photos fail (6 %)", "at most 1 %", (), "new"),
            "1,200 of 19,380 photos fail “photos show a dog”; at most 1 % may",
        ),
    ],
)
def test_a_failure_is_said_in_words(finding: Finding, sentence: str) -> None:
    assert failures.sentence(finding) == sentence


def test_the_headline_says_the_gravest_failure_and_counts_the_others(raw: Path) -> None:
    shown = Page(render(judged(raw, UNCLEAR, MET, ACROSS, DECODE), raw))
    assert shown.text("h1") == "Failed: 2 of 6 photos look like a photo of another breed; at most 1 % may."
    assert "Also: 1 critical failure and 1 warning." in shown.text("header")
    passed = Page(render(judged(raw, UNCLEAR, MET), raw))
    assert passed.text("h1") == "Passed with 1 warning: 2 of 6 photos are unclear; at most 2 % may."
    assert "Also" not in passed.text("header")
    assert Page(render(judged(raw, MET, MET), raw)).text("h1") == "Passed: all 2 expectations are met."


def test_the_counts_are_those_of_the_census(raw: Path) -> None:
    exif = Image.Exif()
    exif[315] = "Somebody"
    put(raw, f"{SNOW}/g.jpg", picture(4).convert("L"), exif=exif)
    tiles = Page(render(judged(raw), raw)).text("ul")
    assert tiles == (
        "7 photos 6 usable 2 breeds 0 boxes 1 set aside 2 groups of near-duplicates "
        "1 with GPS or owner tags crops carry no tags 1 greyscale"
    )


def test_breeds_that_are_left_out_are_counted_beside_the_others(raw: Path) -> None:
    assert "2 breeds 0 boxes" in Page(render(judged(raw), raw)).text("ul")
    tiles = Page(render(replace(judged(raw), left_out=7), raw)).text("ul")
    assert "2 breeds validate.only leaves out 7 more 0 boxes" in tiles


def test_an_offender_stands_beside_its_twin_and_each_pair_once(raw: Path) -> None:
    (failure,) = failures.find(judged(raw, ACROSS))
    (offender,) = failure.offenders
    assert [photo.name for photo in offender.photos] == [f"{SNOW}/a.jpg", f"{FOG}/d.jpg"]
    assert offender.complaint == f"like {FOG}/d.jpg" and failure.more == 0
    shown = Page(render(judged(raw, ACROSS), raw))
    assert shown.all("img", "alt")[:2] == [f"{SNOW}/a.jpg", f"{FOG}/d.jpg"]
    assert f"like {FOG}/d.jpg" in shown.text("expectations")


@pytest.mark.parametrize(
    ("complaint", "twin"),
    [
        ("like a/b.jpg", "a/b.jpg"),
        ("same as a/b.jpg (mirrored)", "a/b.jpg"),
        ("like a/b.jpg.jpg", "a/b.jpg.jpg"),
        ('like a/"q" #1, it\'s.png, mirrored', 'a/"q" #1, it\'s.png'),
        ("like a/unknown.jpg", ""),
        ("annotated as a/b.jpg", ""),
        ("", ""),
    ],
)
def test_the_photo_that_a_complaint_names_is_its_twin(complaint: str, twin: str) -> None:
    assert names.twin(complaint, {"a/b.jpg", "a/b.jpg.jpg", 'a/"q" #1, it\'s.png'}) == twin


def test_only_some_offenders_are_shown_and_the_others_are_counted(raw: Path) -> None:
    validation = judged(raw, UNCLEAR)
    many = pandas.concat([validation.complaints.assign(unclear="dark")] * 5, ignore_index=True)
    many["photo"] = [f"{SNOW}/{number:02}.jpg" for number in range(len(many))]
    (failure,) = failures.find(replace(validation, complaints=many))
    assert len(failure.offenders) == failures.MOST_PICTURES
    assert failure.more == 30 - failures.MOST_PICTURES
    assert {offender.photo.breed for offender in failure.offenders} == {"Snow spitz"}
    assert "and 22 more" in Page(render(replace(validation, complaints=many), raw)).text("expectations")


def test_failed_breeds_are_named_and_met_expectations_are_listed(raw: Path) -> None:
    shown = Page(render(judged(raw, FEW, MET), raw)).text("expectations")
    assert f"{FOG}: 3 and 1 more" in shown
    assert "boxes fit the photo 0 of 6 photos fail (0 %) at most 1 %" in shown


def test_a_photo_that_does_not_decode_leaves_a_box_and_is_set_aside_with_its_reason(raw: Path) -> None:
    shown = Page(render(judged(raw, DECODE), raw))
    labels = [attributes["aria-label"] for attributes in shown.all("span") if "aria-label" in attributes]
    assert labels == [f"{FOG}/f.jpg cannot be shown"]
    assert f"{FOG}/f.jpg not a photo" in shown.text("set-aside")


def test_only_the_first_photos_set_aside_are_listed() -> None:
    listed = set_aside.lay_out({f"{number}.jpg": "empty file" for number in range(set_aside.MOST_PHOTOS + 7)})
    assert len(listed.photos) == set_aside.MOST_PHOTOS and listed.more == 7
    assert set_aside.lay_out({}).more == 0


def decoded(source: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(source.removeprefix("data:image/jpeg;base64,"))))


def test_a_thumbnail_is_small_and_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x112] = 6  # to be turned clockwise
    halves = Image.new("RGB", (400, 200), "red")
    halves.paste("blue", (200, 0, 400, 200))
    put(tmp_path, "a/b.jpg", halves, exif=exif)
    (thumbnail,) = thumbnails(["a/b.jpg", "a/missing.jpg"], tmp_path).values()
    image = decoded(thumbnail.source)
    assert image.size == (thumbnail.width, thumbnail.height) == (48, 96)
    assert not image.getexif()
    red, blue = image.getpixel((24, 12)), image.getpixel((24, 84))
    assert red[0] > 200 > 60 > red[2] and blue[2] > 200 > 60 > blue[0]  # type: ignore[index]


def census(**columns: list[object]) -> pandas.DataFrame:
    """Return a census with these columns; the others are blank."""
    length = len(next(iter(columns.values())))
    blank = {name: [kind()] * length for name, kind in COLUMNS.items()}
    return pandas.DataFrame(blank | columns).astype(COLUMNS)


def test_groups_across_breeds_come_first_and_the_others_are_counted() -> None:
    pairs = [(f"{SNOW}/{number:02}.jpg", SNOW, f"{SNOW}/{number // 2 * 2:02}.jpg") for number in range(60)]
    pairs += [(f"{FOG}/{number}.jpg", FOG, f"{FOG}/0.jpg") for number in range(6)]
    pairs += [(f"{SNOW}/z.jpg", SNOW, f"{FOG}/0.jpg"), (f"{SNOW}/alone.jpg", SNOW, "")]
    photo, breed, group = (list(column) for column in zip(*pairs, strict=True))
    laid = groups.lay_out(census(photo=photo, breed=breed, group=group))
    assert (laid.count, laid.across, laid.photos) == (31, 1, 67)
    assert len(laid.groups) == groups.MOST_GROUPS
    first, second, *_ = laid.groups
    assert [one.name for one in first.photos] == [
        f"{FOG}/0.jpg",
        f"{SNOW}/z.jpg",
        f"{FOG}/1.jpg",
        f"{FOG}/2.jpg",
    ]  # each breed once before any twice
    assert (first.more, first.breeds) == (3, 2)
    assert [one.name for one in second.photos] == [f"{SNOW}/00.jpg", f"{SNOW}/01.jpg"]


def test_more_groups_than_are_shown_are_in_the_census(raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "MOST_GROUPS", 1)
    shown = Page(render(judged(raw), raw)).text("groups")
    assert shown.endswith("and 1 more, all in data/census.csv, column group")
    assert "2 breeds" in shown and "Snow spitz" in shown


def test_a_histogram_counts_every_photo_and_marks_the_limit() -> None:
    sharpness = [0.5] * 30 + [2.0] * 60 + [50.0]
    charts = histograms.draw(census(usable=[True] * 91, sharpness=sharpness, boxes=["[[0,0,30,70],[5,5,25,15]]"] * 91))
    by_title = {chart.title: chart for chart in charts}
    sharp = by_title["Sharpness"]
    heights = {x: height for x, _, _, height in sharp.bars}
    assert len(heights) == 3
    low, high, _ = (heights[x] for x in sorted(heights))
    assert low / high == pytest.approx(0.5, abs=0.01)
    (limit,) = sharp.limits
    assert limit.number == 0.95 and sorted(heights)[0] < limit.at
    assert sharp.summary == "median 2.0, from 0.5 to 50.0"
    assert by_title["Longer side of a box"].summary == "median 45, from 20 to 70"


def test_values_far_out_are_counted_in_the_last_bar() -> None:
    charts = histograms.draw(census(usable=[True] * 1000, bytes=[50_000 + number for number in range(999)] + [10**9]))
    (size,) = (chart for chart in charts if chart.title == "File size")
    assert size.beyond == "1 larger is in the last bar"
    assert size.bars[-1][0] + size.bars[-1][2] <= size.right


def test_the_axes_of_histograms_have_numbers_and_units(raw: Path) -> None:
    text = Page(render(judged(raw), raw)).text("histograms")
    for words in ("Shorter side", "pixels", "width / height", "kB", "bits", "Below 0.95: blurred.", "Below 4: empty."):
        assert words in text
    assert "Longer side of a box" not in text  # there are no boxes


def test_the_table_of_breeds_has_their_numbers(raw: Path) -> None:
    (raw / "Images" / "n99000003-Empty").mkdir()
    shown = Page(render(judged(raw, UNCLEAR), raw)).text("tbody")
    assert "Snow spitz 3 3 0 160 × 120 – 100.0 % 3" in shown  # of c, alike; all three without annotation
    assert "Fog shagcoat 3 2 0 160 × 120 – 100.0 % 1" in shown
    assert "Empty 0 0 0 – – – 0" in shown


def test_names_are_shown_as_they_are_and_never_run(raw: Path) -> None:
    put(raw, f"{HOSTILE}/{HOSTILE_PHOTO}", picture(1), quality=70, format="JPEG")
    (raw / "Images" / HOSTILE / 'broken "<script>alert(1)</script>'.replace("/", "")).write_bytes(b"")
    bad = replace(FEW, where=(f"{HOSTILE}: 2",), expected="<u>^x$</u>")
    text = render(judged(raw, bad, ACROSS, DECODE), raw)
    shown = Page(text)
    for markup in ("<b>x", "<i>it", "<script>alert", "<u>"):
        assert markup not in text
    assert text.count("<script>") == 1
    assert f"{HOSTILE}/{HOSTILE_PHOTO}" in shown.all("img", "alt")
    assert HOSTILE in shown.text("breeds") and f"{HOSTILE}: 2" in shown.text("expectations")
    assert HOSTILE_PHOTO in shown.text("groups")
    assert 'broken "<script>alert(1)<script>' in shown.text("set-aside")


def test_nothing_is_fetched(raw: Path) -> None:
    text = render(judged(raw, ACROSS, DECODE, UNCLEAR, FEW, MET), raw)
    assert not re.search(r"https?:|@import|url\(", text)
    shown = Page(text)
    sources = [value for _, attributes in shown.tags for name, value in attributes.items() if name in ("src", "href")]
    assert any(source.startswith("data:image/jpeg") for source in sources)
    anchors = {source[1:] for source in sources if not source.startswith("data:")}
    assert anchors <= {value for _, attributes in shown.tags if (value := attributes.get("id"))}


def test_equal_input_gives_equal_text(raw: Path) -> None:
    findings = (ACROSS, DECODE, UNCLEAR, FEW, MET)
    assert render(judged(raw, *findings), raw) == render(judged(raw, *findings), raw)


@pytest.mark.parametrize("spoil", [lambda path: path.unlink(), lambda path: path.write_bytes(b"")])
def test_without_a_usable_photo_there_is_a_page(raw: Path, spoil: Callable[[Path], object]) -> None:
    for path in (raw / "Images").rglob("*.jpg"):
        spoil(path)
    shown = Page(render(judged(raw, FEW), raw))
    assert shown.text("histograms") == "" and "No two photos look alike." in shown.text("groups")


def test_120_breeds_with_19380_photos_stay_small(tmp_path: Path) -> None:
    """Every kind of complaint is shown with as many pictures as may be, all of noise, which compresses worst."""
    count, breeds = 19_380, [f"n{number:08}-Long_haired_mountain_dog_{number:03}" for number in range(120)]
    breed = [breeds[number % 120] for number in range(count)]
    photo = [f"{breed[number]}/n99000000_{number}.jpg" for number in range(count)]
    noise = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    put(tmp_path, photo[0], Image.fromarray(noise), quality=100)
    for name in photo[1:1000]:
        path = tmp_path / "Images" / name
        path.parent.mkdir(exist_ok=True)
        path.hardlink_to(tmp_path / "Images" / photo[0])
    photos = census(
        photo=photo,
        breed=breed,
        usable=[True] * count,
        width=list(range(100, 100 + count)),
        height=[300] * count,
        boxes=["[[1,2,30,40]]"] * count,
        entropy=[7.0] * count,
        sharpness=[3.0] * count,
        brightness=[0.5] * count,
        group=[photo[number // 8 * 8] if number < 1000 else "" for number in range(count)],
    ).sort_values("photo", ignore_index=True)
    listed = set(photo[:1000])
    complaint = photos["photo"].where(photos["photo"].isin(listed), "").map(lambda name: name and f"like {photo[0]}")
    kinds = [f"kind {number}" for number in range(14)]
    findings = [
        Finding(kind, "critical", False, f"1000 of {count} photos fail (5.2 %)", "at most 0 %", (), kind)
        for kind in kinds
    ]
    complaints = photos[["photo"]].assign(**dict.fromkeys(kinds, complaint))
    validation = Validation(photos, breed_census(photos), complaints, findings, dict.fromkeys(photo, "empty file"))
    text = render(validation, tmp_path)
    assert len(text.encode()) < 2_000_000
    assert text.count("data:image/jpeg") > 14 * 2 * 7 + 24 * 4 - 16
    shown = Page(text)
    assert all(f"Long haired mountain dog {number:03}" in shown.text("breeds") for number in range(120))


def test_the_stage_writes_the_page_and_names_it_before_it_fails(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PedigreeError, match="critical expectations"):
        validate(raw, STRICT, Crop())
    text = Path("reports/validation.html").read_text()
    assert "<h1>Failed: number of breeds: 2 breeds, expected 3.</h1>" in text
    assert text.count("umber of breeds: 2 breeds, expected 3.") == 2, "the heading of the page and of the failure only"
    assert "Page: reports/validation.html   Data Docs: runs/data_docs/index.html" in capsys.readouterr().out


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium to open the page in")
def test_a_browser_opens_it_without_complaint_sorts_it_and_never_scrolls_sideways(raw: Path, tmp_path: Path) -> None:
    put(raw, f"{HOSTILE}/{HOSTILE_PHOTO}", picture(1), format="JPEG")
    put(raw, f"n99000003-Toffee_shortleg/{'long_' * 30}.png", picture(9))
    (raw / "Images" / HOSTILE / ("broken" * 30)).write_bytes(b"")
    seen = browsed(render(judged(raw, ACROSS, DECODE, UNCLEAR, FEW, MET), raw), tmp_path)
    assert all(content <= window for content, window in seen["widths"])
    assert seen["images"]
    assert seen["before"] == [HOSTILE, "Fog shagcoat", "Snow spitz", "Toffee shortleg"]  # by name
    (first, descending), (second, ascending) = seen["sort"]
    assert (first, second) == ("descending", "ascending")
    assert descending[0] == "Snow spitz" and ascending[-1] == "Snow spitz"  # by usable photos
    assert seen["sorted"] == 1
