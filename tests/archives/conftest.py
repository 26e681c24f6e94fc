"""Pictures for workers that die, and a web server."""

import functools
import http.server
import socket
import threading

import archive_sets as sets
import cv2
import numpy as np
import pytest
from annotate_fakes import annotate


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A folder of 40 small pictures, and what is in it."""
    folder = tmp_path_factory.mktemp("many")
    for i in range(40):
        noise = np.random.default_rng(i).integers(0, 256, (20, 30, 3), np.uint8)
        assert cv2.imwrite(str(folder / f"{i:02d}.png"), noise)
    out = tmp_path_factory.mktemp("whole")
    annotate([folder], out)
    return folder, sets.rows_of(out)


@pytest.fixture
def with_black(tmp_path):
    """A folder of 9 pictures of which the middle one is black, at which workers die."""
    for i in range(9):
        noise = np.random.default_rng(i).integers(0, 256, (20, 30, 3), np.uint8)
        assert cv2.imwrite(str(tmp_path / f"{i}.png"), noise * (i != 4))
    return tmp_path


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Gives files whatever the query is; of paths with `busy` in them it says that it is."""

    def do_GET(self):
        if "busy" in self.path:
            self.send_error(503)
        else:
            super().do_GET()

    def do_HEAD(self):
        if "busy" in self.path:
            self.send_error(503)
        else:
            super().do_HEAD()

    def log_message(self, *arguments):
        pass


class _ServerOf6(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6


@pytest.fixture(params=["127.0.0.1", "::1"])
def site(request, tmp_path):
    """A folder, and its URL."""
    pytest.importorskip("fsspec", reason="fsspec is not installed (the extra cloud)")
    pytest.importorskip("aiohttp", reason="aiohttp is not installed (the extra cloud)")
    host, folder = request.param, tmp_path / "site"
    folder.mkdir()
    kind = _ServerOf6 if ":" in host else http.server.ThreadingHTTPServer
    try:
        server = kind((host, 0), functools.partial(_Handler, directory=str(folder)))
    except OSError:
        pytest.skip(f"this machine has no {host}")
    with server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        named = f"[{host}]" if ":" in host else host
        yield folder, f"http://{named}:{server.server_port}"
        server.shutdown()
