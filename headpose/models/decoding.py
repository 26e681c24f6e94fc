"""What a network leaves undecoded, decoded with numpy.

For runtimes that do not know the operations, and for eight-bit networks, whose numbers are
too coarse for it. The results are those of `headpose.detection.ssd.DecodeBoxes` and
`headpose.pose.rotation.HeadAngles`.
"""

from collections.abc import Sequence

import numpy as np

from headpose.geometry.angles import direction_angles, turned_further, whole_turn_angles
from headpose.models.specs import DetectorSpec, EstimatorSpec


def decode_boxes(maps: Sequence[np.ndarray], spec: DetectorSpec) -> tuple[np.ndarray, np.ndarray]:
    """Decodes the maps of a detector.

    Args:
        maps: For each level offsets (B, rows, columns, 4 K), then for each level logits
            (B, rows, columns, K or 2 K), the background's first.
        spec: Of the detector.

    Returns:
        Corners float32 (B, N, 4) in pixels of the input, and scores (B, N).
    """
    count = len(spec.levels)
    boxes, logits = [], []
    for (stride, shapes), offsets, scores in zip(
        spec.levels, maps[:count], maps[count:], strict=True
    ):
        batch, rows, columns, _ = offsets.shape
        x = (np.arange(columns, dtype=np.float32) + 0.5) * stride
        y = (np.arange(rows, dtype=np.float32) + 0.5) * stride
        middle = np.stack(np.meshgrid(x, y), axis=-1)[:, :, None]
        extent = np.array(shapes, np.float32)
        offsets = offsets.reshape(batch, rows, columns, len(shapes), 4)
        variances = np.array(spec.variances, np.float32)
        # Liu et al. 2016, eq. 2.
        centre = middle + variances[:2] * offsets[..., :2] * extent
        half = np.exp(variances[2:] * offsets[..., 2:]) * extent / 2
        boxes.append(np.concatenate([centre - half, centre + half], axis=-1).reshape(batch, -1, 4))
        scores = scores.reshape(batch, rows * columns * len(shapes), -1)
        logits.append(scores[..., 0] if scores.shape[-1] == 1 else scores[..., 1] - scores[..., 0])
    return np.concatenate(boxes, axis=1), sigmoid(np.concatenate(logits, axis=1)).astype(np.float32)


def decode_angles(raw: np.ndarray, spec: EstimatorSpec) -> np.ndarray:
    """Decodes the raw outputs (B, 7) of an estimator of rotations to degrees (B, 6)."""
    if spec.rotation is None:
        raise ValueError("this estimator answers with angles, which need no decoding")
    scale, min_error, error_scale = spec.rotation
    raw = np.asarray(raw, np.float64)
    x = _unit(scale * raw[:, :3] + [1.0, 0.0, 0.0])
    y = scale * raw[:, 3:6] + [0.0, 1.0, 0.0]
    y = _unit(y - (x * y).sum(axis=1, keepdims=True) * x)
    matrices = np.stack([x, y, np.cross(x, y)], axis=2)
    if spec.profile_turn:
        matrices = turned_further(matrices, spec.profile_turn)
    return np.column_stack(
        [
            whole_turn_angles(matrices),
            direction_angles(matrices[:, :, 2]),
            min_error + error_scale * np.logaddexp(0, raw[:, 6]),
        ]
    ).astype(np.float32)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.sqrt(np.maximum((vectors**2).sum(axis=1, keepdims=True), 1e-8))


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Returns 1 / (1 + exp(-x)) of logits of any shape, which overflows nowhere."""
    return 0.5 + 0.5 * np.tanh(logits / 2)
