"""The web page's command line, its server, and the page itself in a browser."""

import contextlib
import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import cv2
import numpy as np
import pytest
from web_fakes import from_data_url, number, read_csv, rows_of

from headpose.geometry.boxes import iou
from headpose.images.pictures import read_image
from headpose.models.shipped import DEFAULT_DETECTOR
from headpose.models.specs import MEASURES
from headpose.records.columns import HEAD_FIELDS

ROOT = Path(__file__).resolve().parent.parent.parent
FAKES = ROOT / "tests" / "web_fakes.py"
HEAD = (150, 30, 360, 320)  # of the portrait, as in test_demo_image.py
needs_gradio = pytest.mark.skipif(
    not importlib.util.find_spec("gradio"), reason="Gradio is not installed (the extra web)"
)


# ---------------------------------------------------------------------- command line


def hidden(folder: Path, **modules: str) -> dict:
    """Puts stand-ins in the place of modules; returns the environment in which they count."""
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text)
    return {"PYTHONPATH": str(folder)}


def test_help_and_bad_options_answer_at_once(run_fresh, tmp_path):
    stop = "raise SystemExit('imported')"
    environment = hidden(tmp_path, tensorflow=stop, keras=stop, gradio=stop, onnxruntime=stop)
    done = run_fresh("web", "--help", **environment)
    assert done.status == 0, done.err
    assert "usage: headpose web" in done.out
    assert "share" not in done.out
    for wrong in (["--port", "70000"], ["--confidence", "7"], ["--draw", "hat"], ["photo.jpg"]):
        done = run_fresh("web", *wrong, **environment)
        assert done.status == 2
        assert "imported" not in done.err


def test_a_missing_gradio_is_told(run_fresh, tmp_path):
    missing = hidden(tmp_path, gradio="raise ModuleNotFoundError(\"No module named 'gradio'\")")
    done = run_fresh("web", "--port", "0", **missing)
    assert done.status == 1
    (line,) = done.err.splitlines()
    assert "headpose-toolkit[web]" in line


def test_a_taken_port_is_told_at_once(run_fresh, tmp_path):
    stop = "raise SystemExit('imported')"
    environment = hidden(tmp_path, tensorflow=stop, keras=stop, gradio=stop, onnxruntime=stop)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run_fresh("web", "--port", port, **environment)
    assert done.status == 1
    (line,) = done.err.splitlines()
    assert f"cannot serve on 127.0.0.1 port {port}: address already in use; choose" in line


@needs_gradio
@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--host", "no-such-host.invalid"], "cannot serve on no-such-host.invalid port"),
        (["--host", "192.0.2.7"], "cannot serve on 192.0.2.7 port"),  # of no machine, RFC 5737
        (["--port", "0", "--estimator", DEFAULT_DETECTOR], "not a pose estimator"),
        (["--port", "0", "--estimator", "nowhere.onnx"], "no such model file"),
    ],
)
def test_bad_options_are_told_in_a_line(run_script, given, told):
    done = run_script("web", *given, "--device", "cpu")
    assert done.status == 1
    assert told in done.err
    assert len(done.err.splitlines()) == 1


# ------------------------------------------------------- the server, without a browser


@contextlib.contextmanager
def running(script: Path, *arguments, **environment):
    """Runs a script that serves the page, and ends it: process and address."""
    process = subprocess.Popen(
        [sys.executable, str(script), *arguments, "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
    )
    try:
        line = process.stdout.readline()
        assert re.fullmatch(r"ready: http://127.0.0.1:\d+/ \(Ctrl-C ends\)\n", line), line
        yield process, line.split()[1]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def get(address: str, data: dict | bytes | None = None, **headers: str) -> tuple[int, str]:
    """Asks the server, never a proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    body = json.dumps(data).encode() if isinstance(data, dict) else data
    told = {"Content-Type": "application/json"} | headers
    request = urllib.request.Request(address, body, told)
    try:
        with opener.open(request, timeout=20) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@needs_gradio
@pytest.mark.skipif(os.name == "nt", reason="signals are sent as on Unix")
@pytest.mark.parametrize(("end", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ending_the_server_removes_photos(tmp_path, end, status):
    nowhere = "http://127.0.0.1:9"  # a proxy that does not answer
    with running(FAKES, TMPDIR=str(tmp_path), http_proxy=nowhere, HTTP_PROXY=nowhere) as served:
        process, address = served
        assert get(address)[0] == 200
        (folder,) = tmp_path.glob("headpose-*")
        assert folder.stat().st_mode & 0o077 == 0  # nobody else may look into it
        (folder / "photo.jpg").touch()
        process.send_signal(end)
        assert process.wait(30) == status
        assert process.stdout.read() == ""
    assert not list(tmp_path.glob("headpose-*"))


@pytest.fixture(scope="module")
def uploads(tmp_path_factory) -> Path:
    """Where the server with fake networks makes its folder."""
    return tmp_path_factory.mktemp("uploads")


@pytest.fixture(scope="module")
def fake_page(uploads):
    """The page with fake networks: its address and its configuration."""
    pytest.importorskip("gradio", reason="Gradio is not installed (the extra web)")
    folder = uploads
    options = ("--confidence", "0.42", "--max-error", "90", "--draw", "axes")
    with running(FAKES, *options, TMPDIR=str(folder)) as (_, address):
        yield address, json.loads(get(address + "config")[1])


def test_the_page_begins_with_the_options(fake_page):
    props = {p["props"].get("elem_id"): p["props"] for p in fake_page[1]["components"]}
    assert props["confidence"]["value"] == 0.42
    assert (props["limit"]["value"], props["limit"]["maximum"]) == (90, 90)
    assert props["limit"]["visible"]
    assert props["hide"]["value"] is True
    assert props["draw"]["value"] == "axes"


def test_nothing_is_fetched_from_elsewhere_by_style_or_fonts(fake_page):
    status, style = get(fake_page[0] + "theme.css")
    assert status == 200
    assert not re.search(r"@import|https?://(?!www\.w3\.org/)", style)  # that names a format


@pytest.mark.parametrize("what", ["README.md", "models/head-detector.keras"])
def test_files_of_the_machine_are_not_given_away(fake_page, what):
    status, _ = get(f"{fake_page[0]}gradio_api/file={ROOT / what}")
    assert status == 403


@pytest.mark.parametrize("marked", [True, False])
def test_photos_of_the_machine_are_not_answered(fake_page, portrait, marked):
    """A browser that names a file it did not upload, with and without Gradio's mark of files."""
    address, config = fake_page
    upload = {"path": str(portrait), "orig_name": "mine.jpg"}
    if marked:
        upload["meta"] = {"_type": "gradio.FileData"}
    calls = {call["api_name"]: call["id"] for call in config["dependencies"]}
    asked = {"fn_index": calls["show_photo"], "session_hash": f"forged{marked}"}
    asked["data"] = [None, upload, 0.1, "arrow", False, 20]
    assert get(f"{address}gradio_api/queue/join", asked)[0] == 200
    told = get(f"{address}gradio_api/queue/data?session_hash=forged{marked}")[1]
    (end,) = (json.loads(x[6:]) for x in told.splitlines() if "process_completed" in x)
    assert end["success"] is False
    assert "data" not in end["output"]


@pytest.mark.parametrize(
    "path",
    [
        "gradio_api/file=/etc/passwd",
        "gradio_api/file=../../../../../../etc/passwd",
        "gradio_api/file=..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
        "gradio_api/file=file:///etc/passwd",
        "gradio_api/file=http://127.0.0.1:9/x",
        "static/../../../../../../etc/passwd",
        "assets/..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
        "gradio_api/proxy=http://127.0.0.1:9/x",
        "gradio_api/stream/..%2f..%2fetc%2fpasswd/1/1/playlist.m3u8",
    ],
)
def test_no_path_leads_out(fake_page, path):
    status, told = get(fake_page[0] + path)
    assert status >= 400 or "root:" not in told
    assert "root:" not in told


def test_pages_elsewhere_cannot_ask_by_a_visitor_s_browser(fake_page):
    for headers in ({"Origin": "https://elsewhere.example"}, {"Host": "elsewhere.example"}):
        for path in ("gradio_api/upload", "gradio_api/queue/join", ""):
            assert get(fake_page[0] + path, b"{}" if path else None, **headers)[0] == 403


@pytest.mark.parametrize(
    "name", ["../../../outside.png", "/outside.png", "..\\outside.png", "." * 9]
)
def test_uploads_stay_in_their_folder(fake_page, name, uploads):
    body = (
        f'--X\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n'
        "Content-Type: image/png\r\n\r\ndata\r\n--X--\r\n"
    ).encode()
    kind = "multipart/form-data; boundary=X"
    status, told = get(fake_page[0] + "gradio_api/upload", body, **{"Content-Type": kind})
    (folder,) = uploads.glob("headpose-*")
    if status == 200:
        assert all(Path(path).resolve().is_relative_to(folder) for path in json.loads(told))
    assert not [f for f in uploads.rglob("*outside*") if not f.is_relative_to(folder)]
    assert not list(uploads.parent.glob("*outside*"))


def test_no_call_is_offered_to_programs(fake_page):
    status, told = get(fake_page[0] + "gradio_api/info")
    assert status == 200
    assert json.loads(told) == {"named_endpoints": {}, "unnamed_endpoints": {}}
    assert get(fake_page[0] + "monitoring/summary")[0] == 403


# ------------------------------------------------------------------ the page in a browser

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
