"""Any head detector by name or file."""

from pathlib import Path

DETECTOR_HELP = (
    "a .keras or exported detector, a YuNet .onnx face detector, viola-jones or viola-jones-turned"
)
VIOLA_JONES = ("viola-jones", "viola-jones-turned")


def load_detector(name: str | Path, size: int | None = None, backend=None):
    """Loads what `name` says: see `DETECTOR_HELP`.

    All have `detect(pictures, confidence=None) -> [(boxes, scores)]` and a default
    `confidence`.

    Args:
        name: A file or a name.
        size: Long side in pixels at which pictures are searched; None takes the
            detector's own. SSD512 has only one.
        backend: For our detectors, see `headpose.models.resolve.resolve`. OpenCV runs
            the others.

    Raises:
        HeadposeError: If the file is missing, damaged or of another kind.
    """
    sized = {} if size is None else {"size": size}
    if str(name) in VIOLA_JONES:
        from headpose.detection.viola_jones import ViolaJones

        return ViolaJones(turned=str(name).endswith("turned"), **sized)
    if Path(name).suffix.lower() == ".onnx" and _is_of_others(name):
        from headpose.detection.yunet import YuNet

        return YuNet(name, **sized)
    from headpose.detection.head_detector import HeadDetector

    return HeadDetector.load(name, **sized, backend=backend)


def _is_of_others(name: str | Path) -> bool:
    from headpose.models.exported import read_metadata

    return not Path(name).is_file() or read_metadata(name) is None
