"""Where the models that ship are: in the installed package, else in the repository."""

from pathlib import Path

_INSTALLED = Path(__file__).resolve().parent.parent / "shipped_models"
_REPOSITORY = Path(__file__).resolve().parent.parent.parent / "models"

MODELS = _INSTALLED if _INSTALLED.is_dir() else _REPOSITORY
DEFAULT_ESTIMATOR = MODELS / "pose-estimator.keras"
DEFAULT_DETECTOR = MODELS / "head-detector.keras"
