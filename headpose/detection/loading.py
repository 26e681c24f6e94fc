"""Any head detector by name or file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from headpose.models.backends import Backend
from headpose.models.network import network_of
from headpose.models.resolve import ModelSpec, open_model, resolve, resolve_exported
from headpose.models.specs import CLASSIFIER
from headpose.reporting import logger

DETECTOR_HELP = (
    "a .keras or exported detector (or its second stage, for both), a YuNet .onnx face detector, "
    "viola-jones or viola-jones-turned"
)
SMALLEST_SIZE, LARGEST_SIZE = 64, 16_384  # pixels, of the long side to detect at
VIOLA_JONES = ("viola-jones", "viola-jones-turned")


class Detector(Protocol):
    """What finds heads: those that `load_detector` loads, or one of your own.

    Attributes:
        confidence: The default threshold on scores.
    """

    confidence: float

    def detect(
        self, pictures: Sequence[np.ndarray], confidence: float | None = None
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Returns boxes float32 (N, 4), best first, and scores (N,) for each picture."""
        ...


def load_detector(
    name: str | Path | ModelSpec, size: int | None = None, backend: str | Backend | None = None
) -> Detector:
    """Loads what `name` says: see `DETECTOR_HELP`.

    Args:
        name: A file, a name, or what `headpose.models.resolve.resolve` found.
        size: Long side in pixels at which pictures are searched; None takes the
            detector's own. SSD512 has only one.
        backend: For our detectors, see `headpose.models.resolve.resolve`. OpenCV runs
            the others.

    Raises:
        HeadposeError: If the file is missing, damaged or of another kind.
    """
    sized: dict[str, Any] = {} if size is None else {"size": size}
    chosen = Backend.of(backend)
    if str(name) in VIOLA_JONES:
        _warn_of_idle(name, chosen)
        from headpose.detection.viola_jones import ViolaJones

        return ViolaJones(turned=str(name).endswith("turned"), **sized)
    spec: ModelSpec | None
    if isinstance(name, str | Path) and Path(name).suffix.lower() == ".onnx":
        spec = resolve_exported(Path(name), chosen)
        if spec is None:
            _warn_of_idle(name, chosen)
            from headpose.detection.yunet import YuNet

            return YuNet(name, **sized)
    else:
        spec = resolve(name, backend)
    from headpose.detection.head_detector import HeadDetector

    model = open_model(spec)
    if network_of(model, CLASSIFIER) is not None:
        from headpose.detection.second_stage import with_first_stage

        return with_first_stage(model, spec, **sized)
    detector = HeadDetector(model, name=str(name), **sized)
    detector.spec = spec
    return detector


def _warn_of_idle(name: object, backend: Backend) -> None:
    """Tells what is asked for of a detector that is none of ours, and does not happen."""
    if backend.precision in ("bfloat16", "int8"):
        logger.warning("%s: computes as its file says, not in %s", name, backend.precision)
    if backend.name not in (None, "opencv"):
        logger.warning("%s: runs in OpenCV, not in %s", name, backend.name)
    if backend.device == "gpu":
        logger.warning("%s: runs on the processor, not on a GPU", name)
