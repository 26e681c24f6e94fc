import json
import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest

from headpose import __version__
from headpose.archives.inputs import PICTURE, VIDEO, find_files
from headpose.archives.output import Output
from headpose.archives.results import clear, open_results
from headpose.archives.shards import make_shards
from headpose.errors import HeadposeError

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
    found = find_files([str(archive), str(archive / "a.jpg")])
    names = [item.place.removeprefix(f"{archive}/") for item in found.items[PICTURE]]
    assert names == ["a.jpg", "b/blank.png", "b/damaged.jpg", "b/deep/c.PNG", "b/two.jpg"]
    videos = [item.place for item in found.items[VIDEO]]
    assert videos == [str(archive / "b" / "broken.mp4"), str(archive / "film.avi")]
    assert found.problems == []


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
    found = find_files([str(tmp_path / name)])
    assert not any(found.items.values())
    assert len(found.problems) == 1
    assert told in found.problems[0]


def test_results_of_other_files_or_settings_are_refused(tmp_path):
    files = [tmp_path / "in" / f"{i}.jpg" for i in range(4)]
    (tmp_path / "in").mkdir()
    for file in files:
        file.write_bytes(b"one")

    def shards(*names):
        return make_shards(find_files([str(name) for name in names]), 2)

    output, both = Output(str(tmp_path)), shards(*files)
    assert open_results(output, {"every": 1}, both) == both
    (tmp_path / "shards").mkdir()
    (tmp_path / "shards" / f"{both[0].name}.json").write_text("{}")
    (tmp_path / "shards" / f"{both[1].name}.again.json").write_text("{}")
    (tmp_path / "heads").mkdir()
    (tmp_path / "heads" / f"{both[1].name}.jsonl").touch()
    assert open_results(output, {"every": 1}, both) == both, "a table is lost"
    (tmp_path / "heads" / f"{both[0].name}.jsonl").touch()
    assert open_results(output, {"every": 1}, both) == both[1:]
    with pytest.raises(HeadposeError, match="other values of every"):
        open_results(output, {"every": 2}, both)
    with pytest.raises(HeadposeError, match="other values of empty"):
        open_results(output, {"every": 1, "empty": True}, both)
    with pytest.raises(HeadposeError, match=r"other files: .* near .*2\.jpg"):
        open_results(output, {"every": 1}, shards(*files[:3]))
    with pytest.raises(HeadposeError, match="other files"):
        open_results(output, {"every": 1}, both[:1])
    for content in ("{", "[]", '{"settings": 1}'):
        (tmp_path / "manifest.json").write_text(content)
        with pytest.raises(HeadposeError, match="damaged"):
            open_results(output, {"every": 1}, both)


# ------------------------------------------------------------------------------ script


@pytest.fixture(scope="module")
def one_worker(archive, tmp_path_factory):
    """What one worker finds, with shards of two pictures."""
    folder = tmp_path_factory.mktemp("one")
    done = start(archive, folder)
    return folder, done


def start(archive, folder, *more):
    given = [*QUICK, "--shard-size", "2", "--output", str(folder)]
    return subprocess.run(
        [sys.executable, "-m", "headpose", "annotate", str(archive), *given, *more],
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_archive_is_annotated_and_failures_are_listed(archive, one_worker):
    folder, done = one_worker
    assert done.returncode == 1  # for what is damaged
    assert "pictures: 5, videos: 2; shards: 5, 5 of them to do" in done.stdout
    manifest = json.loads((folder / "manifest.json").read_text())
    rows = rows_of(folder)
    heads = len(rows)
    assert manifest["settings"]["estimator"].startswith("pose-estimator.")
    assert manifest["versions"]["headpose"] == __version__
    assert list(rows[0]) == [*manifest["columns"], "box"]
    assert manifest["counts"] == {
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
    assert all(row["track"] for row in rows if row["file"].endswith("film.avi"))
    assert all(row["frame"] is None for row in rows if not row["file"].endswith("film.avi"))
    assert {row["key"] for row in rows} <= {"a", "b/deep/c", "b/two", "film"}


def test_rows_are_what_the_pipeline_gives(archive, one_worker):
    from headpose.detection.loading import load_detector
    from headpose.images.pictures import read_image
    from headpose.models.shipped import DEFAULT_ESTIMATOR
    from headpose.pipeline import HeadPosePipeline
    from headpose.pose.estimator import PoseEstimator
    from headpose.records.columns import head_row

    find_heads = HeadPosePipeline(
        load_detector("viola-jones"), PoseEstimator.load(DEFAULT_ESTIMATOR)
    )
    (heads,) = find_heads([read_image(archive / "b" / "two.jpg")])
    rows = [r for r in rows_of(one_worker[0]) if r["file"].endswith("two.jpg")]
    assert len(rows) == len(heads)
    for row, head in zip(rows, map(head_row, heads), strict=True):
        assert row["box"] == [head[k] for k in ("xmin", "ymin", "xmax", "ymax")]
        assert row["tilt"] == pytest.approx(head["tilt"], abs=0.011)
        assert row["pan"] == pytest.approx(head["pan"], abs=0.011)


def test_two_workers_find_the_same_and_a_finished_archive_is_left_alone(
    archive, one_worker, tmp_path
):
    done = start(archive, tmp_path, "--workers", "2")
    assert rows_of(tmp_path) == rows_of(one_worker[0])
    for name in ("manifest.json", "failures.jsonl"):
        assert (tmp_path / name).read_text() == (one_worker[0] / name).read_text()
    assert done.returncode == 1
    times = {f: f.stat().st_mtime_ns for f in (tmp_path / "heads").iterdir()}
    again = start(archive, tmp_path)
    assert "0 of them to do" in again.stdout
    assert {f: f.stat().st_mtime_ns for f in (tmp_path / "heads").iterdir()} == times
    other = start(archive, tmp_path, "--confidence", "0.5")
    assert "other values of confidence" in other.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["{folder}"], 2, "--output"),
        (["--output", "{folder}/out"], 2, "INPUT"),
        (["{folder}", "--output", "{folder}/out", "--shard", "4/3"], 2, "K from 1 to N"),
        (["{folder}", "--output", "{folder}/out", "--shard", "1"], 2, "K from 1 to N"),
        (["{folder}", "--merge", "--output", "{folder}/out"], 2, "reads no INPUT; leave it out"),
        (["--merge", "--output", "{folder}/none"], 1, "no such folder"),
        (["--merge", "--output", "{folder}"], 1, "no results of headpose annotate"),
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


def test_a_model_of_the_wrong_kind_ends_the_work(run_script, portrait, tmp_path):
    from headpose.models.shipped import MODELS

    detector = MODELS / "head-detector.onnx"
    given = [portrait, *QUICK, "--estimator", detector, "--output", tmp_path / "out"]
    done = run_script("annotate", *given)
    assert done.status == 1
    assert "not a pose estimator" in done.err.splitlines()[-1]
    # Nothing was done with it, so the next run may take another.
    done = run_script("annotate", portrait, *QUICK, "--output", tmp_path / "out")
    assert done.status == 0, done.err


def test_parquet_without_pyarrow_is_told(run_script, portrait, tmp_path, monkeypatch):
    import importlib.util

    real = importlib.util.find_spec
    without = lambda name, *more: None if name == "pyarrow" else real(name, *more)  # noqa: E731
    monkeypatch.setattr(importlib.util, "find_spec", without)
    given = [portrait, "--output", tmp_path / "out", "--format", "parquet"]
    done = run_script("annotate", *given)
    assert done.status == 1
    assert "headpose-toolkit[cloud]" in done.err


def test_overwriting_removes_results_and_nothing_else(tmp_path):
    output = Output(str(tmp_path))
    output.prepare("heads", "shards")
    open_results(output, {}, [])
    for name in ("heads/tar-000000.jsonl", "shards/tar-000000.json", "failures.jsonl", "mine.txt"):
        (tmp_path / name).write_text("x")
    clear(output)
    assert sorted(f.name for f in tmp_path.rglob("*") if f.is_file()) == ["mine.txt"]
