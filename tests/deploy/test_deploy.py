"""The files for containers, Kubernetes and clusters name only what the project has, and agree with each other."""

import json
import re
import shutil
import sys
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any
from uuid import uuid4

import process_group
import pytest
from conftest import ROOT
from ruamel.yaml import YAML

from pedigree.cli import COMMANDS

FILES = [ROOT / "compose.yaml", *sorted((ROOT / "deploy").glob("*.yaml"))]
DOCUMENTS = [document for path in FILES for document in YAML(typ="safe").load_all(path)]
COMPOSE = DOCUMENTS[0]
TEMPLATE = json.loads((ROOT / "deploy/prefect-job-template.json").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
IMAGE, POOL = "pedigree", YAML(typ="safe").load(ROOT / "flows/prefect.yaml")["definitions"]["pool"]["name"]
GRACE = process_group.GRACE_SECONDS + process_group.REPORT_SECONDS
MADE_LATER = ("runs/", "models/")  # by the pipeline


def values(tree: Any, *keys: str) -> Iterator[Any]:
    """Yield the value of each of these keys, at any depth."""
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        if key in keys:
            yield value
        yield from values(value, *keys)


def commands() -> list[str]:
    """Return all commands of containers, those of shells too, each as one text."""
    lists = [value for value in values([*DOCUMENTS, TEMPLATE], "command", "args") if isinstance(value, list)]
    return [part for words in lists for part in re.split(r" \|\| | && ", " ".join(words).removeprefix("sh -c "))]


def of_kind(kind: str) -> list[dict[str, Any]]:
    """Return the Kubernetes objects of a kind."""
    return [document for document in DOCUMENTS if document.get("kind") == kind]


def test_all_containers_use_the_image_of_the_dockerfile_or_a_pinned_one() -> None:
    default = TEMPLATE["variables"]["properties"]["image"]["default"]
    images = {*values(DOCUMENTS, "image"), default}
    assert IMAGE in images
    assert {image for image in images if image != IMAGE and not re.fullmatch(r"[^:]+:\d[^:]*", image)} == set()


@pytest.mark.parametrize("path", [ROOT / "Dockerfile", *FILES], ids=lambda path: path.name)
def test_the_extras_of_the_image_exist(path: Path) -> None:
    lists = re.findall(r"\bEXTRAS(?::-|=|: )([a-z0-9][a-z0-9,]*)", path.read_text())
    assert {extra for each in lists for extra in each.split(",")} <= set(EXTRAS)
    assert lists or path.name != "Dockerfile"


def test_programs_and_files_of_the_commands_exist() -> None:
    words = [command.removeprefix("PWD=/pedigree ").split() for command in commands()]
    programs, files = {each[0] for each in words}, {word for each in words for word in each if "/" in word}
    assert {"pedigree", "prefect", "tensorboard"} <= programs
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    assert [program for program in programs if not shutil.which(program, path=path)] == []
    assert {each[1] for each in words if each[0] == "pedigree"} <= {command.__name__ for command in COMMANDS}
    assert [file for file in files if not file.startswith(MADE_LATER) and not (ROOT / file).exists()] == []
    assert "flows/prefect.yaml" in files


def test_workers_and_deployments_use_one_work_pool() -> None:
    named = [word for command in commands() for word in re.findall(r"(?:--pool|work-pool create) (\S+)", command)]
    assert set(named) == {POOL}


def test_the_grace_periods_are_longer_than_a_stage_takes_to_save_its_state() -> None:
    worker = COMPOSE["services"]["worker"]
    assert worker["stop_signal"] == "SIGQUIT"  # at SIGTERM, Prefect's worker would kill its flow runs at once
    assert 60 * int(worker["stop_grace_period"].removesuffix("m")) > GRACE
    (seconds,) = values(TEMPLATE, "terminationGracePeriodSeconds")
    assert seconds > GRACE


def test_compose_opens_ports_on_this_machine_only_and_none_of_the_database() -> None:
    services = COMPOSE["services"]
    assert all(port.startswith("127.0.0.1:") for port in values(services, "ports") for port in port)
    assert "ports" not in services["postgres"]
    assert [COMPOSE["networks"][network] for network in services["postgres"]["networks"]] == [{"internal": True}]
    assert {name for name, each in services.items() if each.get("network_mode") == "host"} == {"studio"}


def test_what_the_dockerfile_copies_is_not_left_out_of_the_build() -> None:
    copied = [word for line in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.M) for word in line.split()]
    kept = {line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"}
    assert all((ROOT / name).exists() for name in copied)
    assert [name for name in copied if not any(fnmatch(name, pattern) for pattern in kept)] == []


def test_a_flow_run_becomes_a_job_with_the_volume_account_and_password_of_the_manifest() -> None:
    from prefect.client.schemas.objects import FlowRun
    from prefect.utilities.templating import apply_values
    from prefect_kubernetes.worker import KubernetesWorkerJobConfiguration

    variables = TEMPLATE["variables"]["properties"]
    defaults = {key: value["default"] for key, value in variables.items() if "default" in value}
    configuration = KubernetesWorkerJobConfiguration(**apply_values(TEMPLATE["job_configuration"], defaults))
    configuration.prepare_for_flow_run(FlowRun(flow_id=uuid4(), name="night"))
    job = configuration.job_manifest
    pod = job["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] in {account["metadata"]["name"] for account in of_kind("ServiceAccount")}
    (claim,) = of_kind("PersistentVolumeClaim")
    assert pod["volumes"][0]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert pod["containers"][0]["args"] == ["prefect", "flow-run", "execute"]
    assert pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert {"name": "PREFECT_FLOW_RUN_EXECUTE_SIGTERM_BEHAVIOR", "value": "reschedule"} in pod["containers"][0]["env"]
    (worker,) = of_kind("Deployment")
    environment = {each["name"]: each["value"] for env in values(worker, "env") for each in env}
    assert environment["PREFECT_INTEGRATIONS_KUBERNETES_WORKER_API_AUTH_STRING_SECRET_NAME"] in {
        each["name"] for each in values(worker, "secretRef")
    }
    assert {job["metadata"]["namespace"], environment["PREFECT_INTEGRATIONS_KUBERNETES_OBSERVER_NAMESPACES"]} == {
        each["metadata"]["name"] for each in of_kind("Namespace")
    }
