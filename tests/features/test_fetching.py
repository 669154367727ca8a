"""Downloading: whole, resumed, broken off, wrong; against a real HTTP server on this machine."""

import hashlib
import http.server
import threading
from dataclasses import dataclass, field

import numpy as np
import pytest

from pedigree.cli import main
from pedigree.errors import PedigreeError
from pedigree.features.extractors import inception_2015
from pedigree.features.extractors.fetching import TRIES, fetch

GRAPH = np.random.default_rng(1).bytes(10_000)
CONTENT = np.random.default_rng(0).bytes(1_000_003)


@dataclass
class Behaviour:
    """What the server does; the ranges it was asked for."""

    content: bytes = CONTENT
    ranges: bool = True
    drops: list = field(default_factory=list)  # after how many bytes each next answer breaks off
    status: int = 200
    asked: list = field(default_factory=list)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        behaviour = self.server.behaviour
        wanted = self.headers.get("Range")
        behaviour.asked.append(wanted)
        if behaviour.status != 200:
            return self.send_error(behaviour.status)
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and behaviour.ranges else 0
        if start and start >= len(behaviour.content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(behaviour.content)}")
            return self.end_headers()
        body = behaviour.content[start:]
        self.send_response(206 if wanted and behaviour.ranges else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: behaviour.drops.pop(0)] if behaviour.drops else body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.behaviour = Behaviour()
        server.handle_error = lambda *_: None  # a client that gives up, as on a full disk
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def get(server, tmp_path):
    """Fetch from the server to a folder that is not there yet, checking the content."""
    out = tmp_path / "weights" / "file.bin"

    def verify(path):
        if path.read_bytes() != CONTENT:
            raise PedigreeError(f"{path} is not the file.")

    def get():
        fetch(f"http://127.0.0.1:{server.server_port}/file.bin", out, verify, pause=0.0)

    get.out, get.part = out, out.with_name("file.bin.part")
    return get


def assert_arrived(get):
    assert get.out.read_bytes() == CONTENT
    assert list(get.out.parent.iterdir()) == [get.out]


def test_a_file_arrives_whole_and_nothing_else_is_left(server, get):
    get()
    assert_arrived(get)
    assert server.behaviour.asked == [None]


def test_a_file_that_is_there_is_not_asked_for_again(server, get):
    get()
    get()
    assert len(server.behaviour.asked) == 1


def test_a_broken_connection_is_continued_where_it_broke(server, get):
    server.behaviour.drops = [300_000, 200_000]
    get()
    assert_arrived(get)
    assert server.behaviour.asked == [None, "bytes=300000-", "bytes=500000-"]


def test_a_later_run_continues_what_an_earlier_one_left(server, get):
    get.part.parent.mkdir()
    get.part.write_bytes(CONTENT[:700_000])
    get()
    assert_arrived(get)
    assert server.behaviour.asked == ["bytes=700000-"]


def test_a_connection_that_keeps_breaking_is_told_and_what_came_is_kept(server, get):
    server.behaviour.drops = [400_000] + [0] * TRIES
    with pytest.raises(
        PedigreeError, match=r"400,000 of 1,000,003 bytes .* 400,000 bytes are kept in .*\.part; run the"
    ):
        get()
    assert get.part.read_bytes() == CONTENT[:400_000]
    assert not get.out.exists()
    assert len(server.behaviour.asked) == 1 + TRIES - 1
    server.behaviour.drops = []
    get()
    assert_arrived(get)


def test_slow_progress_is_not_given_up(server, get):
    server.behaviour.drops = [100_000] * 9
    get()
    assert_arrived(get)
    assert len(server.behaviour.asked) == 10


@pytest.mark.parametrize("kept", [CONTENT[:600_000], b"of another file" * 1000])
def test_a_server_without_ranges_is_asked_for_the_whole(server, get, kept):
    server.behaviour.ranges = False
    get.part.parent.mkdir()
    get.part.write_bytes(kept)
    get()
    assert_arrived(get)


def test_what_was_complete_before_it_was_verified_is_not_fetched_again(server, get):
    get.part.parent.mkdir()
    get.part.write_bytes(CONTENT)
    get()
    assert_arrived(get)
    assert server.behaviour.asked == ["bytes=1000003-"]


def test_more_than_the_server_has_is_thrown_away(server, get):
    get.part.parent.mkdir()
    get.part.write_bytes(CONTENT + b"more")
    get()
    assert_arrived(get)
    assert server.behaviour.asked == ["bytes=1000007-", None]


@pytest.mark.parametrize("content", [b"", b"<html>log in to the network</html>", CONTENT[:-1] + b"x", CONTENT + b"x"])
def test_something_else_is_refused_and_removed(server, get, content):
    server.behaviour.content = content
    with pytest.raises(
        PedigreeError, match=r"/file\.bin is not the expected file and was removed: .* is not the file\."
    ):
        get()
    assert list(get.out.parent.iterdir()) == []


def test_a_file_of_that_name_that_is_something_else_is_left_alone(server, get):
    get.out.parent.mkdir()
    get.out.write_bytes(b"mine")
    with pytest.raises(PedigreeError, match=r"is not the file\. Remove it, or choose another path with --out\.$"):
        get()
    assert get.out.read_bytes() == b"mine"
    assert server.behaviour.asked == []


@pytest.mark.parametrize(("status", "tries"), [(404, 1), (403, 1), (503, TRIES), (500, TRIES)])
def test_an_answer_that_is_no_file_is_told_and_only_a_troubled_server_is_asked_again(server, get, status, tries):
    server.behaviour.status = status
    with pytest.raises(PedigreeError, match=rf"/file\.bin: .*{status}") as message:
        get()
    assert len(server.behaviour.asked) == tries
    assert "\n" not in str(message.value)
    assert list(get.out.parent.iterdir()) == []


def test_no_network_is_told(get, server, tmp_path):
    port = server.server_port
    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as gone:
        port = gone.server_port
    with pytest.raises(
        PedigreeError, match=r"refused.* \(4 tries\)\. Check the network, or get the file from another place\.$"
    ):
        fetch(f"http://127.0.0.1:{port}/file.bin", tmp_path / "file.bin", lambda _: None, pause=0.0)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_at_once(server, get):
    get.part.parent.mkdir()
    get.part.symlink_to("/dev/full")
    with pytest.raises(PedigreeError, match=r"file\.bin\.part cannot be written: No space left on device\."):
        get()
    assert len(server.behaviour.asked) == 1


def test_a_place_that_cannot_be_written_is_told_at_once(server, get):
    get.part.mkdir(parents=True)
    with pytest.raises(PedigreeError, match=r"file\.bin\.part cannot be written: Is a directory\."):
        get()


# The command.


@pytest.fixture
def published(server, tmp_path, monkeypatch):
    """Serve an archive with a small file in the graph's place, and expect its checksum."""
    from features.test_inception_2015 import archived

    content = archived(tmp_path / "a.tgz", inception_2015.MEMBER, GRAPH).read_bytes()
    server.behaviour.content = content
    monkeypatch.setattr(inception_2015, "URL", f"http://127.0.0.1:{server.server_port}/a.tgz")
    monkeypatch.setattr(inception_2015, "SHA256", hashlib.sha256(GRAPH).hexdigest())
    monkeypatch.chdir(tmp_path)
    return content


def test_fetch_gets_the_archive_and_says_what_to_do_with_it(published, tmp_path, capsys):
    assert main(["fetch", "inception-2015", "--out", "here/w.tgz"]) == 0
    assert (tmp_path / "here" / "w.tgz").read_bytes() == published
    assert "score.weights: here/w.tgz" in capsys.readouterr().out


def test_fetch_has_a_place_of_its_own(published, tmp_path, capsys):
    assert main(["fetch", "inception-2015"]) == 0
    assert (tmp_path / "weights" / "inception-2015-12-05.tgz").read_bytes() == published


def test_fetch_refuses_another_graph_in_one_line(server, published, tmp_path, capsys):
    server.behaviour.content = published[:-200]
    assert main(["fetch", "inception-2015", "--out", "w.tgz"]) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("pedigree fetch: The download from http://127.0.0.1")
    assert "damaged archive" in error
    assert not list(tmp_path.glob("w.tgz*"))


def test_nothing_else_can_be_fetched(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["fetch", "efficientnet-lite0"])
    assert stop.value.code == 2
    assert "inception-2015" in capsys.readouterr().err
