"""The models that ship: in the installed package, else in the repository."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from headpose.errors import HeadposeError, reason
from headpose.files import check_readable, sha256

T = TypeVar("T")

_PACKAGE = Path(__file__).resolve().parent.parent
_INSTALLED = _PACKAGE / "shipped_models"  # see pyproject.toml
# Where else files are looked for and put by default: nobody looks inside an installed package.
HOME = Path() if _INSTALLED.is_dir() else _PACKAGE.parent

MODELS = _INSTALLED if _INSTALLED.is_dir() else HOME / "models"
DEFAULT_ESTIMATOR = MODELS / "pose-estimator.keras"
FAST_ESTIMATOR = MODELS / "pose-estimator-fast.keras"
LARGE_ESTIMATOR = MODELS / "pose-estimator-large.keras"
DEFAULT_DETECTOR = MODELS / "head-detector.keras"  # SINGLE_STAGE, the first stage of OURS
FAST_DETECTOR = MODELS / "head-detector-fast.keras"
CLASSIFIER_FILE = MODELS / "head-classifier.keras"
# What commands and `headpose.load_pipeline` call them, in whichever folder they are run.
OURS, FAST, LARGE, SINGLE_STAGE = "ours", "fast", "large", "single-stage"
DETECTORS = {OURS: CLASSIFIER_FILE, SINGLE_STAGE: DEFAULT_DETECTOR, FAST: FAST_DETECTOR}
FIRST_STAGES = DETECTORS | {OURS: DEFAULT_DETECTOR}  # to train from
ESTIMATORS = {OURS: DEFAULT_ESTIMATOR, FAST: FAST_ESTIMATOR, LARGE: LARGE_ESTIMATOR}
SUMS = "SHA256SUMS"  # written by `sha256sum *.keras *.onnx` in the folder of models
OK, DIFFERS, MISSING = "as shipped", "differs from what ships", "missing"
UNREADABLE = "cannot be read: "


def named_model(model: T, named: Mapping[str, Path]) -> T | str:
    """Returns the file of a model that ships, if its name was given, else what was given.

    Args:
        model: A name, a file, or what was resolved already.
        named: `DETECTORS` or `ESTIMATORS`.
    """
    return str(named.get(str(model), model)) if isinstance(model, str | Path) else model


def check_shipped(folder: Path = MODELS) -> dict[str, str]:
    """Compares the models that ship with their SHA-256.

    Args:
        folder: Where they are, with `SUMS`.

    Returns:
        `OK`, `DIFFERS`, `MISSING` or why it cannot be read, by the name of each file; nothing
        where `SUMS` is missing.

    Raises:
        HeadposeError: If `SUMS` cannot be read, or is no list of digests.
    """
    try:
        lines = (folder / SUMS).read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise HeadposeError(f"{folder / SUMS}: cannot be read ({error})") from error
    named = [re.fullmatch(r"([0-9a-f]{64})  (\S+)", line) for line in lines]
    if not named or None in named:
        raise HeadposeError(f"{folder / SUMS}: no list of digests, or a damaged one")
    return {found[2]: _compared(folder / found[2], found[1]) for found in named if found}


def _compared(file: Path, wanted: str) -> str:
    """Tells how a file is that should have a digest."""
    try:
        check_readable(file)  # a pipe would be waited for
        return OK if sha256(file) == wanted else DIFFERS
    except FileNotFoundError:
        return MISSING
    except HeadposeError:
        return f"{UNREADABLE}no regular file"
    except OSError as error:
        return f"{UNREADABLE}{reason(error)}"
