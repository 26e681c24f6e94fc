"""The ways to run the whole thing that `run.py` compares."""

import dataclasses

OURS = "ours"
YUNET, CASCADES, SSD512 = "YuNet", "cascades", "SSD512"  # detectors of others
FSA_NET, PUBLISHED = "FSA-Net", "6/32/1/512"  # estimators of others
UNTRAINED = (SSD512, PUBLISHED)  # their weights are random: only their speed counts


@dataclasses.dataclass(frozen=True)
class Variant:
    """A way to find heads and their angles.

    Attributes:
        detector, estimator: `OURS`, or another's.
        form: The format of `headpose.models.formats` that our models are exported to; None
            leaves them `.keras` files.
        backend, precision: See `headpose.models.backends.Backend`.
        int8: Whether exported models have eight-bit convolutions.
        predict: Whether Keras models are called by `Model.predict`, as plain demos do.
        detector_size: Long side that pictures are searched at; None takes the detector's own.
    """

    detector: str = OURS
    estimator: str = OURS
    form: str | None = None
    backend: str = "keras"
    precision: str = "float32"
    int8: bool = False
    predict: bool = False
    detector_size: int | None = None

    @property
    def ours(self) -> bool:
        """Whether both networks are this project's."""
        return self.detector == self.estimator == OURS

    @property
    def needs_keras(self) -> bool:
        return self.predict or (self.ours and self.backend == "keras")


REFERENCE = "keras-float32"  # which the other ways to run our models are compared to
DEFAULT = "onnxruntime-float32"  # what the demos do unless told otherwise
VARIANTS = {
    "keras-predict": Variant(predict=True),
    REFERENCE: Variant(),
    "keras-bfloat16": Variant(precision="bfloat16"),
    DEFAULT: Variant(form="onnx", backend="onnxruntime"),
    "onnxruntime-int8": Variant(form="onnx", backend="onnxruntime", int8=True),
    "openvino-float32": Variant(form="openvino", backend="openvino"),
    "openvino-bfloat16": Variant(form="openvino", backend="openvino", precision="bfloat16"),
    "openvino-int8": Variant(form="openvino", backend="openvino", int8=True),
    "opencv-float32": Variant(form="opencv", backend="opencv"),
    "litert-float32": Variant(form="litert", backend="litert"),
    "litert-int8": Variant(form="litert", backend="litert", int8=True),
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
    """The files of a variant; cascades have none.

    Attributes:
        detector, estimator: What to load.
        size: Of all that belongs to them, bytes.
    """

    detector: str
    estimator: tuple[str, ...]
    size: int
