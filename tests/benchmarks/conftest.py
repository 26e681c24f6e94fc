"""What tests of benchmarks share."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def small(tmp_path_factory) -> tuple[Path, Path]:
    """A detector and an estimator; with ONNX files beside them where these can be made."""
    from small_models import (
        CAN_EXPORT_ONNX,
        exported,
        saved,
        small_detector,
        small_estimator,
    )

    folder = tmp_path_factory.mktemp("small")
    files = (
        saved(small_detector(), folder / "detector.keras"),
        saved(small_estimator(6), folder / "estimator.keras"),
    )
    for file in files if CAN_EXPORT_ONNX else ():
        exported(file, "onnx")
    return files
