"""Checkpoints: what is saved comes back bit for bit, and whatever befalls a file, an older whole one is found."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from pedigree.errors import PedigreeError
from pedigree.train.resume import checkpoints
from pedigree.train.resume.checkpoints import Checkpoint, Checkpoints

HOLD = """
import sys, time
from pathlib import Path
from pedigree.train.resume.checkpoints import Checkpoints
with Checkpoints(Path(sys.argv[1]), "a").held():
    print("held", flush=True)
    time.sleep(60)
"""
SAVE = """
import sys
from pathlib import Path
import numpy as np
from pedigree.train.resume.checkpoints import Checkpoint, Checkpoints
kept = Checkpoints(Path(sys.argv[1]), "a")
with kept.held():
    before = kept.latest()
    for step in range(before.step + 1 if before else 1, 10**6):
        kept.save(Checkpoint(step, {"w": np.full(10**6, step, np.float32)}, {}))
        print(step, flush=True)
"""
SAVE_HALF = """
import sys, time
from pathlib import Path
from pedigree.train.resume import checkpoints

def half(file, checkpoint):
    file.write(b"half")
    file.flush()
    print("writing", flush=True)
    time.sleep(60)

checkpoints._write = half
checkpoints.Checkpoints(Path(sys.argv[1]), "a").save(checkpoints.Checkpoint(15, {}, {}))
"""


def checkpoint(step: int) -> Checkpoint:
    return Checkpoint(step, {"kernel": np.arange(20, dtype=np.float32) + step}, {"rows": [{"step": step, "loss": 0.1}]})


def names(kept: Checkpoints) -> list[str]:
    return sorted(path.name for path in kept.run.iterdir())


@pytest.fixture
def kept(tmp_path: Path) -> Checkpoints:
    """A run with checkpoints of steps 5 and 10."""
    run = Checkpoints(tmp_path / "checkpoints", "a")
    run.save(checkpoint(5))
    run.save(checkpoint(10))
    return run


@contextmanager
def process(program: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", program, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        try:
            yield running
        finally:
            running.kill()


def test_arrays_and_facts_come_back_bit_for_bit(kept: Checkpoints) -> None:
    floats = np.random.default_rng(0).standard_normal((3, 4))
    arrays = {
        "generator/conv/kernel": floats.astype(np.float32),
        "double": floats,
        "half": floats.astype(np.float16),
        "special": np.array([np.nan, -np.nan, np.inf, -0.0, 1e-45], np.float32),
        "iterations": np.array(2**62, np.int64),
        "seed": np.array([2**32 - 1, 0], np.uint32),
        "flag": np.array([True, False]),
        "empty": np.zeros((0, 3), np.float32),
        "columns": np.asfortranarray(floats.astype(np.float32)),
        "strided": floats.astype(np.float32)[::2, ::-1],
        **dict.fromkeys(("file", "head", "allow_pickle", "arrays/head", "name.npy", "Zwinger ü"), np.ones(1, np.int8)),
    }
    facts = {"rows": [{"loss": 0.1 + 0.2, "r1": float("inf")}], "name": "é", "none": None, "big": 2**70}
    kept.save(Checkpoint(15, arrays, facts))
    found = kept.latest()
    assert found is not None
    assert (found.step, found.facts) == (15, facts)
    assert list(found.arrays) == list(arrays)
    for name, array in arrays.items():
        assert (found.arrays[name].dtype, found.arrays[name].shape) == (array.dtype, array.shape), name
        assert found.arrays[name].tobytes() == array.tobytes(), name
        assert found.arrays[name].flags.writeable, name


@pytest.mark.parametrize(
    "array",
    [np.zeros(3, ml_dtypes.bfloat16), np.array([{}]), np.array(["word"]), np.zeros(2, np.complex64)],
    ids=["bfloat16", "object", "text", "complex"],
)
def test_an_array_that_is_no_plain_number_is_refused_by_name_and_the_earlier_ones_stay(kept, array) -> None:
    with pytest.raises(TypeError, match=f"average/kernel of {array.dtype}"):
        kept.save(Checkpoint(15, {"average/kernel": array}, {}))
    assert names(kept) == ["step-00000005.npz", "step-00000010.npz"]


def test_the_last_two_are_kept_in_the_order_of_their_steps_however_many_digits(kept: Checkpoints) -> None:
    for step in (99_999_999, 100_000_000):
        kept.save(checkpoint(step))
    assert names(kept) == ["step-100000000.npz", "step-99999999.npz"]
    assert kept.latest().step == 100_000_000


def test_a_write_that_fails_removes_nothing_and_leaves_nothing(kept: Checkpoints) -> None:
    with pytest.raises(TypeError):
        kept.save(Checkpoint(15, {}, {"rows": object()}))
    assert names(kept) == ["step-00000005.npz", "step-00000010.npz"]
    assert kept.latest().step == 10


def test_without_checkpoints_there_is_none_and_no_folder_appears(tmp_path: Path) -> None:
    assert Checkpoints(tmp_path / "none", "a").latest() is None
    assert not (tmp_path / "none").exists()


DAMAGES = {
    "empty": lambda data: b"",
    "cut in half": lambda data: data[: len(data) // 2],
    "cut in the digest": lambda data: data[:-1],
    "without digest": lambda data: data[:-64],
    "cut in the central directory": lambda data: data[: data.rindex(b"PK\1\2") + 20],
    "the first half twice": lambda data: data[: len(data) // 2] * 2,
    "zeros": lambda data: bytes(len(data)),
    "longer": lambda data: data + b"\0",
    "digest alone": lambda data: data[-64:],
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_checkpoint_is_told_in_a_line_removed_and_the_one_before_used(kept, capfd, damage) -> None:
    path = kept.run / "step-00000010.npz"
    path.write_bytes(damage(path.read_bytes()))
    found = kept.latest()
    assert found.step == 5
    np.testing.assert_array_equal(found.arrays["kernel"], checkpoint(5).arrays["kernel"])
    message = capfd.readouterr().err
    assert message == f"{path} is cut or damaged: removed, resuming from step 5.\n"
    kept.save(checkpoint(12))
    assert names(kept) == ["step-00000005.npz", "step-00000012.npz"]


def test_no_single_bit_can_flip_unseen(kept: Checkpoints) -> None:
    path = kept.run / "step-00000010.npz"
    whole = path.read_bytes()
    for place in range(0, len(whole), 3):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << place % 8
        path.write_bytes(flipped)
        assert kept.latest().step == 5, place


def test_where_all_are_damaged_there_is_none_and_it_is_told(kept: Checkpoints, capfd) -> None:
    for path in kept.run.iterdir():
        path.write_bytes(b"")
    assert kept.latest() is None
    first, second = capfd.readouterr().err.splitlines()
    assert "step-00000010.npz" in first
    assert second.endswith("step-00000005.npz is cut or damaged: removed, there is no earlier one.")


def test_a_checkpoint_of_another_format_is_not_gone_on_from(kept: Checkpoints, monkeypatch, capfd) -> None:
    monkeypatch.setattr(checkpoints, "FORMAT", 2)
    kept.save(checkpoint(15))
    monkeypatch.undo()
    assert kept.latest().step == 10
    assert "format 2, but this version reads format 1" in capfd.readouterr().err


class Bomb:
    """An object whose unpickling would make a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def test_nothing_is_ever_unpickled(kept: Checkpoints, tmp_path: Path) -> None:
    with (kept.run / "step-00000015.npz").open("w+b") as file:
        np.savez(file, allow_pickle=True, head=np.array([Bomb(tmp_path / "mark")], object))
        file.write(checkpoints._digest(file, file.tell()))
    with pytest.raises(ValueError, match="allow_pickle"):
        kept.latest()
    assert not (tmp_path / "mark").exists()


def test_the_newest_up_to_a_step_can_be_asked_for(kept: Checkpoints) -> None:
    assert [kept.latest(up_to=step) and kept.latest(up_to=step).step for step in (4, 5, 9, 10)] == [None, 5, 5, 10]


def test_other_files_among_the_checkpoints_are_left_alone(kept: Checkpoints) -> None:
    for name in ("step-abc.npz", "step-.npz", "step-10 copy.npz", "step-9999999999999999999999.npz"):
        (kept.run / name).touch()
    found = kept.latest()
    assert found and found.step == 10
    kept.save(checkpoint(15))
    assert "step-abc.npz" in names(kept)


def test_clearing_leaves_nothing_and_touches_no_other_run(kept: Checkpoints) -> None:
    other = Checkpoints(kept.folder, "b")
    other.save(checkpoint(1))
    kept.clear()
    assert [path.name for path in kept.folder.iterdir()] == ["b"]
    other.clear()
    assert not kept.folder.exists()
    other.clear()


def test_unfinished_runs_are_bounded_the_one_longest_untouched_goes_first(kept: Checkpoints) -> None:
    runs = [kept, *(Checkpoints(kept.folder, name) for name in "bcde")]
    for age, run in enumerate(runs):
        run.save(checkpoint(10))
        os.utime(run.run, (1000 - age, 1000 - age))
    (kept.folder / "notes").mkdir()
    os.utime(kept.folder / "notes", (1, 1))
    for name in "fa":
        Checkpoints(kept.folder, name).save(checkpoint(15))
    assert sorted(path.name for path in kept.folder.iterdir()) == ["a", "b", "c", "d", "f", "notes"]


def test_a_run_that_is_running_is_never_removed_for_a_newer_one(kept: Checkpoints) -> None:
    with process(HOLD, kept.folder) as holder:
        assert holder.stdout.readline() == "held\n"
        os.utime(kept.run, (1, 1))
        for name in "bcdefg":
            Checkpoints(kept.folder, name).save(checkpoint(1))
        assert kept.latest().step == 10


def test_a_second_process_is_refused_in_a_line_and_a_killed_one_frees_the_run(kept: Checkpoints) -> None:
    with process(HOLD, kept.folder) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(PedigreeError, match=f"as process {holder.pid} .*wait") as refused, kept.held():
            pass
        assert "\n" not in str(refused.value)
        with Checkpoints(kept.folder, "b").held():
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with kept.held():
            assert kept.latest().step == 10


def test_a_run_held_without_saving_or_cleared_leaves_nothing(tmp_path: Path) -> None:
    run = Checkpoints(tmp_path / "runs" / "checkpoints", "a")
    with run.held():
        assert run.run.is_dir()
    assert not run.folder.exists()
    with run.held():
        run.save(checkpoint(1))
        run.clear()
    assert not run.folder.exists()


def test_one_that_ends_after_clearing_leaves_the_next_one_its_lock(kept: Checkpoints) -> None:
    with kept.held():
        kept.clear()
        next_one = Checkpoints(kept.folder, "a").held()
        next_one.__enter__()
    with pytest.raises(PedigreeError), kept.held():
        pass
    next_one.__exit__(None, None, None)
    assert not kept.folder.exists()


def test_a_run_cleared_in_the_moment_before_it_is_locked_is_locked_all_the_same(kept: Checkpoints, monkeypatch) -> None:
    def cleared_meanwhile(lock, how: int) -> None:
        monkeypatch.undo()
        kept.clear()
        fcntl.flock(lock, how)

    monkeypatch.setattr(fcntl, "flock", cleared_meanwhile)
    with kept.held(), pytest.raises(PedigreeError), kept.held():
        pass


def test_what_a_killed_write_left_goes_with_the_next_one(kept: Checkpoints) -> None:
    with process(SAVE_HALF, kept.folder) as saver:
        assert saver.stdout.readline() == "writing\n"
        saver.kill()
    assert names(kept) != ["step-00000005.npz", "step-00000010.npz"]
    kept.save(checkpoint(15))
    assert names(kept) == ["step-00000010.npz", "step-00000015.npz"]


def test_killed_at_any_moment_the_last_checkpoint_told_of_or_the_next_is_there_and_whole(tmp_path: Path) -> None:
    for moment in np.linspace(0, 0.05, 8):
        with process(SAVE, tmp_path) as saver:
            message = int(saver.stdout.readline())
            time.sleep(moment)
            saver.kill()
            message = max([message, *map(int, saver.stdout.read().split())])
        found = Checkpoints(tmp_path, "a").latest()
        assert found.step in (message, message + 1)
        np.testing.assert_array_equal(found.arrays["w"], np.full(10**6, found.step, np.float32))
