"""Any head detector by name or file."""

from pathlib import Path

DETECTOR_HELP = "a .keras detector, a YuNet .onnx face detector, viola-jones or viola-jones-turned"


def load_detector(name: str | Path, size: int | None = None):
    """Loads what `name` says: see `DETECTOR_HELP`.

    All have `detect(pictures, confidence=None) -> [(boxes, scores)]` and a default
    `confidence`.

    Args:
        name: A file or a name.
        size: Long side in pixels at which pictures are searched; None takes the
            detector's own. SSD512 has only one.

    Raises:
        Failure: If the file is missing, damaged or of another kind.
    """
    sized = {} if size is None else {"size": size}
    if str(name) in ("viola-jones", "viola-jones-turned"):
        from headpose.viola_jones import ViolaJones

        return ViolaJones(turned=str(name).endswith("turned"), **sized)
    if Path(name).suffix.lower() == ".onnx":
        from headpose.yunet import YuNet

        return YuNet(name, **sized)
    from headpose.detector import HeadDetector

    return HeadDetector.load(name, **sized)
