"""What the web page is asked for, and who asks: a server in a process of its own, and a client."""

import contextlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from headpose.web.answers import Settings

ALL = Settings(0.1)
ROOT = Path(__file__).resolve().parent.parent
needs_gradio = pytest.mark.skipif(
    not importlib.util.find_spec("gradio"), reason="Gradio is not installed (the extra web)"
)


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
