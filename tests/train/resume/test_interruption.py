"""Being asked to stop: the first signal is noted, the second one kills, and outside the block all is as before."""

import signal
import subprocess
import sys
import threading

import pytest

from pedigree.common.signals import SIGNALS
from pedigree.train.resume import interruption
from pedigree.train.resume.interruption import interruptions, leave

STUBBORN = """
import sys, time
from pedigree.train.resume.interruption import interruptions, leave
with interruptions() as interruption:
    print("ready", flush=True)
    while interruption.asked is None:
        time.sleep(0.01)
    time.sleep(0.3)
    print("saved", flush=True)
    leave(interruption.asked, 40, 60)
"""


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_is_noted_and_the_second_kills(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interruption, "ECHO", 0.0)
    with interruptions() as noted:
        assert noted.asked is None
        signal.raise_signal(number)
        assert noted.asked == number
        with pytest.raises(KeyboardInterrupt if number == signal.SIGINT else SystemExit) as raised:
            signal.raise_signal(number)
        if number == signal.SIGTERM:
            assert raised.value.code == 143


def test_a_second_signal_right_behind_the_first_is_taken_as_its_echo() -> None:
    with interruptions() as noted:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        assert noted.asked == signal.SIGTERM


def test_the_handlers_before_are_back_afterwards_however_the_block_ends() -> None:
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


def test_in_another_thread_nothing_changes_and_nothing_asks() -> None:
    before, seen = signal.getsignal(signal.SIGTERM), []

    def work() -> None:
        with interruptions() as noted:
            seen.append((signal.getsignal(signal.SIGTERM), noted.asked))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(before, None)]


def test_leaving_says_where_and_how_to_go_on_and_ends_as_the_signal_asks(capfd: pytest.CaptureFixture[str]) -> None:
    for number, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        with pytest.raises(SystemExit) as left:
            leave(number, 40, 60)
        assert left.value.code == code
        assert capfd.readouterr().err == (
            "pedigree train: interrupted at step 40 of 60: "
            "run `dvc repro` (or `pedigree train`) again to go on from there.\n"
        )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_process_that_is_asked_ends_its_work_then_leaves(number: int, code: int) -> None:
    with subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
    assert (out, process.returncode) == (b"saved\n", code)
    assert err.startswith(b"pedigree train: interrupted at step 40 of 60")


def test_the_timeout_command_which_signals_twice_over_lets_the_work_end_too() -> None:
    done = subprocess.run(
        ["timeout", "--preserve-status", "1", sys.executable, "-c", STUBBORN], capture_output=True, check=False
    )
    assert (done.stdout, done.returncode) == (b"ready\nsaved\n", 143)
