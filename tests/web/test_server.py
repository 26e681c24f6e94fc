"""The web page's server, asked without a browser."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from web_requests import ROOT, get, needs_gradio, running

FAKES = ROOT / "tests" / "web_fakes.py"


@needs_gradio
@pytest.mark.skipif(os.name == "nt", reason="signals are sent as on Unix")
@pytest.mark.parametrize(("end", "status"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_ending_the_server_removes_photos(tmp_path, end, status):
    nowhere = "http://127.0.0.1:9"  # a proxy that does not answer
    with running(FAKES, TMPDIR=str(tmp_path), http_proxy=nowhere, HTTP_PROXY=nowhere) as served:
        process, address = served
        assert get(address)[0] == 200
        (folder,) = tmp_path.glob("headpose-*")
        assert folder.stat().st_mode & 0o077 == 0  # nobody else may look into it
        (folder / "photo.jpg").touch()
        process.send_signal(getattr(signal, end))
        assert process.wait(30) == status
        assert process.stdout.read() == ""
    assert not list(tmp_path.glob("headpose-*"))


@pytest.mark.skipif(os.name == "nt", reason="signals are sent as on Unix")
@pytest.mark.parametrize(
    ("signals", "status", "told"),
    [(["SIGHUP"], 129, "terminated"), (["SIGINT", "SIGINT"], 130, "interrupted")],
)
def test_a_closed_terminal_and_ctrl_c_twice_end_the_endpoint_in_a_line(signals, status, told):
    pytest.importorskip("fastapi", reason="FastAPI is not installed (the extra rest)")
    pytest.importorskip("uvicorn", reason="Uvicorn is not installed (the extra rest)")
    command = [sys.executable, "-m", "headpose", "serve", "--port", "0"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True) as server:
        assert get(server.stdout.readline().split()[1] + "/health")[0] == 200
        for name in signals:
            server.send_signal(getattr(signal, name))
            time.sleep(0.02)
        _, heard = server.communicate(timeout=30)
    assert (server.returncode, heard) == (status, f"headpose serve: {told}\n")


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
