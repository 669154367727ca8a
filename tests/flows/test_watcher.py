"""The watcher: what a flow has started ends with it, even if it is killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from flows.test_process_group import ends

FLOWS = Path(__file__).parents[2] / "flows"
SLEEP = "import time; print(1, flush=True); time.sleep(600)"
FLOW = f"""
import os, subprocess, sys, time
from watcher import watch
watch()
sleeper = [sys.executable, "-c", {SLEEP!r}]
shell = subprocess.Popen(["sh", "-c", "sleep 600 & sleep 600"])
server = subprocess.Popen(sleeper, process_group=0, stdout=subprocess.PIPE)
apart = subprocess.Popen(sleeper, start_new_session=True, stdout=subprocess.PIPE)
server.stdout.readline(), apart.stdout.readline(), time.sleep(0.2)
print(apart.pid, flush=True)
sys.stdin.readline()
os._exit(0)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, None])
def test_what_a_flow_has_started_ends_with_it(number: signal.Signals | None) -> None:
    command, pipe = [sys.executable, "-c", FLOW], subprocess.PIPE
    bystander = subprocess.Popen([sys.executable, "-c", SLEEP], stdout=subprocess.DEVNULL)
    with subprocess.Popen(command, cwd=FLOWS, stdin=pipe, stdout=pipe, text=True) as flow:
        if flow.stdin is None or flow.stdout is None:
            raise AssertionError
        apart = psutil.Process(int(flow.stdout.readline()))
        children = psutil.Process(flow.pid).children(recursive=True)
        assert len(children) >= 5  # the watcher, the shell and its two commands, the server, and the one apart
        if number:
            flow.send_signal(number)
        else:
            flow.stdin.write("end\n")
            flow.stdin.flush()
        flow.wait(30)
    try:
        assert all(ends(child) for child in children if child != apart)
        assert os.getsid(apart.pid) == apart.pid  # runs on, as the supervisor of a stage does until its stage has ended
        assert bystander.poll() is None
    finally:
        apart.kill()
        bystander.kill()
        bystander.wait()


def test_a_flow_that_ends_says_nothing_of_its_watcher() -> None:
    command = [sys.executable, "-W", "always", "-c", "from watcher import watch; watch(); watch()"]
    done = subprocess.run(command, cwd=FLOWS, capture_output=True, text=True, check=True)
    assert done.stdout + done.stderr == ""
