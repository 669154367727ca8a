"""Interruption of training: the first signal is recorded, the second one ends it, and the handlers are restored."""

import signal
import subprocess
import sys
import threading

import pytest

from pedigree.common.signals import SIGNALS
from pedigree.train.resume import interruption
from pedigree.train.resume.interruption import exit_interrupted, interruptions

INTERRUPTIBLE = """
import sys, time
from pedigree.train.resume.interruption import interruptions, exit_interrupted
with interruptions() as interruption:
    print("ready", flush=True)
    while interruption.signal_number is None:
        time.sleep(0.01)
    time.sleep(0.3)
    print("saved", flush=True)
    exit_interrupted(interruption.signal_number, 40, 60)
"""


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_is_recorded_and_the_second_raises(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interruption, "DUPLICATE_WINDOW", 0.0)
    with interruptions() as interrupted:
        assert interrupted.signal_number is None
        signal.raise_signal(number)
        assert interrupted.signal_number == number
        with pytest.raises(KeyboardInterrupt if number == signal.SIGINT else SystemExit) as raised:
            signal.raise_signal(number)
        if number == signal.SIGTERM:
            assert raised.value.code == 143


def test_a_second_signal_directly_after_the_first_is_ignored() -> None:
    with interruptions() as interrupted:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        assert interrupted.signal_number == signal.SIGTERM


def test_the_previous_handlers_are_restored_however_the_block_ends() -> None:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for raised in (None, RuntimeError, SystemExit):
        try:
            with interruptions():
                assert {number: signal.getsignal(number) for number in SIGNALS} != before
                if raised:
                    raise raised
        except (RuntimeError, SystemExit):
            pass
        assert {number: signal.getsignal(number) for number in SIGNALS} == before


def test_saving_is_announced_at_once_and_once(capfd: pytest.CaptureFixture[str]) -> None:
    with interruptions():
        signal.raise_signal(signal.SIGINT)
        assert "it saves its state after this step. A second signal ends it without saving" in capfd.readouterr().err
        signal.raise_signal(signal.SIGINT)  # within the window of duplicates
    assert capfd.readouterr().err == ""


def test_in_another_thread_the_handlers_are_not_changed() -> None:
    before, states = signal.getsignal(signal.SIGTERM), []

    def work() -> None:
        with interruptions() as interrupted:
            states.append((signal.getsignal(signal.SIGTERM), interrupted.signal_number))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert states == [(before, None)]


def test_the_message_says_how_to_resume_and_the_exit_code_is_the_signals(capfd: pytest.CaptureFixture[str]) -> None:
    for number, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        with pytest.raises(SystemExit) as error:
            exit_interrupted(number, 40, 60)
        assert error.value.code == code
        assert capfd.readouterr().err == (
            "pedigree train: interrupted at step 40 of 60: "
            "run `dvc repro` (or `pedigree train`) again to resume from there.\n"
        )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_an_interrupted_process_finishes_its_work_then_exits(number: int, code: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
    assert (out, process.returncode) == (b"saved\n", code)
    saving, stopped = err.decode().strip().splitlines()
    assert saving.startswith("pedigree train: interrupted: it saves its state after this step.")
    assert stopped.startswith("pedigree train: interrupted at step 40 of 60")


def test_the_two_signals_of_the_timeout_command_count_as_one() -> None:
    done = subprocess.run(
        ["timeout", "--preserve-status", "1", sys.executable, "-c", INTERRUPTIBLE], capture_output=True, check=False
    )
    assert (done.stdout, done.returncode) == (b"ready\nsaved\n", 143)
