"""A pipeline without networks: heads are coloured patches, their angles a matter of colour."""

import numpy as np
from videos import PatchDetector

from headpose.pipeline import HeadPosePipeline


class FakeEstimator:
    """Tells all measures of a crop: tilt is its mean brightness less 100, the error its last."""

    crop_options = {"size": 8, "side": "short", "margin": 1.0, "grey": True}  # noqa: RUF012

    def __init__(self, error: float = 5.0):
        self.error = error

    def measures(self, crops):
        grey = np.asarray(crops, np.float32).reshape(len(crops), 64).mean(axis=1)
        tilt = grey - 100
        return np.stack([tilt, tilt / 2, tilt / 4, tilt / 2, tilt, 0 * tilt + self.error], axis=1)


def fake_pipeline(error: float = 5.0) -> HeadPosePipeline:
    return HeadPosePipeline(PatchDetector(), FakeEstimator(error))
