"""Training examples for pose estimators: labelled heads, moved, turned and spoilt.

Each example is a function of (seed, number) alone, so that training can be taken up
anywhere.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from headpose.datasets.head_sets import HeadSet
from headpose.datasets.rendered_tiles import blend
from headpose.geometry.angles import (
    azimuth_elevation,
    flip,
    nose_directions,
    roll_matrices,
    rotate_in_plane,
    rotation_matrices,
)
from headpose.pose.estimator import MEASURES
from headpose.pose.rotation import AWAY, NOSE, ROTATION
from headpose.training import augmentation as augment
from headpose.training import covers, out_of_plane
from headpose.training.pose_config import Augmentation


class PoseExamples:
    """Draws augmented crops with their angles.

    Sources are drawn by their shares, heads of a source by how rare their pose is.

    Args:
        sources: Labelled heads; their crops tell whether examples are grey or in colour.
        size: Side of the crops, pixels.
        outputs: 2 or 3 angles, or 6 for targets of `headpose.pose.rotation.rotation_loss`.
        augmentation: What may happen to a crop.
        seed: Of all draws.
        balance: 0 draws all heads alike, 1 all pose classes alike.
    """

    def __init__(
        self,
        sources: Sequence[HeadSet],
        size: int,
        outputs: int,
        augmentation: Augmentation,
        seed: int,
        balance: float = 0.5,
    ):
        self._sources = sources
        self._size = size
        self._colour = sources[0].crops.ndim == 4
        self._outputs = outputs
        self._whole_turn = outputs == len(MEASURES)
        self._options = augmentation
        self._seed = seed
        shares = np.array([s.share for s in sources], np.float64)
        self._shares = shares / shares.sum()
        self._odds = [pose_balance(s, balance) for s in sources]
        self._noses = [_noses(s) for s in sources]
        self._backdrops = [i for i, s in enumerate(sources) if s.alpha is None]

    def batch(self, step: int, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns crops float32 (count, S, S, 1 or 3), targets (count, K) and weights.

        Targets are degrees, or rows of `headpose.pose.rotation.rotation_loss`.
        """
        channels = 3 if self._colour else 1
        crops_ = np.empty((count, self._size, self._size, channels), np.float32)
        angles = np.empty((count, 3), np.float32)
        turns = np.empty(count)
        flips = np.empty(count, bool)
        depth = np.empty((count, 3, 3))
        weights = np.empty(count, np.float32)
        away = np.empty(count, bool)
        for i in range(count):
            rng = np.random.default_rng((self._seed, step * count + i))
            source = int(rng.choice(len(self._sources), p=self._shares))
            heads = self._sources[source]
            index = int(np.searchsorted(self._odds[source], rng.random()))
            crop, turns[i], flips[i], depth[i] = self._crop(rng, heads, index)
            if rng.random() < self._options.cover:
                nose = depth[i] @ self._noses[source][index]
                nose = turned_nose(nose, turns[i], flips[i])
                crop = covers.cover(rng, crop, nose, -turns[i] if flips[i] else turns[i])
            crops_[i] = augment.quality(rng, crop, self._options).reshape(crops_[i].shape)
            angles[i], weights[i] = heads.angles[index], heads.weights[index]
            away[i] = heads.away[index]
        if self._whole_turn:
            return crops_, rotation_targets(angles, away, turns, flips, depth), weights
        # A label without roll cannot be turned: it stays as it is, with roll unknown.
        known = np.isfinite(angles[:, 2])
        if known.any():
            angles[known] = rotate_in_plane(angles[known], turns[known])
        angles[flips] = flip(angles[flips])
        return crops_, angles[:, : self._outputs], weights

    def _crop(self, rng, heads: HeadSet, index: int) -> tuple[np.ndarray, float, bool, np.ndarray]:
        """Cuts a moved, grown, turned and perhaps mirrored crop.

        Returns it, its turn in the plane, whether it is mirrored, and its turn out of the
        plane (3, 3), which comes first.
        """
        options, size = self._options, self._size
        patch = heads.patches[index]
        if heads.alpha is not None:
            patch = blend(patch, heads.alpha[index], self._backdrop(rng, patch.shape[0]))
            patch = cv2.cvtColor(patch, cv2.COLOR_GRAY2BGR) if self._colour else patch
        length = heads.sides[index] * np.exp(rng.normal(0, options.zoom))
        # The angles of a label without roll cannot be turned with its picture; the nose can.
        free = self._whole_turn or np.isfinite(heads.angles[index, 2])
        turn = rng.normal(0, options.roll) if free else 0.0
        if free and rng.random() < options.any_roll:
            turn = rng.uniform(-180, 180)
        flip = bool(rng.random() < options.mirror)
        centre = patch.shape[0] / 2 + rng.normal(0, options.shift, 2) * heads.sides[index]
        offset = np.zeros(2)
        if rng.random() < options.cut:
            offset, side = covers.border_cut(rng)
            offset, length = offset * heads.sides[index], length * side
        # From crop to patch: scale, then turn; turning the sampling grid counter-clockwise
        # turns what it shows clockwise.
        scale, radians = length / size, -np.radians(turn)
        cos, sin = scale * np.cos(radians), scale * np.sin(radians)
        matrix = np.array([[cos, -sin], [sin, cos]])
        if flip:
            # Mirrored after it was turned, as the labels are.
            matrix = matrix @ np.diag([-1.0, 1.0])
        # The offset is along the crop's axes, which the matrix turns.
        offset = matrix @ (offset / scale) + centre - 0.5 - matrix @ np.full(2, (size - 1) / 2)
        if self._may_turn(heads, index) and rng.random() < options.out_of_plane:
            pan = rng.uniform(-options.turn_pan, options.turn_pan)
            tilt = rng.uniform(-options.turn_tilt, options.turn_tilt)
            affine, ball = np.column_stack([matrix, offset]), out_of_plane.of_ball(pan, tilt)
            crop = self._turned(patch, affine, heads.sides[index], ball)
            return crop, turn, flip, out_of_plane.rotation(pan, tilt)
        crop = cv2.warpAffine(
            patch,
            np.column_stack([matrix, offset]),
            (size, size),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return crop, turn, flip, np.eye(3)

    def _may_turn(self, heads: HeadSet, index: int) -> bool:
        """Whether a head looks enough toward the viewer for a turn out of the plane."""
        tilt, pan = np.radians(heads.angles[index, :2])
        facing = np.cos(tilt) * np.cos(pan) >= np.cos(np.radians(out_of_plane.FACING))
        return self._whole_turn and heads.alpha is None and bool(facing)

    def _turned(
        self, patch: np.ndarray, affine: np.ndarray, side: float, ball: np.ndarray
    ) -> np.ndarray:
        """Cuts a crop whose head is turned out of the plane, as `ball` is, before all else."""
        y, x = np.mgrid[: self._size, : self._size]
        middle = patch.shape[0] / 2 - 0.5
        places = np.stack([x, y], axis=-1) @ affine[:, :2].T + affine[:, 2] - middle
        places = out_of_plane.source_places(places / side, ball) * side + middle
        x, y = np.moveaxis(places.astype(np.float32), -1, 0)
        return cv2.remap(patch, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    def _backdrop(self, rng, size: int) -> np.ndarray:
        """A flat grey, or a piece of a real patch's corner, where heads rarely reach."""
        if not self._backdrops or rng.random() < 0.25:
            return np.full((size, size), rng.uniform(0, 255), np.float32)
        heads = self._sources[rng.choice(self._backdrops)]
        patch = heads.patches[rng.integers(len(heads))]
        patch = cv2.cvtColor(patch, cv2.COLOR_BGR2GRAY) if patch.ndim == 3 else patch
        part = patch.shape[0] // 3
        y, x = rng.integers(0, 2, 2) * (patch.shape[0] - part)
        return cv2.resize(patch[y : y + part, x : x + part], (size, size)).astype(np.float32)


def _noses(heads: HeadSet) -> np.ndarray:
    """Returns where noses point (N, 3) as labelled; NaN of heads only known to be away."""
    return nose_directions(heads.angles[:, 0], heads.angles[:, 1])


def turned_nose(nose: np.ndarray, turn: float, flip: bool) -> np.ndarray | None:
    """Returns where a nose (3,) points once its picture is turned clockwise, then mirrored."""
    if not np.isfinite(nose).all():
        return None
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    x, y = cos * nose[0] + sin * nose[1], cos * nose[1] - sin * nose[0]
    return np.array([-x if flip else x, y, nose[2]])


def rotation_targets(
    angles: np.ndarray,
    away: np.ndarray,
    turns: np.ndarray,
    flips: np.ndarray,
    depth: np.ndarray | None = None,
) -> np.ndarray:
    """Returns targets of `headpose.pose.rotation.rotation_loss`, float32 (N, 10).

    Args:
        angles: (N, 3) of the heads before they were turned and mirrored; roll may be
            NaN, and all three where `away`.
        away: (N,), heads of which only that is known.
        turns: (N,), degrees clockwise that each picture was then turned.
        flips: (N,), whether it was mirrored after that.
        depth: (N, 3, 3), how each head was turned out of the plane before that, if any was.
    """
    known = np.where(away, AWAY, np.where(np.isfinite(angles[:, 2]), ROTATION, NOSE))
    matrices = rotation_matrices(np.nan_to_num(angles))
    matrices = roll_matrices(turns) @ (matrices if depth is None else depth @ matrices)
    mirror = np.array([-1.0, 1.0, 1.0])
    matrices[flips] *= mirror[:, None] * mirror
    columns = matrices.transpose(0, 2, 1).reshape(len(angles), 9)
    return np.column_stack([columns, known]).astype(np.float32)


def pose_balance(heads: HeadSet, balance: float) -> np.ndarray:
    """Returns cumulative odds (N,) of drawing each head.

    Heads fall into classes of 15 degrees of |azimuth| and of elevation of the nose, and
    one of heads turned away; a head's odds are its class's size to the power of -balance.
    """
    angles = np.where(heads.away[:, None], [0.0, 180.0, 0.0], heads.angles)
    nose = azimuth_elevation(angles[:, 0], angles[:, 1])
    classes = np.stack([np.abs(nose[:, 0]) // 15, nose[:, 1] // 15, heads.away], axis=1)
    _, owner, counts = np.unique(classes, axis=0, return_inverse=True, return_counts=True)
    odds = counts[owner.reshape(-1)].astype(np.float64) ** -balance
    total = np.cumsum(odds / odds.sum())
    total[-1] = 1.0
    return total
