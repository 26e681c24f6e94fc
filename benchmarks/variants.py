"""The ways to run the whole thing that `run.py` compares: their files, and loading them."""

import argparse
import dataclasses
import hashlib
from pathlib import Path

import numpy as np

from headpose.baselines.registry import CONVENTIONS, PeerEstimator
from headpose.errors import HeadposeError
from headpose.models.backends import Backend
from headpose.models.formats import default_target, digest
from headpose.models.network import Network, spec_of
from headpose.models.resolve import cache_folder, format_for, resolve
from headpose.models.shipped import FAST_DETECTOR, FAST_ESTIMATOR
from headpose.models.specs import DETECTOR
from headpose.pipeline import HeadPosePipeline, load_pipeline
from headpose.pose.estimator import PoseEstimator

OURS, FAST = "ours", "fast"
YUNET, CASCADES, SSD512 = "YuNet", "cascades", "SSD512"  # detectors of others
FSA_NET, PUBLISHED = "FSA-Net", "6/32/1/512"  # estimators of others
UNTRAINED = (SSD512, PUBLISHED)  # their weights are random: only their speed counts
PEER_FILES = {
    YUNET: ("yunet_n_640_640.onnx",),
    FSA_NET: ("fsanet-1x1-iter-688590.onnx", "fsanet-var-iter-688590.onnx"),
}
# What an untrained detector is said to have found: one head in the middle of its input.
ONE_HEAD, ITS_SCORE = (0.4, 0.3, 0.6, 0.6), 0.9


@dataclasses.dataclass(frozen=True)
class Variant:
    """A way to find heads and their angles.

    Attributes:
        detector, estimator: `OURS`, `FAST` for those that ship by this name, or another's.
        backend, precision: See `headpose.models.backends.Backend`; ours are exported for it.
        int8: Whether exported models have eight-bit convolutions.
        predict: Whether Keras models are called by `Model.predict`, as plain demos do.
        detector_size: Long side that pictures are searched at; None takes the detector's own.
    """

    detector: str = OURS
    estimator: str = OURS
    backend: str = "keras"
    precision: str = "float32"
    int8: bool = False
    predict: bool = False
    detector_size: int | None = None

    @property
    def ours(self) -> bool:
        """Whether both networks are this project's."""
        return {self.detector, self.estimator} <= {OURS, FAST}

    @property
    def compared(self) -> bool:
        """Whether both networks are those that `REFERENCE` runs."""
        return self.detector == self.estimator == OURS

    @property
    def asked_precision(self) -> str | None:
        """What is asked for; nothing of an eight-bit file, which says itself what it is."""
        return None if self.int8 else self.precision


REFERENCE = "keras-float32"  # which the other ways to run our models are compared to
DEFAULT = "onnxruntime-float32"  # what the demos do unless told otherwise
EIGHT_BITS = "onnxruntime-int8"  # what they do with --precision int8
FASTEST = "onnxruntime-fast-int8"  # with --detector fast --estimator fast --precision int8
VARIANTS = {
    "keras-predict": Variant(predict=True),
    REFERENCE: Variant(),
    "keras-bfloat16": Variant(precision="bfloat16"),
    DEFAULT: Variant(backend="onnxruntime"),
    EIGHT_BITS: Variant(backend="onnxruntime", int8=True),
    "openvino-float32": Variant(backend="openvino"),
    "openvino-bfloat16": Variant(backend="openvino", precision="bfloat16"),
    "openvino-int8": Variant(backend="openvino", int8=True),
    "opencv-float32": Variant(backend="opencv"),
    "litert-float32": Variant(backend="litert"),
    "litert-int8": Variant(backend="litert", int8=True),
    "onnxruntime-fast-float32": Variant(FAST, FAST, "onnxruntime"),
    FASTEST: Variant(FAST, FAST, "onnxruntime", int8=True),
    "yunet-fsanet": Variant(YUNET, FSA_NET),
    "yunet512-fsanet": Variant(YUNET, FSA_NET, detector_size=512),
    "cascades-published": Variant(CASCADES, PUBLISHED, predict=True),
    "ssd512-published": Variant(SSD512, PUBLISHED, predict=True),
}


def title(name: str) -> str:
    """Returns what a table calls a variant."""
    variant = VARIANTS[name]
    at = f" at {variant.detector_size}" if variant.detector_size else ""
    return name if variant.ours else f"{variant.detector}{at} + {variant.estimator}"


@dataclasses.dataclass(frozen=True)
class Models:
    """What a variant loads, and the size of all its files in bytes."""

    detector: str
    estimator: tuple[str, ...]
    size: int = 0


class ModelFiles:
    """Finds or makes the files of variants; Keras is loaded when something must be made.

    Args:
        options: Of `run.py`.
        built: Folder for networks with random weights.
    """

    def __init__(self, options: argparse.Namespace, built: Path):
        self._options, self._built = options, built

    def of(self, variant: Variant) -> Models:
        """Returns the files of a variant.

        Raises:
            HeadposeError: If one is missing and cannot be made.
        """
        given = self._options
        detector_file = FAST_DETECTOR if variant.detector == FAST else Path(given.detector)
        estimator_file = FAST_ESTIMATOR if variant.estimator == FAST else Path(given.estimator)
        detector = self._files(variant.detector, variant, detector_file, given.calibrate_detector)
        estimator = self._files(
            variant.estimator, variant, estimator_file, given.calibrate_estimator
        )
        size = sum(map(size_of, [*(detector or cascades()), *estimator]))
        name = str(detector[0]) if detector else "viola-jones"
        return Models(name, tuple(map(str, estimator)), size)

    def networks(self) -> list[dict]:
        """Returns the rows of the table of networks; see `network_sizes.rows`."""
        from network_sizes import rows

        given = self._options
        return rows(Path(given.detector), Path(given.estimator), given.peers)

    def _files(
        self, made_by: str, variant: Variant, ours: Path, data: list[str] | None
    ) -> list[Path]:
        if made_by == CASCADES:
            return []
        if made_by in PEER_FILES:
            return peer_files(made_by, self._options.peers)
        own = made_by in (OURS, FAST)
        return [self._ours(ours, variant, data) if own else self._untrained(made_by)]

    @staticmethod
    def _ours(source: Path, variant: Variant, calibration: list[str] | None) -> Path:
        if variant.backend == "keras":
            return source
        from headpose.export import quantize
        from headpose.export.cache import exported_for
        from headpose.export.exporter import export

        if not variant.int8:
            return exported_for(source, variant.backend).path
        if variant.backend == "onnxruntime":  # which ships, as a rule
            return resolve(source, Backend("onnxruntime", "cpu", "int8")).path
        if calibration is None:
            raise HeadposeError("needs --calibrate-detector and --calibrate-estimator")
        recipe = digest(Path(quantize.__file__))  # another way to quantize makes another file
        made_from = hashlib.sha256(f"{digest(source)} {recipe} {calibration}".encode()).hexdigest()
        kept = cache_folder() / f"{source.stem}-{made_from[:16]}.keras"
        form = format_for(Backend(variant.backend))
        target = default_target(kept, form, int8=True)
        if not target.exists():
            export(source, form, target, calibration)
        return target

    def _untrained(self, name: str) -> Path:
        path = self._built / f"untrained-{UNTRAINED.index(name)}.keras"
        if not path.exists():
            from headpose.models.keras_setup import set_up

            set_up("cpu", "float32")
            from headpose.models.keras_files import save_model

            save_model(build(name), path)
        return path


def peer_files(name: str, folder: str | None) -> list[Path]:
    """Returns the files of `YUNET` or `FSA_NET`.

    Raises:
        HeadposeError: If one is missing.
    """
    if folder is None:
        raise HeadposeError("needs --peers")
    files = [Path(folder, file) for file in PEER_FILES[name]]
    for file in files:
        if not file.is_file():
            raise HeadposeError(f"{file}: no such model file")
    return files


def build(name: str):
    """Builds a network of the published system with random weights: `SSD512` or `PUBLISHED`."""
    from headpose.detection.networks import build_ssd512
    from headpose.pose.networks import build_patacchiola

    return {SSD512: build_ssd512, PUBLISHED: build_patacchiola}[name]()


def size_of(path: Path) -> int:
    """Returns the bytes of a model's file, with those of the weights beside it."""
    weights = path.with_suffix(".bin")
    beside = [weights] if path.suffix == ".xml" and weights.exists() else []  # OpenVINO's
    return sum(file.stat().st_size for file in [path, *beside])


def cascades() -> list[Path]:
    """Returns the files of OpenCV's cascades."""
    import cv2

    from headpose.detection.viola_jones import FRONTAL, PROFILE

    return [Path(cv2.data.haarcascades) / name for name in (FRONTAL, PROFILE)]


def load(variant: Variant, models: Models) -> HeadPosePipeline:
    """Loads the models of a variant: each becomes a pipeline with the same calls.

    Raises:
        HeadposeError: If a file or a package is missing, or this processor cannot do it.
    """
    if variant.predict or (variant.ours and variant.backend == "keras"):
        from headpose.models.keras_setup import set_up

        set_up("cpu", variant.precision)
    if variant.ours and not variant.predict:
        backend = Backend(variant.backend, "cpu", variant.asked_precision)
        return load_pipeline(models.detector, models.estimator[0], backend=backend)
    return HeadPosePipeline(_detector(variant, models), load_estimator(variant, models.estimator))


def _detector(variant: Variant, models: Models):
    if variant.detector in (YUNET, CASCADES):
        from headpose.detection.loading import load_detector

        return load_detector(models.detector, variant.detector_size)
    from headpose.detection.head_detector import HeadDetector

    network = predicting(models.detector)
    return HeadDetector(with_one_head(network) if variant.detector == SSD512 else network)


def load_estimator(variant: Variant, files: tuple[str, ...]):
    if variant.estimator == FSA_NET:
        return PeerEstimator(CONVENTIONS["fsa-net"], [*map(Path, files)], "onnxruntime")
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
