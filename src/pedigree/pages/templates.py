"""The templates of a page. `templates/base.html` is the frame of all pages."""

from functools import cache

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from pedigree.pages.wording import count, percent


@cache
def environment(package: str, escape: bool = True) -> Environment:
    """Return the templates in the folder `templates` of `package`, and those of all pages.

    They escape all values for HTML, unless `escape` is off for templates of another kind of text.
    """
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("pedigree.pages")]),
        autoescape=escape,  # noqa: S701
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(count=count, percent=percent)
    return environment
