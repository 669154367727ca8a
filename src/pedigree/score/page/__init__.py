"""`reports/scores.html`: an evaluation for people to read, in one file that needs no network."""

import pandas as pd

from pedigree import __version__
from pedigree.common.plurals import noun
from pedigree.pages.templates import environment
from pedigree.score import judges
from pedigree.score.evaluation import Evaluation
from pedigree.score.page import (
    breed_table,
    by_judges,
    conclusions,
    confusion,
    curves,
    galleries,
    nearest_crops,
    readings,
    scatter,
)
from pedigree.score.sample import Sample


def render(
    extractor: str,
    breeds: tuple[str, ...],
    train: Sample,
    holdout: Sample,
    generated: Sample,
    evaluation: Evaluation,
    history: pd.DataFrame | None,
    others: dict[str, Evaluation],
) -> str:
    """Return the page as HTML. Equal input gives equal text.

    Args:
        extractor: the feature network's name.
        breeds: folder names; the samples' labels index them.
        train: the training crops.
        holdout: the held-out crops, of the same size.
        generated: the generated pictures, of the same size.
        evaluation: the results. Numbers and columns of its table that are missing or None are left out.
        history: `reports/history.csv`, one row per logged step, or None if there is none.
        others: the results of other judges of the same pictures, by their feature network's name.
    """
    rows = readings.read(evaluation.numbers, train.features)
    by_judge = {extractor: evaluation, **others}
    answers = conclusions.find(by_judge, breeds)
    return (
        environment(__name__)
        .get_template("page.html")
        .render(
            extractor=extractor,
            version=__version__,
            sizes=[
                (generated.labels.size, "generated"),
                (train.labels.size, "training crops"),
                (holdout.labels.size, "held-out crops"),
                (len(breeds), noun(len(breeds), "breed")),
            ],
            headline=conclusions.headline(answers),
            groups=readings.group(rows),
            conclusions=answers,
            readings=rows,
            biased=[judge for judge in by_judge if judges.bias(judge, history)],
            judges=list(by_judge),
            by_judges=by_judges.lay_out({judge: one.numbers for judge, one in by_judge.items()}),
            galleries=galleries.lay_out(breeds, train, holdout, generated, evaluation.table),
            table=breed_table.lay_out(breeds, evaluation.table),
            neighbors=nearest_crops.lay_out(breeds, train, generated, evaluation),
            confusion=confusion.lay_out(breeds, evaluation.confusion),
            map=scatter.draw(evaluation),
            charts=curves.draw(history),
        )
    )
