"""Photos, folders and videos in one command and one table, with a pipeline without networks."""

import csv
import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from fake_heads import fake_pipeline
from videos import evenly, frames_of, make_video, patches

from headpose.images.pictures import read_image
from headpose.records.columns import FIELDS, VIDEO_FIELDS

TWO = np.float32([(20, 30, 60, 75), (200, 100, 240, 150)])
NOTHING = np.zeros((0, 4), np.float32)


@pytest.fixture(autouse=True)
def _pipeline(monkeypatch):
    for module in ("image", "video"):
        monkeypatch.setattr(f"headpose.cli.{module}.pipeline_from", lambda _: fake_pipeline())


@pytest.fixture
def photos(tmp_path) -> Path:
    """Two photos of one name in two folders, one without heads, and a video deep down."""
    folder = tmp_path / "in"
    (folder / "a" / "deep").mkdir(parents=True)
    (folder / "b").mkdir()
    for name, boxes in [("a/x.png", TWO), ("b/x.png", TWO[:1]), ("a/deep/none.png", NOTHING)]:
        assert cv2.imwrite(str(folder / name), patches(boxes))
    make_video(folder / "b" / "clip.mp4", evenly(5), lambda i: patches(TWO + i))
    (folder / "b" / "notes.txt").write_text("left out")
    (folder / ".hidden.png").write_text("left out")
    return folder


def rows_of(path: Path) -> list[dict]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def test_everything_comes_in_one_table(run_script, photos, tmp_path):
    table, out = tmp_path / "heads.csv", tmp_path / "out"
    done = run_script("image", photos, "--csv", table, "--output", out)
    assert done.status == 0, done.err
    rows = rows_of(table)
    assert tuple(rows[0]) == VIDEO_FIELDS
    assert [(Path(r["file"]).relative_to(photos).as_posix(), r["head"]) for r in rows[:3]] == [
        ("a/x.png", "1"),
        ("a/x.png", "2"),
        ("b/x.png", "1"),
    ]
    assert {(r["width"], r["height"]) for r in rows} == {("320", "180")}
    clip = rows[3:]
    assert [(r["frame"], r["track"]) for r in clip] == [(f"{i}", t) for i in range(5) for t in "12"]
    assert all(r["head"] == "" and r["smooth_pan"] for r in clip)
    assert {f.relative_to(out).as_posix() for f in out.rglob("*.*")} == {
        *("a/x.png", "b/x.png", "a/deep/none.png", "b/clip.mp4")
    }
    assert "left out 1 file of other kinds" in done.err
    assert "notes.txt" in done.err
    assert "left out 1 file hidden" in done.err
    assert "made folder" not in done.err  # each below the one that was named


def test_rows_without_heads_are_written_where_they_are_wanted(run_script, photos, tmp_path):
    make_video(photos / "grey.mp4", evenly(3), lambda _: patches(NOTHING))
    table = tmp_path / "heads.csv"
    run_script("image", photos, "--csv", table, "--empty", "--output", tmp_path / "out")
    empty = [r for r in rows_of(table) if r["xmin"] == ""]
    assert [(Path(r["file"]).name, r["frame"], r["time"]) for r in empty] == [
        ("none.png", "", ""),
        *(("grey.mp4", str(i), str(t)) for i, t in enumerate(("0.0", "0.04", "0.08"))),
    ]
    assert {(r["width"], r["height"], r["tilt"]) for r in empty} == {("320", "180", "")}


def test_a_summary_has_a_row_for_each_file(run_script, photos, tmp_path):
    table, summary = tmp_path / "heads.csv", tmp_path / "summary.csv"
    run_script("image", photos, "--csv", table, "--summary", summary, "--output", tmp_path / "out")
    rows = {Path(r["file"]).relative_to(photos).as_posix(): r for r in rows_of(summary)}
    assert set(rows) == {"a/x.png", "b/x.png", "a/deep/none.png", "b/clip.mp4"}
    assert (rows["a/x.png"]["heads"], rows["a/x.png"]["share_with_head"]) == ("2", "1.0")
    assert (rows["a/deep/none.png"]["heads"], rows["a/deep/none.png"]["mean_pan"]) == ("0", "")
    clip = rows["b/clip.mp4"]
    assert (clip["frames"], clip["heads"], clip["tracks"]) == ("5", "10", "2")
    pans = [float(r["pan"]) for r in rows_of(table) if r["file"].endswith("clip.mp4")]
    assert float(clip["mean_pan"]) == pytest.approx(np.mean(pans), abs=0.02)


def test_labelling_tools_get_boxes_with_the_pose(run_script, photos, tmp_path):
    target = tmp_path / "heads.json"
    run_script("image", photos / "a", "--coco", target, "--output", tmp_path / "out")
    content = json.loads(target.read_text())
    names = {Path(i["file_name"]).name: i["id"] for i in content["images"]}
    assert set(names) == {"x.png", "none.png"}
    first, second = content["annotations"]
    assert {first["image_id"], second["image_id"]} == {names["x.png"]}
    assert first["bbox"] == pytest.approx([20, 30, 40, 45], abs=1)
    assert first["category_id"] == content["categories"][0]["id"]
    assert set(first["attributes"]) >= {"head", "tilt", "pan", "roll", "expected_error"}


def test_excel_sees_that_it_is_utf_8(run_script, tmp_path):
    cv2.imwrite(str(tmp_path / "x.png"), patches(TWO))
    (tmp_path / "x.png").rename(tmp_path / "фото.png")
    table = tmp_path / "t.csv"
    given = [tmp_path / "фото.png", "--output", tmp_path / "out", "--csv", table]
    assert run_script("image", *given).status == 0
    plain = table.read_bytes()
    assert "фото.png".encode() in plain
    assert run_script("image", *given, "--excel", "--overwrite").status == 0
    assert table.read_bytes() == b"\xef\xbb\xbf" + plain


def test_a_table_that_exists_is_kept(run_script, photos, tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("mine")
    done = run_script("image", photos, "--csv", table, "--output", tmp_path / "out")
    assert done.status == 1
    assert "exists; add --overwrite" in done.err
    assert table.read_text() == "mine"
    assert not (tmp_path / "out").exists()


def test_lists_and_patterns_name_files(run_script, photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (photos / "list.txt").write_text("a/x.png\n\nb\n", encoding="utf-8-sig")
    listed = run_script("image", f"@{photos / 'list.txt'}", "--json", "-", "--output", "out")
    assert [Path(json.loads(x)["file"]).name for x in listed.out.splitlines()][:3] == ["x.png"] * 3
    globbed = run_script("image", f"{photos}/**/x.png", "--json", "-", "--output", "out")
    assert len(globbed.out.splitlines()) == 3
    done = run_script("image", "@nowhere.txt", "--output", "out")
    assert done.status == 1
    assert "cannot read this list" in done.err


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links_that_lead_in_a_circle_end(run_script, photos, tmp_path):
    (photos / "a" / "deep" / "up").symlink_to(photos)
    done = run_script("image", photos, "--json", "-", "--output", tmp_path / "out")
    assert done.status == 0, done.err
    files = {json.loads(x)["file"] for x in done.out.splitlines()}
    assert len([f for f in files if f.endswith("a/x.png")]) <= 2


def test_results_are_not_taken_for_photos(run_script, photos, tmp_path, monkeypatch):
    monkeypatch.chdir(photos)
    first = run_script("image", ".", "--json", "-")
    second = run_script("image", ".", "--json", "-")
    assert first.out == second.out


def test_blurred_heads_have_nothing_left_of_them(run_script, tmp_path):
    picture = patches(TWO)
    rng = np.random.default_rng(0)
    texture = rng.integers(0, 60, (45, 40, 3), dtype=np.uint8)
    picture[30:75, 20:60] = cv2.subtract(picture[30:75, 20:60], texture)
    cv2.imwrite(str(tmp_path / "x.png"), picture)
    options = ["--blur", "--draw", "none", "--output", tmp_path / "out"]
    assert run_script("image", tmp_path / "x.png", *options).status == 0
    blurred = read_image(tmp_path / "out" / "x.png")
    assert blurred[35:70, 25:55].astype(int).std(axis=(0, 1)).max() < 25
    assert picture[35:70, 25:55].astype(int).std(axis=(0, 1)).max() > 12
    np.testing.assert_array_equal(blurred[:20], picture[:20])


def test_many_videos_give_one_table_and_a_folder(run_script, photos, tmp_path):
    make_video(photos / "a" / "clip.mp4", evenly(4), lambda i: patches(TWO[:1] + i))
    (photos / "broken.mp4").write_text("no video")
    table = tmp_path / "t.csv"
    done = run_script(
        "video",
        photos,
        "--csv",
        table,
        "--output",
        tmp_path / "out",
        "--stats",
        tmp_path / "s.json",
    )
    assert done.status == 1
    assert "broken.mp4" in done.err
    counts = {}
    for row in rows_of(table):
        name = Path(row["file"]).relative_to(photos).as_posix()
        counts[name] = counts.get(name, 0) + 1
    assert counts == {"a/clip.mp4": 4, "b/clip.mp4": 10}
    assert len(frames_of(tmp_path / "out" / "a" / "clip.mp4")) == 4
    assert len(frames_of(tmp_path / "out" / "b" / "clip.mp4")) == 5
    sources = json.loads((tmp_path / "s.json").read_text())["sources"]
    assert [bool(source["frames"]) for source in sources].count(True) == 2
    assert [len(source["problems"]) for source in sources if not source["frames"]] == [1]


def test_several_videos_do_not_go_to_one_file(run_script, photos, tmp_path):
    done = run_script("video", photos, photos / "b" / "clip.mp4", "--output", tmp_path / "o.mp4")
    assert done.status == 1
    assert "name a folder" in done.err


def test_a_folder_whose_name_is_a_number_is_no_camera(run_script, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "01").mkdir()
    for i in range(3):
        cv2.imwrite(str(tmp_path / "01" / f"{i}.png"), patches(TWO))
    done = run_script("video", "01", "--csv", "t.csv")
    assert done.status == 0, done.err
    assert {r["file"] for r in rows_of(tmp_path / "t.csv")} == {"01"}


def test_photos_have_no_columns_of_videos(run_script, photos, tmp_path):
    table = tmp_path / "t.csv"
    run_script("image", photos / "a", "--csv", table, "--output", tmp_path / "out")
    assert tuple(rows_of(table)[0]) == FIELDS


@pytest.mark.parametrize(
    "wrong",
    [["--csv", "-", "--json", "-"], ["--excel"], ["--csv", "a", "--json", "a"], ["--parquet", "-"]],
)
def test_tables_that_contradict_each_other_are_usage_errors(run_script, photos, wrong, tmp_path):
    given = [photos, *wrong, "--output", tmp_path / "out"]
    assert run_script("image", *given).status == 2
    assert run_script("video", *given).status == 2


@pytest.mark.parametrize(
    ("option", "name", "told"),
    [
        ("--csv", "t.csv.gz", "will be text, not .gz"),
        ("--summary", "t.xlsx", "will be text, not .xlsx"),
        ("--parquet", "t.csv", "will be Parquet"),
    ],
)
def test_no_table_is_called_as_what_it_is_not(run_script, photos, tmp_path, option, name, told):
    ran = run_script("image", photos, option, tmp_path / name, "--output", tmp_path / "drawn")
    assert ran.status == 1
    assert told in ran.err
    assert not (tmp_path / "drawn").exists()


@pytest.mark.parametrize("table", ["--csv", "--json"])
@pytest.mark.parametrize("other", ["--summary", "--coco"])
def test_no_output_lies_where_a_table_grows(run_script, photos, table, other, tmp_path):
    given = [table, tmp_path / "t.csv", other, tmp_path / "t.unfinished.csv"]
    done = run_script("image", photos / "a", *given, "--output", tmp_path / "out")
    assert done.status == 2
    assert "t.unfinished.csv, which is another output" in done.err
    assert not (tmp_path / "t.csv").exists()


@pytest.mark.parametrize("table", ["x.png", "x.unfinished.png", "link"])
def test_no_table_takes_the_place_of_a_drawn_photo(run_script, tmp_path, table):
    out = tmp_path / "out"
    for name in ("x.png", "x.unfinished.png"):
        assert cv2.imwrite(str(tmp_path / name), patches(TWO))
    (tmp_path / "link").symlink_to("out/x.png")
    place = tmp_path / table if table == "link" else out / table
    photos = [tmp_path / "x.png", tmp_path / "x.unfinished.png"]
    done = run_script("image", *photos, "--csv", place, "--output", out)
    assert done.status == 1
    assert "name another file" in done.err
    assert not out.exists()


def test_a_table_may_lie_beside_drawn_photos(run_script, tmp_path):
    assert cv2.imwrite(str(tmp_path / "x.png"), patches(TWO))
    table = tmp_path / "out" / "x.csv"
    done = run_script("image", tmp_path / "x.png", "--csv", table, "--output", tmp_path / "out")
    assert done.status == 0, done.err
    assert len(rows_of(table)) == 2
    assert cv2.imread(str(tmp_path / "out" / "x.png")) is not None
