"""Changes of parameters in `params.yaml` by name, as `dvc exp run --set-param` makes them; comments stay."""

from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from pedigree.common.files import replacing_file
from pedigree.errors import UsageError
from pedigree.settings.fields import shown
from pedigree.settings.params import FILE, KNOWN, load, read


def override(values: Mapping[str, Any], path: Path = FILE) -> None:
    """Set parameters in the file at `path`, such as `{"train.steps": 5000}`. If one is wrong, nothing changes.

    Raises:
        UsageError: a name is no parameter, or a section does not accept a value.
    """
    yaml = YAML()
    yaml.preserve_quotes, yaml.width = True, 200
    yaml.representer.add_representer(type(None), lambda to, _: to.represent_scalar("tag:yaml.org,2002:null", "null"))
    read(path)
    content = yaml.load(path.read_text(encoding="utf-8"))
    for name, value in values.items():
        section, _, key = name.partition(".")
        if key not in (content.get(section) or ()):
            raise UsageError(f"{path} has no parameter {name!r}. Received: {name}={shown(value)}")
        content[section][key] = value
    changed = StringIO()
    yaml.dump(content, changed)
    with replacing_file(path) as beside:
        beside.write_text(changed.getvalue(), encoding="utf-8")
        _check(beside, path, {name.partition(".")[0] for name in values})


def _check(beside: Path, path: Path, sections: set[str]) -> None:
    """Check sections of the new file `beside`. Errors name `path`, the file that it is going to replace."""
    try:
        for name in sorted(sections):
            section: Any = KNOWN[name]
            load(section, beside)
    except UsageError as error:
        raise UsageError(str(error).replace(str(beside), str(path))) from None
