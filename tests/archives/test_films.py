"""Long videos in parts: the rows that they have in one go, whoever does the parts."""

import contextlib
import io
import json
import math
import sys

import archive_sets as sets
import numpy as np
import pytest
from annotate_fakes import CONFIGS, annotate
from kills import ROOT, kill_half_way
from square_films import RATE, SECONDS, film

from headpose.archives import films
from headpose.archives.inputs import Item, find_files
from headpose.archives.shards import make_shards
from headpose.archives.urls import StoreError

av = pytest.importorskip("av", reason="PyAV is not installed (the extra video)")


@pytest.fixture(scope="module")
def squares(tmp_path_factory):
    return film(tmp_path_factory.mktemp("film") / "squares.mp4")


def find(names, place, engine="here", **more):
    counts = annotate(names, place, engine, CONFIGS["squares"], **more)
    return counts, table(place)


def table(place):
    """All rows as they lie there."""
    files = sorted((place / "heads").glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


@pytest.fixture(scope="module")
def whole(squares, tmp_path_factory):
    """What is found in one go."""
    return find([squares], tmp_path_factory.mktemp("whole"))


def test_a_film_has_tracks_that_cross_its_parts(whole):
    counts, rows = whole
    assert (counts["videos"], counts["frames"], counts["failures"]) == (1, 60, 0)
    assert {row["track"] for row in rows} == {1, 2, 3, 4}
    first = [row["frame"] for row in rows if row["track"] == 1]
    assert first == list(range(60))
    assert [row["time"] for row in rows if row["track"] == 1][11] == pytest.approx(1.1)


@pytest.mark.parametrize("seconds", [1, 1.37, 2, 4.1])
def test_parts_give_the_rows_of_the_whole(squares, whole, tmp_path, seconds):
    shards = make_shards(find_files([str(squares)]), 2, seconds=seconds)
    assert len(shards) == round(SECONDS / seconds)
    counts, rows = find([squares], tmp_path, seconds=seconds)
    assert rows == whole[1]
    assert counts == whole[0]
    assert not (tmp_path / "parts").exists()


def test_parts_count_from_the_films_first_frame(squares, tmp_path):
    assert RATE % 3  # parts begin between the frames that are looked at
    _, rows = find([squares], tmp_path / "whole", every=3)
    assert {row["frame"] for row in rows} == set(range(0, 60, 3))
    assert find([squares], tmp_path / "parts", every=3, seconds=1)[1] == rows


@pytest.mark.parametrize("kind", ["mkv", "mov", "avi"])
def test_other_kinds_have_the_same_rows_in_parts(kind, tmp_path):
    path = film(tmp_path / f"squares.{kind}")
    shards = make_shards(find_files([str(path)]), 2, seconds=1)
    assert len(shards) == (1 if kind == "avi" else SECONDS)
    assert find([path], tmp_path / "parts", seconds=1) == find([path], tmp_path / "whole")


@pytest.mark.parametrize("seconds", [math.inf, 1])
def test_a_film_that_headpose_drew_on_is_a_failure_once(squares, tmp_path, seconds):
    path = tmp_path / "drawn.mp4"
    with av.open(str(squares)) as source, av.open(str(path), "w") as target:
        target.metadata["comment"] = "drawn by headpose"
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    counts, rows = find([path], tmp_path / "out", seconds=seconds)
    assert (counts["videos"], counts["frames"], counts["failures"], rows) == (0, 0, 1, [])
    (line,) = (tmp_path / "out" / "failures.jsonl").read_text().splitlines()
    assert "a drawing that headpose made of a video" in json.loads(line)["reason"]


def test_processes_share_a_film(squares, whole, tmp_path):
    assert find([squares], tmp_path, "processes", seconds=1) == whole


def test_short_films_are_done_in_one_go(squares):
    inputs = find_files([str(squares)])
    (shard,) = make_shards(inputs, 2, seconds=600)
    assert (shard.name, shard.result, shard.part) == ("video-000000", "video-000000", None)


def test_what_is_no_film_is_done_in_one_go_and_told(tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("a.mp4", "b.mkv"):
        (tmp_path / "in" / name).write_bytes(b"no film" * 10_000)
    shards = make_shards(find_files([str(tmp_path / "in")]), 2, seconds=1)
    assert [shard.name for shard in shards] == ["video-000000", "video-000001"]
    counts, _ = find([tmp_path / "in"], tmp_path / "out", seconds=1)
    assert (counts["videos"], counts["failures"]) == (0, 2)


def test_a_film_that_is_cut_gives_what_there_is_and_is_told_once(tmp_path):
    path = film(tmp_path / "squares.mkv")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 6 // 10])
    counts, rows = find([path], tmp_path / "whole")
    assert (counts["videos"], counts["failures"]) == (1, 1)
    assert 20 < counts["frames"] < 50
    assert find([path], tmp_path / "parts", seconds=1) == (counts, rows)
    failures = [sets.failures_of(tmp_path / name) for name in ("whole", "parts")]
    assert failures[0] == failures[1]
    assert "cut short" in failures[1][0]["reason"]


# ------------------------------------------------------------------- parts of the work


def test_parts_of_a_film_are_done_apart_and_joined_at_the_end(squares, whole, tmp_path, run_script):
    for number in (1, 3):
        annotate([squares], tmp_path, config=CONFIGS["squares"], part=(number, 3), seconds=1)
    done = run_script("annotate", "--merge", "--output", tmp_path)
    assert done.status == 1
    assert "1 of 1 shards are not done: video-000000;" in done.err
    assert table(tmp_path) == []
    annotate([squares], tmp_path, config=CONFIGS["squares"], part=(2, 3), seconds=1)
    done = run_script("annotate", "--merge", "--output", tmp_path)
    assert done.status == 0, done.err
    assert f"60 frames of 1 videos: {len(whole[1])} heads" in done.out
    assert table(tmp_path) == whole[1]
    assert not (tmp_path / "parts").exists()


@pytest.mark.parametrize("engine", ["here", "processes"])
def test_killed_at_three_random_places_each_row_is_there_once(squares, whole, tmp_path, engine):
    out, random = tmp_path / "out", np.random.default_rng(5)
    script = str(ROOT / "tests" / "annotate_fakes.py")
    command = [sys.executable, script, str(out), engine, "slow-squares", "1", str(squares)]
    for done in (0, 1, 2):
        kill_half_way(command, out, done, random.uniform(0, 0.1), "parts/video-*.jsonl")
    (out / "parts" / ".video-000000.00006-of-00006.0123.jsonl").write_text("half")
    assert find([squares], out, seconds=1) == whole
    assert not (out / "parts").exists()


def test_parts_that_a_kill_has_left_behind_go(squares, whole, tmp_path):
    find([squares], tmp_path, seconds=1)
    (tmp_path / "parts").mkdir()
    left = tmp_path / "parts" / "video-000000.00002-of-00006.jsonl"
    left.write_text("of a process that was killed before it removed it")
    assert find([squares], tmp_path, seconds=1) == whole
    assert not left.exists()


# ------------------------------------------------------------------------------ stores


def in_store(squares, tmp_path):
    fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed (the extra cloud)")
    system = fsspec.filesystem("memory")
    system.pipe_file(f"{tmp_path.name}/{squares.name}", squares.read_bytes())
    return system, f"memory://{tmp_path.name}/{squares.name}"


def without_place(rows):
    return [{k: v for k, v in row.items() if k not in ("file", "url")} for row in rows]


def test_a_film_by_url_is_shared_too(squares, whole, tmp_path):
    _, url = in_store(squares, tmp_path)
    assert len(make_shards(find_files([url]), 2, seconds=1)) == 6
    counts, rows = find([url], tmp_path / "out", seconds=1)
    assert counts == whole[0]
    assert {(row["file"], row["url"]) for row in rows} == {(url, url)}
    assert without_place(rows) == without_place(whole[1])


def test_parts_that_a_store_does_not_give_are_done_again_and_no_others(
    squares, whole, tmp_path, monkeypatch
):
    system, url = in_store(squares, tmp_path)
    asked = []

    real = type(system).get_file

    def get_file(self, *given):
        asked.append(given[0])
        if len(asked) == 3:
            raise PermissionError("expired")
        return real(self, *given)

    monkeypatch.setattr(type(system), "get_file", get_file)
    counts, _ = find([url], tmp_path / "out", seconds=1)
    assert (counts["videos"], counts["failures"], len(asked)) == (0, 1, 6)
    assert "access refused (expired)" in sets.failures_of(tmp_path / "out")[0]["reason"]
    counts, rows = find([url], tmp_path / "out", seconds=1)
    assert len(asked) == 7
    assert counts == whole[0]
    assert without_place(rows) == without_place(whole[1])


class Troubled(io.BytesIO):
    """A file that a store gives in its own way."""

    def __init__(self, content, refuses):
        super().__init__(content)
        self._refuses = refuses

    def read(self, size=-1):
        if self._refuses == "read":
            raise PermissionError("expired")
        return super().read(size)

    def seek(self, *place):
        if self._refuses == "seek":
            raise ValueError("cannot seek a stream")
        return super().seek(*place)


def test_lengths_are_told_where_a_store_gives_them(squares, monkeypatch):
    def length(refuses, place="s3://bucket/squares.mp4"):
        opened = lambda _: contextlib.nullcontext(Troubled(squares.read_bytes(), refuses))  # noqa: E731
        monkeypatch.setattr(films, "opened", opened)
        return films.seconds_of(Item(place, "squares"), 1)

    assert length(None) == pytest.approx(SECONDS, abs=0.2)
    assert length("seek") == 0  # it is done in one go
    with pytest.raises(StoreError, match="access refused"):
        length("read")
    assert length("read", "squares.mp4") == 0  # of this machine: its worker tells


# ------------------------------------------------------------------------------ command


def test_the_command_shares_films_and_has_the_same_rows(run_script, portrait, tmp_path):
    path = pan(tmp_path / "pan.mp4", portrait)
    tables = []
    for name, seconds in (("whole", "0"), ("parts", "1")):
        given = [path, "--output", tmp_path / name, "--split-videos", seconds]
        done = run_script("annotate", *given, "--device", "cpu")
        assert done.status == 0, done.err
        assert f"shards: {2 if name == 'parts' else 1}," in done.out
        tables.append(table(tmp_path / name))
    whole, parts = tables
    assert len(whole) == len(parts) == 20
    for one, other in zip(whole, parts, strict=True):
        assert (one["frame"], one["track"]) == (other["frame"], other["track"])
        for name in ("xmin", "tilt", "pan", "smooth_pan", "expected_error"):
            assert one[name] == pytest.approx(other[name], abs=0.11)


def pan(path, portrait):
    """Writes a film that pans over a portrait."""
    import cv2

    picture = cv2.resize(cv2.imread(str(portrait)), (256, 300))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=RATE, bit_rate=2_000_000)
        stream.width, stream.height, stream.pix_fmt = 200, 240, "yuv420p"
        for i in range(2 * RATE):
            part = np.ascontiguousarray(picture[i : i + 240, i : i + 200])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(part, "bgr24")))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("given", ["-1", "x", "1.5"])
def test_lengths_that_are_none_are_told(run_script, tmp_path, given):
    done = run_script("annotate", "a.mp4", "--output", tmp_path, "--split-videos", given)
    assert done.status == 2
    assert "--split-videos" in done.err.splitlines()[-1]
