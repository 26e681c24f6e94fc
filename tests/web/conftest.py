"""What the tests of this wing share."""

import shutil
from pathlib import Path

import cv2
import pytest
from PIL import Image
from web_fakes import pipeline as fake_pipeline
from web_requests import running

from headpose.images.pictures import read_image
from headpose.web import rest
from headpose.web.answers import Settings, SharedPipeline

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
DESKTOP = {"width": 1280, "height": 900}
TIMEOUT = 120_000  # milliseconds: on a loaded machine an answer may take long; that is no fault


@pytest.fixture
def shared():
    return SharedPipeline(fake_pipeline())


@pytest.fixture
def red(tmp_path):
    """A picture of one colour: red 200, green 50, blue 0."""
    path = tmp_path / "red.png"
    Image.new("RGB", (300, 200), (200, 50, 0)).save(path)
    return path


@pytest.fixture
def client():
    pytest.importorskip("fastapi", reason="FastAPI is not installed (the extra rest)")
    pytest.importorskip("uvicorn", reason="Uvicorn is not installed (the extra rest)")
    pytest.importorskip("httpx", reason="httpx is not installed")
    from fastapi.testclient import TestClient

    with TestClient(rest.build_app(SharedPipeline(fake_pipeline()), Settings(0.1))) as client:
        yield client


# ---------------------------------------------------------------- the page in a browser


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
def page(browser, serving, request):
    """The page, opened; at the end it must not have asked any other host for anything.

    A test may ask for another screen: `parametrize("page", [PHONE], indirect=True)`.
    """
    address, _ = serving
    context = browser.new_context(viewport=getattr(request, "param", DESKTOP))
    context.set_default_timeout(TIMEOUT)
    context.add_init_script(KEEP_STREAMS)
    open_session, asked = context.new_page(), []
    open_session.on("request", lambda request: asked.append(request.url))
    open_session.goto(address)
    open_session.wait_for_selector("text=What the figures mean")
    yield open_session
    context.close()
    assert len(asked) > 10
    assert [u for u in asked if not u.startswith((address, "data:", f"blob:{address}"))] == []
