"""Estimators of any make by name or file, and what they all tell of the same heads."""

import dataclasses
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from headpose.baselines.deepgaze_files import find_checkpoints
from headpose.baselines.heads import FACE, HEAD, ComparedHeads, CropRecipe, cut_crops
from headpose.baselines.registry import CONVENTIONS, PeerEstimator
from headpose.datasets.label_tables import Problems
from headpose.errors import HeadposeError
from headpose.models.exported import SUFFIXES as EXPORTED
from headpose.models.formats import SAVED_MODEL
from headpose.models.keras_setup import start_keras
from headpose.models.shipped import ESTIMATORS, FAST, HOME, LARGE, OURS
from headpose.pose import metrics as pm
from headpose.pose.estimator import PoseEstimator

PEERS = HOME / "comparison" / "models"  # where files of peers are looked for
DEEPGAZE, MEDIAPIPE = "deepgaze", "mediapipe"
NAMES = (OURS, FAST, LARGE, DEEPGAZE, MEDIAPIPE, *CONVENTIONS)
KERAS = (".keras", ".h5", ".hdf5")
FILES = (*KERAS, *EXPORTED)
ESTIMATOR_HELP = (
    f"{OURS} (the one that ships), {FAST} (the same, asked once), {LARGE} (with a second network), "
    f"a .keras, exported or published .h5 file, or one of {', '.join(NAMES[3:])}; =FOLDER or "
    "=FILE[,FILE] after such a name says where its files are, if not in comparison/models; "
    "several are averaged"
)

Loader = Callable[[str | Path], PoseEstimator]  # opens a file of ours


@dataclasses.dataclass(frozen=True)
class Compared:
    """An estimator in a comparison.

    Attributes:
        name: As it is shown.
        estimator: With `estimate_all(crops)`, giving tilt, pan and perhaps more (N, K).
        recipe: How its crops are cut.
        remark: What a reader of its figures must know; empty if nothing.
    """

    name: str
    estimator: Any
    recipe: CropRecipe
    remark: str = ""


def load_all(
    texts: Sequence[str], backend: str = "auto", load: Loader | None = None
) -> list[Compared]:
    """Loads estimators and gives each a name of its own; see `load_compared`."""
    loaded = [load_compared(text, backend, load) for text in texts]
    names = [c.name for c in loaded]
    return [
        dataclasses.replace(c, name=text) if names.count(c.name) > 1 else c
        for c, text in zip(loaded, texts, strict=True)
    ]


def load_compared(text: str, backend: str = "auto", load: Loader | None = None) -> Compared:
    """Loads an estimator; see `ESTIMATOR_HELP`.

    Args:
        text: What the command line says.
        backend: For peers' ONNX files, see `headpose.baselines.onnx_networks.BACKENDS`.
        load: Opens a file of ours; None takes `PoseEstimator.load`.

    Raises:
        HeadposeError: If the name is unknown, or a file is missing or does not fit.
    """
    files = files_of(text)
    name, _, given = text.partition("=")
    if name == DEEPGAZE:
        return _of_deepgaze(files[0], f"{name} ({files[0].stem})" if given else name)
    if name == MEDIAPIPE:
        from headpose.baselines.face_mesh import FaceMesh

        face_mesh = FaceMesh(files[0] if files else None)
        return Compared(name, face_mesh, _recipe(face_mesh, HEAD))
    if name in CONVENTIONS:
        return _of_peer(name, files, backend)
    return _of_file(text, files[0], load)


def is_peer(text: str) -> bool:
    """Tells whether a text of `ESTIMATOR_HELP` names an estimator that is none of ours."""
    return text.partition("=")[0] in (DEEPGAZE, MEDIAPIPE, *CONVENTIONS)


def check_compared(texts: Sequence[str]) -> None:
    """Makes sure that estimators' files are there, before anything slow is imported.

    Raises:
        HeadposeError: As `load_compared` does for what is missing.
    """
    for path in (path for text in texts for path in files_of(text)):
        if not os.path.exists(path):  # noqa: PTH110 - pathlib raises for names that are too long
            raise HeadposeError(f"{path}: no such model file; name an existing one")


def files_of(text: str) -> list[Path]:
    """Returns where an estimator is, without opening it; see `ESTIMATOR_HELP`.

    Args:
        text: What the command line says.

    Returns:
        Its files, or the folder of deepgaze's checkpoints or of MediaPipe's network; nothing
        for the network in the package mediapipe.

    Raises:
        HeadposeError: If the name is unknown, or there can be no such estimator.
    """
    if text in ESTIMATORS:
        return [ESTIMATORS[text]]
    name, _, given = text.partition("=")
    # A file that exists by the whole name may have commas in it.
    whole = bool(given) and os.path.exists(given)  # noqa: PTH110
    files = [Path(given)] if whole else [Path(f) for f in given.split(",") if f]
    if name == DEEPGAZE:
        return [_deepgaze_place(files)]
    if name == MEDIAPIPE:
        if len(files) > 1:
            raise HeadposeError(f"{MEDIAPIPE}: name one wheel, .tflite file or folder")
        home = PEERS / MEDIAPIPE
        return files or ([home] if home.is_dir() else [])
    if name in CONVENTIONS:
        home = PEERS / name
        if found := files or sorted(home.glob("*.onnx")):
            return found
        raise HeadposeError(
            f"{home}: no .onnx file there; see comparison/README.md for where to get it, "
            f"or name it with {name}=FILE"
        )
    if is_model(text):
        return [Path(text)]
    known = ", ".join(NAMES)
    raise HeadposeError(f"{text}: no such estimator; name a model file or one of {known}")


def is_model(text: str) -> bool:
    """Tells whether a text names a file of ours, or a folder that TensorFlow exported."""
    saved = os.path.join(text, SAVED_MODEL)  # noqa: PTH118
    return Path(text).suffix.lower() in FILES or os.path.isfile(saved)  # noqa: PTH113


def _deepgaze_place(files: list[Path]) -> Path:
    """Returns deepgaze's folder of checkpoints, or the .keras file that was made of them."""
    if len(files) > 1:
        raise HeadposeError(
            f"{DEEPGAZE}: name one folder with deepgaze's checkpoints, or one .keras file"
        )
    place = files[0] if files else PEERS
    if place.suffix.lower() == ".keras":
        return place
    if not place.is_dir():
        raise HeadposeError(
            f"{place}: no such folder; put deepgaze's checkpoints there, "
            "see comparison/README.md, or name their folder with deepgaze=FOLDER"
        )
    find_checkpoints(place)
    return place


def _of_file(name: str, path: str | Path, load: Loader | None = None) -> Compared:
    # Only a Keras file may be deepgaze's, whose layer must be known before it is loaded.
    # What else there is needs no Keras, which takes its time to import.
    perhaps = Path(path) not in ESTIMATORS.values() and Path(path).suffix.lower() in KERAS
    if perhaps:
        start_keras()  # before the next line imports it, loudly
        from headpose.baselines.deepgaze import is_deepgaze

    estimator = (load or PoseEstimator.load)(path)
    # deepgaze crops the face that the cascades find, all others the head.
    box = FACE if perhaps and is_deepgaze(estimator.model) else HEAD
    return Compared(name, estimator, _recipe(estimator, box))


def _of_deepgaze(place: Path, name: str) -> Compared:
    from headpose.baselines.deepgaze import load_deepgaze

    if place.suffix.lower() == ".keras":
        return _of_file(name, place)
    estimator = PoseEstimator(load_deepgaze(place), str(place))
    return Compared(name, estimator, _recipe(estimator, FACE))


def _of_peer(name: str, files: list[Path], backend: str) -> Compared:
    convention = CONVENTIONS[name]
    estimator = PeerEstimator(convention, files, backend)
    remark = "" if convention.tried else "its conventions were never tried on its files"
    return Compared(name, estimator, _recipe(estimator, HEAD), remark)


def _recipe(estimator, box: str) -> CropRecipe:
    return CropRecipe(estimator.size, estimator.side, estimator.margin, estimator.grey, box)


@dataclasses.dataclass(frozen=True)
class Predictions:
    """What estimators tell of heads.

    Attributes:
        rows: (M,) the heads whose pictures could be read.
        angles: For each case float32 (M, K): tilt, pan and perhaps more, degrees.
        milliseconds: For each case, of one head; cutting the crop is not counted.
    """

    rows: np.ndarray
    angles: list[np.ndarray]
    milliseconds: list[float]


@dataclasses.dataclass(frozen=True)
class Case:
    """One way to ask an estimator.

    Attributes:
        estimator: See `Compared`.
        recipe: How its crops are cut.
        swapped: Whether the channels are given in the other order.
    """

    estimator: Any
    recipe: CropRecipe
    swapped: bool = False


def ask(heads: ComparedHeads, cases: Sequence[Case], problems: Problems) -> Predictions:
    """Asks estimators about the same heads, a few hundred at a time.

    Args:
        heads: The heads.
        cases: Whom to ask, and how.
        problems: Gets the heads that are left out.

    Raises:
        HeadposeError: If no head is left.
    """
    rows: list[np.ndarray] = []
    told: list[list[np.ndarray]] = [[] for _ in cases]
    seconds = np.zeros(len(cases))
    recipes = list(dict.fromkeys(case.recipe for case in cases))
    for chosen, by_recipe in cut_crops(heads, recipes, problems):
        for i, case in enumerate(cases):
            crops = by_recipe[recipes.index(case.recipe)]
            crops = crops[..., ::-1] if case.swapped else crops
            if not len(chosen):
                continue
            if not rows:
                case.estimator.estimate_all(crops)  # compiles
            start = time.perf_counter()
            told[i].append(case.estimator.estimate_all(crops))
            seconds[i] += time.perf_counter() - start
        if len(chosen):
            rows.append(chosen)
    if not rows:
        raise HeadposeError(f"no head is left to compare on: {'; '.join(problems.lines())}")
    everything = np.concatenate(rows)
    # Back to the order of the heads: pictures may hold several that are not neighbours.
    order = np.argsort(everything, kind="stable")
    return Predictions(
        everything[order],
        [np.concatenate(parts)[order] for parts in told],
        list(seconds / len(everything) * 1e3),
    )


def figures(predicted: np.ndarray, truth: np.ndarray) -> dict:
    """Returns the error figures of one estimator.

    Args:
        predicted: (N, K), tilt, pan and perhaps more, degrees.
        truth: (N, 3), degrees.

    Returns:
        `errors`, see `headpose.pose.metrics.error_table`; and `median` and `90th
        percentile` of the heads' errors, each the mean of its tilt's and its pan's, or
        its pan's alone where the table leaves tilt out.
    """
    both = np.nanmean(pm.unlocked_errors(predicted, truth)[:, :2], axis=1)
    return {
        "errors": pm.error_table(predicted, truth),
        "median": float(np.median(both)),
        "90th percentile": float(np.percentile(both, 90)),
    }
