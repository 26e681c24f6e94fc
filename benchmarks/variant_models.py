"""Loading the models of a variant: each becomes a pipeline with the same calls."""

from collections.abc import Sequence

import numpy as np
from variants import CASCADES, FSA_NET, SSD512, YUNET, Models, Variant

from headpose.baselines.registry import CONVENTIONS, PeerEstimator
from headpose.models.network import Network, spec_of
from headpose.models.specs import DETECTOR
from headpose.pipeline import HeadPosePipeline, load_pipeline
from headpose.pose.estimator import all_measures

# What an untrained detector is said to have found: one head in the middle of its input.
ONE_HEAD, ITS_SCORE = (0.4, 0.3, 0.6, 0.6), 0.9


def load(variant: Variant, models: Models) -> HeadPosePipeline:
    """Loads the models of a variant.

    Raises:
        HeadposeError: If a file or a package is missing, or this processor cannot do it.
    """
    if variant.needs_keras:
        from headpose.models.keras_setup import set_up

        set_up("cpu", variant.precision)
    if variant.ours and not variant.predict:
        from headpose.models.backends import Backend

        backend = Backend(variant.backend, "cpu", variant.precision)
        return load_pipeline(models.detector, models.estimator[0], backend=backend)
    return HeadPosePipeline(_detector(variant, models), load_estimator(variant, models.estimator))


def _detector(variant: Variant, models: Models):
    if variant.detector in (YUNET, CASCADES):
        from headpose.detection.loading import load_detector

        return load_detector(models.detector, variant.detector_size)
    from headpose.detection.head_detector import HeadDetector

    network = predicting(models.detector)
    return HeadDetector(with_one_head(network) if variant.detector == SSD512 else network)


def load_estimator(variant: Variant, files: Sequence[str]):
    if variant.estimator == FSA_NET:
        return PeerPose(CONVENTIONS["fsa-net"], files, "onnxruntime")
    from headpose.pose.estimator import PoseEstimator

    return PoseEstimator(predicting(files[0]))


def predicting(path: str) -> Network:
    """Loads a Keras model that is called by its `predict`."""
    from headpose.models.keras_files import load_model

    model = load_model(path)

    def call(batch: np.ndarray) -> list[np.ndarray]:
        outputs = model.predict(batch, verbose=0)
        return outputs if isinstance(outputs, list) else [outputs]

    return Network(spec_of(model), call, "keras")


def with_one_head(network: Network) -> Network:
    """Replaces what an untrained detector finds, for suppression and the estimator after it."""
    if network.spec.kind != DETECTOR:
        raise ValueError("not a detector")

    def call(batch: np.ndarray) -> list[np.ndarray]:
        boxes, scores = map(np.array, network.call(batch))
        height, width = batch.shape[1:3]
        boxes[:, 0] = np.multiply(ONE_HEAD, (width, height, width, height))
        scores[:], scores[:, 0] = 0, ITS_SCORE
        return [boxes, scores]

    return Network(network.spec, call, network.backend)


class PeerPose(PeerEstimator):
    """A published network behind all calls of `PoseEstimator` that a pipeline makes."""

    @property
    def crop_options(self) -> dict:
        return {"size": self.size, "side": self.side, "margin": self.margin, "grey": self.grey}

    def measures(self, crops: np.ndarray) -> np.ndarray:
        """See `headpose.pose.estimator.PoseEstimator.measures`."""
        return all_measures(self.estimate_all(np.asarray(crops)))
