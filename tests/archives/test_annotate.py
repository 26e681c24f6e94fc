import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from annotate_fakes import annotate

from headpose.archives import annotation
from headpose.archives import shards as archives
from headpose.errors import HeadposeError
from headpose.parallel.processes import ProcessPool

ROOT = Path(__file__).resolve().parent.parent.parent
QUICK = ["--detector", "viola-jones", "--device", "cpu"]


@pytest.fixture(scope="module")
def archive(tmp_path_factory, portrait):
    """Nested folders: 5 pictures, one without heads, one damaged; 2 videos, one damaged."""
    folder = tmp_path_factory.mktemp("archive")
    (folder / "b" / "deep").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    whole = cv2.imread(str(portrait))
    for name, picture in [
        ("a.jpg", whole),
        ("b/deep/c.PNG", whole[:, ::-1]),
        ("b/blank.png", np.full((120, 160, 3), 90, np.uint8)),
        ("b/two.jpg", np.hstack([whole, whole])),
        (".hidden/d.jpg", whole),
    ]:
        assert cv2.imwrite(str(folder / name), picture)
    (folder / "b" / "damaged.jpg").write_bytes((folder / "a.jpg").read_bytes()[:3000])
    (folder / "notes.txt").write_text("no picture")
    (folder / "b" / "broken.mp4").write_text("no video")
    write_video(folder / "film.avi", [whole[:400, :400]] * 2 + [whole[100:500, :400]])
    return folder


def write_video(path, frames):
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (width, height))
    assert writer.isOpened()
    for frame in frames:
        writer.write(frame)
    writer.release()


def rows_of(folder):
    """All rows in the order of the shards' names."""
    files = sorted((folder / "heads").glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


# ------------------------------------------------------------------------------ shards


def test_folders_are_searched_at_any_depth(archive):
    pictures, videos, problems = archives.find_files([str(archive), str(archive / "a.jpg")])
    names = [p.relative_to(archive).as_posix() for p in pictures]
    assert names == ["a.jpg", "b/blank.png", "b/damaged.jpg", "b/deep/c.PNG", "b/two.jpg"]
    assert videos == [archive / "b" / "broken.mp4", archive / "film.avi"]
    assert problems == []


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nowhere", "no such file"),
        ("nothing", "no pictures or videos"),
        ("film.mp4", "no such file"),
        ("*.jpg", "no pictures or videos match"),
    ],
)
def test_names_that_give_nothing_are_told(tmp_path, name, told):
    (tmp_path / "nothing").mkdir()
    pictures, videos, problems = archives.find_files([str(tmp_path / name)])
    assert pictures == videos == []
    assert len(problems) == 1
    assert told in problems[0]


def test_each_file_is_in_one_shard_and_a_video_in_its_own():
    pictures = [Path(f"{i:02d}.jpg") for i in range(7)]
    videos = [Path("a.mp4"), Path("b.mp4")]
    shards = archives.make_shards(pictures, videos, 3)
    assert [len(s.files) for s in shards] == [3, 3, 1, 1, 1]
    assert [s.is_video for s in shards] == [False, False, False, True, True]
    assert [f for s in shards for f in s.files] == [str(p) for p in [*pictures, *videos]]
    assert len({s.name for s in shards}) == 5


def test_a_changed_file_changes_its_shards_fingerprint_only(tmp_path):
    files = [tmp_path / f"{i}.jpg" for i in range(4)]
    for file in files:
        file.write_bytes(b"one")
    before = archives.make_shards(files, [], 2)
    assert archives.make_shards(files, [], 2) == before
    files[3].write_bytes(b"other")
    after = archives.make_shards(files, [], 2)
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, False]


def test_results_of_other_files_or_settings_are_refused(tmp_path):
    files = [tmp_path / f"{i}.jpg" for i in range(4)]
    for file in files:
        file.write_bytes(b"one")
    shards = archives.make_shards(files, [], 2)
    assert annotation.open_results(tmp_path, {"every": 1}, shards) == shards
    (tmp_path / "shards" / f"{shards[0].name}.json").write_text("{}")
    assert annotation.open_results(tmp_path, {"every": 1}, shards) == shards[1:]
    with pytest.raises(HeadposeError, match="other values of every"):
        annotation.open_results(tmp_path, {"every": 2}, shards)
    fewer = archives.make_shards(files[:3], [], 2)
    with pytest.raises(HeadposeError, match=r"other files: .* near .*2\.jpg"):
        annotation.open_results(tmp_path, {"every": 1}, fewer)
    with pytest.raises(HeadposeError, match="other files"):
        annotation.open_results(tmp_path, {"every": 1}, shards[:1])
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(HeadposeError, match="damaged"):
        annotation.open_results(tmp_path, {"every": 1}, shards)


def test_parquet_has_the_same_columns_with_and_without_heads(tmp_path):
    pytest.importorskip("pyarrow")
    from headpose.records.columns import FIELDS, HEAD_FIELDS, PLACE

    row = dict.fromkeys(PLACE) | {"file": "a.jpg", "frame": 3, "time": 0.12}
    row |= dict.fromkeys(HEAD_FIELDS, 1.5) | {"roll": None}
    assert annotation.write_rows(tmp_path / "some.parquet", [row, row], "parquet") == 2
    assert annotation.write_rows(tmp_path / "none.parquet", [], "parquet") == 0
    some, none = (pd.read_parquet(tmp_path / f"{n}.parquet") for n in ("some", "none"))
    assert list(some.columns) == list(none.columns) == list(FIELDS)
    together = pd.read_parquet(tmp_path)
    assert len(together) == 2
    assert together["frame"].tolist() == [3, 3]
    assert together["roll"].isna().all()


# ------------------------------------------------------------------------------ script


@pytest.fixture(scope="module")
def one_worker(archive, tmp_path_factory, tiny_estimator):
    """What one worker finds, with shards of two pictures."""
    folder = tmp_path_factory.mktemp("one")
    done = start(archive, folder, tiny_estimator)
    return folder, done


def start(archive, folder, estimator, *more):
    given = [*QUICK, "--estimator", str(estimator), "--shard-size", "2", "--output", str(folder)]
    return subprocess.run(
        [sys.executable, "-m", "headpose", "annotate", str(archive), *given, *more],
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_archive_is_annotated_and_failures_are_listed(archive, one_worker):
    folder, done = one_worker
    assert done.returncode == 1  # for what is damaged
    assert "5 pictures and 2 videos in 5 shards, 5 of them to do" in done.stdout
    summary = json.loads((folder / "summary.json").read_text())
    rows = rows_of(folder)
    heads = len(rows)
    assert summary == {
        "shards": 5, "pictures": 4, "videos": 1, "frames": 3, "heads": heads, "failures": 2
    }  # fmt: skip
    told = [json.loads(x) for x in (folder / "failures.jsonl").read_text().splitlines()]
    assert [t["file"] for t in told] == [
        str(archive / "b" / name) for name in ("damaged.jpg", "broken.mp4")
    ]
    assert "damaged picture" in told[0]["reason"]
    assert "not a video" in told[1]["reason"]
    assert "2 files could not be read, or only in part" in done.stderr

    files = [row["file"] for row in rows]
    assert str(archive / "b" / "blank.png") not in files
    assert files.count(str(archive / "b" / "two.jpg")) >= 2
    frames = [(row["frame"], row["time"]) for row in rows if row["file"].endswith("film.avi")]
    assert {frame for frame, _ in frames} <= {0, 1, 2}
    assert all(time == pytest.approx(frame / 10) for frame, time in frames)
    assert all(row["frame"] is None for row in rows if not row["file"].endswith("film.avi"))


def test_rows_are_what_the_pipeline_gives(archive, one_worker, tiny_estimator):
    from headpose.detection.loading import load_detector
    from headpose.images.pictures import read_image
    from headpose.pipeline import HeadPosePipeline
    from headpose.pose.estimator import PoseEstimator
    from headpose.records.columns import head_row

    find_heads = HeadPosePipeline(load_detector("viola-jones"), PoseEstimator.load(tiny_estimator))
    (heads,) = find_heads([read_image(archive / "b" / "two.jpg")])
    rows = [r for r in rows_of(one_worker[0]) if r["file"].endswith("two.jpg")]
    assert len(rows) == len(heads)
    for row, head in zip(rows, map(head_row, heads), strict=True):
        assert row["box"] == [head[k] for k in ("xmin", "ymin", "xmax", "ymax")]
        assert row["tilt"] == pytest.approx(head["tilt"], abs=0.011)
        assert row["pan"] == pytest.approx(head["pan"], abs=0.011)


def test_two_workers_find_the_same_and_a_finished_archive_is_left_alone(
    archive, one_worker, tmp_path, tiny_estimator
):
    done = start(archive, tmp_path, tiny_estimator, "--workers", "2")
    assert rows_of(tmp_path) == rows_of(one_worker[0])
    for name in ("summary.json", "failures.jsonl"):
        assert (tmp_path / name).read_text() == (one_worker[0] / name).read_text()
    assert done.returncode == 1
    times = {f: f.stat().st_mtime_ns for f in (tmp_path / "heads").iterdir()}
    again = start(archive, tmp_path, tiny_estimator)
    assert "0 of them to do" in again.stdout
    assert {f: f.stat().st_mtime_ns for f in (tmp_path / "heads").iterdir()} == times
    other = start(archive, tmp_path, tiny_estimator, "--confidence", "0.5")
    assert "other values of confidence" in other.stderr


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A folder of 40 small pictures."""
    folder = tmp_path_factory.mktemp("many")
    for i in range(40):
        noise = np.random.default_rng(i).integers(0, 256, (20, 30, 3), np.uint8)
        assert cv2.imwrite(str(folder / f"{i:02d}.png"), noise)
    return folder


def test_killed_half_way_it_finishes_with_each_row_once(many, tmp_path):
    out = tmp_path / "out"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    command = [sys.executable, str(ROOT / "tests" / "annotate_fakes.py"), str(many), str(out)]
    with subprocess.Popen(command, env=environment) as process:
        deadline = time.monotonic() + 60
        while len(list(out.glob("shards/*.json"))) < 4:
            assert process.poll() is None, "done before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    finished = len(list(out.glob("shards/*.json")))
    assert finished < 20
    # As a worker leaves it that is killed while it writes.
    (out / "heads" / ".pictures-000019.0123.jsonl").write_text("half")
    time.sleep(0.5)  # the workers notice that their pool has gone
    with ProcessPool(2, 1) as pool:
        summary = annotate(many, out, pool)
    with ProcessPool(1, 1) as pool:
        assert annotate(many, tmp_path / "whole", pool) == summary
    rows = rows_of(out)
    assert rows == rows_of(tmp_path / "whole")
    assert [Path(row["file"]).name for row in rows] == [
        f"{i:02d}.png" for i in range(40) for _ in range(2)
    ]
    assert summary["shards"] == 20
    assert summary["heads"] == 80
    assert not list((out / "heads").glob(".*"))


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["{folder}"], 2, "--output"),
        (["{folder}/nothing", "--output", "{folder}/out"], 1, "no such file"),
        (["{folder}", "--output", "{folder}/text"], 1, "cannot write to folder"),
        (["{folder}", "--output", "{folder}/out", "--shard-size", "0"], 2, "--shard-size"),
        (["{folder}", "--output", "{folder}/out", "--detector", "no.keras"], 1, "no such model"),
        (["{folder}", "--output", "{folder}/out", "--gpus-per-worker", "1"], 1, "--ray local"),
    ],
)
def test_bad_input_is_told_in_a_line(run_script, portrait, tmp_path, arguments, status, told):
    shutil.copy(portrait, tmp_path / "a.jpg")
    (tmp_path / "text").write_text("a file")
    done = run_script("annotate", *[a.format(folder=tmp_path) for a in arguments])
    assert done.status == status
    assert told in done.err.splitlines()[-1]
    assert "Traceback" not in done.err


def test_a_model_of_the_wrong_kind_ends_the_work(run_script, portrait, tmp_path, tiny_detector):
    given = [portrait, *QUICK, "--estimator", tiny_detector, "--output", tmp_path / "out"]
    done = run_script("annotate", *given)
    assert done.status == 1
    assert "not a pose estimator" in done.err.splitlines()[-1]


def test_parquet_without_pyarrow_is_told(run_script, portrait, tmp_path, monkeypatch):
    import importlib.util

    real = importlib.util.find_spec
    without = lambda name, *more: None if name == "pyarrow" else real(name, *more)  # noqa: E731
    monkeypatch.setattr(importlib.util, "find_spec", without)
    given = [portrait, "--output", tmp_path / "out", "--format", "parquet"]
    done = run_script("annotate", *given)
    assert done.status == 1
    assert "headpose-toolkit[distributed]" in done.err


def test_overwriting_removes_results_and_nothing_else(tmp_path):
    shards = archives.make_shards([tmp_path / "a.jpg"], [], 2)
    annotation.open_results(tmp_path, {}, shards)
    (tmp_path / "mine.txt").write_text("kept")
    annotation.clear(tmp_path)
    assert [f.name for f in tmp_path.iterdir()] == ["mine.txt"]
