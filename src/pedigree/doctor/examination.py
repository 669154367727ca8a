"""`pedigree doctor`: runs all checks at the same time, and prints their findings."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from pedigree.common.printable import printable
from pedigree.doctor import (
    devices,
    dvc_project,
    git_checkout,
    installation,
    leftovers,
    machine,
    parameters,
    prefect_server,
    space,
    weights,
)
from pedigree.doctor.finding import Finding, fine, first_line

PROJECT = ("params.yaml", "dvc.yaml")  # files of every project

Check = Callable[[], Finding | list[Finding]]


def examine(root: Path = Path()) -> list[Finding]:
    """Run all checks on the folder `root`; return their findings in a fixed order."""
    if not _is_project(root):
        return [_no_project(root), *_run(_checks(root, {}, is_project=False))]
    sections, found = _parameters(root)
    return [fine("project", str(root.resolve())), *found, *_run(_checks(root, sections, is_project=True))]


def fix(findings: Sequence[Finding]) -> list[Finding]:
    """Remove what may be removed; return the findings with what was removed."""
    return [_fixed(finding) for finding in findings]


def as_text(findings: Sequence[Finding]) -> str:
    """Return the findings as aligned lines, what to do below each, and a summary at the end."""
    width = max(len(finding.check) for finding in findings) + 2
    lines = []
    for finding in findings:
        lines.append(f"{finding.level:<9}{finding.check:<{width}}{finding.text}")
        if finding.remedy:
            lines.append(f"{'':<{9 + width}}→ {finding.remedy}")
    return printable("\n".join([*lines, "", _summary(findings)]))


def as_json(findings: Sequence[Finding]) -> str:
    """Return the findings as JSON: `ok`, and a list of `findings` with `check`, `level`, `text` and `remedy`."""
    rows = [{key: getattr(finding, key) for key in ("check", "level", "text", "remedy")} for finding in findings]
    return json.dumps({"ok": not count(findings, "problem"), "findings": rows}, ensure_ascii=False, indent=2)


def count(findings: Sequence[Finding], level: str) -> int:
    """Return how many findings have a level."""
    return sum(finding.level == level for finding in findings)


def _checks(root: Path, sections: dict[str, Any], is_project: bool) -> list[tuple[str, Check]]:
    """Return the name of each check and the check. Those that take seconds start first, so that they end first."""
    train = sections.get("train")
    precision, choice = (train.precision, train.devices) if train else (None, None)
    general: list[tuple[str, Check]] = [
        ("backend", lambda: devices.check(root, choice, precision)),
        ("prefect", lambda: prefect_server.check(root)),
        ("python", installation.check_python),
        ("packages", lambda: installation.check_packages(root, is_project)),
        ("weights", weights.check_weights),
        ("pictures", weights.check_pictures),
        ("processor", machine.check_processor),
        ("left-overs", lambda: leftovers.check_scratch(root)),
    ]
    if not is_project:
        return [
            *general,
            ("memory", lambda: machine.check_memory(None)),
            ("disk", lambda: machine.check_disk(root, None)),
        ]

    def needs() -> space.Needs | None:
        return space.estimate(root, sections, dvc_project.copies_outputs(root))

    return [
        *general,
        ("archives", lambda: parameters.check_files(root, sections)),
        ("memory", lambda: machine.check_memory(needs())),
        ("disk", lambda: machine.check_disk(root, needs())),
        ("dvc", lambda: dvc_project.check(root)),
        ("locks", lambda: leftovers.check_locks(root)),
        ("copies", lambda: leftovers.check_copies(root)),
        ("git", lambda: git_checkout.check(root, dvc_project.needs_git(root))),
    ]


ORDER = (
    *("python", "packages", "archives", "backend", "precision", "processor", "memory", "disk", "weights", "pictures"),
    *("dvc", "cache", "remote", "locks", "left-overs", "copies", "git", "champion", "prefect", "runs"),
)


def _run(checks: Sequence[tuple[str, Check]]) -> list[Finding]:
    """Run checks at the same time; return their findings in the order of `ORDER`."""
    with ThreadPoolExecutor(len(checks)) as pool:
        found = [finding for some in pool.map(_guarded, checks) for finding in some]
    return sorted(found, key=lambda finding: ORDER.index(finding.check))


def _guarded(named: tuple[str, Check]) -> list[Finding]:
    """Run a check. If it fails, that is a finding: the other checks still help."""
    name, check = named
    try:
        found = check()
    except ModuleNotFoundError as error:
        return [_not_installed(name, error)]
    except Exception as error:
        text = f"the check itself failed: {type(error).__name__}: {first_line(str(error))}"
        return [Finding(name, "note", text, "please report it")]
    return found if isinstance(found, list) else [found]


def _parameters(root: Path) -> tuple[dict[str, Any], list[Finding]]:
    try:
        return parameters.load(root)
    except ModuleNotFoundError as error:
        return {}, [_not_installed("parameters", error)]


def _not_installed(check: str, error: ModuleNotFoundError) -> Finding:
    text = f"not checked: {(error.name or str(error)).partition('.')[0]} is not installed"
    return Finding(check, "problem", text, "pip install 'pedigree[pipeline]', or make setup")


def _is_project(root: Path) -> bool:
    return any((root / name).exists() for name in PROJECT)


def _no_project(root: Path) -> Finding:
    above = next((folder for folder in root.resolve().parents if _is_project(folder)), None)
    text = f"{root.resolve()} is no Pedigree project: it has no {' and no '.join(PROJECT)}"
    remedy = f"cd {above}" if above else "run it in the folder that holds params.yaml, or clone a project"
    return Finding("project", "problem", text, remedy)


def _fixed(finding: Finding) -> Finding:
    if finding.fix is None:
        return finding
    if removed := finding.fix():
        return fine(finding.check, f"removed {', '.join(removed)}")
    return replace(finding, remedy=f"not removed: it is in use. {finding.remedy}")


def _summary(findings: Sequence[Finding]) -> str:
    problems, notes = count(findings, "problem"), count(findings, "note")
    several = f"{problems} problem{'s' if problems != 1 else ''}, {notes} note{'s' if notes != 1 else ''}"
    return f"{several}: {'the pipeline cannot run' if problems else 'nothing stops the pipeline'}."
