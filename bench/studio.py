"""Claim: the studio serves many people at once without losing or mixing up a dog, and faster than a Gradio page.

    python bench/studio.py [--seconds 60] [--clients 1 8 64] [--gradio-python PYTHON]

Each client draws one dog after the other: random breeds and seeds of `stanford-dogs`, 64 px, as PNG. Prints dogs per
second, the median and the 99th percentile of the time for a dog, the answers 429, the errors, and the peak memory of
the server. An answer is right if the provenance in its PNG names the dog; every hundredth is also compared with what
the generator draws. PYTHON is an interpreter with Gradio, Keras and TensorFlow: `peers/gradio_page.py` then draws with
the same generator, and is called as Gradio's own clients do it. Everything stays on this machine.
"""

import argparse
import asyncio
import io
import json
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import httpx
import numpy as np
import psutil
from PIL import Image

from pedigree import shipped
from pedigree.drawing.provenance import read_provenance
from pedigree.generator.model import Generator, load_generator

MODEL = shipped.find(Path("stanford-dogs"))
PEER = Path(__file__).parent / "peers/gradio_page.py"
CHECKED = 100  # every so many pictures are compared with the generator's


@dataclass
class Results:
    """What the clients of one round have seen."""

    times: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    kept: list[tuple[int, int, bytes]] = field(default_factory=list)  # label, seed, PNG
    seconds: float = 0.0


Draw = Callable[[httpx.AsyncClient, int, int], Awaitable[tuple[str, bytes]]]  # label and seed to status and PNG


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--gradio-python", metavar="PYTHON")
    options = parser.parse_args()
    generator = load_generator(MODEL)
    servers = {
        "studio": ([sys.executable, "-m", "pedigree", "studio", "--model", str(MODEL), "--port", "0"], studio_draw)
    }
    if options.gradio_python:
        servers["gradio"] = ([options.gradio_python, str(PEER), str(MODEL)], gradio_draw)
    print(
        f"{'server':<8}{'clients':>8}{'dogs/s':>9}{'median':>9}{'p99':>9}{'429':>7}{'errors':>8}{'wrong':>7}{'memory':>9}"
    )
    for clients in options.clients:
        for name, (command, maker) in servers.items():
            with running(command) as (address, process):
                results = asyncio.run(load(address, maker(generator), clients, options.seconds))
                memory = process.memory_info().rss + sum(child.memory_info().rss for child in process.children(True))
            report(name, clients, results, wrong(generator, results, name), memory)


async def load(address: str, draw: Draw, clients: int, seconds: float) -> Results:
    """Let clients draw dogs for a time, after a few to warm up."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(base_url=address, limits=limits, timeout=120, trust_env=False) as client:
        for seed in range(3):
            await draw(client, 0, seed)
        results, start = Results(), time.perf_counter()
        await asyncio.gather(*(one_client(client, draw, number, start + seconds, results) for number in range(clients)))
        results.seconds = time.perf_counter() - start
    return results


async def one_client(client: httpx.AsyncClient, draw: Draw, number: int, end: float, results: Results) -> None:
    chance = random.Random(number)  # noqa: S311
    while (start := time.perf_counter()) < end:
        label, seed = chance.randrange(120), chance.randrange(2**31)
        try:
            status, content = await draw(client, label, seed)
        except (httpx.HTTPError, KeyError, ValueError) as error:
            status, content = type(error).__name__, b""
        results.statuses[status] += 1
        if status == "200":
            results.times.append(time.perf_counter() - start)
            if len(results.times) % CHECKED == 1:
                results.kept.append((label, seed, content))
        elif status == "429":
            await asyncio.sleep(1)


def studio_draw(generator: Generator) -> Draw:
    async def draw(client: httpx.AsyncClient, label: int, seed: int) -> tuple[str, bytes]:
        dog = f"{quote(generator.breeds[label], safe='')}~{seed}"
        answer = await client.get("/api/dog.png", params={"dog": dog})
        if answer.status_code == 200 and read_provenance(answer.content).request["dog"] != dog:
            return "another dog", b""
        return str(answer.status_code), answer.content

    return draw


def gradio_draw(_: Generator) -> Draw:
    async def draw(client: httpx.AsyncClient, label: int, seed: int) -> tuple[str, bytes]:
        called = await client.post("/gradio_api/call/draw", json={"data": [label, seed]})
        if called.status_code != 200:
            return str(called.status_code), b""
        events = await client.get(f"/gradio_api/call/draw/{called.json()['event_id']}")
        data = re.search(r"event: complete\ndata: (.*)", events.text)
        if data is None:
            return "no picture", b""
        picture = await client.get(json.loads(data[1])[0]["url"])
        return str(picture.status_code), picture.content

    return draw


@contextmanager
def running(command: list[str]) -> Iterator[tuple[str, psutil.Process]]:
    """Run a server; yield its address and its process."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None  # noqa: S101
            found = None
            while found is None and (line := process.stdout.readline()):
                found = re.search(r"http://127\.0\.0\.1:\d+", line)
            if found is None:
                sys.exit(f"{' '.join(command)} has not started")
            yield found[0], psutil.Process(process.pid)
        finally:
            process.terminate()


def wrong(generator: Generator, results: Results, name: str) -> int:
    """Return how many of the kept pictures are not those that the generator draws."""
    count = 0
    for label, seed, content in results.kept:
        drawn = generator.draw(np.array([label], np.int32), seed)[0]
        count += not np.array_equal(np.asarray(Image.open(io.BytesIO(content)).convert("RGB")), drawn)
    return count


def report(name: str, clients: int, results: Results, mistakes: int, memory: int) -> None:
    times = np.array(results.times or [np.nan]) * 1000
    errors = sum(count for status, count in results.statuses.items() if status not in ("200", "429"))
    numbers = f"{len(results.times) / results.seconds:9.1f}{np.median(times):6.0f} ms{np.percentile(times, 99):6.0f} ms"
    print(f"{name:<8}{clients:>8}{numbers}{results.statuses['429']:>7}{errors:>8}{mistakes:>7}{memory / 1e6:>6.0f} MB")
    for status in results.statuses:
        if status not in ("200", "429"):
            print(f"  {results.statuses[status]} times: {status}")


if __name__ == "__main__":
    main()
