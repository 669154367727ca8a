"""DVC's graph as Prefect tasks: a task run a stage, in the order the graph gives, named after the stage.

Nothing of `dvc.yaml` is repeated here: which stages there are, what they depend on and whether they are due is what DVC
says of the project at hand. A stage runs as `dvc repro` runs it, on a leash (`leash.py`).
"""

import contextlib
import re
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import defaults  # noqa: F401  (before Prefect)
from bars import Bar
from filelock import FileLock, Timeout
from leash import Leash
from prefect import Task, task
from prefect.client.schemas.objects import State, TaskRun
from prefect.logging import get_run_logger
from prefect.states import Completed

RETRIES = 2
DELAYS = [10.0, 60.0]  # seconds before each
CACHED = "Cached"
TOLD = 100  # last lines of a stage's output that its error is looked for in
_EXITED = re.compile(r"failed to run: .*, exited with (-?\d+)")
_ADVICE = re.compile(r"To track the changes|To enable auto staging|Use `dvc push`|\tgit add |\tdvc config ")
_OF_DVC = re.compile(r"ERROR: failed to|Running stage|Updating lock file|Generating lock file|> ")


class StageError(Exception):
    """A stage that failed: what it said last, and the exit code of its own command, if it got so far.

    `signal` is the number of the signal that ended the command, None where none did.
    """

    def __init__(self, stage: str, code: int | None, said: str) -> None:
        self.code = code
        self.signal = None if code is None else -code if code < 0 else code - 128 if code > 128 else None
        told = said or f"exit code {code}"
        super().__init__(f"{stage} failed: {told}" + (f" (ended by signal {self.signal})" if self.signal else ""))


class BusyError(Exception):
    """Somebody else is at work in the project."""


@dataclass(frozen=True)
class Stage:
    """A stage as DVC calls it, and those it comes after."""

    name: str
    after: tuple[str, ...]


@contextlib.contextmanager
def one_at_a_time(root: Path, what: str = "rebuild") -> Iterator[None]:
    """Hold the project at `root` for one run of `what`.

    Raises:
        BusyError: at once, where another flow run, of whatever deployment or none, holds it.
    """
    lock = FileLock(root / f".dvc/tmp/{what}.lock")
    Path(lock.lock_file).parent.mkdir(parents=True, exist_ok=True)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise BusyError(f"Another {what} is at work in {root}; this one gives way to it.") from None
    try:
        yield
    finally:
        lock.release()


def graph(root: Path, targets: Sequence[str] | None = None) -> list[Stage]:
    """Return the stages of the project at `root`, those that `targets` need alone if given, each after its own needs.

    Raises:
        ValueError: for a target that is no stage, naming those there are.
    """
    import networkx

    with opened(root) as repo:
        edges, order = repo.index.graph, {stage: place for place, stage in enumerate(repo.index.stages)}
        named = {stage.addressing: stage for stage in order}
        if unknown := set(targets or ()) - set(named):
            raise ValueError(f"no stage is called {', '.join(sorted(unknown))}: there are {', '.join(named)}")
        wanted = {
            stage for name in targets or named for stage in ({named[name]} | networkx.descendants(edges, named[name]))
        }
        due = networkx.lexicographical_topological_sort(edges.reverse(), key=order.__getitem__)
        return [
            Stage(stage.addressing, tuple(sorted(needed.addressing for needed in edges.successors(stage))))
            for stage in due
            if stage in wanted
        ]


def run_stages(root: Path, targets: Sequence[str] | None = None, force: Sequence[str] = ()) -> list[str]:
    """Run the stages that are due, and those of `force` in any case; return the names of those that ran.

    Raises:
        StageError: by the first that fails; those before it are done and kept, those after it are not begun.
    """
    states: dict[str, State[Any]] = {}
    for stage in graph(root, targets):
        needed = [states[name] for name in stage.after if name in states]
        state = _named(stage.name)(root, stage.name, stage.name in force, return_state=True, wait_for=needed)
        if not state.is_completed():
            state.result()
        states[stage.name] = state
    return [name for name, state in states.items() if state.name != CACHED]


def _named(name: str) -> "Task[..., Any]":
    return run_stage.with_options(name=name, task_run_name=name)


def may_help(_: "Task[..., Any]", __: TaskRun, state: State[Any]) -> bool:
    """Whether trying again can help: where a signal ended the stage's command, for want of memory, say.

    It goes on from what it has saved then. A command that itself says what is wrong would say it again.
    """
    try:
        state.result()
    except StageError as error:
        return error.signal is not None
    except Exception:
        return False
    return False


@task(retries=RETRIES, retry_delay_seconds=DELAYS, retry_condition_fn=may_help)
def run_stage(root: Path, name: str, force: bool = False) -> State[None] | None:
    """Have DVC bring one stage up to date, given that those before it are.

    Raises:
        StageError: where it fails.
        BusyError: where somebody runs DVC by hand at this moment.
    """
    if not force and not changed(root, name):
        return Completed(name=CACHED, message="Nothing that it depends on has changed.")
    return (
        None if _repro(root, name, force) else Completed(name=CACHED, message="Its outputs came from DVC's run cache.")
    )


def changed(root: Path, name: str) -> bool:
    """Whether DVC finds a stage's dependencies, parameters, command or outputs other than when it last ran."""
    with opened(root) as repo:
        return bool(repo.status(targets=[name]))


def due(root: Path) -> list[str]:
    """Return the stages that have never run or whose dependencies, parameters or command have changed since.

    Outputs may be missing; stages that come after these may be due too.
    """
    with opened(root) as repo, repo.lock:
        return [
            stage.addressing for stage in repo.index.stages if _never_ran(stage) or stage.changed(allow_missing=True)
        ]


def _never_ran(stage: Any) -> bool:
    return any(not out.hash_info for out in stage.outs)


def _repro(root: Path, name: str, force: bool) -> bool:
    """Run `dvc repro` for one stage; return whether its command ran."""
    log, bar, tail, ran = get_run_logger(), Bar(name), deque[str](maxlen=TOLD), False
    command = [sys.executable, "-m", "dvc", "repro", "--single-item", *(["--force"] if force else []), name]
    environment = {"PYTHONPATH": str(root / "src")}  # a clone runs its own code
    with Leash(command, root, environment) as started:
        for line in started.lines():
            ran = ran or line.startswith("Running stage")
            if (said := bar.rest(line)) and not _ADVICE.match(said):
                log.info(said)
                tail.append(said)
        if started.wait():
            raise _error(name, tail)
    return ran


def _error(name: str, said: Sequence[str]) -> Exception:
    """Make of what DVC and the stage said the error to raise: the stage's last words, with the lines indented below."""
    codes = [int(found[1]) for line in said if (found := _EXITED.search(line))]
    if not codes and any(line.startswith("ERROR") and "lock" in line.lower() for line in said):
        return BusyError(f"DVC is at work in this project already ({said[-1].removeprefix('ERROR: ')}).")
    words = [line for line in said if not _OF_DVC.match(line)] or list(said)
    last = max((place for place, line in enumerate(words) if not line.startswith(" ")), default=0)
    return StageError(name, codes[-1] if codes else None, " ".join(line.strip() for line in words[last:]))


@contextlib.contextmanager
def opened(root: Path) -> Iterator[Any]:
    """Open DVC's view of the project, in its folder, since DVC names stages as seen from where it is.

    Raises:
        BusyError: where somebody runs DVC by hand at this moment.
    """
    from dvc.lock import LockError
    from dvc.repo import Repo

    try:
        with contextlib.chdir(root), Repo(root) as repo:
            yield repo
    except LockError as error:
        raise BusyError(f"DVC is at work in {root} already: {error}") from None
