"""What readers get: a page and sheets that do not reveal the truth, and answers typed on a keyboard."""

import base64
import html
import io
import json
import re
import shutil
import urllib.parse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from html_page import Page, dumped
from PIL import Image

from pedigree.blind import page, sheets
from pedigree.blind.questions import Questions

NEEDS_CHROMIUM = pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium to open the page in")


def swapped(questions: Questions) -> Questions:
    """Return the same questions with another truth."""
    return replace(questions, labels=questions.choices[:, 0], sources=questions.sources[::-1])


def data(text: str) -> dict:
    return json.loads(re.search(r'<script type="application/json" id="test">(.*?)</script>', text, re.DOTALL)[1])


def test_the_page_does_not_depend_on_the_truth(questions: Questions) -> None:
    text = page.render(questions)
    assert text == page.render(swapped(questions))
    assert "one.keras" not in text


def test_the_sheets_do_not_depend_on_the_truth(questions: Questions, tmp_path: Path) -> None:
    for name, test in (("a", questions), ("b", swapped(questions))):
        sheets.write(test, tmp_path / name)
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*.*"))
    expected = ["README.txt", "answers-template.csv", "sheets/01.png", "sheets/02.png", "sheets/questions.csv"]
    assert [path.as_posix() for path in files] == expected
    for path in files:
        assert (tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes()


def test_all_pictures_are_files_of_one_length_and_come_back_whole(questions: Questions) -> None:
    images = questions.images.copy()
    images[0] = 0  # nothing is easier to compress
    sources = [shown["source"] for shown in data(page.render(replace(questions, images=images)))["pictures"]]
    assert len({len(source) for source in sources}) == 1
    for source, image in zip(sources, images, strict=True):
        read = Image.open(io.BytesIO(base64.b64decode(source.removeprefix("data:image/png;base64,"))))
        assert read.info == {}
        np.testing.assert_array_equal(np.asarray(read), image)


def test_names_of_breeds_are_text_never_markup(questions: Questions) -> None:
    text = page.render(questions)
    shown = {name for picture in data(text)["pictures"] for name in picture["choices"]}
    assert "</script><b>&\"'{{ 7*7 }}" in shown
    assert "<b>" not in text
    assert not [tag for tag, attributes in Page(text).tags if "src" in attributes or tag == "b"]


def test_the_table_of_questions_and_the_sheets_number_the_pictures_alike(questions: Questions, tmp_path: Path) -> None:
    sheets.write(questions, tmp_path)
    lines = (tmp_path / "sheets" / "questions.csv").read_text().splitlines()
    assert lines[0] == "number,choice_1,choice_2,choice_3,choice_4,choice_5,choice_6"
    assert [int(line.split(",")[0]) for line in lines[1:]] == list(range(1, 30))
    template = (tmp_path / "answers-template.csv").read_text().splitlines()
    assert template[:2] == ["test,number,dog,photo,breed", f"{questions.digest},1,,,"]
    assert len(template) == 30
    second = np.asarray(Image.open(tmp_path / "sheets" / "02.png"))  # pictures 25 to 29
    gap, number, side = 16, 22, 160
    first = Image.fromarray(questions.images[24]).resize((side, side), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(second[gap + number :, gap:][:side, :side], np.asarray(first))


def typed(questions: Questions, keys: list[str], then: str, folder: Path) -> str:
    """Type keys into the page, run JavaScript that gives a value, and return that value as text."""
    script = f"""<script>
      at("begin").click();
      for (const key of {json.dumps(keys)}) document.dispatchEvent(new KeyboardEvent("keydown", {{ key }}));
      const seen = Object.assign(document.createElement("pre"), {{ id: "seen", textContent: {then} }});
      document.body.replaceChildren(seen);
    </script>"""
    text = dumped(page.render(questions).replace("</body>", f"{script}</body>"), folder)
    return html.unescape(re.search(r'<pre id="seen">(.*?)</pre>', text, re.DOTALL)[1])


SAVED = '(show("end"), [at("download").download, at("download").href, at("text").value].join("\\n\\n"))'


@NEEDS_CHROMIUM
def test_what_is_typed_is_what_is_downloaded(questions: Questions, tmp_path: Path) -> None:
    one = ["y", "p", "6"]
    back = ["ArrowLeft", "n", "ArrowRight"]  # the first picture is no dog after all
    named = '(at("reader").value = "Änna / <b>", at("reader").dispatchEvent(new Event("input")), 0)'
    keys = [*one, *back, "0", "D", "Y", "7", "x", "n"]  # in any order; 7 and x are no keys
    name, link, text = typed(questions, keys, f"({named}, {SAVED})", tmp_path).split("\n\n")
    assert name == "answers-Änna_b_.json"
    head = "data:application/json;charset=utf-8,"
    assert urllib.parse.unquote(link.removeprefix(head)).strip() == text.strip()
    saved = json.loads(text)
    assert (saved["test"], saved["reader"], len(saved["answers"])) == (questions.digest, "Änna / <b>", 29)
    assert saved["answers"][:4] == [
        {"number": 1, "dog": False, "photo": True, "breed": 6},
        {"number": 2, "dog": True, "photo": False, "breed": 0},
        {"number": 3, "dog": False, "photo": None, "breed": None},
        {"number": 4, "dog": None, "photo": None, "breed": None},
    ]


@NEEDS_CHROMIUM
def test_after_the_last_picture_the_page_offers_the_answers_and_keeps_them(
    questions: Questions, tmp_path: Path
) -> None:
    every = ["n", "d", "1"] * 29
    after = '[VIEWS.filter((one) => !at(one).hidden), at("left").textContent, localStorage.getItem(store)].join("\\n")'
    view, left, kept = typed(questions, every, after, tmp_path).split("\n")
    assert (view, left) == ("end", "All pictures are answered. Thank you.")
    assert json.loads(kept)["answers"] == [{"dog": False, "photo": False, "breed": 1}] * 29


@NEEDS_CHROMIUM
def test_a_reader_who_comes_back_goes_on_where_the_page_was_closed(questions: Questions, tmp_path: Path) -> None:
    kept = {"place": 4, "reader": "anna", "answers": [{"dog": True, "photo": None, "breed": None}] * 29}
    before = (
        f"<script>localStorage.setItem('pedigree-blind-{questions.digest}', {json.dumps(json.dumps(kept))})</script>"
    )
    after = '<script>document.title = [at("progress").textContent, at("one").hidden, at("reader").value]</script>'
    text = page.render(questions).replace("<main>", f"{before}<main>").replace("</body>", f"{after}</body>")
    shown = dumped(text, tmp_path)
    assert "<title>Picture 5 of 29, 0 answered,false,</title>" in shown
    assert re.search(r'data-question="dog" data-value="true" aria-pressed="true"', shown)


@NEEDS_CHROMIUM
def test_no_view_scrolls_sideways_on_a_phone(questions: Questions, tmp_path: Path) -> None:
    text = page.render(questions)
    check = """<script>addEventListener("load", () => {
      const page = document.querySelector("iframe").contentDocument;
      const widths = [page.documentElement.scrollWidth];
      const click = (button) => {
        button.click();
        widths.push(page.documentElement.scrollWidth);
      };
      for (let place = 0; place < 29; place++) click(page.getElementById("next"));
      page.querySelectorAll("nav button").forEach(click);
      document.title = Math.max(...widths);
    })</script>"""
    frame = f'<iframe style="width:330px;height:700px;border:0" srcdoc="{html.escape(text)}"></iframe>'
    shown = dumped(f"<!doctype html><title></title>{frame}{check}", tmp_path)
    assert 250 < int(re.search(r"<title>(\d+)</title>", shown)[1]) <= 330
