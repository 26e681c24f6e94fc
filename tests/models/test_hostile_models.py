"""Model files of strangers in other formats than Keras: refused before they are run."""

import os
import time

import onnx_files
import pytest

from headpose.errors import HeadposeError
from headpose.models.backends import Backend
from headpose.models.exported import read_metadata
from headpose.models.onnx_header import refuse_external_data
from headpose.models.sessions import open_session
from headpose.models.shipped import DEFAULT_DETECTOR, DEFAULT_ESTIMATOR


def external(location: str) -> bytes:
    entry = onnx_files.field(1, "location") + onnx_files.field(2, location)
    return onnx_files.field(14, 1) + onnx_files.field(13, entry)


@pytest.mark.parametrize("deep", [False, True])
def test_weights_in_other_files_are_refused(tmp_path, deep):
    """Also those of a graph in an attribute of a node, and through a hard link."""
    (tmp_path / "secret").write_bytes(b"\0" * 64)
    os.link(tmp_path / "secret", tmp_path / "weights.bin")
    tensor = onnx_files.field(8, "w") + external("weights.bin")
    graph = onnx_files.field(5, tensor)
    if deep:
        attribute = onnx_files.field(5, onnx_files.field(6, graph))
        graph = onnx_files.field(1, attribute)
    path = tmp_path / "m.onnx"
    path.write_bytes(onnx_files.field(1, 7) + onnx_files.field(7, graph))
    with pytest.raises(HeadposeError, match="weights lie in other files"):
        refuse_external_data(path)
    for backend in ("onnxruntime", "opencv", "openvino"):
        with pytest.raises(HeadposeError, match="weights lie in other files"):
            open_session(path, Backend(backend))


def test_what_ships_is_one_file():
    for model in (DEFAULT_DETECTOR, DEFAULT_ESTIMATOR):
        refuse_external_data(model.with_suffix(".onnx"))


def test_graphs_in_graphs_without_end_are_refused(tmp_path):
    graph = b""
    for _ in range(200):
        graph = onnx_files.field(1, onnx_files.field(5, onnx_files.field(6, graph)))
    (tmp_path / "m.onnx").write_bytes(onnx_files.field(7, graph))
    with pytest.raises(HeadposeError, match="not an ONNX file"):
        refuse_external_data(tmp_path / "m.onnx")


@pytest.mark.parametrize("name", ["m.onnx", "m.xml", "m.tflite", "m.keras"])
def test_a_pipe_is_no_model_and_is_not_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / name)
    start = time.monotonic()
    with pytest.raises(HeadposeError, match="no regular file"):
        read_metadata(tmp_path / name)
    with pytest.raises(HeadposeError, match="no such file"):
        refuse_external_data(tmp_path / name)
    assert time.monotonic() - start < 10


def test_entities_that_multiply_and_odd_encodings_are_no_model(tmp_path):
    laughs = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 12))
    for text in (
        f'<!DOCTYPE x [<!ENTITY a0 "ha">{laughs}]><x>&a11;</x>',
        '<?xml version="1.0" encoding="nonsense"?><x/>',
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>',
    ):
        (tmp_path / "m.xml").write_text(text)
        assert read_metadata(tmp_path / "m.xml") is None


def test_a_saved_model_is_a_program_and_asks_for_trust(tmp_path):
    with pytest.raises(HeadposeError, match="--trust-model"):
        open_session(tmp_path, Backend("keras"))
