"""Atomic replacement: all or nothing, and no temporary file is left."""

import os
from pathlib import Path

import pytest

from pedigree.common.files import replacing_file, replacing_folder, write_text


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.txt"
    write_text(path, "old")
    write_text(path, "new")
    assert path.read_text() == "new"
    assert [entry.name for entry in path.parent.iterdir()] == ["a.txt"]


def test_a_file_is_unchanged_after_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(RuntimeError), replacing_file(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


def test_the_content_is_flushed_before_the_rename_and_the_name_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    seen = []
    monkeypatch.setattr(os, "fsync", lambda handle: seen.append((os.fstat(handle).st_ino, path.read_text())))
    write_text(path, "new")
    assert seen == [(path.stat().st_ino, "old"), (tmp_path.stat().st_ino, "new")]


def test_a_file_has_the_permissions_of_the_umask(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.touch()
    write_text(tmp_path / "a.txt", "x")
    assert (tmp_path / "a.txt").stat().st_mode == plain.stat().st_mode


def test_a_folder_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "data"
    for name in ("old", "new"):
        with replacing_folder(path) as temporary:
            (temporary / name).touch()
    assert [entry.name for entry in path.iterdir()] == ["new"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["data"]


def test_a_folder_is_unchanged_after_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "data"
    with replacing_folder(path) as temporary:
        (temporary / "old").touch()
    with pytest.raises(RuntimeError), replacing_folder(path) as temporary:
        (temporary / "half").touch()
        raise RuntimeError
    assert [entry.name for entry in path.iterdir()] == ["old"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["data"]
