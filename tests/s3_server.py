"""A server of S3 on the loopback interface (moto's), and a door before it that can be shut.

moto wants other versions of packages than `s3fs`: where `moto_server` stands in an environment
of its own (`pip install 'moto[server]'`), HEADPOSE_MOTO_SERVER names it.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

HOST = "127.0.0.1"
STARTS_WITHIN = 60.0  # seconds


def program() -> str | None:
    """Returns the program that serves; None where there is none."""
    return os.environ.get("HEADPOSE_MOTO_SERVER") or shutil.which("moto_server")


@contextlib.contextmanager
def serving(log: Path) -> Iterator[int]:
    """Serves S3 while the block runs; gives the port."""
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    command = [str(program()), "-H", HOST, "-p", str(port)]
    with (
        log.open("w") as told,
        subprocess.Popen(command, stdout=told, stderr=subprocess.STDOUT) as process,
    ):
        try:
            deadline = time.monotonic() + STARTS_WITHIN
            while not _answers(port):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
            yield port
        finally:
            process.kill()


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), 1):
        return True
    return False


def take_keys(port: int, of: str) -> None:
    """Has the server take the keys of anybody, as moto does by itself, or of nobody."""
    count = {"anybody": b"Infinity", "nobody": b"0"}[of]
    place, kind = f"http://{HOST}:{port}/moto-api/reset-auth", {"Content-Type": "text/plain"}
    urllib.request.urlopen(urllib.request.Request(place, count, kind)).close()


class Door:
    """A port through which another is reached, until the door is shut.

    Args:
        target: The other port.

    Attributes:
        port: Its own.
        shuts_after: A text and how many requests with it in their first line are let through
            before it shuts; None: none shuts it.
    """

    def __init__(self, target: int):
        self._target = target
        self._listener = socket.create_server((HOST, 0))
        self.port = self._listener.getsockname()[1]
        self.shuts_after: tuple[bytes, int] | None = None
        self._shut = False
        threading.Thread(target=self._serve, daemon=True).start()

    def open(self) -> None:
        """Lets all through from now on."""
        self.shuts_after, self._shut = None, False

    def close(self) -> None:
        """Ends it."""
        self._shut = True
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                caller, _ = self._listener.accept()
                if self._shut:
                    caller.close()
                    continue
                server = socket.create_connection((HOST, self._target))
                for way in ((caller, server, True), (server, caller, False)):
                    threading.Thread(target=self._pass, args=way, daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, asks: bool) -> None:
        with contextlib.suppress(OSError), source, target:
            while data := source.recv(1 << 16):
                if asks:
                    self._count(data.partition(b"\r\n")[0])
                if self._shut:
                    return
                target.sendall(data)

    def _count(self, line: bytes) -> None:
        if self.shuts_after and self.shuts_after[0] in line:
            text, left = self.shuts_after
            self._shut, self.shuts_after = left == 0, (text, left - 1)
