"""The web page's command line."""

import socket
from pathlib import Path

import pytest
from web_requests import needs_gradio

from headpose.models.shipped import DEFAULT_DETECTOR


def hidden(folder: Path, **modules: str) -> dict:
    """Puts stand-ins in the place of modules; returns the environment in which they count."""
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text)
    return {"PYTHONPATH": str(folder)}


def test_help_and_bad_options_answer_at_once(run_fresh, tmp_path):
    stop = "raise SystemExit('imported')"
    environment = hidden(tmp_path, tensorflow=stop, keras=stop, gradio=stop, onnxruntime=stop)
    done = run_fresh("web", "--help", **environment)
    assert done.status == 0, done.err
    assert "usage: headpose web" in done.out
    assert "share" not in done.out
    for wrong in (["--port", "70000"], ["--confidence", "7"], ["--draw", "hat"], ["photo.jpg"]):
        done = run_fresh("web", *wrong, **environment)
        assert done.status == 2
        assert "imported" not in done.err


def test_a_missing_gradio_is_told(run_fresh, tmp_path):
    missing = hidden(tmp_path, gradio="raise ModuleNotFoundError(\"No module named 'gradio'\")")
    done = run_fresh("web", "--port", "0", **missing)
    assert done.status == 1
    (line,) = done.err.splitlines()
    assert "headpose-toolkit[web]" in line


def test_a_taken_port_is_told_at_once(run_fresh, tmp_path):
    stop = "raise SystemExit('imported')"
    environment = hidden(tmp_path, tensorflow=stop, keras=stop, gradio=stop, onnxruntime=stop)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run_fresh("web", "--port", port, **environment)
    assert done.status == 1
    (line,) = done.err.splitlines()
    assert f"cannot serve on 127.0.0.1 port {port}: address already in use; choose" in line


@needs_gradio
@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--host", "no-such-host.invalid"], "cannot serve on no-such-host.invalid port"),
        (["--host", "192.0.2.7"], "cannot serve on 192.0.2.7 port"),  # of no machine, RFC 5737
        (["--port", "0", "--estimator", DEFAULT_DETECTOR], "not a pose estimator"),
        (["--port", "0", "--estimator", "nowhere.onnx"], "no such model file"),
    ],
)
def test_bad_options_are_told_in_a_line(run_script, given, told):
    done = run_script("web", *given, "--device", "cpu")
    assert done.status == 1
    assert told in done.err
    assert len(done.err.splitlines()) == 1
