"""Servers that take a question and say nothing."""

import signal
import socket
import subprocess
import sys
import threading

import pytest

# The command as it is typed, with a server that is waited for as good as for ever.
COMMAND = """
import sys
from headpose.archives import urls
urls.SILENCE = 1e6
from headpose.cli.main import main
sys.argv = ["headpose", "annotate", *sys.argv[1:]]
main()
"""


@pytest.fixture
def silent():
    """The URL of a picture on such a server, and an event that is set once it is asked for."""
    pytest.importorskip("fsspec", reason="fsspec is not installed (the extra cloud)")
    pytest.importorskip("aiohttp", reason="aiohttp is not installed (the extra cloud)")
    asked, kept = threading.Event(), []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen():
            while True:
                try:
                    connection, _ = server.accept()
                    kept.append(connection)
                    if b"GET" in connection.recv(4096):
                        asked.set()
                except OSError:
                    return

        threading.Thread(target=listen, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/a.jpg", asked
        server.shutdown(socket.SHUT_RDWR)
    for connection in kept:
        connection.close()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_sigterm_does_not_wait_for_a_silent_server(silent, tmp_path, workers):
    url, asked = silent
    words = [url, "--output", str(tmp_path / "out"), "--workers", workers]
    started = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *words], stderr=subprocess.PIPE, text=True
    )
    try:
        assert asked.wait(60)
        started.send_signal(signal.SIGTERM)
        _, told = started.communicate(timeout=60)
    finally:
        started.kill()
    assert started.returncode == 128 + signal.SIGTERM
    assert "terminated" in told.splitlines()[-1]
