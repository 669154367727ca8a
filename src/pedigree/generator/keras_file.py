"""Writing and reading Keras files of networks with facts inside. A file may come from anybody, and may be damaged."""

import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pedigree.common import json_text, quiet
from pedigree.common.files import replacing_file, temporary_folder
from pedigree.common.guard import is_short_of_memory
from pedigree.common.zip_entries import add_member
from pedigree.errors import PedigreeError
from pedigree.generator import archive, structure

if TYPE_CHECKING:
    import keras

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")  # Keras colours some of its messages


def save_network(network: "keras.Model", facts: Mapping[str, Any], path: Path) -> None:
    """Write `network`, and `facts` as `pedigree.json`, to the Keras file `path`. Equal networks give equal bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with temporary_folder(path.parent) as scratch:
        plain = scratch / "plain.keras"
        network.save(plain)
        with (
            replacing_file(path) as temporary,
            zipfile.ZipFile(plain) as source,
            zipfile.ZipFile(temporary, "w") as target,
        ):
            for name in sorted(source.namelist()):
                add_member(target, name, _stable(name, source.read(name)))
            add_member(target, archive.FACTS, json.dumps(facts, indent=1).encode())


def load_network(path: Path, kind: str, check: "Callable[[keras.Model], None]") -> Any:
    """Read the network of a file whose parts have been checked (`structure.check_kinds`).

    Args:
        path: the file.
        kind: what it holds, such as "generator", for the message.
        check: raises a ValueError if the network has other inputs or outputs than this kind.

    Raises:
        PedigreeError: the file is damaged, or the network is larger than a limit or of another kind.
    """
    quiet.import_keras()
    import keras

    with reading(path, kind):
        config, weights = archive.read(path, archive.CONFIG, archive.WEIGHTS)
        structure.check_sizes(json_text.parse(config), archive.weight_count(weights), check)
        del weights
        return keras.saving.load_model(path, compile=False, safe_mode=True)


@contextmanager
def reading(path: Path, kind: str) -> Iterator[None]:
    """Turn every exception that a damaged or hostile file causes into one clear error."""
    try:
        yield
    except Exception as error:  # zipfile, h5py and Keras raise exceptions of many types
        if is_short_of_memory(error):
            raise
        raise PedigreeError(f"{path} is not a {kind} that Pedigree saved ({reason(error)}): train again.") from None


def reason(error: Exception) -> str:
    """Return the message of an exception on one line, without colours."""
    plain = _COLOUR.sub("", str(error))
    return " ".join(plain.split())[:200] or type(error).__name__


def _stable(name: str, content: bytes) -> bytes:
    """Remove from Keras's JSON what changes with each save: the date, and memory addresses used as ids."""
    if name == "metadata.json":
        facts = json.loads(content)
        facts.pop("date_saved", None)
        return json.dumps(facts).encode()
    if name == "config.json":
        ids: dict[bytes, int] = {}
        return re.sub(
            rb'(?<="shared_object_id": )\d+', lambda match: b"%d" % ids.setdefault(match[0], len(ids)), content
        )
    return content
