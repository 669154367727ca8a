"""Names from archives are text in Prefect's UI, which shows texts in tables as Markdown."""

import json

import pytest
from artifacts import publish
from prefect import flow
from prefect.artifacts import Artifact

from pedigree.results.highlights import Exhibit

NASTY = "<img src=x onerror=alert(1)> ![x](//h/x.png) [a](javascript:alert(1)) `c` *b* a|b \\ \x1b[31m\u202e"


@pytest.mark.usefixtures("server")
def test_a_name_in_a_table_is_no_markup() -> None:
    flow(publish)(Exhibit("nasty", "A table", table=[{"breed": NASTY, "photos": 3}]))
    artifact = Artifact.get("nasty")
    assert artifact is not None
    (row,) = json.loads(str(artifact.data))
    assert row["photos"] == 3
    left = row["breed"]
    for letter in "\\<>[]`*|":
        left = left.replace(f"\\{letter}", "")
    assert not set("<>[]`*|\\") & set(left)
    assert left.isprintable()
