"""How much of an archive is held in memory at a time: few bytes, or one record."""

import json
import threading

import archive_sets as sets
import pytest
from annotate_fakes import annotate

from headpose.archives import parquet, records, tars
from headpose.archives.inputs import find_files
from headpose.archives.records import Record, fetched, records_of
from headpose.archives.shards import make_shards
from headpose.parallel.background import Prefetcher
from headpose.parallel.prefetch import ahead

KB = 1 << 10
VIDEO = bytes(100 * KB)


def members(path) -> list[Record]:
    return list(tars.members(str(path)))


@pytest.fixture
def read(monkeypatch):
    """How many bytes of tar shards were read, as a list that grows."""
    sizes = []
    once = tars._Plain.read

    def counted(self, size=-1):
        data = once(self, size)
        sizes.append(len(data))
        return data

    monkeypatch.setattr(tars._Plain, "read", counted)
    return sizes


@pytest.mark.parametrize("name", ["{:02d}.mp4", "clip.{:02d}.mp4"], ids=["keys", "one key"])
def test_members_come_one_by_one_however_many_have_one_key(tmp_path, monkeypatch, read, name):
    monkeypatch.setattr(tars, "MAX_WAITING", 250 * KB)
    path = sets.as_tar(tmp_path / "s.tar", {name.format(i): VIDEO for i in range(40)})
    for i, record in enumerate(tars.members(str(path))):
        assert record.file == f"{path}/{name.format(i)}"
        # At most two that wait, the header of a third, and what `tarfile` reads at a time.
        assert sum(read) <= (i + 2) * 101 * KB + 2 * 10 * KB
    assert i == 39


def test_a_url_may_stand_behind_the_pictures(tmp_path, monkeypatch):
    monkeypatch.setattr(tars, "MAX_WAITING", 250 * KB)
    told = json.dumps({"url": "https://example.org/a"}).encode()
    for count, with_url in [(1, 1), (2, 2), (3, 1), (5, 1)]:  # of three the first two are let go
        contents = {f"a.{i}.mp4": VIDEO for i in range(count)}
        path = sets.as_tar(tmp_path / "s.tar", {**contents, "a.json": told, "b.mp4": VIDEO})
        urls = [record.url for record in members(path)]
        found = with_url if count < 3 else 0
        assert urls == [None] * (count - found) + ["https://example.org/a"] * found + [None]


def test_one_picture_waits_for_its_url_however_large(tmp_path, monkeypatch):
    monkeypatch.setattr(tars, "MAX_WAITING", 10)
    told = json.dumps({"url": "https://example.org/a"}).encode()
    path = sets.as_tar(tmp_path / "s.tar", {"a.mp4": VIDEO, "a.json": told, "a.b.mp4": VIDEO})
    assert [record.url for record in members(path)] == ["https://example.org/a"] * 2


@pytest.mark.parametrize(("most", "held"), [(1, 1), (250, 3), (1000, 10), (10**6, 16)])
def test_no_more_bytes_are_ahead_than_are_told(most, held):
    """Each item has a hundred; of fewer bytes there are as many as may wait."""
    begun = []

    def items():
        for i in range(40):
            begun.append(i)
            yield i

    of_threads = ahead(lambda i: i, items(), 2, 16, size=lambda _: 100, max_bytes=most)
    for i, result in enumerate(of_threads):
        assert result == i
        assert len(begun) <= i + held
    assert i == 39


def test_results_count_with_their_own_bytes():
    begun, done = [], threading.Event()

    def items():
        for i in range(20):
            begun.append(i)
            yield bytes(0)

    def work(_):
        done.wait()
        return bytes(100)

    found = ahead(work, items(), 2, 6, size=len, max_bytes=300)
    threading.Timer(0.2, done.set).start()
    assert len(next(found)) == 100
    assert len(begun) == 6  # of which nobody knew how large they would be
    for _ in range(5):
        assert len(next(found)) == 100
    assert len(begun) <= 9


@pytest.mark.parametrize(("most", "held"), [(1, 1), (250, 3), (10**6, 8)])
def test_a_thread_that_reads_ahead_begins_nothing_that_has_no_room(most, held):
    begun = []

    def items():
        for i in range(40):
            begun.append(i)
            yield i

    with Prefetcher(items(), 8, size=lambda _: 100, max_bytes=most) as ready:
        for i, item in enumerate(ready):
            assert item == i
            assert len(begun) <= i + 1 + held + (held == 8)  # by count alone one more is in hand
    assert i == 39


def test_contents_that_are_there_count_while_others_are_fetched(monkeypatch):
    monkeypatch.setattr(records, "MAX_AHEAD", 250 * KB)
    begun = []

    def given():
        for i in range(20):
            begun.append(i)
            yield Record(f"{i}.mp4", str(i), None, VIDEO)

    for i, record in enumerate(fetched(given())):
        assert record.key == str(i)
        assert len(begun) <= i + 3


@pytest.mark.parametrize(("size", "rows"), [(10, 16), (1 << 20, 15), (6 << 20, 2), (40 << 20, 1)])
def test_large_rows_of_parquet_are_read_by_few(size, rows):
    class Group:
        num_rows, total_byte_size = 100, 100 * (size + size // 20)

    assert parquet._rows_at_once(Group) == rows


def test_large_rows_of_parquet_are_the_same_rows(tmp_path, monkeypatch):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed (the extra cloud)")
    contents = [bytes([i]) * KB for i in range(20)]
    path = sets.as_parquet(tmp_path / "p.parquet", {"image": contents}, 10)
    for at_once in (1, 5 * KB, 1 << 20):
        monkeypatch.setattr(parquet, "BYTES_AT_ONCE", at_once)
        shards = make_shards(find_files([str(path)]), 4)
        assert [r.content for shard in shards for r in records_of(shard)] == contents


def test_a_shard_of_one_key_has_the_rows_of_others(tmp_path, monkeypatch):
    monkeypatch.setattr(tars, "MAX_WAITING", 1)
    picture = sets.pictures()["00.png"]
    contents = {f"IMG.{i:04d}.png": picture for i in range(12)}
    counts = annotate([sets.as_tar(tmp_path / "s.tar", contents)], tmp_path / "out")
    assert (counts["pictures"], counts["heads"]) == (12, 24)
    assert {row["key"] for row in sets.rows_of(tmp_path / "out")} == {"IMG"}
