"""`reports/scores.html`: what a judgement says, for a person to read. One file, which opens with no network."""

from functools import cache

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from pedigree import __version__
from pedigree.score.judgement import Judgement, Sample
from pedigree.score.page import breed_table, confusion, curves, galleries, measures, neighbors, scatter, verdict
from pedigree.score.page.wording import count, percent


def render(
    extractor: str,
    breeds: tuple[str, ...],
    train: Sample,
    holdout: Sample,
    generated: Sample,
    judgement: Judgement,
    history: pd.DataFrame | None,
) -> str:
    """Return the page as HTML. Equal input gives equal text.

    Args:
        extractor: the feature network's name.
        breeds: folder names; the samples' labels index them.
        train: the training crops.
        holdout: the held-out crops, of the same size.
        generated: the pictures judged, of the same size.
        judgement: what was found out. Numbers and columns of its table that are absent or None are left out.
        history: `reports/history.csv`, a row a logged step; None where there is none.
    """
    readings = measures.read(judgement.numbers, train.features)
    findings = verdict.find(judgement, readings, breeds)
    return (
        _environment()
        .get_template("page.html")
        .render(
            extractor=extractor,
            version=__version__,
            sizes=[
                (generated.labels.size, "generated"),
                (train.labels.size, "training crops"),
                (holdout.labels.size, "held-out crops"),
                (len(breeds), "breed" if len(breeds) == 1 else "breeds"),
            ],
            headline=verdict.headline(findings),
            groups=measures.group(readings),
            findings=findings,
            readings=readings,
            galleries=galleries.lay_out(breeds, train, holdout, generated, judgement.table),
            table=breed_table.lay_out(breeds, judgement.table),
            neighbors=neighbors.lay_out(breeds, train, generated, judgement),
            confusion=confusion.lay_out(breeds, judgement.confusion),
            map=scatter.draw(judgement),
            charts=curves.draw(history),
        )
    )


@cache
def _environment() -> Environment:
    """Return the templates, escaping all they are given."""
    environment = Environment(
        loader=PackageLoader("pedigree.score.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(count=count, percent=percent)
    return environment
