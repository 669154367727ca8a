"""The API, over HTTP with a real server: pictures are those of the generator, and every mistake is one JSON error."""

import io
import json
import shutil
import socket
import threading
import time
import zipfile
from contextlib import suppress
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from pedigree.cli import main
from pedigree.drawing.provenance import model_hash, read_provenance
from pedigree.generator.model import Generator, load_generator
from studio.conftest import BREEDS, SIZE, Studio, save_small

ALPHA, BETA, GAMMA = BREEDS


@pytest.fixture(scope="module")
def generator(studio: Studio) -> Generator:
    return load_generator(studio.folder / "models/generator.keras")


@pytest.fixture
def client(address: str) -> httpx.Client:
    return httpx.Client(base_url=address, timeout=120)


def pixels(answer: httpx.Response) -> np.ndarray:
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def test_a_dog_is_the_picture_that_the_generator_draws(client: httpx.Client, generator: Generator) -> None:
    drawn = pixels(client.get("/api/dog.png", params={"dog": f"{BETA}~7"}))
    np.testing.assert_array_equal(drawn, generator.draw(np.array([1], np.int32), 7)[0])


def test_enlarged_dogs_repeat_their_pixels(client: httpx.Client) -> None:
    once, thrice = (pixels(client.get("/api/dog.png", params={"dog": f"{BETA}~7", "scale": n})) for n in (1, 3))
    np.testing.assert_array_equal(thrice[::3, 1::3], once)


def test_a_png_says_how_it_was_drawn(client: httpx.Client, studio: Studio) -> None:
    answer = client.get("/api/dog.png", params={"dog": "Beta~007~1.50", "scale": 2, "download": True})
    provenance = read_provenance(answer.content)
    assert provenance.model == model_hash(studio.folder / "models/generator.keras")
    assert provenance.request == {"dog": f"{BETA}~7~1.5", "scale": 2}
    assert "beta-7.png" in answer.headers["Content-Disposition"]


def test_generate_draws_a_picture_of_the_studio_again(
    client: httpx.Client, studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(studio.folder)
    for dog in (f"{BETA}~cross(1,child(2,3,0.5),4)~1.25", f"{ALPHA}:1,{GAMMA}:3~between(1,2,0.25)"):
        drawn = client.get("/api/dog.png", params={"dog": dog, "scale": 3}).content
        (tmp_path / "dog.png").write_bytes(drawn)
        assert main(["generate", "--from", str(tmp_path / "dog.png"), "--out", str(tmp_path / "again.png")]) == 0
        assert (tmp_path / "again.png").read_bytes() == drawn


def test_generate_draws_a_sheet_of_the_studio_again(
    client: httpx.Client, studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(studio.folder)
    values = {"breed": BETA, "seed": 3, "count": 5, "truncation": 0.7, "format": "png"}
    drawn = client.get("/api/dogs", params=values).content
    (tmp_path / "sheet.png").write_bytes(drawn)
    assert main(["generate", "--from", str(tmp_path / "sheet.png"), "--out", str(tmp_path / "again.png")]) == 0
    assert (tmp_path / "again.png").read_bytes() == drawn
    request = {"across": 3, "dogs": [f"{BETA}~{seed}~0.7" for seed in range(3, 8)]}
    assert read_provenance(drawn).request == request


def test_dogs_have_one_seed_each(client: httpx.Client, generator: Generator) -> None:
    listed = client.get("/api/dogs", params={"breed": "gamma", "seed": 5, "count": 3}).json()
    assert listed["dogs"] == [{"dog": f"{GAMMA}~{seed}", "seed": str(seed)} for seed in (5, 6, 7)]
    strip = pixels(client.get("/api/strip.png", params={"dog": [dog["dog"] for dog in listed["dogs"]]}))
    expected = [generator.draw(np.array([2], np.int32), seed)[0] for seed in (5, 6, 7)]
    np.testing.assert_array_equal(strip, np.concatenate(expected, axis=1))


def test_a_sheet_has_rows_and_a_zip_one_png_for_each_dog(client: httpx.Client) -> None:
    values = {"breed": ALPHA, "seed": 3, "count": 5, "truncation": 0.123456789}
    sheet = pixels(client.get("/api/dogs", params={**values, "format": "png"}))
    assert sheet.shape == (2 * SIZE, 3 * SIZE, 3)
    archive = zipfile.ZipFile(io.BytesIO(client.get("/api/dogs", params={**values, "format": "zip"}).content))
    assert archive.namelist() == [f"{n:02}-alpha-{3 + n}.png" for n in range(5)]
    content = archive.read(archive.namelist()[3])
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(content))), sheet[SIZE:, :SIZE])
    alone = pixels(client.get("/api/dog.png", params={"dog": read_provenance(content).request["dog"]}))
    np.testing.assert_array_equal(alone, sheet[SIZE:, :SIZE])


def test_a_mixture_and_its_breeds_can_be_in_one_batch(client: httpx.Client, generator: Generator) -> None:
    strip = pixels(client.get("/api/strip.png", params={"dog": [f"{ALPHA}~1", f"{ALPHA}:1,{BETA}:1~1", f"{BETA}~1"]}))
    for place, label in ((0, 0), (2, 1)):
        drawn = generator.draw(np.array([label], np.int32), 1)[0]
        np.testing.assert_array_equal(strip[:, place * SIZE : (place + 1) * SIZE], drawn)


def test_a_walk_passes_its_dogs(client: httpx.Client) -> None:
    dogs = [f"{ALPHA}~1", f"{BETA}~2"]
    answer = client.get("/api/walk", params={"dog": dogs, "frames": 10})
    assert answer.headers["X-Frames"] == "10"
    frames = pixels(answer)
    assert frames.shape == (2 * SIZE, 8 * SIZE, 3)
    for place, dog in ((0, dogs[0]), (5, dogs[1])):
        np.testing.assert_array_equal(
            frames[:SIZE, place * SIZE : (place + 1) * SIZE], pixels(client.get("/api/dog.png", params={"dog": dog}))
        )


@pytest.mark.parametrize(("kind", "start"), [("gif", b"GIF89a"), ("mp4", b"\0\0\0")])
def test_a_walk_is_exported_as_a_film(client: httpx.Client, kind: str, start: bytes) -> None:
    dogs = [f"{ALPHA}~1", f"{BETA}~2"]
    answer = client.get("/api/walk", params={"dog": dogs, "frames": 6, "format": kind, "scale": 4})
    assert answer.status_code == 200, answer.text
    assert answer.content.startswith(start)


def test_the_nearest_training_photo_is_found_and_shown(client: httpx.Client, studio: Studio) -> None:
    found = client.get("/api/nearest", params={"dog": f"{BETA}~7"}).json()
    assert found["available"]
    assert 0 < found["distance"] < 1
    crop = pixels(client.get(found["image"]))
    crops, labels = (np.load(studio.folder / f"data/crops/train-{name}.npy") for name in ("images", "labels"))
    assert any((image == crop).all() for image in crops[labels == 1])


def test_damaged_crops_hide_the_photos_and_nothing_else(client: httpx.Client, studio: Studio) -> None:
    labels, query = studio.folder / "data/crops/train-labels.npy", {"dog": f"{BETA}~7"}
    before = labels.read_bytes()
    try:
        labels.write_bytes(before[:-8])
        assert not client.get("/api/models").json()["models"][0]["nearest"]
        answer = client.get("/api/nearest", params=query).json()
        assert not answer["available"]
        assert "train-labels.npy is not a whole .npy file" in answer["why"]
        np.save(labels, np.zeros(12, np.int32))
        answer = client.get("/api/nearest", params=query)
        assert answer.status_code == 503
        assert answer.json() == {"error": "beta has no training crops."}
        found = client.get("/api/nearest", params={"dog": f"{ALPHA}~7"}).json()
        assert found["image"].startswith("/api/crop.png?index=")
    finally:
        labels.write_bytes(before)


def test_the_models_and_their_breeds_are_listed(client: httpx.Client) -> None:
    current, *shipped = client.get("/api/models").json()["models"]
    assert (current["breeds"], current["size"], current["architecture_mixes"]) == (3, SIZE, True)
    assert [model["id"] for model in shipped] == ["stanford-dogs"]
    breeds = client.get("/api/breeds").json()["breeds"]
    assert [breed["folder"] for breed in breeds] == list(BREEDS)
    assert [breed["name"] for breed in breeds] == ["alpha", "beta", "gamma"]


def test_an_answer_may_be_kept_if_the_address_names_the_model(client: httpx.Client) -> None:
    known = client.get("/healthz").json()["model"]
    named = client.get("/api/dog.png", params={"dog": f"{BETA}~7", "hash": known})
    assert "immutable" in named.headers["Cache-Control"]
    assert client.get("/api/dog.png", params={"dog": f"{BETA}~7"}).headers["Cache-Control"] == "no-cache"


def test_a_new_generator_is_taken_up_and_a_link_to_the_old_one_says_so(client: httpx.Client, studio: Studio) -> None:
    path, dog = studio.folder / "models/generator.keras", f"{BETA}~7"
    before, old = path.read_bytes(), client.get("/healthz").json()["model"]
    try:
        save_small(path, seed=1)
        answer = client.get("/api/dog.png", params={"dog": dog, "hash": old})
        assert answer.status_code == 409
        assert answer.json()["model"] == model_hash(path) != old
        new = load_generator(path).draw(np.array([1], np.int32), 7)[0]
        np.testing.assert_array_equal(pixels(client.get("/api/dog.png", params={"dog": dog})), new)
        path.write_bytes(before[: len(before) // 2])
        broken = client.get("/api/dog.png", params={"dog": dog})
        assert broken.status_code == 503
        assert "is not a generator that Pedigree saved" in broken.json()["error"]
        path.unlink()
        assert client.get("/api/models").json()["models"][0]["title"] == "stanford-dogs, which comes with Pedigree"
    finally:
        path.write_bytes(before)
    assert client.get("/healthz").json()["model"] == old


def test_requests_at_the_same_time_get_their_own_dogs(address: str, generator: Generator) -> None:
    drawn: dict[int, np.ndarray] = {}

    def draw(seed: int) -> None:
        drawn[seed] = pixels(httpx.get(f"{address}/api/dog.png", params={"dog": f"{ALPHA}~{seed}"}, timeout=60))

    threads = [threading.Thread(target=draw, args=(seed,)) for seed in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in range(24):
        np.testing.assert_array_equal(drawn[seed], generator.draw(np.array([0], np.int32), seed)[0])


def test_the_counters_count(client: httpx.Client) -> None:
    def value(name: str) -> float:
        lines = client.get("/metrics").text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(name))

    before = value("pedigree_studio_dogs_total")
    client.get("/api/strip.png", params={"dog": [f"{ALPHA}~1", f"{ALPHA}~2"]})
    assert value("pedigree_studio_dogs_total") == before + 2
    assert value('pedigree_studio_requests_total{path="/api/strip.png",status="200"}') >= 1


DOG = f"/api/dog.png?dog={BETA}~7"
WRONG = {
    "no dog": "/api/dog.png",
    "an empty dog": "/api/dog.png?dog=",
    "no seed": f"/api/dog.png?dog={BETA}",
    "an unknown breed": "/api/dog.png?dog=poodle~1",
    "a path as a breed": "/api/dog.png?dog=..%2F..%2Fetc%2Fpasswd~1",
    "NUL in a breed": "/api/dog.png?dog=a%00b~1",
    "an escape in a breed": "/api/dog.png?dog=%1b%5B31m~1",
    "invalid UTF-8": "/api/dog.png?dog=%ff%fe~1",
    "markup": "/api/dog.png?dog=%3Cscript%3E~1",
    "right to left": "/api/dog.png?dog=%E2%80%AEgnp~1",
    "a negative seed": f"/api/dog.png?dog={BETA}~-1",
    "a huge seed": f"/api/dog.png?dog={BETA}~99999999999999999999",
    "a fraction as a seed": f"/api/dog.png?dog={BETA}~1.5",
    "no number": f"/api/dog.png?dog={BETA}~NaN",
    "other digits": f"/api/dog.png?dog={BETA}~%D9%A3",
    "truncation 0": f"/api/dog.png?dog={BETA}~1~0",
    "negative truncation": f"/api/dog.png?dog={BETA}~1~-1",
    "truncation NaN": f"/api/dog.png?dog={BETA}~1~nan",
    "truncation infinity": f"/api/dog.png?dog={BETA}~1~inf",
    "deep latents": f"/api/dog.png?dog={BETA}~{'child(' * 40}1{',1,0.1)' * 40}",
    "a long dog": f"/api/dog.png?dog={BETA}~{'1' * 5000}",
    "an open bracket": f"/api/dog.png?dog={BETA}~between(1,2,0.5",
    "an unknown function": f"/api/dog.png?dog={BETA}~eval(1)",
    "a share above 1": f"/api/dog.png?dog={BETA}~between(1,2,2)",
    "five breeds": f"/api/dog.png?dog={BETA}:1,a:1,b:1,c:1,d:1~1",
    "one breed twice": f"/api/dog.png?dog={BETA}:1,{BETA}:1~1",
    "weights of 0": f"/api/dog.png?dog={BETA}:0,{ALPHA}:0~1",
    "a negative weight": f"/api/dog.png?dog={BETA}:-1,{ALPHA}:1~1",
    "scale 0": f"{DOG}&scale=0",
    "scale 9": f"{DOG}&scale=9",
    "scale NaN": f"{DOG}&scale=NaN",
    "scale 1e9": f"{DOG}&scale=1e9",
    "a misspelled parameter": f"{DOG}&scael=2",
    "a wrong hash": f"{DOG}&hash=xyz",
    "an empty hash": f"{DOG}&hash=",
    "an unknown model": f"{DOG}&model=other",
    "a path as a model": f"{DOG}&model=../../etc/passwd",
    "a revision that git would take for an option": f"{DOG}&model=rev:--help",
    "an empty revision": f"{DOG}&model=rev:",
    "an unknown revision": "/api/models?rev=no-such-tag",
    "NUL in a revision": "/api/models?rev=a%00b",
    "a wrong truth value": f"{DOG}&download=maybe",
    "no breed": "/api/dogs",
    "count 0": "/api/dogs?breed=beta&count=0",
    "count -1": "/api/dogs?breed=beta&count=-1",
    "count 65": "/api/dogs?breed=beta&count=65",
    "a huge count": f"/api/dogs?breed=beta&count={'9' * 400}",
    "count as text": "/api/dogs?breed=beta&count=many",
    "count as a list": "/api/dogs?breed=beta&count=[1]",
    "seed -1": "/api/dogs?breed=beta&seed=-1",
    "seed 2^63": f"/api/dogs?breed=beta&seed={2**63}",
    "a truncation of 0": "/api/dogs?breed=beta&truncation=0",
    "a truncation NaN": "/api/dogs?breed=beta&truncation=nan",
    "a truncation without limit": "/api/dogs?breed=beta&truncation=inf",
    "an unknown format": "/api/dogs?breed=beta&format=exe",
    "a long breed": f"/api/dogs?breed={'b' * 400}",
    "no dogs": "/api/strip.png",
    "65 dogs": "/api/strip.png?" + "&".join([f"dog={BETA}~1"] * 65),
    "one dog to walk": f"/api/walk?dog={BETA}~1",
    "17 dogs to walk": "/api/walk?" + "&".join([f"dog={BETA}~1"] * 17),
    "1 frame": f"/api/walk?dog={BETA}~1&dog={ALPHA}~1&frames=1",
    "241 frames": f"/api/walk?dog={BETA}~1&dog={ALPHA}~1&frames=241",
    "fewer frames than dogs": f"/api/walk?dog={BETA}~1&dog={ALPHA}~1&dog={ALPHA}~2&frames=2",
    "an unknown film": f"/api/walk?dog={BETA}~1&dog={ALPHA}~1&format=avi",
    "a crop that is not there": "/api/crop.png?index=999999",
    "a negative crop": "/api/crop.png?index=-1",
    "nothing to compare with": "/api/compare",
    "an unknown model to compare with": "/api/compare?other=x",
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_request_is_one_json_error(client: httpx.Client, name: str) -> None:
    answer = client.get(WRONG[name])
    assert answer.status_code == 400, answer.text
    assert list(answer.json()) == ["error"]
    error = answer.json()["error"]
    assert error.isprintable()
    assert 10 < len(error) < 400


OTHER = {
    "an unknown address": ("GET", "/no/such/address", 404),
    "a folder": ("GET", "/static/", 404),
    "a path out of the static files": ("GET", "/static/..%2f..%2fcli.py", 404),
    "POST": ("POST", "/api/dogs?breed=beta", 405),
    "DELETE": ("DELETE", "/", 405),
    "a long address": ("GET", f"/{'a' * 40_000}", 414),
}


@pytest.mark.parametrize("name", OTHER)
def test_what_is_not_there_is_one_json_error(client: httpx.Client, name: str) -> None:
    method, path, status = OTHER[name]
    answer = client.request(method, path)
    assert answer.status_code == status, answer.text
    assert list(answer.json()) == ["error"]


@pytest.mark.parametrize("host", ["dogs.example:80", "dogs.example:localhost", "localhost.dogs.example", "[::1", ""])
def test_other_names_of_the_server_are_refused(client: httpx.Client, host: str) -> None:
    answer = client.get("/healthz", headers={"Host": host})
    assert answer.status_code == 400
    assert "does not answer to the name" in answer.json()["error"]


@pytest.mark.parametrize("host", ["localhost", "LocalHost:80", "127.0.0.1:", "[::1]", "[::1]:8484"])
def test_all_local_names_of_the_server_are_known(client: httpx.Client, host: str) -> None:
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


def test_a_film_that_would_fill_the_memory_is_refused(studio: Studio, client: httpx.Client) -> None:
    path = studio.folder / "models/generator.keras"
    before = path.read_bytes()
    try:
        save_small(path, size=128)
        walk = {"dog": [f"{ALPHA}~1", f"{BETA}~2"], "format": "gif"}
        answer = client.get("/api/walk", params={**walk, "frames": 240, "scale": 8})
        assert answer.status_code == 400
        assert answer.json()["error"].startswith("240 pictures of 1024 × 1024 px are more than 60 million pixels")
        assert client.get("/api/walk", params={**walk, "frames": 2, "scale": 8}).status_code == 200
    finally:
        path.write_bytes(before)


def test_the_work_for_a_client_that_has_gone_is_dropped(client: httpx.Client, address: str) -> None:
    host, port = address.removeprefix("http://").split(":")
    path = f"/api/walk?dog={ALPHA}~1&dog={BETA}~2&frames=240"
    for _ in range(4):
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    ends = time.monotonic() + 30
    while 'requests_total{path="/api/walk",status="499"} 4.0' not in (text := client.get("/metrics").text):
        assert time.monotonic() < ends, text
        time.sleep(0.05)
    assert "waiting_dogs 0.0" in text


@pytest.mark.parametrize(
    ("site", "mode", "status"),
    [
        ("cross-site", "no-cors", 403),
        ("same-site", "cors", 403),
        ("same-origin", "cors", 200),
        ("cross-site", "navigate", 200),
    ],
)
def test_pages_of_other_sites_cannot_draw_but_may_link(client: httpx.Client, site: str, mode: str, status: int) -> None:
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode}
    assert client.get(f"/api/dog.png?dog={BETA}~7", headers=headers).status_code == status


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        (b"\x16\x03\x01\x02\r\n\r\n", b"400"),
        (b"GET / HTTP/9.9\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 90_000 + b"\r\nConnection: close\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 900_000, b"400"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: a\r\n" * 100_000, b"400"),
    ],
    ids=["TLS", "an unknown version", "a long header", "a header without end", "headers without end"],
)
def test_what_is_no_request_is_one_json_error(address: str, request_text: bytes, status: bytes) -> None:
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        answer = b""
        with suppress(ConnectionResetError, BrokenPipeError):  # the server may not read what follows
            connection.sendall(request_text)
            while part := connection.recv(65536):
                answer += part
    if answer or len(request_text) < 100_000:
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.split()[1] == status
        assert "error" in json.loads(body)
    assert httpx.get(f"{address}/healthz", timeout=60).status_code == 200


def test_many_slow_clients_do_not_keep_others_waiting(address: str) -> None:
    host, port = address.removeprefix("http://").split(":")
    slow = [socket.create_connection((host, int(port))) for _ in range(100)]
    try:
        for connection in slow:
            connection.sendall(b"GET /api/dogs HTTP/1.1\r\nHost: local")
        start = time.monotonic()
        assert httpx.get(f"{address}/healthz", timeout=60).status_code == 200
        assert time.monotonic() - start < 30
    finally:
        for connection in slow:
            connection.close()


def test_another_copy_draws_the_same_bytes_and_never_shows_photos_if_they_are_hidden(
    client: httpx.Client, studio: Studio, tmp_path: Path
) -> None:
    link = f"/api/dog.png?dog={BETA}~7&hash={client.get('/healthz').json()['model']}"
    here = client.get(link).content
    copy = Studio(tmp_path / "copy")
    shutil.copytree(studio.folder, copy.folder)
    copy.start("--hide-photos")
    try:
        assert httpx.get(f"{copy.address}{link}", timeout=60).content == here
        found = httpx.get(f"{copy.address}/api/nearest", params={"dog": f"{BETA}~7"}, timeout=60).json()
        assert (found["available"], "--hide-photos" in found["why"]) == (False, True)
        assert httpx.get(f"{copy.address}/api/crop.png?index=0", timeout=60).status_code == 400
    finally:
        assert copy.stop() == 143
