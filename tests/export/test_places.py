"""Where exports go: links are followed, pipes and folders refused before any work."""

import os
from pathlib import Path

import pytest

from headpose.errors import HeadposeError
from headpose.export import exporter
from headpose.models.specs import EstimatorSpec


class Stub:
    """Writes a few bytes in the place of a model."""

    def __init__(self, monkeypatch):
        replaced = {
            "set_up": lambda *_: None,
            "_check_backend": lambda: None,
            "load_keras": lambda _: None,
            "spec_of": lambda _: EstimatorSpec(64, 3, 6),
            "digest": lambda _: "0" * 64,
            "_chosen_samples": lambda *_: ([], []),
            "_inputs": lambda *_: None,
            "_write": lambda *given: given[3].write_bytes(b"new"),
            "open_exported": lambda *_: None,
            "network_of": lambda *_: "a network",
            "differences": lambda *_: [],
        }
        for name, value in replaced.items():
            monkeypatch.setattr(exporter, name, value)
        monkeypatch.setattr(exporter.importlib.util, "find_spec", lambda _: "installed")


def test_a_link_is_followed(tmp_path, monkeypatch):
    Stub(monkeypatch)
    (tmp_path / "far").mkdir()
    kept, link = tmp_path / "far" / "model.onnx", tmp_path / "link.onnx"
    kept.write_bytes(b"old")
    link.symlink_to(Path("far", "model.onnx"))
    exporter.export(Path("m.keras"), "onnx", link)
    assert kept.read_bytes() == b"new"
    assert link.is_symlink()
    assert [p.name for p in kept.parent.iterdir()] == ["model.onnx"]


@pytest.mark.skipif(os.name != "posix", reason="pipes are Unix'")
def test_a_pipe_is_refused(tmp_path, monkeypatch):
    Stub(monkeypatch)
    os.mkfifo(tmp_path / "pipe.onnx")
    with pytest.raises(HeadposeError, match="no regular file"):
        exporter.export(Path("m.keras"), "onnx", tmp_path / "pipe.onnx")
    assert (tmp_path / "pipe.onnx").is_fifo()


@pytest.mark.parametrize("there", ["file", "folder", "link"])
def test_a_folder_goes_where_nothing_is(tmp_path, monkeypatch, there):
    Stub(monkeypatch)
    place = tmp_path / "model"
    if there == "file":
        place.write_text("mine")
    elif there == "folder":
        place.mkdir()
    else:
        place.symlink_to("nowhere")
    with pytest.raises(HeadposeError, match="exists; remove it or name another"):
        exporter.export(Path("m.keras"), "saved_model", place)
    assert os.path.lexists(place)
    assert there != "file" or place.read_text() == "mine"
