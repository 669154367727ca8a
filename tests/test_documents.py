"""The documents: a short README, links that lead somewhere, every command and parameter section mentioned."""

import re
from pathlib import Path

import pytest
from conftest import ROOT

from pedigree.settings import params

DOCUMENTS = [
    *sorted(ROOT.glob("*.md")),
    *(path for name in ("docs", "bench", "reports") for path in (ROOT / name).rglob("*.md")),
]
TEXT = "\n".join(path.read_text() for path in DOCUMENTS)
COMMANDS = [
    "unpack",
    "validate",
    "crop",
    "train",
    "score",
    "translate",
    "generate",
    "walk",
    "export",
    "card",
    "submission",
    "blind",
    "breeds",
    "recipe",
    "fetch",
    "doctor",
]


def test_the_readme_has_at_most_120_lines() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_link_between_documents_leads_to_a_file(path: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text())
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_the_readme_links_every_page_of_docs() -> None:
    linked = set(re.findall(r"\]\((docs/[^)]+)\)", (ROOT / "README.md").read_text()))
    assert linked == {f"docs/{path.name}" for path in (ROOT / "docs").iterdir()}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented(name: str) -> None:
    assert re.search(rf"(pedigree |`){name}\b", TEXT)


@pytest.mark.parametrize("name", params.SECTIONS)
def test_every_section_of_the_parameters_is_documented(name: str) -> None:
    assert re.search(rf"`{name}[.`]", TEXT)
