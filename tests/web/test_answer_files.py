"""Several photos and videos at once."""

import errno
import zipfile
from pathlib import Path

import numpy as np
import pytest
from videos import evenly, frames_of, make_video
from web_fakes import pipeline as fake_pipeline
from web_fakes import read_csv, rows_of
from web_requests import ALL

from headpose.web.answers import (
    Settings,
    SharedPipeline,
)
from headpose.web.batch import answer_files, unique_names
from headpose.web.calls import FILES, PHOTO, PageCalls
from headpose.web.page import build_page
from headpose.web.server import load_gradio


@pytest.fixture
def clip(tmp_path):
    """A video of five grey frames."""
    return make_video(
        tmp_path / "clip.mp4", evenly(5), lambda _: np.full((60, 80, 3), 90, np.uint8)
    )


def test_several_photos_and_a_video_give_one_table_and_all_drawings(shared, red, clip, tmp_path):
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    own = tmp_path / "served"
    own.mkdir()
    files = [(red, "a.png"), (tmp_path / "bad.jpg", "bad.jpg"), (red, "a.png"), (clip, "clip.mp4")]
    *steps, last = answer_files(shared, files, ALL, own)
    assert [len(step.shown) for step in steps] == [1, 1, 2, 3]
    assert [step.csv for step in steps] == [None] * 4
    assert [name for _, name in last.shown] == ["a.png", "a (2).png", "clip.mp4"]
    assert [path.suffix for path, _ in last.shown] == [".jpg", ".jpg", ".mp4"]
    assert "bad.jpg" in last.report
    assert str(tmp_path) not in last.report
    rows = {row["file"]: row for row in rows_of(last.report)}
    assert [rows[name]["heads"] for name in rows] == ["2", "2", "2"]
    assert [rows[name]["frames"] for name in rows] == ["", "", "5"]
    assert rows["a.png"]["pan"] == "+5"
    table = read_csv(last.csv)
    assert len(table) == len(last.json.read_text().splitlines()) == 2 + 2 + 5 * 2
    assert [row["file"] for row in table[::2]] == ["a.png", "a (2).png", *["clip.mp4"] * 5]
    with zipfile.ZipFile(last.pictures) as archive:
        assert len(archive.namelist()) == 3
    assert len(frames_of(last.shown[2][0])) == 5


def test_tables_are_there_where_drawings_find_no_room(shared, red, tmp_path, monkeypatch):
    own = tmp_path / "served"
    own.mkdir()

    def full(*given):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "write", full)
    *_, last = answer_files(shared, [(red, "a.png")], ALL, own)
    assert last.pictures is None
    assert "cannot write heads.zip: no space left on device" in last.report
    assert str(own) not in last.report
    assert len(last.shown) == 1
    assert len(read_csv(last.csv)) == 2
    assert not list(own.rglob("*.zip"))


def test_a_video_that_is_cut_short_is_told(shared, clip, tmp_path):
    own = tmp_path / "served"
    own.mkdir()
    long = make_video(
        tmp_path / "long.mkv", evenly(50), lambda i: np.full((60, 80, 3), i, np.uint8)
    )
    long.write_bytes(long.read_bytes()[: long.stat().st_size // 2])
    *_, last = answer_files(shared, [(long, "mine.mkv"), (clip, "clip.mp4")], ALL, own)
    assert "mine.mkv: cut short" in last.report
    assert "clip.mp4: " not in last.report
    assert str(tmp_path) not in last.report


def test_names_that_are_no_text_are_spelled(shared, red, tmp_path):
    *_, last = answer_files(shared, [(red, "\udcff.png")], ALL, tmp_path)
    assert "\\udcff.png" in last.report


def test_no_more_files_are_taken_than_told(shared, red, tmp_path, monkeypatch):
    monkeypatch.setattr("headpose.web.batch.MAX_FILES", 2)
    *_, last = answer_files(shared, [(red, "a.png")] * 3, ALL, tmp_path)
    assert len(last.shown) == 2
    assert "The first 2 of 3 files are taken." in last.report


def test_names_differ():
    assert unique_names(["a.jpg", "b.jpg", "a.jpg", "a.jpg"]) == [
        "a.jpg",
        "b.jpg",
        "a (2).jpg",
        "a (3).jpg",
    ]


def test_several_files_are_answered_as_gradio_sends_them(shared, red, tmp_path):
    pytest.importorskip("gradio", reason="Gradio is not installed (the extra web)")
    gr = load_gradio()
    calls = PageCalls(gr, shared, tmp_path)
    chosen = (0.1, "arrow", True, 20)
    uploads = [{"path": str(red), "orig_name": "my red.png"}, {"path": str(red)}]
    *_, (gallery, table, *saves) = calls.show_files(FILES, uploads, *chosen)
    assert [caption for _, caption in gallery] == ["my red.png", red.name]
    assert [row["file"] for row in rows_of(table)] == ["my red.png", red.name]
    assert [Path(save.value["path"]).suffix for save in saves] == [".zip", ".csv", ".jsonl"]
    for nothing in ((FILES, None), (PHOTO, uploads)):
        ((gallery, table, *saves),) = calls.show_files(*nothing, *chosen)
        assert (gallery, table) == ([], "")
    with pytest.raises(gr.Error, match="not an uploaded file"):
        list(calls.show_files(FILES, [{"path": __file__}], *chosen))


@pytest.mark.parametrize("outputs", [2, 6])
def test_certainty_is_asked_for_where_the_estimator_tells_it(monkeypatch, tmp_path, outputs):
    pytest.importorskip("gradio", reason="Gradio is not installed (the extra web)")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    shared = SharedPipeline(fake_pipeline(outputs=outputs))
    page = build_page(shared, Settings(0.3, 15), tmp_path)
    parts = {part.elem_id: part for part in page.blocks.values()}
    assert parts["hide"].visible == parts["limit"].visible == (outputs == 6)
    assert parts["confidence"].value == 0.3
    assert parts["limit"].value == 15
