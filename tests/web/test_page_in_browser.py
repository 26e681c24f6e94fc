"""The web page in a browser."""

import json
import re

import cv2
import numpy as np
import pytest
from browsing import saved, set_confidence, shown_rows, upload
from web_fakes import from_data_url, number, read_csv

from headpose.geometry.boxes import iou
from headpose.images.pictures import read_image
from headpose.models.specs import MEASURES
from headpose.records.columns import HEAD_FIELDS

HEAD = (150, 30, 360, 320)  # of the portrait, as in test_demo_image.py
TRACKS = "window.streams.flatMap(s => s.getTracks().map(t => t.readyState))"


def test_the_page_finds_what_demo_image_finds(page, portrait, run_script, tmp_path):
    done = run_script(
        *("demo_image.py", portrait, "--device", "cpu"),
        *("--csv", tmp_path / "heads.csv", "--output", tmp_path),
    )
    assert done.status == 0, done.err
    expected = read_csv(tmp_path / "heads.csv")
    assert len(expected) == 1

    upload(page, portrait)
    page.wait_for_selector("#report table")
    (shown,) = shown_rows(page)
    page.wait_for_selector("#save-csv:not([disabled])")
    (row,) = read_csv(saved(page, "csv"))
    line = json.loads(saved(page, "json").read_text())
    assert row["file"] == line["file"] == portrait.name
    # Two processes may round the last digit of a figure differently.
    digits = dict.fromkeys(HEAD_FIELDS, 1) | {"score": 4} | dict.fromkeys(MEASURES, 2)
    for name in HEAD_FIELDS:
        expect = pytest.approx(float(expected[0][name]), abs=1.1 * 10 ** -digits[name])
        assert float(row[name]) == expect
    for name in MEASURES:
        assert line[name] == float(row[name])
        assert number(shown[name]) == pytest.approx(float(row[name]), abs=0.051)
    drawn = read_image(tmp_path / portrait.name).astype(int)
    picture = read_image(saved(page, "picture"))
    assert np.abs(picture - drawn).mean() < 1
    assert (np.abs(picture - read_image(portrait).astype(int)) > 60).mean() > 0.005


def test_options_are_followed_without_loading_the_photo_again(page, portrait, tmp_path):
    """On two portraits side by side, the second one mirrored."""
    picture = read_image(portrait)
    cv2.imwrite(str(tmp_path / "two.png"), np.hstack([picture, picture[:, ::-1]]))
    upload(page, tmp_path / "two.png")
    page.wait_for_selector("#report tbody tr:nth-child(2)")
    rows = shown_rows(page)
    assert len(rows) == 2
    boxes = [[float(n) for n in re.findall(r"\d+", row["box"])] for row in rows]
    assert sorted(left < picture.shape[1] for left, *_ in boxes) == [False, True]

    set_confidence(page, "1")
    page.wait_for_selector("#report .note")
    assert page.inner_text("#report") == "No head found; lower the confidence."
    assert page.query_selector("#report table") is None
    set_confidence(page, "0.5")
    page.wait_for_selector("#report tbody tr:nth-child(2)")
    assert shown_rows(page) == rows

    page.click("#hide input")
    page.wait_for_selector("#limit input[type=number]")
    page.fill("#limit input[type=number]", "0")
    page.keyboard.press("Tab")
    page.wait_for_selector("#report td:has-text('–') >> nth=5")
    assert {row["tilt"] for row in shown_rows(page)} == {"–"}
    page.click("#hide input")
    page.wait_for_function("!document.querySelector('#report tbody').innerText.includes('–\\t')")
    assert shown_rows(page) == rows

    before = page.get_attribute("#annotated img", "src")
    page.click("#draw label:has-text('axes')")
    page.wait_for_function(
        "before => document.querySelector('#annotated img').src != before", arg=before
    )
    assert shown_rows(page) == rows


def test_a_broken_file_is_told_on_the_page_and_the_example_works(page, tmp_path):
    (tmp_path / "letter.jpg").write_text("I am no picture")
    upload(page, tmp_path / "letter.jpg")
    page.wait_for_selector("#report .error")
    assert page.inner_text("#report").startswith("letter.jpg: not a picture")
    assert page.is_disabled("#save-picture")
    page.click("#input button.gallery-item")
    page.wait_for_selector("#report table")
    assert len(shown_rows(page)) == 1
    page.click("#photo button[aria-label='Remove Image']")
    page.wait_for_function("document.querySelector('#report').innerText.trim() == ''")


def test_the_camera_is_answered_live_and_off_when_left(page, serving):
    _, folder = serving
    before = set(folder.rglob("*"))
    page.click("[role=tab]:has-text('Live camera')")
    page.click("#camera button:has-text('Click')")
    page.click("#camera button:has-text('Record')")
    page.wait_for_selector("#report table")
    (row,) = shown_rows(page)
    box = [float(n) for n in re.findall(r"\d+", row["box"])]
    # The portrait is 0.8 times as large there, and 115 pixels to the right.
    there = [115 + 0.8 * HEAD[0], 0.8 * HEAD[1], 115 + 0.8 * HEAD[2], 0.8 * HEAD[3]]
    assert iou([box], [there])[0, 0] > 0.6
    drawn = from_data_url(page.get_attribute("#annotated img", "src"))
    assert drawn.shape == (480, 640, 3)
    assert page.evaluate(TRACKS) == ["live"]
    assert page.is_disabled("#save-picture")
    assert set(folder.rglob("*")) == before  # frames are not kept

    page.click("[role=tab]:has-text('Photo')")
    page.wait_for_function(f"{TRACKS}.every(state => state == 'ended')")
    page.wait_for_function("document.querySelector('#report').innerText.trim() == ''")
    # A snapshot is a photo.
    page.click("#photo button[aria-label='Capture from camera']")
    page.click("#photo button:has-text('Click')")
    page.wait_for_function("document.querySelector('#photo video')?.videoWidth > 0")
    page.click("#photo button[aria-label='capture photo']")
    page.wait_for_selector("#report table")
    (snapshot,) = shown_rows(page)
    assert abs(float(snapshot["score"]) - float(row["score"])) < 0.1
