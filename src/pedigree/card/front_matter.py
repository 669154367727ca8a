"""The front matter of the Hub's cards: YAML that the Hub searches and shows."""

import io
import re
from collections.abc import Iterable
from typing import Any

from ruamel.yaml import YAML

from pedigree.card.scores_table import Score

# Licenses of data with a name on the Hub. Any other is `other`, with its name in `license_name`.
_KINDS, _VERSIONS = ("by", "by-sa", "by-nc", "by-nc-sa"), ("2.0", "3.0", "4.0")
HUB_LICENSES = frozenset(
    [
        *(f"cc-{kind}-{version}" for kind in _KINDS for version in _VERSIONS if (kind, version) != ("by-sa", "2.0")),
        *("cc", "cc0-1.0", "cc-by-2.5", "cc-by-nd-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0"),
        *("cdla-sharing-1.0", "cdla-permissive-1.0", "cdla-permissive-2.0", "etalab-2.0", "odc-by", "odbl", "pddl"),
        *("apache-2.0", "mit", "bsd-3-clause", "gpl-3.0", "openrail", "unlicense", "unknown", "other"),
    ]
)
TASK = "unconditional-image-generation"
TAGS = ["gan", "conditional-gan", "image-generation", "keras", "pedigree"]
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def dumped(values: dict[str, Any]) -> str:
    """Return values as YAML between the two lines that a card begins with."""
    text = io.StringIO()
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    yaml.width = 1000
    yaml.dump(values, text)
    return f"---\n{text.getvalue()}---\n"


def license_fields(license_: str | None) -> dict[str, str]:
    """Return the fields for `data.license`: a name of the Hub's, or `other` with a name of its own."""
    if license_ is None:
        return {"license": "unknown"}
    if license_.lower() in HUB_LICENSES:
        return {"license": license_.lower()}
    return {"license": "other", "license_name": slug(license_)}


def slug(text: str) -> str:
    """Return a text as lower-case ASCII letters, digits, dots and hyphens, as names on the Hub."""
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.") or "unnamed"


def model_fields(name: str, dataset: str, license_: str | None, scores: Iterable[Score]) -> dict[str, Any]:
    """Return the front matter of a model card.

    Args:
        name: of the model.
        dataset: the name of the photos.
        license_: the parameter `data.license`.
        scores: the numbers for the model index. Each is a text with its interval; its name has what photos reach.
    """
    metrics = [
        {
            "type": score.key,
            "value": score.value,
            "name": f"{score.title}, by {score.judge}{f' (photos {score.photos})' if score.photos else ''}",
            "args": {"judge": score.judge} | ({"photos": score.photos} if score.photos else {}),
        }
        for score in scores
    ]
    result = {
        "task": {"type": TASK, "name": "Image generation by breed"},
        "dataset": {"type": dataset, "name": f"{dataset}, against the training crops", "split": "train"},
        "metrics": metrics,
    }
    return {
        "library_name": "keras",
        **license_fields(license_),
        "pipeline_tag": TASK,
        "tags": TAGS,
        "datasets": [dataset],
        **({"model-index": [{"name": name, "results": [result]}]} if metrics else {}),
    }


def dataset_fields(title: str, license_: str | None, photos: int) -> dict[str, Any]:
    """Return the front matter of a dataset card."""
    size = next((text for limit, text in _SIZES if photos < limit), "1M<n<10M")
    return {
        "pretty_name": title,
        **license_fields(license_),
        "task_categories": ["image-classification", TASK],
        "size_categories": [size],
        "tags": ["dogs", "breeds", "pedigree"],
    }


def space_fields(title: str, license_: str | None, gradio: str) -> dict[str, Any]:
    """Return the front matter of a Space. `gradio` is the version of Gradio that it runs."""
    return {
        "title": title,
        "sdk": "gradio",
        "sdk_version": gradio,
        "python_version": "3.12",
        "app_file": "app.py",
        **license_fields(license_),
    }
