"""Exports that are made once and kept."""

import hashlib
import shutil
from xml.sax.saxutils import quoteattr

import pytest

from headpose.export.cache import exported_for
from headpose.models.exported import read_metadata
from headpose.models.shipped import DEFAULT_ESTIMATOR


@pytest.mark.parametrize("left", [b"cut", None])
def test_an_export_whose_weights_were_lost_is_made_anew(cache, tmp_path, monkeypatch, left):
    source, asked = tmp_path / "e.keras", []
    shutil.copy(DEFAULT_ESTIMATOR, source)
    told = read_metadata(DEFAULT_ESTIMATOR.with_suffix(".onnx")).to_json()
    digest = hashlib.sha256(b"w").hexdigest()
    notes = f"<headpose value={quoteattr(told)}/><headpose_weights value='{digest}'/>"

    def export(path, form, target):
        asked.append(form)
        target.write_text(f"<net><rt_info>{notes}</rt_info></net>")
        target.with_suffix(".bin").write_bytes(b"w")

    monkeypatch.setattr("headpose.export.cache.export", export)
    weights = exported_for(source, "openvino").path.with_suffix(".bin")
    assert exported_for(source, "openvino").path.parent == cache
    assert asked == ["openvino"]
    weights.write_bytes(left) if left else weights.unlink()
    exported_for(source, "openvino")
    assert (asked, weights.read_bytes()) == (["openvino"] * 2, b"w")
