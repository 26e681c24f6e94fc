"""The REST endpoint, with networks that answer at once, and its command line."""

import asyncio
import errno
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from web_fakes import Detector, Estimator
from web_fakes import pipeline as fake_pipeline

from headpose.images.drawing import draw_heads
from headpose.images.pictures import read_image
from headpose.pipeline import HeadPosePipeline
from headpose.records.columns import HEAD_FIELDS
from headpose.web import reception, rest
from headpose.web.answers import PHOTOS_AT_ONCE, Settings, SharedPipeline

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def client():
    pytest.importorskip("fastapi", reason="FastAPI is not installed (the extra rest)")
    pytest.importorskip("uvicorn", reason="Uvicorn is not installed (the extra rest)")
    pytest.importorskip("httpx", reason="httpx is not installed")
    from fastapi.testclient import TestClient

    with TestClient(rest.build_app(SharedPipeline(fake_pipeline()), Settings(0.1))) as client:
        yield client


@pytest.fixture
def red(tmp_path):
    """A picture of one colour: red 200, green 50, blue 0."""
    path = tmp_path / "red.png"
    Image.new("RGB", (300, 200), (200, 50, 0)).save(path)
    return path


def test_a_photo_is_answered_with_its_heads(client, red):
    answer = client.post("/heads", content=red.read_bytes())
    assert answer.status_code == 200
    told = answer.json()
    assert (told["width"], told["height"]) == (300, 200)
    first, second = told["heads"]
    assert set(first) == {"head", *HEAD_FIELDS}
    # The fakes tell a tenth of blue, green and red as tilt, pan and roll.
    expected = {"head": 1, "xmin": 30, "ymin": 40, "xmax": 120, "ymax": 160, "score": 0.9}
    expected |= {"tilt": 0.0, "pan": 5.0, "roll": 20.0, "expected_error": 7.0}
    assert {name: first[name] for name in expected} == pytest.approx(expected)
    assert (second["head"], second["expected_error"]) == (2, 37.0)


def test_a_request_may_have_its_own_limits(client, red):
    assert len(client.post("/heads?confidence=0.7", content=red.read_bytes()).json()["heads"]) == 1
    assert client.post("/heads?confidence=0.95", content=red.read_bytes()).json()["heads"] == []
    first, second = client.post("/heads?max_error=20", content=red.read_bytes()).json()["heads"]
    assert first["pan"] == 5.0
    assert second["pan"] is None
    assert second["expected_error"] == 37.0


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("confidnce=0.9", "no parameter 'confidnce' here; there are confidence, max_error"),
        ("style=cube", "no parameter 'style' here"),
        ("confidence=0.1&confidence=0.9", "'confidence' is there twice"),
    ],
)
def test_no_parameter_is_passed_over(client, red, query, told):
    answer = client.post(f"/heads?{query}", content=red.read_bytes())
    assert answer.status_code == 422
    assert told in answer.json()["detail"]


def test_pages_of_other_origins_are_refused(client, red):
    """A visitor's browser sends their requests without asking the visitor."""
    for origin, status in (("http://testserver", 200), ("https://elsewhere.example", 403)):
        answer = client.post("/heads", content=red.read_bytes(), headers={"Origin": origin})
        assert answer.status_code == status
    assert answer.json() == {"detail": "pages of other origins may not ask"}


@pytest.mark.parametrize("style", ["arrow", "axes", "none"])
def test_the_drawing_is_that_of_the_commands(client, red, style):
    answer = client.post(f"/drawing?style={style}", content=red.read_bytes())
    assert answer.headers["content-type"] == "image/jpeg"
    drawn = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
    heads = fake_pipeline(0.1)(read_image(red))
    expected = draw_heads(read_image(red), heads, style, ["#1", "#2"])
    assert np.abs(drawn.astype(int) - expected).mean() < 5  # JPEG blurs thin lines


@pytest.mark.parametrize(
    ("content", "status", "told"),
    [
        (b"", 422, "has no body"),
        (b"I am no picture", 422, "photo: not a picture"),
        ("cut", 422, "photo: damaged picture"),
    ],
)
def test_what_is_no_photo_is_told_in_a_sentence(client, portrait, content, status, told):
    content = portrait.read_bytes()[:9000] if content == "cut" else content
    answer = client.post("/heads", content=content)
    assert answer.status_code == status
    assert told in answer.json()["detail"]
    assert "/" not in answer.json()["detail"].replace("photo", "")


@pytest.mark.parametrize(
    "how",
    [
        {"files": {"file": ("photo.jpg", b"\xff\xd8\xff")}},
        {"data": {"\xff": ""}},
        {"content": b"\x1f\x8b", "headers": {"content-encoding": "gzip"}},
    ],
)
def test_forms_are_told_how_a_photo_is_sent(client, how):
    answer = client.post("/heads", **how)
    assert answer.status_code == 422
    assert answer.json()["detail"].endswith("as curl does with --data-binary @photo.jpg")


@pytest.mark.parametrize(
    "query", ["confidence=2", "confidence=many", "max_error=-1", "style=hat", "confidence=nan"]
)
def test_limits_out_of_range_are_refused(client, red, query):
    assert client.post(f"/drawing?{query}", content=red.read_bytes()).status_code == 422


def test_what_is_larger_than_any_photo_is_refused_while_it_arrives(client, monkeypatch):
    monkeypatch.setattr(reception, "MAX_UPLOAD", 3 * 2**20)
    sent = []

    def pieces():
        for _ in range(9):
            sent.append(1)
            yield b"x" * 2**20

    answer = client.post("/heads", content=pieces())  # of no length that is told beforehand
    assert answer.status_code == 413
    assert "more than 3 MB" in answer.json()["detail"]


def test_photos_take_turns_and_none_are_left_behind(red, tmp_path, monkeypatch):
    pytest.importorskip("fastapi", reason="FastAPI is not installed (the extra rest)")
    from fastapi.testclient import TestClient

    monkeypatch.setattr(reception.tempfile, "tempdir", str(tmp_path / "photos"))
    (tmp_path / "photos").mkdir()
    inside, most = [], []

    def slow(path):
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.05)
        inside.pop()
        return read_image(path)

    monkeypatch.setattr(rest, "read_image", slow)
    shared = SharedPipeline(HeadPosePipeline(Detector(), Estimator()))
    statuses = []
    with TestClient(rest.build_app(shared, Settings(0.1))) as client:

        def visit():
            statuses.append(client.post("/heads", content=red.read_bytes()).status_code)

        threads = [threading.Thread(target=visit) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert statuses == [200] * 6
    assert 1 <= max(most) <= PHOTOS_AT_ONCE
    assert not list((tmp_path / "photos").iterdir())


@pytest.mark.parametrize("fault", ["full", "gone"])
def test_no_room_for_a_photo_is_told_in_a_sentence(
    client, red, tmp_path, monkeypatch, caplog, fault
):
    folder = tmp_path / "photos"
    monkeypatch.setattr(reception.tempfile, "tempdir", str(folder))

    async def fails(request, target):
        target.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        if fault == "full":
            folder.mkdir()
            broken.setattr(reception, "receive", fails)
        answer = client.post("/heads", content=red.read_bytes())
    told = {"full": "no space left on device", "gone": "no such file or directory"}[fault]
    assert answer.status_code == 507
    assert answer.json()["detail"] == (
        f"the photo cannot be kept while it is looked at: {told}; come again"
    )
    assert [record.getMessage() for record in caplog.records] == [
        f"the photo cannot be kept while it is looked at: {told} ({folder})"
    ]
    folder.mkdir(exist_ok=True)
    assert list(folder.iterdir()) == []
    assert client.post("/heads", content=red.read_bytes()).status_code == 200


def test_of_a_crowd_only_what_is_too_much_is_refused(red, monkeypatch):
    """Those who wait are answered; the others are told why they are not."""
    pytest.importorskip("fastapi", reason="FastAPI is not installed (the extra rest)")
    from fastapi.testclient import TestClient

    monkeypatch.setattr(reception, "WAITING", 4)
    go, answers = threading.Event(), []

    def waits(path):
        go.wait(20)
        return read_image(path)

    monkeypatch.setattr(rest, "read_image", waits)
    shared = SharedPipeline(HeadPosePipeline(Detector(), Estimator()))
    with TestClient(rest.build_app(shared, Settings(0.1))) as client:

        def visit():
            answers.append(client.post("/heads", content=red.read_bytes()))
            if sum(answer.status_code == 503 for answer in answers) == 3:
                go.set()

        threads = [threading.Thread(target=visit) for _ in range(7)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert client.post("/heads", content=red.read_bytes()).status_code == 200
    assert sorted(answer.status_code for answer in answers) == [200] * 4 + [503] * 3
    refused = next(answer for answer in answers if answer.status_code == 503)
    assert refused.json()["detail"] == "4 photos are waiting already; come again"


def test_who_leaves_while_sending_is_nobodys_fault():
    """The application ends without an error when a client is gone before its photo is there."""
    pytest.importorskip("fastapi", reason="FastAPI is not installed (the extra rest)")
    app = rest.build_app(SharedPipeline(fake_pipeline()), Settings(0.1))
    messages = [
        {"type": "http.request", "body": b"half a photo", "more_body": True},
        {"type": "http.disconnect"},
    ]
    scope = {
        "type": "http", "method": "POST", "path": "/heads", "raw_path": b"/heads",
        "query_string": b"", "headers": [(b"host", b"x")], "http_version": "1.1",
        "scheme": "http", "server": ("x", 80), "client": ("y", 1), "root_path": "",
    }  # fmt: skip

    async def receive():
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    assert sent[0]["status"] == 400


def test_the_endpoint_describes_itself_and_fetches_nothing(client):
    paths = client.get("/openapi.json").json()["paths"]
    assert set(paths) == {"/health", "/heads", "/drawing"}
    assert client.get("/health").json()["status"] == "ok"
    assert client.get("/docs").status_code == 404
    assert client.get("/heads").status_code == 405


def test_a_missing_fastapi_and_a_taken_port_are_told(run_fresh, tmp_path):
    (tmp_path / "fastapi.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'fastapi'\", name='fastapi')"
    )
    done = run_fresh("serve", "--port", "0", PYTHONPATH=str(tmp_path))
    assert done.status == 1
    (line,) = done.err.splitlines()
    assert "pip install 'headpose-toolkit[rest]'" in line
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run_fresh("serve", "--port", taken.getsockname()[1])
    assert done.status == 1
    assert "address already in use" in done.err


def test_the_command_serves_what_headpose_image_finds(portrait, run_script, tmp_path):
    pytest.importorskip("fastapi", reason="FastAPI is not installed (the extra rest)")
    pytest.importorskip("uvicorn", reason="Uvicorn is not installed (the extra rest)")
    command = [sys.executable, "-m", "headpose", "serve", "--port", "0"]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        address = re.match(r"ready: (http://\S+) ", server.stdout.readline())[1]
        request = urllib.request.Request(f"{address}/heads", portrait.read_bytes())
        proxyless = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with proxyless.open(request, timeout=60) as answer:
            (head,) = json.load(answer)["heads"]
        with pytest.raises(urllib.error.HTTPError) as refused:
            proxyless.open(urllib.request.Request(f"{address}/heads", b"none"), timeout=60)
        assert refused.value.code == 422
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 128 + signal.SIGTERM
    done = run_script("image", portrait, "--json", "-", "--output", tmp_path)
    row = json.loads(done.out.splitlines()[0])
    assert {name: row[name] for name in head} == head
