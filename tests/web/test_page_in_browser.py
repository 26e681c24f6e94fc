"""The web page in a browser."""

import json
import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from web_fakes import from_data_url, number, read_csv, rows_of
from web_requests import running

from headpose.geometry.boxes import iou
from headpose.images.pictures import read_image
from headpose.models.specs import MEASURES
from headpose.records.columns import HEAD_FIELDS

HEAD = (150, 30, 360, 320)  # of the portrait, as in test_demo_image.py
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
)
# Keeps the streams of cameras, so that a test can ask whether they still run.
KEEP_STREAMS = """
window.streams = [];
const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async wanted => {
    const stream = await ask(wanted); window.streams.push(stream); return stream; };
"""
TRACKS = "window.streams.flatMap(s => s.getTracks().map(t => t.readyState))"


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    """The page of the shipped models in a process of its own: its address and folder."""
    pytest.importorskip("gradio", reason="Gradio is not installed (the extra web)")
    pytest.importorskip("playwright", reason="Playwright is not installed (pip install playwright)")
    folder = tmp_path_factory.mktemp("served")
    with running("-m", "headpose", "web", "--device", "cpu", TMPDIR=str(folder)) as (_, address):
        yield address, folder


@pytest.fixture(scope="module")
def camera(tmp_path_factory, portrait) -> Path:
    """A film of the portrait for Chromium's pretended camera."""
    path = tmp_path_factory.mktemp("camera") / "portrait.y4m"
    picture = cv2.resize(read_image(portrait), (410, 480), interpolation=cv2.INTER_AREA)
    frame = cv2.copyMakeBorder(picture, 0, 0, 115, 115, cv2.BORDER_REPLICATE)
    planes = cv2.cvtColor(frame, cv2.COLOR_BGR2YUV_I420).tobytes()
    path.write_bytes(b"YUV4MPEG2 W640 H480 F10:1 Ip A1:1 C420jpeg\n" + (b"FRAME\n" + planes) * 2)
    return path


@pytest.fixture(scope="module")
def browser(camera):
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        found = next(filter(None, map(shutil.which, BROWSERS)), None)
        if not found and not Path(playwright.chromium.executable_path).exists():
            pytest.skip("no Chromium here; playwright install chromium")
        film = f"--use-file-for-fake-video-capture={camera}"
        started = playwright.chromium.launch(executable_path=found, args=[*FLAGS, film])
        yield started
        started.close()


@pytest.fixture
def page(browser, serving):
    """The page, opened; at the end it must not have asked any other host for anything."""
    address, _ = serving
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.add_init_script(KEEP_STREAMS)
    open_session, asked = context.new_page(), []
    open_session.on("request", lambda request: asked.append(request.url))
    open_session.goto(address)
    open_session.wait_for_selector("text=What the figures mean")
    yield open_session
    context.close()
    assert len(asked) > 10
    assert [u for u in asked if not u.startswith((address, "data:", f"blob:{address}"))] == []


def upload(page, path) -> None:
    page.set_input_files("#photo input[type=file]", str(path))


def saved(page, what: str) -> Path:
    with page.expect_download() as download:
        page.click(f"#save-{what}")
    assert "-heads." in download.value.suggested_filename
    return Path(download.value.path())


def shown_rows(page) -> list[dict]:
    return rows_of(page.inner_html("#report"))


def set_confidence(page, value: str) -> None:
    page.fill("#confidence input[type=number]", value)
    page.keyboard.press("Tab")


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
