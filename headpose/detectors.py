"""Any head detector by name or file."""

from pathlib import Path

DETECTOR_HELP = (
    "a .keras or exported detector, a YuNet .onnx face detector, viola-jones or viola-jones-turned"
)
VIOLA_JONES = ("viola-jones", "viola-jones-turned")


def load_detector(name: str | Path, size: int | None = None, runtime=None):
    """Loads what `name` says: see `DETECTOR_HELP`.

    All have `detect(pictures, confidence=None) -> [(boxes, scores)]` and a default
    `confidence`.

    Args:
        name: A file or a name.
        size: Long side in pixels at which pictures are searched; None takes the
            detector's own. SSD512 has only one.
        runtime: For our detectors, see `headpose.model_files.load_network`. OpenCV runs
            the others.

    Raises:
        Failure: If the file is missing, damaged or of another kind.
    """
    sized = {} if size is None else {"size": size}
    if str(name) in VIOLA_JONES:
        from headpose.viola_jones import ViolaJones

        return ViolaJones(turned=str(name).endswith("turned"), **sized)
    if Path(name).suffix.lower() == ".onnx" and _is_of_others(name):
        from headpose.yunet import YuNet

        return YuNet(name, **sized)
    from headpose.detector import HeadDetector

    return HeadDetector.load(name, **sized, runtime=runtime)


def needs_keras(name: str | Path, runtime=None) -> bool:
    """Tells whether Keras will run a detector or an estimator, from its name or file."""
    from headpose.exported import is_exported
    from headpose.runtimes import Runtime
    from headpose.stand_ins import preferred

    runtime = Runtime.of(runtime)
    if str(name) in VIOLA_JONES or runtime.name not in (None, "keras"):
        return False
    saved_model = Path(name).is_dir()  # which TensorFlow runs
    return saved_model or not is_exported(preferred(name, runtime))


def _is_of_others(name: str | Path) -> bool:
    from headpose.exported import read_about

    return not Path(name).is_file() or read_about(name) is None
