"""Finds human heads in pictures and says where each one is turned.

    from headpose import load_pipeline, read_image

    pipeline = load_pipeline()
    for head in pipeline(read_image("photo.jpg")):
        print(head.box, head.tilt, head.pan, head.expected_error)

Names are imported when they are first used, so that `import headpose` is quick.
"""

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

# ONNX Runtime (from 1.32) and OpenVINO report each use to their makers over the network. Nothing
# is sent from here: the former knows this variable, the latter does without what is missing.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

if TYPE_CHECKING:
    from headpose.detection.head_detector import HeadDetector
    from headpose.errors import HeadposeError, PictureError
    from headpose.images.drawing import draw_heads
    from headpose.images.pictures import read_image
    from headpose.pipeline import Head, HeadPosePipeline, load_pipeline
    from headpose.pose.estimator import PoseEstimator
    from headpose.records.dataframe import to_dataframe

_PLACES = {
    "Head": "pipeline",
    "HeadDetector": "detection.head_detector",
    "HeadPosePipeline": "pipeline",
    "HeadposeError": "errors",
    "PictureError": "errors",
    "PoseEstimator": "pose.estimator",
    "draw_heads": "images.drawing",
    "load_pipeline": "pipeline",
    "read_image": "images.pictures",
    "to_dataframe": "records.dataframe",
}

__all__ = [
    "Head",
    "HeadDetector",
    "HeadPosePipeline",
    "HeadposeError",
    "PictureError",
    "PoseEstimator",
    "draw_heads",
    "load_pipeline",
    "read_image",
    "to_dataframe",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        value = getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
    except ImportError as error:
        from headpose.errors import missing_package

        if missing := missing_package(error):
            raise missing from error
        raise
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_PLACES])
