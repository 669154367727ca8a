"""The stages of dvc.yaml as Prefect tasks: one task run for each stage, in DVC's order, with the stage's name.

This module repeats nothing of `dvc.yaml`. DVC says which stages there are, what they depend on and which have changed.
A stage is run by `dvc repro`.
"""

import contextlib
import hashlib
import json
import re
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import defaults  # noqa: F401  (before Prefect)
from dead_runs import current_run, mark_crashed
from prefect import Task, task
from prefect.client.schemas.objects import State, TaskRun
from prefect.logging import get_run_logger
from prefect.states import Completed
from process_group import ProcessGroup
from progress_bars import ProgressArtifact
from ruamel.yaml import YAML

from pedigree.common.printable import printable
from pedigree.doctor import leftovers, locks, running_stages
from pedigree.errors import PedigreeError

PROJECT_FILE = "dvc.yaml"
RETRIES = 2
RETRY_DELAYS = [10.0, 60.0]  # seconds
CACHED = "Cached"
TAIL = 100  # last lines of a stage's output in which its error message is searched
_EXITED = re.compile(r"failed to run: .*, exited with (-?\d+)")
_ADVICE = re.compile(r"To track the changes|To enable auto staging|Use `dvc push`|\tgit add |\tdvc config ")
_LOCKED = re.compile(r"ERROR: .*(Unable to acquire lock|is being blocked by)")
_DVC_LINE = re.compile(r"ERROR: failed to|Running stage|Updating lock file|Generating lock file|> ")


class StageError(Exception):
    """A stage has failed.

    Attributes:
        code: exit code of the stage's command, None if the command was not started.
        signal: number of the signal that killed the command, None if none did.
    """

    def __init__(self, stage: str, code: int | None, message: str) -> None:
        self.code = code
        self.signal = None if code is None else -code if code < 0 else code - 128 if code > 128 else None
        reason = message or f"exit code {code}"
        super().__init__(f"{stage} failed: {reason}" + (f" (killed by signal {self.signal})" if self.signal else ""))


class BusyError(Exception):
    """Another flow run or DVC command is running in the project."""


@dataclass(frozen=True)
class Stage:
    """A stage, by its name in DVC, and the names of the stages that it depends on."""

    name: str
    dependencies: tuple[str, ...]


@contextlib.contextmanager
def exclusive(root: Path, flow: str = "rebuild") -> Iterator[None]:
    """Lock the project at `root` for one run of a flow, and clear up after killed ones.

    Their runs are marked as Crashed. Locks and unfinished copies of killed DVC commands are removed.

    Raises:
        BusyError: at once, if another run has the lock, whether a deployment or a person started it.
    """
    with contextlib.ExitStack() as stack:
        try:
            killed = stack.enter_context(locks.hold(root / locks.FOLDER / f"{flow}.lock", current_run()))
        except locks.LockedError as error:
            raise BusyError(f"Another {flow} is running in {root} ({error}). This run is cancelled.") from None
        if killed:
            mark_crashed(killed)
        for dead in locks.dead_locks(root):
            locks.remove(dead, root, flow)
        leftovers.remove_copies(root)
        yield


def stage_names(root: Path) -> tuple[str, ...]:
    """Return the names of the stages in the project's `dvc.yaml`, without loading DVC."""
    return tuple(YAML(typ="safe").load(root / PROJECT_FILE)["stages"])


def graph(root: Path, targets: Sequence[str] | None = None) -> list[Stage]:
    """Return the stages of the project at `root` in the order of their dependencies.

    Args:
        root: the project's folder.
        targets: names of stages; only these and their dependencies are returned.

    Raises:
        ValueError: if a target is not a stage.
    """
    import networkx

    with open_repo(root) as repo:
        order = {stage: place for place, stage in enumerate(_stages(repo))}
        edges = repo.index.graph.subgraph(order)
        by_name = {stage.addressing: stage for stage in order}
        if unknown := set(targets or ()) - set(by_name):
            raise ValueError(
                f"Expected the name of a stage: {', '.join(by_name)}. Received: {', '.join(sorted(unknown))}"
            )
        wanted = {
            stage
            for name in targets or by_name
            for stage in ({by_name[name]} | networkx.descendants(edges, by_name[name]))
        }
        stages = networkx.lexicographical_topological_sort(edges.reverse(), key=order.__getitem__)
        return [
            Stage(stage.addressing, tuple(sorted(dependency.addressing for dependency in edges.successors(stage))))
            for stage in stages
            if stage in wanted
        ]


def run_stages(root: Path, targets: Sequence[str] | None = None, force: Sequence[str] = ()) -> dict[str, float]:
    """Run the changed stages; return the names of those that ran, each with its seconds.

    Args:
        root: the project's folder.
        targets: names of stages; only these and their dependencies are run.
        force: names of stages to run even if they have not changed.

    Raises:
        StageError: if a stage fails. The outputs of earlier stages are kept; later stages do not start.
        BusyError: if a stage is running in the project, also in another container, where DVC does not see it.
        PedigreeError: if a killed DVC has left locks that DVC would not accept.
    """
    if locks.is_held(root / running_stages.FILE):
        raise BusyError(f"A stage is running in {root} already, here or in another container.")
    for lock in locks.dead_locks(root):
        raise PedigreeError(str(lock))
    states: dict[str, State[Any]] = {}
    seconds: dict[str, float] = {}
    for stage in graph(root, targets):
        upstream, start = [states[name] for name in stage.dependencies if name in states], time.monotonic()
        state = _task(stage.name)(root, stage.name, stage.name in force, return_state=True, wait_for=upstream)
        if not state.is_completed():
            state.result()
        states[stage.name] = state
        if state.name != CACHED:
            seconds[stage.name] = time.monotonic() - start
    return seconds


def _task(stage: str) -> "Task[..., Any]":
    return run_stage.with_options(name=stage, task_run_name=stage)


def killed_by_signal(_: "Task[..., Any]", __: TaskRun, state: State[Any]) -> bool:
    """Return whether to retry: a stage killed by a signal (out of memory, for example) continues from its checkpoint.

    A stage that reports an error would report it again.
    """
    try:
        state.result()
    except StageError as error:
        return error.signal is not None
    except Exception:
        return False
    return False


@task(retries=RETRIES, retry_delay_seconds=RETRY_DELAYS, retry_condition_fn=killed_by_signal)
def run_stage(root: Path, name: str, force: bool = False) -> State[None] | None:
    """Run one stage if it has changed. The stages that it depends on must be up to date.

    Raises:
        StageError: if it fails.
        BusyError: if another DVC command is running in the project.
    """
    if not force and not changed(root, name):
        return Completed(name=CACHED, message="Nothing that the stage depends on has changed.")
    if not _repro(root, name, force):
        return Completed(name=CACHED, message="The outputs are from DVC's run cache.")
    return None


def changed(root: Path, name: str) -> bool:
    """Return whether a stage's dependencies, parameters, command or outputs have changed since its last run."""
    with open_repo(root) as repo:
        return bool(repo.status(targets=[name]))


def changed_inputs(root: Path) -> list[str]:
    """Return the stages that have never run or whose dependencies, parameters or command have changed.

    Outputs may be missing. Stages that depend on the returned ones may have to run too.
    """
    with open_repo(root) as repo, repo.lock:
        return [stage.addressing for stage in _stages(repo) if _never_ran(stage) or stage.changed(allow_missing=True)]


def inputs_hash(root: Path) -> str:
    """Return a hash of all that decides the results of the project at `root`.

    These are the stages' commands and parameters, and the files that they read and no stage writes: archives and code.
    """
    with open_repo(root) as repo, repo.lock:
        stages = [stage for stage in _stages(repo) if stage.cmd]
        written = {out.fs_path for stage in stages for out in stage.outs}
        inputs = [
            (stage.addressing, stage.cmd, str(dep), dep.get_hash().value if dep.exists else None)
            for stage in stages
            for dep in stage.deps
            if dep.fs_path not in written
        ]
    return hashlib.sha256(json.dumps(sorted(inputs, key=str), sort_keys=True).encode()).hexdigest()[:8]


def _stages(repo: Any) -> list[Any]:
    """Return the stages of the project's `dvc.yaml`, and the files that DVC tracks.

    Other pipeline files are of optional stages. `dvc repro` without a target does not run these either.
    """
    return [stage for stage in repo.index.stages if stage.is_data_source or stage.path_in_repo == PROJECT_FILE]


def _never_ran(stage: Any) -> bool:
    return any(not out.hash_info for out in stage.outs)


def _repro(root: Path, name: str, force: bool) -> bool:
    """Run `dvc repro` for one stage; return whether the stage's command ran."""
    logger, progress, tail, has_run = get_run_logger(), ProgressArtifact(name), deque[str](maxlen=TAIL), False
    command = [sys.executable, "-m", "dvc", "repro", "--single-item", *(["--force"] if force else []), name]
    with ProcessGroup(command, root) as process:
        for line in process.lines():
            has_run = has_run or line.startswith("Running stage")
            if (text := printable(progress.update(line))) and not _ADVICE.match(text):
                logger.info(text)
                tail.append(text)
        if process.wait():
            raise _error(name, tail)
    return has_run


def _error(name: str, output: Sequence[str]) -> Exception:
    """Return the exception for a failed `dvc repro`: the last line of its output, with the indented lines below it."""
    codes = [int(match[1]) for line in output if (match := _EXITED.search(line))]
    if not codes and any(_LOCKED.match(line) for line in output):
        return BusyError(f"DVC is running in this project already ({output[-1].removeprefix('ERROR: ')}).")
    lines = [line for line in output if not _DVC_LINE.match(line)] or list(output)
    last = max((number for number, line in enumerate(lines) if not line.startswith(" ")), default=0)
    return StageError(name, codes[-1] if codes else None, " ".join(line.strip() for line in lines[last:]))


@contextlib.contextmanager
def open_repo(root: Path) -> Iterator[Any]:
    """Open the DVC repository at `root`, with `root` as working directory: DVC names stages relative to it.

    Raises:
        BusyError: if another DVC command is running in the project.
    """
    from dvc.lock import LockError
    from dvc.repo import Repo

    try:
        with contextlib.chdir(root), Repo(root) as repo:
            yield repo
    except LockError as error:
        raise BusyError(f"DVC is running in {root} already: {error}") from None
