"""What the web page answers, without the page."""

import json
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from web_fakes import Cells, Detector, Estimator, data_url, from_data_url, number, read_csv, rows_of
from web_fakes import pipeline as fake_pipeline
from web_requests import ALL

from headpose.errors import HeadposeError
from headpose.images.drawing import draw_heads
from headpose.images.pictures import read_image
from headpose.models.specs import MEASURES
from headpose.pipeline import Head, HeadPosePipeline
from headpose.records.columns import FIELDS, picture_rows
from headpose.web.answers import (
    Settings,
    SharedPipeline,
    answer_frame,
    answer_photo,
    labels,
    report,
)
from headpose.web.calls import CAMERA, FILES, PHOTO, SAVES, PageCalls, uploaded_file
from headpose.web.server import load_gradio


@pytest.mark.parametrize("limit", [None, 20])
def test_tables_have_what_the_pipeline_answers(shared, red, tmp_path, limit):
    answer = answer_photo(shared, red, "mine.png", Settings(0.1, limit), tmp_path)
    heads = fake_pipeline(0.1, limit)([read_image(red)])[0]
    expected = picture_rows("mine.png", (300, 200), heads)
    assert len(expected) == 2
    told = [json.loads(line) for line in answer.json.read_text().splitlines()]
    for row, line, head in zip(read_csv(answer.csv), told, expected, strict=True):
        assert row == {k: "" if v is None else str(v) for k, v in head.items()}
        assert line.pop("box") == [head[k] for k in ("xmin", "ymin", "xmax", "ymax")]
        assert line == head
    assert list(read_csv(answer.csv)[0]) == list(FIELDS)


def test_the_page_shows_rounded_figures(shared, red, tmp_path):
    answer = answer_photo(shared, red, "mine.png", Settings(0.1, 20), tmp_path)
    first, second = rows_of(answer.report)
    assert first == {
        "#": "1",
        "score": "0.900",
        "tilt": "0.0",  # blue
        "pan": "+5.0",  # green
        "roll": "+20.0",  # red: colours were not swapped
        "azimuth": "−5.2",
        "elevation": "−5.2",
        "expected_error": "7.0",
        "box": "30, 40 – 120, 160",
    }
    assert {second[name] for name in MEASURES[:-1]} == {"–"}
    assert second["expected_error"] == "37.0"
    assert "2 heads" in Cells(answer.report).text


@pytest.mark.parametrize("style", ["arrow", "axes"])
def test_the_picture_is_the_drawing_with_heads_numbered_as_in_the_table(
    shared, red, tmp_path, style
):
    answer = answer_photo(shared, red, "mine.png", Settings(0.1, None, style), tmp_path)
    picture = read_image(red)
    heads = shared.heads(picture, ALL)
    assert np.array_equal(
        read_image(answer.picture), draw_heads(picture, heads, style, ["#1", "#2"])
    )


def test_a_single_head_needs_no_number():
    head = Head((0, 0, 9, 9), 0.9, 1.0, 2.0)
    assert labels([head]) == []
    assert labels([head] * 3) == ["#1", "#2", "#3"]


@pytest.mark.parametrize(
    ("name", "saved"),
    [("a.png", ".png"), ("a.jpg", ".jpg"), ("a.JPEG", ".jpg"), ("a.webp", ".webp")],
)
def test_what_came_without_loss_is_saved_without(shared, red, tmp_path, name, saved):
    photo = tmp_path / name
    Image.open(red).save(photo)
    answer = answer_photo(shared, photo, name, ALL, tmp_path)
    assert answer.picture.name == f"a-heads{saved}"
    drawn = draw_heads(read_image(photo), shared.heads(read_image(photo), ALL), "arrow")
    assert read_image(answer.picture).shape == drawn.shape


def test_a_turned_phone_picture_is_answered_upright(shared, tmp_path):
    upright = np.zeros((120, 200, 3), np.uint8)
    upright[:, :100] = (0, 0, 250)
    image, turned = Image.fromarray(upright[..., ::-1]), Image.Exif()
    turned[274] = 6  # to be turned clockwise by 90 degrees
    image.save(tmp_path / "plain.png")
    image.rotate(90, expand=True).save(tmp_path / "turned.png", exif=turned)
    plain, phone = (
        answer_photo(shared, tmp_path / f"{name}.png", "x.png", ALL, tmp_path)
        for name in ("plain", "turned")
    )
    assert Image.open(tmp_path / "turned.png").size == (120, 200)
    assert phone.csv.read_text() == plain.csv.read_text()
    assert np.array_equal(read_image(phone.picture), read_image(plain.picture))


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"I am no picture", "not a picture"),
        (b"", "the file is empty"),
        ("cut", "damaged picture"),
        (None, "no longer kept here; load it again"),
    ],
)
def test_a_photo_that_cannot_be_read_is_told_in_a_line(shared, portrait, tmp_path, content, cause):
    photo = tmp_path / "stored-name.jpg"
    if content is not None:
        photo.write_bytes(portrait.read_bytes()[:9000] if content == "cut" else content)
    answer = answer_photo(shared, photo, "<b>my.jpg", ALL, tmp_path)
    told = Cells(answer.report).text
    assert told.startswith("<b>my.jpg: ")
    assert cause in told
    assert "\n" not in told
    assert str(tmp_path) not in answer.report
    assert "<b>" not in answer.report
    assert answer.picture is answer.csv is answer.json is None
    assert {f.name for f in tmp_path.iterdir()} <= {"stored-name.jpg"}


@pytest.mark.parametrize(("confidence", "advice"), [(0.95, "; lower the confidence"), (0, "")])
def test_where_no_head_is_found_it_is_said(confidence, advice):
    assert Cells(report([], Settings(confidence))).text == f"No head found{advice}."


def test_a_photo_without_heads_still_has_picture_and_empty_tables(shared, red, tmp_path):
    answer = answer_photo(shared, red, "red.png", Settings(1.0), tmp_path)
    assert "No head found" in answer.report
    assert np.array_equal(read_image(answer.picture), read_image(red))
    assert answer.csv.read_text() == ",".join(FIELDS) + "\n"
    assert answer.json.read_text() == ""


@pytest.mark.parametrize("outputs", [2, 3, 6])
def test_estimators_of_any_kind_are_shown(red, tmp_path, outputs):
    shared = SharedPipeline(fake_pipeline(outputs=outputs))
    assert shared.tells_error == (outputs == 6)
    row = rows_of(answer_photo(shared, red, "red.png", ALL, tmp_path).report)[0]
    assert row["pan"] == "+5.0"
    assert (row["roll"] == "–") == (outputs == 2)
    assert (row["expected_error"] == "–") == (outputs != 6)


def test_networks_are_called_by_one_visitor_at_a_time():
    inside, most = [], []

    class Slow(Detector):
        def detect(self, pictures, confidence=None):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.02)
            inside.pop()
            return super().detect(pictures, confidence)

    shared = SharedPipeline(HeadPosePipeline(Slow(), Estimator()))
    picture, counts = np.zeros((50, 50, 3), np.uint8), {}
    settings = [Settings(c) for c in (0.1, 0.7, 0.95) * 3]

    def visit(number):
        counts[number] = len(shared.heads(picture, settings[number]))

    threads = [threading.Thread(target=visit, args=(i,)) for i in range(len(settings))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
    assert [counts[i] for i in range(9)] == [2, 1, 0] * 3  # each by its own settings


def test_a_frame_is_answered_with_a_drawing_and_the_table(shared, red):
    frame = read_image(red)
    url, table = answer_frame(shared, data_url(frame), ALL)
    row = rows_of(table)[0]
    assert abs(number(row["roll"]) - 20) < 0.2
    assert abs(number(row["tilt"])) < 0.2
    drawn = draw_heads(frame, shared.heads(frame, ALL), "arrow", ["#1", "#2"])
    # JPEG blurs thin lines and letters; the picture without them is much farther off.
    off, undrawn = (np.abs(from_data_url(url).astype(int) - p).mean() for p in (drawn, frame))
    assert off < 5
    assert off < undrawn / 2


@pytest.mark.parametrize("frame", ["", "data:image/jpeg;base64,", "data:x;base64,AAAA", "/etc/x"])
def test_what_is_no_frame_is_told(shared, frame):
    with pytest.raises(HeadposeError, match="no picture"):
        answer_frame(shared, frame, ALL)


def test_only_uploaded_files_are_opened(tmp_path):
    folder = tmp_path / "uploads"
    folder.mkdir()
    (folder / "a.jpg").touch()
    (tmp_path / "secret.jpg").touch()
    (folder / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    upload = {"path": str(folder / "a.jpg")}
    assert uploaded_file(upload, folder) == (folder / "a.jpg", "a.jpg")
    assert uploaded_file(upload | {"orig_name": "my\0.jpg"}, folder)[1] == "my.jpg"
    for path in (tmp_path / "secret.jpg", folder / "../secret.jpg", folder / "link.jpg"):
        with pytest.raises(HeadposeError, match="not an uploaded file"):
            uploaded_file({"path": str(path)}, folder)
    strangers = [{}, {"path": None}, {"path": 3}, {"url": "http://example.org/a.jpg"}, "x", [1]]
    for strange in (*strangers, upload | {"orig_name": 5}, {"path": f"{folder}/a\0b"}):
        with pytest.raises(HeadposeError, match="not an uploaded file"):
            uploaded_file(strange, folder)


def test_photos_and_frames_are_answered_as_gradio_sends_them(shared, red, tmp_path):
    pytest.importorskip("gradio", reason="Gradio is not installed (the extra web)")
    gr = load_gradio()
    calls = PageCalls(gr, shared, tmp_path)
    chosen = (0.1, "arrow", True, 20)
    picture, table, *saves = calls.show_photo(
        PHOTO, {"path": str(red), "orig_name": "my red.png"}, *chosen
    )
    assert read_image(picture).shape == (200, 300, 3)
    assert [row["pan"] for row in rows_of(table)] == ["+5.0", "–"]
    assert [Path(save.value["path"]).suffix for save in saves] == [".png", ".csv", ".jsonl"]
    assert read_csv(saves[1].value["path"])[0]["file"] == "my red.png"
    picture, table, *saves = calls.show_photo(PHOTO, None, *chosen)
    assert (picture, table) == (None, "")
    assert not any(save.interactive for save in saves)
    # What other tabs show stays.
    skipped = calls.show_photo(CAMERA, {"path": str(red)}, *chosen)
    assert skipped == [gr.skip()] * (2 + len(SAVES))
    with pytest.raises(gr.Error, match="not an uploaded file"):
        calls.show_photo(PHOTO, {"path": __file__}, *chosen)
    frame = {"url": data_url(read_image(red))}
    picture, table = calls.show_frame(CAMERA, frame, *chosen)
    assert from_data_url(picture["url"]).shape == (200, 300, 3)
    assert len(rows_of(table)) == 2
    assert calls.show_frame(PHOTO, frame, *chosen) == [gr.skip(), gr.skip()]
    with pytest.raises(gr.Error, match="no picture"):
        calls.show_frame(CAMERA, {"url": None}, *chosen)


def test_each_tab_shows_what_it_draws_into_and_only_one_films(shared, tmp_path):
    pytest.importorskip("gradio", reason="Gradio is not installed (the extra web)")
    calls = PageCalls(load_gradio(), shared, tmp_path)
    for tab, films, several in ((PHOTO, False, False), (FILES, False, True), (CAMERA, True, False)):
        opened, camera, drawing, gallery, told, *saves = calls.open(tab)
        assert (opened, told, len(saves)) == (tab, "", len(SAVES))
        assert (camera.visible, drawing.visible, gallery.visible) == (films, not several, several)
