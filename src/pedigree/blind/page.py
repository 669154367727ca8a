"""`blind.html`: the test for a browser, in one file that needs no network. It holds the questions, not the key."""

import base64
import io

import numpy as np
from PIL import Image

from pedigree.blind.questions import Images, Questions
from pedigree.pages.templates import environment
from pedigree.pages.wording import breed_name


def render(questions: Questions) -> str:
    """Return the page as HTML. Equal input gives equal text."""
    names = [breed_name(breed) for breed in questions.breeds]
    shown = [
        {"source": _data_uri(image), "choices": [names[choice] for choice in choices]}
        for image, choices in zip(questions.images, questions.choices, strict=True)
    ]
    test = {"id": questions.digest, "pictures": shown}
    return environment("pedigree.blind").get_template("blind.html").render(test=test, count=len(shown))


def _data_uri(image: Images) -> str:
    """Return a picture `(size, size, 3)` as a PNG without compression: all have the same length, so that none shows
    how hard its picture was to compress."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(buffer, format="PNG", compress_level=0)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
