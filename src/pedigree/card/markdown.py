"""The templates of the cards. Names come from archives, so values are escaped for Markdown and HTML."""

import html
import re
from functools import cache

from jinja2 import Environment

from pedigree.common.printable import printable_line
from pedigree.pages import templates

_MARKS = re.compile(r"([\\`*_\[\]|#~])")


@cache
def environment() -> Environment:
    """Return the templates. `| plain` makes a value from outside plain text."""
    made = templates.environment("pedigree.card", escape=False)  # Markdown, not HTML; `plain` escapes
    made.filters["plain"] = plain
    return made


def plain(text: str) -> str:
    """Return a text on one line as Markdown that shows it as it is."""
    return _MARKS.sub(r"\\\1", html.escape(printable_line(text), quote=False))
