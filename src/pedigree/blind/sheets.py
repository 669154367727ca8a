"""The test without a browser: numbered pictures in PNGs, the breeds to choose from, and a table to fill in."""

import csv
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from pedigree.blind.questions import Images, Questions
from pedigree.common.files import write_text
from pedigree.common.fonts import Font
from pedigree.common.grids import BACKGROUND, INK, save_png
from pedigree.pages.wording import breed_name

ROWS, COLUMNS = 4, 6
_PER_SHEET = ROWS * COLUMNS
_SIDE = 160  # pixels of an enlarged picture
_GAP, _NUMBER, _LINE = 16, 22, 17  # pixels: between cells, height of the number, height of a line of text
_FONT_SIZE = 12
_INSTRUCTIONS = """\
Open blind.html in a browser. It explains itself.

Without a browser, look at the pictures in sheets. Some are photos of dogs. Others were drawn by a computer. All are
small, so all are blurred when enlarged. Write what you see into answers-template.csv, one line per picture:

  dog    yes if it is a dog, no if it is not
  photo  yes if it is a photo, no if it was drawn
  breed  the number of the breed, from 1 to {choices}: the breeds to choose from stand below each picture and in
         sheets/questions.csv. A guess is better than 0, which means that you cannot tell

Do not change the other columns. Leave a cell empty if you have no answer. Save the file as answers-NAME.csv.
"""


def write(questions: Questions, folder: Path) -> None:
    """Write `README.txt`, `sheets/*.png`, `sheets/questions.csv` and `answers-template.csv` into `folder`."""
    choices = [[breed_name(questions.breeds[one]) for one in row] for row in questions.choices]
    for start in range(0, len(choices), _PER_SHEET):
        part = slice(start, start + _PER_SHEET)
        sheet = _sheet(questions.images[part], choices[part], start + 1)
        save_png(sheet, folder / "sheets" / f"{start // _PER_SHEET + 1:02}.png")
    write_text(folder / "README.txt", _INSTRUCTIONS.format(choices=len(choices[0])))
    heads = [f"choice_{number}" for number in range(1, len(choices[0]) + 1)]
    rows = ([number, *row] for number, row in enumerate(choices, start=1))
    _write_csv(folder / "sheets" / "questions.csv", ["number", *heads], rows)
    blank = ([questions.digest, number, "", "", ""] for number in range(1, len(choices) + 1))
    _write_csv(folder / "answers-template.csv", ["test", "number", "dog", "photo", "breed"], blank)


def _sheet(images: Images, choices: list[list[str]], first: int) -> Image.Image:
    """Draw pictures `(k, size, size, 3)` from left to right, each below its number and above its choices."""
    across, down = _SIDE + _GAP, _NUMBER + _SIDE + _LINE * (len(choices[0]) + 1)
    rows = int(np.ceil(len(images) / COLUMNS))
    sheet = Image.new("RGB", (COLUMNS * across + _GAP, rows * down + _GAP), BACKGROUND)
    draw, font, large = ImageDraw.Draw(sheet), Font(_FONT_SIZE), Font(_FONT_SIZE + 4)
    for place, (image, names) in enumerate(zip(images, choices, strict=True)):
        row, column = divmod(place, COLUMNS)
        left, top = _GAP + column * across, _GAP + row * down
        large.write(draw, (left, top - 4), str(first + place), INK, "la")
        enlarged = Image.fromarray(np.ascontiguousarray(image)).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
        sheet.paste(enlarged, (left, top + _NUMBER))
        for line, name in enumerate(names, start=1):
            y = top + _NUMBER + _SIDE + _LINE * (line - 1) + 4
            font.write(draw, (left, y), _fitting(f"{line} {name}", font), INK, "la")
    return sheet


def _fitting(text: str, font: Font) -> str:
    """Shorten a text to the width of a picture."""
    if font.width(text) <= _SIDE:
        return text
    while font.width(f"{text}...") > _SIDE:
        text = text[:-1]
    return f"{text}..."


def _write_csv(path: Path, head: list[str], rows: Iterable[list[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([head, *rows])
