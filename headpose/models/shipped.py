"""Where the models that ship are: in the installed package, else in the repository."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent
_INSTALLED = _PACKAGE / "shipped_models"  # see pyproject.toml
# Where else files are looked for and put by default: nobody looks inside an installed package.
HOME = Path() if _INSTALLED.is_dir() else _PACKAGE.parent

MODELS = _INSTALLED if _INSTALLED.is_dir() else HOME / "models"
DEFAULT_ESTIMATOR = MODELS / "pose-estimator.keras"
DEFAULT_DETECTOR = MODELS / "head-detector.keras"
