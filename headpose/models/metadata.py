"""What must be known of a model to run it: read from the network, or from an exported file.

An exported file carries it as JSON, for this project and for whoever else uses the file.
"""

import dataclasses
import json
import re

from headpose.geometry.crops import SIDES
from headpose.models.answers import Call, checked_detector, checked_estimator
from headpose.models.descriptions import (
    ANY_SIZE,
    CODED_ANGLES,
    CODED_BOXES,
    CROP,
    DECODED_BOXES,
    FIXED_SIZE,
    RESIZING,
    SIGNS,
)
from headpose.models.schema import Fields, as_number, as_whole, read_object
from headpose.models.suppression import OURS, PUBLISHED, Suppression

# What an estimator may tell, in degrees; `expected_error` is the expected error of the others.
MEASURES = ("tilt", "pan", "roll", "azimuth", "elevation", "expected_error")
OLD_MEASURES = {"certainty": "expected_error"}  # as files of earlier versions call them
# How an estimator of rotations codes its answer, see `headpose.pose.rotation`.
# Scale of the first six raw outputs: with 1, a step of the optimizer turns heads by several
# degrees, and training stays noisy; so it is by about one.
RAW_SCALE = 0.2
LEAST_ERROR, ERROR_SCALE = 0.5, 10.0  # degrees: floor and unit of the expected error
DETECTOR, ESTIMATOR = "head detector", "pose estimator"
# What a description may say: sides of an input in pixels, levels of a detector and their
# strides, shapes of priors a level, and the constants of a rotation by name. Wide enough for
# any network of this kind, narrow enough that nothing absurd is built.
INPUT_SIDES, CROP_SIDES = (16, 4096), (8, 1024)
MAX_LEVELS, MAX_STEP, MAX_SHAPES = 16, 1024, 64
OUTPUTS = (2, 3, len(MEASURES))
ROTATION = {"scale": (1e-3, 100), "least_error": (0, 180), "error_scale": (1e-3, 1000)}
LONG_SIDE = 512  # pixels at which pictures are searched, where a detector takes any size
LAYOUT = 1  # of the JSON; a file of another one is not read


@dataclasses.dataclass(frozen=True)
class DetectorSpec:
    """What must be known of a head detector.

    Attributes:
        height, width: Of the input, pixels; None where it takes any.
        confidence: Its default threshold.
        levels: For each feature map its step and the (width, height) of its priors, pixels.
        variances: Of the box coding.
    """

    height: int | None
    width: int | None
    confidence: float
    levels: tuple[tuple[int, tuple[tuple[float, float], ...]], ...]
    variances: tuple[float, float, float, float]
    kind = DETECTOR

    @property
    def step(self) -> int:
        """The largest step: sides of an input of any size are multiples of it."""
        return max(step for step, _ in self.levels)

    @property
    def suppression(self) -> Suppression:
        """How one find of each head is chosen: as published where the input's size is."""
        return OURS if self.height is None else PUBLISHED

    @property
    def input_shape(self) -> tuple:
        return (None, self.height, self.width, 3)

    def as_json(self, decoded: bool) -> dict:
        """Describes input and outputs; `decoded` tells whether the file holds the decoding."""
        scaling: dict[str, str | int] = {"scaling": FIXED_SIZE}
        if self.height is None:
            scaling = {"long_side": LONG_SIDE, "scaling": ANY_SIZE, "multiple": self.step}
        return {
            "input": _picture(self.input_shape) | scaling | {"resizing": RESIZING},
            "outputs": DECODED_BOXES if decoded else CODED_BOXES,
            "confidence": self.confidence,
            "suppression": self.suppression.as_json(),
            "priors": [
                {"step": step, "shapes": [list(s) for s in shapes]} for step, shapes in self.levels
            ],
            "variances": list(self.variances),
        }

    @classmethod
    def from_json(cls, values: Fields) -> "DetectorSpec":
        """Reads what `as_json` wrote; a ValueError tells what does not fit."""
        _, height, width, channels = values.fields("input").items("shape", 4, 4)
        as_whole(channels, 3, 3, "input.shape[3]")
        if height is not None or width is not None:
            height = as_whole(height, *INPUT_SIDES, "input.shape[1]")
            width = as_whole(width, *INPUT_SIDES, "input.shape[2]")
        levels = tuple(
            (level.whole("step", 1, MAX_STEP), _shapes(level))
            for level in values.objects("priors", 1, MAX_LEVELS)
        )
        a, b, c, d = values.numbers("variances", 4, 1e-3, 10)
        return cls(height, width, values.number("confidence", 0, 1), levels, (a, b, c, d))


def _shapes(level: Fields) -> tuple[tuple[float, float], ...]:
    """Reads the (width, height) of a level's priors, pixels."""
    shapes = []
    for shape in level.items("shapes", 1, MAX_SHAPES):
        if not isinstance(shape, list) or len(shape) != 2:
            raise ValueError("a prior's shape is no pair of numbers")
        width, height = (as_number(n, 0.1, 4 * INPUT_SIDES[1], "a prior's side") for n in shape)
        shapes.append((width, height))
    return tuple(shapes)


@dataclasses.dataclass(frozen=True)
class EstimatorSpec:
    """What must be known of a pose estimator.

    Attributes:
        size: Side of the crops, pixels.
        channels: 1 for grey, 3 for BGR.
        outputs: 2, 3 or 6: as many of `MEASURES`.
        side, margin: How crops are cut, see `headpose.geometry.crops.head_crops`.
        rotation: Scale of the raw outputs and floor and unit of the expected error, where
            it answers with a rotation; None where with angles.
    """

    size: int
    channels: int
    outputs: int
    side: str = "small"
    margin: float = 1.0
    rotation: tuple[float, float, float] | None = None
    kind = ESTIMATOR

    @property
    def input_shape(self) -> tuple:
        return (None, self.size, self.size, self.channels)

    def as_json(self, decoded: bool) -> dict:
        """Describes input and outputs; `decoded` tells whether the file holds the decoding."""
        coded = self.rotation is not None and not decoded
        result = {
            "input": _picture(self.input_shape),
            "crop": {
                "size": self.size,
                "side": self.side,
                "margin": self.margin,
                "meaning": CROP,
                "resizing": RESIZING,
            },
            "outputs": CODED_ANGLES if coded else [f"angles (batch, {self.outputs})"],
            "measures": list(MEASURES[: self.outputs]),
            "signs": SIGNS,
        }
        if self.rotation:
            result["rotation"] = dict(zip(ROTATION, self.rotation, strict=True))
        return result

    @classmethod
    def from_json(cls, values: Fields) -> "EstimatorSpec":
        """Reads what `as_json` wrote; a ValueError tells what does not fit."""
        _, height, width, channels = values.fields("input").items("shape", 4, 4)
        size = as_whole(height, *CROP_SIDES, "input.shape[1]")
        as_whole(width, size, size, "input.shape[2]")
        if channels not in (1, 3):
            raise ValueError("input.shape[3] is neither 1 nor 3")
        measures = values.items("measures", 2, len(MEASURES))
        measures = [OLD_MEASURES.get(name, name) for name in measures]
        if len(measures) not in OUTPUTS or measures != list(MEASURES[: len(measures)]):
            raise ValueError(f"measures are not the first {OUTPUTS} of {', '.join(MEASURES)}")
        crop = values.fields("crop")
        rotation = None
        if "rotation" in values:
            told = values.fields("rotation")
            scale, least, unit = (told.number(name, *limits) for name, limits in ROTATION.items())
            rotation = (scale, least, unit)
        side, margin = crop.choice("side", SIDES), crop.number("margin", 0.1, 10)
        return cls(size, channels, len(measures), side, margin, rotation)


Spec = DetectorSpec | EstimatorSpec


@dataclasses.dataclass(frozen=True)
class Network:
    """A network that can be called, whoever runs it.

    Attributes:
        spec: What must be known of it.
        call: From float32 pictures or crops (B, H, W, C) in 0..255 to boxes (B, N, 4) and
            scores (B, N), or to degrees (B, outputs), in a list.
        backend: Its name, see `headpose.models.backends`.
    """

    spec: Spec
    call: Call
    backend: str


@dataclasses.dataclass(frozen=True)
class ModelMetadata:
    """What an exported file tells of itself.

    Attributes:
        spec: Of the network.
        source: Name of the model file that it was made from.
        digest: SHA-256 of that file.
        decoded: Whether boxes and angles are decoded in it.
        precision: `float32` or `int8`.
    """

    spec: Spec
    source: str
    digest: str
    decoded: bool = True
    precision: str = "float32"

    def to_json(self) -> str:
        head = {
            "headpose": LAYOUT,
            "kind": self.spec.kind,
            "source": self.source,
            "sha256": self.digest,
            "precision": self.precision,
            "decoded": self.decoded,
        }
        return json.dumps(head | self.spec.as_json(self.decoded), indent=1)

    @classmethod
    def from_json(cls, text: str) -> "ModelMetadata":
        """Reads what `to_json` wrote.

        Raises:
            ValueError: If it is something else, or of another layout.
        """
        values = read_object(text)
        if (layout := values.raw("headpose")) != LAYOUT:
            raise ValueError(f"layout {str(layout)[:20]}, not {LAYOUT}")
        kind = values.choice("kind", (DETECTOR, ESTIMATOR))
        spec = (DetectorSpec if kind == DETECTOR else EstimatorSpec).from_json(values)
        digest = values.text("sha256")
        if not re.fullmatch("[0-9a-f]{64}", digest):
            raise ValueError("sha256 is no digest")
        precision = values.choice("precision", ("float32", "int8"))
        return cls(spec, values.text("source"), digest, values.flag("decoded"), precision)


def spec_of(model) -> Spec | None:
    """Reads what must be known of a Keras model; None if it is neither detector nor estimator."""
    for layer in model.layers:
        if type(layer).__name__ == "DecodeBoxes":
            _, height, width, _ = model.input_shape
            levels = tuple((level.step, level.shapes) for level in layer.levels)
            return DetectorSpec(height, width, layer.confidence, levels, layer.variances)
    shape_in, shape_out = model.input_shape, model.output_shape
    fits = (
        isinstance(shape_in, tuple)
        and isinstance(shape_out, tuple)
        and len(shape_in) == 4
        and shape_in[1] == shape_in[2] is not None
        and len(shape_out) == 2
        and shape_out[1] in OUTPUTS
    )
    if not fits:
        return None
    by_kind = {type(layer).__name__: layer for layer in model.layers}
    crop = by_kind.get("CropInput")
    rotation = None
    if "HeadAngles" in by_kind:
        rotation = (RAW_SCALE, LEAST_ERROR, ERROR_SCALE)
    return EstimatorSpec(
        shape_in[1],
        shape_in[3],
        shape_out[1],
        crop.side if crop else "small",
        crop.margin if crop else 1.0,
        rotation,
    )


def network_of(model, kind: str) -> Network | None:
    """Returns a Keras model or a network as a network; None if it is of another kind."""
    if isinstance(model, Network):
        return model if model.spec.kind == kind else None
    spec = spec_of(model)
    if spec is None or spec.kind != kind:
        return None
    from headpose.models.keras_setup import compiled

    return checked_network(spec, compiled(model), "keras", str(getattr(model, "name", "model")))


def checked_network(spec: Spec, call: Call, backend: str, name: str) -> Network:
    """Returns a network whose answers are checked against what is known of it.

    Args:
        spec: What must be known of it.
        call: See `Network`.
        backend: What runs it.
        name: What to call it in errors.
    """
    if isinstance(spec, DetectorSpec):
        return Network(spec, checked_detector(call, name), backend)
    return Network(spec, checked_estimator(call, spec.outputs, name), backend)


def _picture(shape: tuple) -> dict:
    return {
        "shape": list(shape),
        "layout": "batch, height, width, channels",
        "type": "float32",
        "channels": "BGR" if shape[3] == 3 else "grey",
        "range": [0, 255],
    }
