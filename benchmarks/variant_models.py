"""Loading the models of a variant: each becomes a pipeline with the same calls."""

from collections.abc import Sequence

import numpy as np
from variants import CASCADES, FSA_NET, SSD512, YUNET, Models, Variant

from headpose.estimator import all_measures
from headpose.model_facts import DETECTOR, Network, facts_of
from headpose.peers import CONVENTIONS, PeerEstimator
from headpose.pipeline import HeadPosePipeline, load_pipeline

# What an untrained detector is said to have found: one head in the middle of its input.
ONE_HEAD, ITS_SCORE = (0.4, 0.3, 0.6, 0.6), 0.9


def load(variant: Variant, models: Models) -> HeadPosePipeline:
    """Loads the models of a variant.

    Raises:
        Failure: If a file or a package is missing, or this processor cannot do it.
    """
    if variant.needs_keras:
        from headpose.runtime import set_up

        set_up("cpu", variant.precision)
    if variant.ours and not variant.predict:
        from headpose.runtimes import Runtime

        runtime = Runtime(variant.runtime, "cpu", variant.precision)
        return load_pipeline(models.detector, models.estimator[0], runtime=runtime)
    return HeadPosePipeline(_detector(variant, models), _estimator(variant, models.estimator))


def _detector(variant: Variant, models: Models):
    if variant.detector in (YUNET, CASCADES):
        from headpose.detectors import load_detector

        return load_detector(models.detector, variant.detector_size)
    from headpose.detector import HeadDetector

    network = predicting(models.detector)
    return HeadDetector(with_one_head(network) if variant.detector == SSD512 else network)


def _estimator(variant: Variant, files: Sequence[str]):
    if variant.estimator == FSA_NET:
        return PeerPose(CONVENTIONS["fsa-net"], files, "onnxruntime")
    from headpose.estimator import PoseEstimator

    return PoseEstimator(predicting(files[0]))


def predicting(path: str) -> Network:
    """Loads a Keras model that is called by its `predict`."""
    from headpose.model_files import load_model

    model = load_model(path)

    def call(batch: np.ndarray) -> list[np.ndarray]:
        outputs = model.predict(batch, verbose=0)
        return outputs if isinstance(outputs, list) else [outputs]

    return Network(facts_of(model), call, "keras")


def with_one_head(network: Network) -> Network:
    """Replaces what an untrained detector finds, for suppression and the estimator after it."""
    if network.facts.kind != DETECTOR:
        raise ValueError("not a detector")

    def call(batch: np.ndarray) -> list[np.ndarray]:
        boxes, scores = map(np.array, network.call(batch))
        height, width = batch.shape[1:3]
        boxes[:, 0] = np.multiply(ONE_HEAD, (width, height, width, height))
        scores[:], scores[:, 0] = 0, ITS_SCORE
        return [boxes, scores]

    return Network(network.facts, call, network.runtime)


class PeerPose(PeerEstimator):
    """A published network behind all calls of `PoseEstimator` that a pipeline makes."""

    @property
    def crop_options(self) -> dict:
        return {"size": self.size, "side": self.side, "margin": self.margin, "grey": self.grey}

    def measures(self, crops: np.ndarray) -> np.ndarray:
        """See `headpose.estimator.PoseEstimator.measures`."""
        return all_measures(self.estimate_all(np.asarray(crops)))
