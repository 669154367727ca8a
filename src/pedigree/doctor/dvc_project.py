"""DVC: is it installed and set up here, how does it link outputs to its cache, and can its remote be reached?"""

import fcntl
import os
import re
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pedigree.common.pins import installed_version
from pedigree.doctor.finding import Finding, fine
from pedigree.doctor.subprocesses import ask

FOLDER = Path(".dvc")
SECONDS = 8.0  # for a remote on another machine to answer
DEFAULT_LINKS = ("reflink", "copy")  # DVC's own, if cache.type is not set
SHARED = "dvc remote add --default shared /mnt/shared/pedigree; docs/pipeline.md, Where results are kept"
_FICLONE = 0x40049409  # of <linux/fs.h>: make a file share the blocks of another
_REMOTE_ANSWERS = """
import json, sys
from dvc.repo import Repo
odb = Repo(sys.argv[1]).cloud.get_remote_odb(sys.argv[2])
print(json.dumps({"exists": odb.fs.exists(odb.path)}))
"""


def check(root: Path) -> list[Finding]:
    """Check DVC, its cache and its remote."""
    version = installed_version("dvc")
    if version is None:
        return [Finding("dvc", "problem", "DVC is not installed", "pip install 'pedigree[pipeline]', or make setup")]
    if not (root / FOLDER).is_dir():
        text = "this folder has no .dvc, so `dvc repro` does not work"
        return [Finding("dvc", "problem", text, "git checkout .dvc, or dvc init")]
    if not (root / "dvc.yaml").is_file():
        return [Finding("dvc", "problem", "this folder has no dvc.yaml", "git checkout dvc.yaml")]
    from dvc.config import ConfigError

    try:
        config = _config(root)
    except ConfigError as error:
        return [Finding("dvc", "problem", f"DVC's configuration is damaged: {error}", "correct .dvc/config")]
    cache = cache_folder(root, config)
    return [fine("dvc", f"DVC {version}"), _cache(root, cache, config), _remote(root, config)]


def needs_git(root: Path) -> bool:
    """Return whether DVC expects a git checkout here. True if that is not known."""
    try:
        return not _config(root)["core"].get("no_scm")
    except Exception:  # no DVC, or another problem that `check` reports
        return True


def copies_outputs(root: Path) -> bool:
    """Return whether DVC's cache keeps a second copy of each output. True if that is not known."""
    try:
        config = _config(root)
        return link_type(root, cache_folder(root, config), config) == "copy"
    except Exception:  # no DVC, or another problem that `check` reports
        return True


def cache_folder(root: Path, config: Any) -> Path:
    """Return the folder of DVC's cache."""
    return Path(config["cache"].get("dir") or root / FOLDER / "cache")


def link_type(root: Path, cache: Path, config: Any) -> str:
    """Return how DVC puts a file of its cache into the project: the first configured way that works here."""
    for kind in config["cache"].get("type") or DEFAULT_LINKS:
        if kind in ("copy", "symlink"):
            return str(kind)
        source, target = _existing(cache), root
        if source.stat().st_dev == target.stat().st_dev and (kind == "hardlink" or _shares_blocks(source, target)):
            return str(kind)
    return "copy"


def _config(root: Path) -> Any:
    from dvc.config import Config

    return Config(dvc_dir=str(root.resolve() / FOLDER))


def _cache(root: Path, cache: Path, config: Any) -> Finding:
    if not os.access(_existing(cache), os.W_OK):
        return Finding("cache", "problem", f"DVC's cache {cache} cannot be written", f"chmod u+w {cache}")
    kind = link_type(root, cache, config)
    if kind == "copy":
        text = f"DVC copies outputs to {_shown(root, cache)}: they are on the disk twice (cache.type: {kind})"
        return fine("cache", text)
    return fine("cache", f"outputs are on the disk once, linked to {_shown(root, cache)} (cache.type: {kind})")


def _remote(root: Path, config: Any) -> Finding:
    name = config["core"].get("remote")
    if not name:
        text = "DVC has no default remote: `dvc push` and `dvc pull` do not work, and retrain keeps outputs here only"
        return Finding("remote", "note", text, SHARED)
    if name not in config["remote"]:
        return Finding("remote", "note", f"core.remote names {name}, which is not configured", SHARED)
    url = str(config["remote"][name]["url"])
    if urlsplit(url).scheme not in ("", "file"):
        return _distant(root, name, url)
    return _local(root, name, Path(urlsplit(url).path))


def _local(root: Path, name: str, folder: Path) -> Finding:
    where = f"the remote {name}, {_shown(root, folder)},"
    parent = _existing(folder)
    if not os.access(parent, os.W_OK):
        return Finding(
            "remote", "note", f"{where} cannot be written", f"mount or create {folder}, or chmod u+w {parent}"
        )
    if folder.resolve().is_relative_to(root.resolve()):
        text = f"{where} is inside this checkout: it is lost with it, and other clones cannot pull from it"
        return Finding("remote", "note", text, SHARED)
    if not folder.exists() and not folder.parent.exists():
        return Finding("remote", "note", f"{where} does not exist", f"mount or create {folder}")
    return fine("remote", f"{where} can be written")


def _distant(root: Path, name: str, url: str) -> Finding:
    parts = urlsplit(url)
    where = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"  # without a password
    if parts.scheme in ("http", "https"):
        error = _http_error(where)
    else:
        error = ask(["-c", _REMOTE_ANSWERS, str(root.resolve()), name], SECONDS, root).error
    if error:
        text = f"the remote {name}, {where}, does not answer: {error}"
        plugin = re.search(r"requires '([\w-]+)'", error)
        remedy = f"check the network, the address and the credentials of {name}"
        return Finding("remote", "note", text, f"pip install {plugin[1]}" if plugin else remedy)
    return fine("remote", f"the remote {name}, {where}, answers")


def _http_error(url: str) -> str:
    """Return why a web server does not answer; "" if it does, with whatever code: it may want a password."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=SECONDS):  # noqa: S310
            return ""
    except urllib.error.HTTPError as error:
        error.close()
        return ""
    except (OSError, ValueError) as error:
        return str(getattr(error, "reason", error))


def _existing(folder: Path) -> Path:
    """Return `folder`, or the nearest folder above it that exists."""
    return next(each for each in (folder, *folder.parents) if each.exists())


def _shares_blocks(source: Path, target: Path) -> bool:
    """Return whether files in the folder `target` can share the blocks of files in `source`. Leaves no file."""
    try:
        with tempfile.TemporaryFile(dir=source) as one, tempfile.TemporaryFile(dir=target) as other:
            one.write(b"block")
            one.flush()
            fcntl.ioctl(other.fileno(), _FICLONE, one.fileno())
    except OSError:
        return False
    return True


def _shown(root: Path, path: Path) -> str:
    resolved, base = path.resolve(), root.resolve()
    return str(resolved.relative_to(base)) if resolved.is_relative_to(base) else str(path)
