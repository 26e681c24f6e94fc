"""How photos reach the REST endpoint: their number, their size, their end."""

import asyncio
import errno
import threading
import time

import pytest
from web_fakes import Detector, Estimator
from web_fakes import pipeline as fake_pipeline

from headpose.images.pictures import read_image
from headpose.pipeline import HeadPosePipeline
from headpose.web import reception, rest
from headpose.web.answers import PHOTOS_AT_ONCE, Settings, SharedPipeline


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
