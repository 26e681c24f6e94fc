"""The REST endpoint, with networks that answer at once, and its command line."""

import json
import re
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
from web_fakes import pipeline as fake_pipeline

from headpose.images.drawing import draw_heads
from headpose.images.pictures import read_image
from headpose.records.columns import HEAD_FIELDS

ROOT = Path(__file__).resolve().parents[2]


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
