"""PoseEstimator: crops in, angles out."""

from pathlib import Path

import numpy as np

from headpose.errors import HeadposeError
from headpose.geometry.angles import azimuth_elevation
from headpose.models.backends import Backend
from headpose.models.network import network_of
from headpose.models.resolve import ModelSpec, for_other_process, open_model, resolve
from headpose.models.specs import ESTIMATOR, MEASURES, EstimatorSpec

AT_ONCE = 64  # crops in one call of the network


class PoseEstimator:
    """Estimates head angles from crops.

    Args:
        model: A Keras model from crops (B, S, S, C) in 0..255 to degrees (B, 2, 3 or 6):
            as many of `MEASURES`; or a `headpose.models.network.Network`.
        name: What to call the model in errors.

    It may be called by several threads, and goes to other processes, which load its file again.

    Attributes:
        size: Side of the crops it takes, pixels.
        grey: Whether it takes grey crops.
        side: Which side of boxes crops are cut by, see `headpose.geometry.crops.head_crops`.
        margin: What that side is multiplied by, see there.
        outputs: 2 for tilt and pan, 3 with roll, 6 for all `MEASURES`.
        spec: Where the model was loaded from; None for one from memory.

    Raises:
        HeadposeError: If the model is no pose estimator.
    """

    spec: ModelSpec | None = None

    def __init__(self, model, name: str = "model"):
        network = network_of(model, ESTIMATOR)
        if network is None or not isinstance(network.spec, EstimatorSpec):
            raise HeadposeError(f"{name}: not a pose estimator (is it a head detector?)")
        spec = network.spec
        self.model = model
        self.size, self.grey = spec.size, spec.channels == 1
        self.outputs = spec.outputs
        self.side, self.margin = spec.side, spec.margin
        self._shape = spec.input_shape[1:]
        self._call = network.call

    @classmethod
    def load(
        cls, path: str | Path | ModelSpec, backend: str | Backend | None = None
    ) -> "PoseEstimator":
        """Loads a `.keras` file of ours, an exported one, or the published `pose-estimator.h5`.

        Args:
            path: The file, or what `resolve` found.
            backend: See `headpose.models.resolve.resolve`.

        Raises:
            HeadposeError: If the file is missing, damaged, or holds something else.
        """
        spec = resolve(path, backend)
        estimator = cls(open_model(spec), str(path))
        estimator.spec = spec
        return estimator

    def __reduce__(self) -> tuple:
        return type(self).load, (for_other_process(self.spec, "pose estimator"),)

    @property
    def crop_options(self) -> dict:
        """Keyword arguments for `headpose.geometry.crops.head_crops`."""
        return {"size": self.size, "side": self.side, "margin": self.margin, "grey": self.grey}

    def estimate(self, crops: np.ndarray) -> np.ndarray:
        """Returns tilt and pan (N, 2) in degrees; see `estimate_all`."""
        return self.estimate_all(crops)[:, :2]

    def estimate_all(self, crops: np.ndarray) -> np.ndarray:
        """Estimates all angles that the model gives.

        Args:
            crops: (N, S, S) or (N, S, S, C) in 0..255; N may be 0.

        Returns:
            float32 (N, outputs): as many of `MEASURES`, in degrees.

        Raises:
            HeadposeError: If the crops have another size than the model's.
        """
        crops = np.asarray(crops, np.float32)
        if not crops.size:
            return np.zeros((0, self.outputs), np.float32)
        if crops.ndim == 3:
            crops = crops[..., None]
        if crops.shape[1:] != self._shape:
            wanted = ", ".join(map(str, self._shape))
            raise HeadposeError(f"crops must have shape (N, {wanted}), not {crops.shape}")
        parts = [self._call(crops[i : i + AT_ONCE])[0] for i in range(0, len(crops), AT_ONCE)]
        return np.concatenate(parts)

    def measures(self, crops: np.ndarray) -> np.ndarray:
        """Returns all `MEASURES` (N, 6) in degrees, NaN where the model does not tell.

        Azimuth and elevation follow from tilt and pan where the model has no own.
        """
        return all_measures(self.estimate_all(crops))


def all_measures(told: np.ndarray) -> np.ndarray:
    """Returns what a network tells (N, 2, 3 or 6) as `PoseEstimator.measures` does."""
    outputs = told.shape[1]
    result = np.full((len(told), len(MEASURES)), np.nan, np.float32)
    result[:, :outputs] = told
    if outputs < len(MEASURES):
        result[:, 3:5] = azimuth_elevation(told[:, 0], told[:, 1])
    return result
