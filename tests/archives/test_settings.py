"""What the rows of an archive depend on, beside the options as they were given."""

import pytest

from headpose.cli import annotate
from headpose.errors import HeadposeError
from headpose.models import backends
from headpose.models.shipped import FAST_ESTIMATOR


def settings(*options: str) -> dict:
    return annotate.settings_of(annotate.options().parse_args(["x", "--output", "o", *options]))


def names(found: dict) -> list[str]:
    return [found[name].split()[0] for name in ("detector", "estimator")]


def test_eight_bit_files_count_where_they_are_run(monkeypatch):
    """Rows of machines that are fast at eight bits and of others are not mixed."""
    monkeypatch.setattr(backends, "onnxruntime_has_gpu", lambda: False)
    monkeypatch.setattr(backends, "cpu_flags", lambda: frozenset({"avx512_vnni"}))
    fast = settings("--precision", "auto")
    assert names(fast) == ["head-classifier-int8.onnx", "pose-estimator-int8.onnx"]
    assert names(settings("--precision", "auto", "--device", "gpu")) != names(fast)
    assert names(settings()) == ["head-classifier.keras", "pose-estimator.keras"]
    monkeypatch.setattr(backends, "cpu_flags", lambda: frozenset({"avx2"}))
    assert names(settings("--precision", "auto")) == names(settings())
    assert names(settings("--precision", "int8")) == names(fast)


def test_a_model_without_an_eight_bit_file_is_told_before_the_work(tmp_path):
    model = tmp_path / "e.keras"
    model.write_bytes(FAST_ESTIMATOR.read_bytes())
    with pytest.raises(HeadposeError, match="no eight-bit file beside it"):
        settings("--precision", "int8", "--estimator", str(model))
