"""Pictures by HTTP, from servers that are busy, down, or have no such file."""

import http.server
import json
import socket
import threading
import zipfile

import annotate_fakes
import archive_sets as sets
import cv2
import numpy as np
import pytest
from annotate_fakes import annotate

from headpose.archives.inputs import find_files
from headpose.archives.records import fetched, records_of
from headpose.archives.shards import Columns, make_shards

CONTENTS = sets.pictures()
PICTURE = CONTENTS["00.png"]


@pytest.fixture
def server():
    """Answers each path with the status that `server.answers` has for it, else a picture."""
    pytest.importorskip("fsspec", reason="fsspec is not installed (the extra cloud)")
    pytest.importorskip("aiohttp", reason="aiohttp is not installed (the extra cloud)")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            status = self.server.answers.get(self.path, 200)
            if status is None:
                self.connection.close()
                return
            self.send_response(status)
            content = self.server.files.get(self.path, PICTURE) if status == 200 else b""
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content[: self.server.cut.get(self.path)])

        do_HEAD = do_GET

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.answers, server.files, server.cut = {}, {}, {}
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()


@pytest.mark.parametrize("status", [503, 429, 500, 403, 401, None])
def test_what_a_server_did_not_give_is_tried_again(server, tmp_path, status):
    url = f"http://127.0.0.1:{server.server_port}/a.png"
    server.answers["/a.png"] = status
    counts = annotate([url], tmp_path / "out")
    assert (counts["pictures"], counts["failures"]) == (0, 1)
    (failure,) = sets.failures_of(tmp_path / "out")
    assert "no such file" not in failure["reason"]
    server.answers.clear()
    counts = annotate([url], tmp_path / "out")
    assert (counts["pictures"], counts["failures"]) == (1, 0)


@pytest.mark.parametrize("cache", ["simplecache", "filecache"])
def test_what_a_server_did_not_give_through_a_cache_is_tried_again(server, tmp_path, cache):
    url = f"{cache}::http://127.0.0.1:{server.server_port}/a.png"
    server.answers["/a.png"] = 503
    assert annotate([url], tmp_path / "out")["failures"] == 1
    server.answers.clear()
    counts = annotate([url], tmp_path / "out")
    assert (counts["pictures"], counts["failures"]) == (1, 0)


@pytest.mark.parametrize("later", [503, 404])
@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_what_was_read_once_keeps_its_rows(server, tmp_path, kind, later):
    """Links die with time: trying again for one picture must not cost the others."""
    if kind == "parquet":
        pytest.importorskip("pyarrow", reason="pyarrow is not installed (the extra cloud)")
    urls = [f"http://127.0.0.1:{server.server_port}/{name}.png" for name in "abc"]
    more = {"size": 3, "kind": kind}
    annotate(urls, tmp_path / "whole", **more)
    server.answers["/b.png"] = 503
    counts = annotate(urls, tmp_path / "out", **more)
    assert (counts["pictures"], counts["heads"], counts["failures"]) == (2, 4, 1)
    server.answers.update({"/a.png": later, "/c.png": later})
    counts = annotate(urls, tmp_path / "out", **more)
    assert (counts["pictures"], counts["heads"], counts["failures"]) == (2, 4, 1)
    (failure,) = sets.failures_of(tmp_path / "out")
    assert failure["file"] == urls[1]
    del server.answers["/b.png"]
    counts = annotate(urls, tmp_path / "out", **more)
    assert (counts["pictures"], counts["heads"], counts["failures"]) == (3, 6, 0)
    assert sets.rows_of(tmp_path / "out") == sets.rows_of(tmp_path / "whole")


class Seeing(annotate_fakes.FakeConfig):
    """Finds nobody in black pictures."""

    def load(self):
        found = super().load()
        return lambda pictures: [
            heads if p.any() else [] for heads, p in zip(found(pictures), pictures, strict=True)
        ]


def test_pictures_without_a_head_cost_no_rows(server, tmp_path):
    """They have no row in the table, unless such are asked for."""
    urls = [f"http://127.0.0.1:{server.server_port}/{name}.png" for name in "abc"]
    black = np.zeros((20, 30, 3), np.uint8)
    server.files["/a.png"] = cv2.imencode(".png", black)[1].tobytes()
    more = {"size": 3, "config": Seeing()}
    server.answers["/c.png"] = 503
    assert annotate(urls, tmp_path / "out", **more)["heads"] == 2
    server.answers["/b.png"] = 503
    counts = annotate(urls, tmp_path / "out", **more)
    assert (counts["pictures"], counts["heads"], counts["failures"]) == (2, 2, 1)
    assert len(sets.rows_of(tmp_path / "out")) == 2


def test_of_two_rows_with_one_file_each_keeps_its_own(server, tmp_path):
    """Lists have links twice, and hidden parameters make names alike."""
    pytest.importorskip("pyarrow", reason="pyarrow is not installed (the extra cloud)")
    base = f"http://127.0.0.1:{server.server_port}"
    urls = [f"{base}/a.png?token={name}" for name in ("cat", "dog")] + [f"{base}/cow.png"]
    path = sets.as_parquet(tmp_path / "d.parquet", {"url": urls, "key": ["cat", "dog", "cow"]})
    more = {"columns": Columns("url", "key")}
    annotate([path], tmp_path / "whole", **more)
    whole = sets.rows_of(tmp_path / "whole")
    for number, second in enumerate(("cat", "dog")):
        server.answers["/cow.png"] = 503
        annotate([path], tmp_path / f"out{number}", **more)
        server.answers = {f"/a.png?token={second}": 503}
        counts = annotate([path], tmp_path / f"out{number}", **more)
        assert (counts["pictures"], counts["heads"], counts["failures"]) == (3, 6, 0)
        assert sets.rows_of(tmp_path / f"out{number}") == whole


def test_rows_are_kept_for_the_same_link_alone(server, tmp_path):
    """A list by URL may change between two runs, and what differs in it be hidden."""
    pytest.importorskip("pyarrow", reason="pyarrow is not installed (the extra cloud)")
    base = f"http://127.0.0.1:{server.server_port}"
    one, two, busy = (f"{base}/dl?key={name}" for name in ("one", "two", "busy"))
    server.answers["/dl?key=busy"] = 503

    def run(*urls):
        sets.as_parquet(tmp_path / "l.parquet", {"url": list(urls)})
        server.files["/l.parquet"] = (tmp_path / "l.parquet").read_bytes()
        return annotate([f"{base}/l.parquet"], tmp_path / "out", size=3, columns=Columns("url"))

    assert run(one, two, busy)["failures"] == 1
    server.answers["/dl?key=one"] = server.answers["/dl?key=two"] = 503
    counts = run(busy, one, two)
    assert (counts["heads"], counts["failures"]) == (0, 3)


def test_members_behind_a_cut_count_as_read_only_when_they_were(server, tmp_path):
    """A store that gave half of a shard has said nothing of what is behind."""
    contents = {f"{i}.png": PICTURE for i in range(3)} | {"3.png": b"junk", "4.png": PICTURE[:90]}
    tar = sets.as_tar(tmp_path / "s.tar", contents).read_bytes()
    url = f"http://127.0.0.1:{server.server_port}/s.tar"
    server.files["/s.tar"] = tar
    annotate([url], tmp_path / "whole")
    server.cut["/s.tar"] = 1536 + 512  # within the second member
    first = annotate([url], tmp_path / "out")
    assert first["failures"] == 1
    assert list((tmp_path / "out").rglob("*.again.json"))
    server.cut.clear()
    counts = annotate([url], tmp_path / "out")
    assert (counts["pictures"], counts["failures"]) == (3, 2)
    assert sets.rows_of(tmp_path / "out") == sets.rows_of(tmp_path / "whole")


def test_a_table_that_was_lost_is_not_whole_because_it_was(server, tmp_path):
    urls = [f"http://127.0.0.1:{server.server_port}/{name}.png" for name in "ab"]
    annotate(urls, tmp_path / "out")
    whole = sets.rows_of(tmp_path / "out")
    (table,) = (tmp_path / "out" / "heads").iterdir()
    table.unlink()
    server.answers["/b.png"] = 503
    counts = annotate(urls, tmp_path / "out")
    assert (counts["heads"], counts["failures"]) == (2, 1)
    server.answers.clear()
    counts = annotate(urls, tmp_path / "out")
    assert (counts["heads"], counts["failures"]) == (4, 0)
    assert sets.rows_of(tmp_path / "out") == whole


@pytest.mark.parametrize("status", [404, 410])
def test_what_is_not_there_is_told_once(server, tmp_path, status):
    url = f"http://127.0.0.1:{server.server_port}/a.png"
    server.answers["/a.png"] = status
    annotate([url], tmp_path / "out")
    assert sets.failures_of(tmp_path / "out")[0]["reason"] == f"{url}: no such file"
    server.answers.clear()
    assert annotate([url], tmp_path / "out")["pictures"] == 0


def test_no_picture_by_url_takes_all_memory(server, tmp_path, monkeypatch):
    monkeypatch.setattr("headpose.archives.urls.MAX_PICTURE", len(PICTURE))
    base = f"http://127.0.0.1:{server.server_port}"
    server.files["/large.png"] = PICTURE + bytes(1)
    counts = annotate([f"{base}/{name}.png" for name in ("a", "large")], tmp_path / "out")
    assert (counts["pictures"], counts["failures"]) == (1, 1)
    (failure,) = sets.failures_of(tmp_path / "out")
    assert failure["reason"] == f"{base}/large.png: more than 0 MB, larger than any photo"


@pytest.mark.parametrize("chain", ["", "simplecache::"])
def test_a_server_that_says_nothing_is_not_waited_for_for_ever(tmp_path, monkeypatch, chain):
    """Of links that have died some lead to such; the pictures beside them are done."""
    pytest.importorskip("aiohttp", reason="aiohttp is not installed (the extra cloud)")
    monkeypatch.setattr("headpose.archives.urls.SILENCE", 0.5)
    (tmp_path / "a.png").write_bytes(PICTURE)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"{chain}http://127.0.0.1:{silent.getsockname()[1]}/b.png"
        counts = annotate([tmp_path / "a.png", url], tmp_path / "out")
    assert (counts["pictures"], counts["failures"]) == (1, 1)
    assert list((tmp_path / "out").rglob("*.again.json"))


def test_a_server_that_is_down_is_tried_again(server, tmp_path):
    port = server.server_port
    server.shutdown()
    server.server_close()
    annotate([f"http://127.0.0.1:{port}/a.png"], tmp_path / "out")
    (failure,) = sets.failures_of(tmp_path / "out")
    assert "no such file" not in failure["reason"]
    (mark,) = (tmp_path / "out").rglob("*.again.json")
    assert json.loads(mark.read_text())["failures"]


@pytest.mark.parametrize(
    ("pattern", "count"), [("p*.png", 2), ("photo*", 2), ("*.png", 2), ("**/*.png", 3)]
)
def test_a_star_may_stand_for_nothing(tmp_path, pattern, count):
    pytest.importorskip("fsspec", reason="fsspec is not installed (the extra cloud)")
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        for name in ("photo.png", "photo2.png", "in/b.png", ".hidden.png", ".in/c.png"):
            archive.writestr(name, PICTURE)
    found = find_files([f"zip://{pattern}::{tmp_path}/p.zip"])
    assert len(found.items["pictures"]) == count


def test_a_chain_keeps_its_end(tmp_path):
    pytest.importorskip("fsspec", reason="fsspec is not installed (the extra cloud)")
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        archive.writestr("a.png", PICTURE)
        archive.writestr("in/b.png", PICTURE)
    end = f"::file://{tmp_path}/p.zip"
    both = ["a.png", "in/b.png"]
    for start in ("zip://", "simplecache::zip://"):
        for name in ("*.png", "**/*.png", "", "a.png", "in", "in/", "in//"):
            found = both[:1] if name in ("*.png", "a.png") else both[name.startswith("in") :]
            inputs = find_files([start + name + end])
            records = [r for shard in make_shards(inputs, 1) for r in fetched(records_of(shard))]
            assert [r.file for r in records] == [f"{start}{path}{end}" for path in found]
            assert [r.content for r in records] == [PICTURE] * len(found)
