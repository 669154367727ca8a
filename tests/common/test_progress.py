"""Progress bars in logs: their rate is of now."""

import re

import pytest

from pedigree.common import progress as module
from pedigree.common.progress import progress_bar, restart


class Clock:
    """A time that only moves when a test moves it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Replace the time of all bars, and let them write no line by another thread."""
    clock = Clock()
    monkeypatch.setattr(module.tqdm, "_time", clock.time, raising=False)
    monkeypatch.setattr(module.tqdm, "monitor_interval", 0)
    monkeypatch.setattr("tqdm.std.time", clock.time)
    return clock


def lines(err: str) -> list[str]:
    return [line for line in re.split(r"[\r\n]+", err) if line.strip()]


def rates(err: str) -> list[float]:
    return [float(match) for match in re.findall(r"([\d.]+)step/s", err)]


def test_each_line_of_a_log_has_a_rate_of_its_own(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar(label="train", total=2000) as bar:
        for seconds in (0.1, 0.2, 0.4):
            for _ in range(int(20 / seconds)):
                clock.now += seconds
                bar.update(1)
    err = capsys.readouterr().err
    shown = rates(err)[:-1]  # the last line has the mean
    assert len(shown) == 6  # one each ten seconds
    assert shown == sorted(shown, reverse=True)
    assert shown[1] == 10
    assert shown[3] < 7  # 5, smoothed
    assert shown[5] < 5  # 2.5, smoothed


def test_what_came_before_a_restart_is_not_in_the_rate(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar(label="train", total=1000) as bar:
        clock.now += 90  # compiling
        restart(bar, 1)
        for _ in range(400):
            clock.now += 0.1
            bar.update(1)
    assert set(rates(capsys.readouterr().err)) == {10.0}
    assert bar.n == 401


def test_a_resumed_bar_starts_where_the_run_was(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar(label="train", total=1000, initial=500) as bar:
        clock.now += 60
        restart(bar, 501)
        for _ in range(200):
            clock.now += 0.1
            bar.update(1)
    err = capsys.readouterr().err
    assert set(rates(err)) == {10.0}
    assert " 701/1000 " in lines(err)[-1]
