"""Looks at weight files of published networks: what they hold, and what they tell of a sample."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from headpose.baselines.deepgaze_files import find_checkpoints
from headpose.baselines.predictors import DEEPGAZE, NAMES, Compared, files_of, load_compared
from headpose.convert import keras2_weights
from headpose.datasets.pose_data import SAME_HEAD_IOU
from headpose.errors import HeadposeError
from headpose.files import check_readable, is_hdf5
from headpose.geometry.convention_math import ANGLES
from headpose.images.pictures import read_image, sample_portrait

# Where the shipped detector finds the head in the sample portrait, to ten pixels.
SAMPLE_HEAD = (160.0, 90.0, 370.0, 350.0)
SAMPLE_CONFIDENCE = 0.3  # lower than the published threshold: any find that is right counts
# The published estimator: a kernel and a bias a layer, 6/32/1/512 (Berral-Soler et al. 2020).
_KERNELS = [
    (3, 3, i, o)
    for i, o in zip((1, 32, 64, 128, 256, 512), (32, 64, 128, 256, 512, 1024), strict=True)
]
PUBLISHED_SHAPES = [s for k in [*_KERNELS, (1024, 512), (512, 2)] for s in (k, k[-1:])]


@dataclasses.dataclass(frozen=True)
class Found:
    """What was found in one file or folder.

    Attributes:
        name: What was looked at, as it was named.
        lines: What to tell, in order.
        shapes: The tensors' names and shapes, a line each.
        runs: Whether all weights have their places, and the sample's answer is sensible.
    """

    name: str
    lines: tuple[str, ...]
    shapes: tuple[str, ...]
    runs: bool


def look_at(text: str) -> Found:
    """Opens weights, tells their sizes and shapes, and asks the network about the sample.

    Args:
        text: An estimator as `headpose.baselines.predictors.load_compared` takes it, a folder
            with deepgaze's checkpoints, or SSD512's `.mat` or Keras 2 `.h5`.
    """
    lines: list[str] = []
    shapes: list[str] = []
    try:
        runs = _look(text, lines.append, shapes)
    except HeadposeError as error:
        lines.append(str(error))
        runs = False
    return Found(text, tuple(lines), tuple(shapes), runs)


def _look(text: str, tell: Callable[[str], None], shapes: list[str]) -> bool:
    files = named_files(text)
    for path in files:
        for file in weight_files(path):
            tell(f"{file}: {file.stat().st_size:,} bytes")
    if is_ssd512(files[0]):
        return _look_at_detector(files[0], tell, shapes)
    asked = f"{DEEPGAZE}={text}" if Path(text).is_dir() and text not in NAMES else text
    return _look_at_estimator(load_compared(asked), tell, shapes)


def named_files(text: str) -> list[Path]:
    """Returns the files or folders that a text names, see `look_at`.

    Raises:
        HeadposeError: If one is missing.
    """
    files = files_of(text) if text.partition("=")[0] in NAMES else [Path(text)]
    for path in files:
        weight_files(path)
    return files


def weight_files(path: Path) -> list[Path]:
    """Returns the files that a path stands for; those of a folder are deepgaze's checkpoints.

    Raises:
        HeadposeError: If there is none.
    """
    if path.is_dir():
        prefixes = find_checkpoints(path).values()
        return [f for p in prefixes for f in sorted(p.parent.glob(f"{p.name}*")) if f.is_file()]
    check_readable(path)
    if not path.is_file():
        raise HeadposeError(f"{path}: no such file or folder")
    return [path]


def is_ssd512(path: Path) -> bool:
    """Tells whether a file is MatConvNet's, or Keras 2's with SSD512's layers."""
    if path.suffix.lower() == ".mat":
        return True
    if path.is_dir() or not is_hdf5(path):
        return False
    from headpose.convert.keras2 import read_weights
    from headpose.convert.ssd512_weights import SHAPES

    return not {layer for layer, _ in SHAPES}.isdisjoint(read_weights(path))


def _look_at_detector(path: Path, tell: Callable[[str], None], shapes: list[str]) -> bool:
    from headpose.convert import matconvnet
    from headpose.convert.ssd512_weights import as_text, lay, read_table
    from headpose.detection.head_detector import HeadDetector
    from headpose.detection.networks import build_ssd512
    from headpose.geometry.boxes import as_boxes, iou

    if is_hdf5(path):
        tensors = keras2_weights.read(path)
    else:
        network = matconvnet.read(path, read_table())
        tensors = network.tensors
        for line in [*matconvnet.differences_from_published(path), *network.remarks]:
            tell(f"not as published: {line}")
    shapes += [f"{t.layer} {t.part}: {as_text(t.array.shape)}" for t in tensors]
    model = build_ssd512()
    lay(model, tensors)
    tell(f"SSD512, all {len(tensors)} tensors in their places, {model.count_params():,} parameters")
    boxes, scores = HeadDetector(model).detect([read_image(sample_portrait())], SAMPLE_CONFIDENCE)[
        0
    ]
    if not len(boxes):
        tell(f"the sample portrait: no head above a score of {SAMPLE_CONFIDENCE}")
        return False
    overlap = iou(boxes[:1], as_boxes([SAMPLE_HEAD]))[0, 0]
    shown = ", ".join(f"{v:.0f}" for v in boxes[0])
    tell(
        f"the sample portrait: head at {shown} (score {scores[0]:.2f}); it shares "
        f"{overlap:.2f} of its area with where the head is"
    )
    return bool(overlap > SAME_HEAD_IOU)


def _look_at_estimator(compared: Compared, tell: Callable[[str], None], shapes: list[str]) -> bool:
    weights = getattr(getattr(compared.estimator, "model", None), "weights", [])
    shapes += [f"{w.path}: {'x'.join(map(str, w.shape))}" for w in weights]
    if weights:
        tell(f"{_named(weights)}, {sum(int(np.prod(w.shape)) for w in weights):,} parameters")
    picture = read_image(sample_portrait())
    crops = compared.recipe.cut(picture, np.array([SAMPLE_HEAD], np.float32))
    angles = compared.estimator.estimate_all(crops)[0]
    if not np.isfinite(angles).all():
        tell("the sample portrait: its angles are no numbers")
        return False
    tell(
        f"the sample portrait: {_degrees(angles)}; the estimator that ships tells {_ours(picture)}"
    )
    return True


def _named(weights: Sequence[Any]) -> str:
    """Says which published network weights belong to, if that can be told."""
    shapes = [tuple(w.shape) for w in weights]
    if shapes == PUBLISHED_SHAPES:
        return "the published 6/32/1/512"
    if any(w.path.startswith("pitch_conv1") for w in weights):
        return "deepgaze's networks"
    return "not the published 6/32/1/512"


def _ours(picture: np.ndarray) -> str:
    ours = load_compared("ours")
    crops = ours.recipe.cut(picture, np.array([SAMPLE_HEAD], np.float32))
    return _degrees(ours.estimator.estimate_all(crops)[0])


def _degrees(angles: np.ndarray) -> str:
    return ", ".join(f"{n} {v:.1f}" for n, v in zip(ANGLES, angles, strict=False)) + " degrees"
