"""What the page lets in: origin, name, size, time and number; without Gradio or a server."""

import asyncio
import json

import pytest

from headpose.web import limits
from headpose.web.limits import LOOPBACK, Guard, hosts_of


async def echo(scope, receive, send):
    """Answers with the size of the whole body."""
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(size).encode()})


def ask(folder, path="/gradio_api/upload", parts=(b"x",), hosts=LOOPBACK, app=echo, **headers):
    """Sends a request to a guarded application; returns status and text of the answer."""
    told = {"host": "127.0.0.1:7860", **{k.replace("_", "-"): v for k, v in headers.items()}}
    method = told.pop("method", "POST")
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "headers": [(k.encode(), v.encode()) for k, v in told.items()],
    }
    waiting, answered = list(parts), []

    async def receive():
        if not waiting:
            await asyncio.sleep(60)  # a visitor who sends no more
        part = waiting.pop(0)
        return {"type": "http.request", "body": part or b"", "more_body": part is None or waiting}

    async def send(message):
        answered.append(message)

    asyncio.run(Guard(app, folder, hosts)(scope, receive, send))
    return answered[0]["status"], answered[1]["body"].decode()


OWN = "http://127.0.0.1:7860"


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (200, {}),
        (200, {"origin": OWN}),
        (200, {"origin": "http://localhost:7860", "host": "localhost:7860"}),
        (200, {"origin": "http://[::1]:7860", "host": "[::1]:7860"}),
        (403, {"origin": "https://elsewhere.example"}),
        (403, {"origin": "null"}),
        (403, {"origin": ""}),
        (403, {"origin": "http://127.0.0.1.elsewhere.example"}),
        (403, {"origin": "http://[", "host": "["}),
        # A foreign name server that says that its name is this machine.
        (403, {"origin": "http://evil.example:7860", "host": "evil.example:7860"}),
        (403, {"host": ""}),
        (403, {"origin": "https://elsewhere.example", "method": "GET"}),
    ],
)
def test_only_the_page_itself_may_ask(tmp_path, status, headers):
    assert ask(tmp_path, **headers)[0] == status


def test_where_all_may_come_the_origin_must_still_be_the_page(tmp_path):
    site = {"host": "photos.example", "hosts": None}
    assert ask(tmp_path, origin="https://photos.example", **site)[0] == 200
    assert ask(tmp_path, origin="https://elsewhere.example", **site)[0] == 403
    behind = {"host": "127.0.0.1", "x_forwarded_host": "photos.example"}
    assert ask(tmp_path, origin="https://photos.example", **behind)[0] == 200


@pytest.mark.parametrize(
    ("path", "limit"), [("/gradio_api/upload", "MAX_UPLOAD"), ("/queue/join", "MAX_CALL")]
)
@pytest.mark.parametrize("declared", [True, False])
def test_a_body_that_is_too_large_is_not_read(tmp_path, monkeypatch, path, limit, declared):
    monkeypatch.setattr(limits, limit, 5)
    told = {"content_length": "6"} if declared else {}
    assert ask(tmp_path, path, (b"abc", b"def"), **told)[0] == 413
    assert ask(tmp_path, path, (b"abc", b"de")) == (200, "5")


def test_a_length_that_is_no_number_is_refused(tmp_path):
    assert ask(tmp_path, content_length="-1")[0] == 413


def test_a_body_that_comes_too_slowly_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "MAX_SECONDS", 0.05)
    status, told = ask(tmp_path, parts=(b"abc", None))
    assert (status, "did not arrive" in told) == (408, True)


@pytest.mark.parametrize(("limit", "least"), [("MAX_KEPT_BYTES", 10), ("MAX_KEPT_FILES", 2)])
def test_a_full_folder_takes_no_more_photos(tmp_path, monkeypatch, limit, least):
    monkeypatch.setattr(limits, limit, least)
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "photo").write_bytes(b"12345")
    assert ask(tmp_path)[0] == 200
    (tmp_path / "a" / "photo").write_bytes(b"12345")
    status, told = ask(tmp_path)
    assert (status, "too many photos are kept" in told) == (503, True)
    assert ask(tmp_path, "/queue/join")[0] == 200  # what is there is still answered


def test_only_so_many_photos_arrive_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "UPLOADS_AT_ONCE", 2)
    statuses = []

    async def all_at_once():
        release = asyncio.Event()

        async def slow(scope, receive, send):
            await release.wait()
            await echo(scope, receive, send)

        guard = Guard(slow, tmp_path)
        scope = {"type": "http", "method": "POST", "path": "/upload"}
        scope["headers"] = [(b"host", b"localhost")]

        async def receive():
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message):
            statuses.extend([message["status"]] if "status" in message else [])

        asked = [asyncio.create_task(guard(dict(scope), receive, send)) for _ in range(3)]
        await asyncio.sleep(0.05)
        assert statuses == [503]
        release.set()
        await asyncio.gather(*asked)
        await guard(dict(scope), receive, send)

    asyncio.run(all_at_once())
    assert statuses == [503, 200, 200, 200]


def test_a_page_of_this_computer_has_its_names_and_those_that_are_given(tmp_path):
    assert set(hosts_of("localhost", ["Photos.example"])) == {*LOOPBACK, "Photos.example"}
    assert hosts_of("0.0.0.0") is None
    assert hosts_of("192.0.2.7", ["photos.example"]) is None
    allowed = hosts_of("127.0.0.1", ["Photos.example"])
    for host, status in (("photos.example", 200), ("127.0.0.1", 200), ("other.example", 403)):
        assert ask(tmp_path, host=host, hosts=allowed)[0] == status


def test_a_websocket_is_closed(tmp_path):
    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(Guard(echo, tmp_path)({"type": "websocket"}, None, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]
