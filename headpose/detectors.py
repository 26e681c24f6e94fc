"""Any head detector by name or file."""

from pathlib import Path

DETECTOR_HELP = "a .keras detector, a YuNet .onnx face detector, or viola-jones"


def load_detector(name: str | Path, size: int = 512):
    """Loads what `name` says: see `DETECTOR_HELP`.

    All have `detect(pictures, confidence=None) -> [(boxes, scores)]` and a default
    `confidence`.

    Raises:
        Failure: If the file is missing, damaged or of another kind.
    """
    if str(name) == "viola-jones":
        from headpose.viola_jones import ViolaJones

        return ViolaJones()
    if Path(name).suffix.lower() == ".onnx":
        from headpose.yunet import YuNet

        return YuNet(name)
    from headpose.detector import HeadDetector

    return HeadDetector.load(name, size)
