"""What must be known of a network to run it: a detector's, its second stage's, an estimator's.

An exported file carries it as JSON, see `headpose.models.metadata`.
"""

import dataclasses
import re

from headpose.geometry.crops import OLD_SIDES, SIDES
from headpose.models.descriptions import (
    ANY_SIZE,
    CLASSIFIED,
    CODED_ANGLES,
    CODED_BOXES,
    CROP,
    DECODED_BOXES,
    FIXED_SIZE,
    RESIZING,
    SIGNS,
)
from headpose.models.schema import Fields, as_numbers, as_whole
from headpose.models.suppression import OURS, PUBLISHED, Suppression

# What an estimator may tell, in degrees; `expected_error` is the expected error of the others.
MEASURES = ("tilt", "pan", "roll", "azimuth", "elevation", "expected_error")
OLD_MEASURES = {"certainty": "expected_error"}  # as files of earlier versions call them
# How an estimator of rotations codes its answer, see `headpose.pose.rotation`.
# Scale of the first six raw outputs: with 1, a step of the optimizer turns heads by several
# degrees, and training stays noisy; so it is by about one.
RAW_SCALE = 0.2
MIN_ERROR, ERROR_SCALE = 0.5, 10.0  # degrees: floor and unit of the expected error
MAX_PROFILE_TURN = 30.0  # degrees that a head in profile may be turned further
DETECTOR, ESTIMATOR, CLASSIFIER = "head detector", "pose estimator", "head classifier"
# What a description may say: sides of an input in pixels, levels of a detector and their
# strides, shapes of priors a level, and the constants of a rotation by name. Wide enough for
# any network of this kind, narrow enough that nothing absurd is built.
INPUT_SIDES, CROP_SIDES = (16, 4096), (8, 1024)
MAX_LEVELS, MAX_STRIDE, MAX_SHAPES = 16, 1024, 64
OUTPUTS = (2, 3, len(MEASURES))
ROTATION = {"scale": (1e-3, 100), "min_error": (0, 180), "error_scale": (1e-3, 1000)}
PROFILE_TURN = "profile_turn"  # beside these, where it is not 0
LONG_SIDE = 512  # pixels at which pictures are searched, where a detector takes any size


@dataclasses.dataclass(frozen=True)
class DetectorSpec:
    """What must be known of a head detector.

    Attributes:
        height, width: Of the input, pixels; None where it takes any.
        confidence: Its default threshold.
        levels: For each feature map its stride and the (width, height) of its priors, pixels.
        variances: Of the box coding.
    """

    height: int | None
    width: int | None
    confidence: float
    levels: tuple[tuple[int, tuple[tuple[float, float], ...]], ...]
    variances: tuple[float, float, float, float]
    kind = DETECTOR

    @property
    def stride(self) -> int:
        """The largest stride: sides of an input of any size are multiples of it."""
        return max(stride for stride, _ in self.levels)

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
            scaling = {"long_side": LONG_SIDE, "scaling": ANY_SIZE, "multiple": self.stride}
        return {
            "input": _picture(self.input_shape) | scaling | {"resizing": RESIZING},
            "outputs": DECODED_BOXES if decoded else CODED_BOXES,
            "confidence": self.confidence,
            "suppression": self.suppression.as_json(),
            "priors": [
                {"stride": stride, "shapes": [list(s) for s in shapes]}
                for stride, shapes in self.levels
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
            (level.whole("stride", 1, MAX_STRIDE), _shapes(level))
            for level in values.objects("priors", 1, MAX_LEVELS)
        )
        a, b, c, d = values.numbers("variances", 4, 1e-3, 10)
        return cls(height, width, values.number("confidence", 0, 1), levels, (a, b, c, d))


def _shapes(level: Fields) -> tuple[tuple[float, float], ...]:
    """Reads the (width, height) of a level's priors, pixels."""
    shapes = level.items("shapes", 1, MAX_SHAPES)
    if not all(isinstance(shape, list) and len(shape) == 2 for shape in shapes):
        raise ValueError("a prior's shape is no pair of numbers")
    flat = [side for shape in shapes for side in shape]
    sides = as_numbers(flat, 0.1, 4 * INPUT_SIDES[1], "a prior's side")
    return tuple(zip(sides[::2], sides[1::2], strict=True))


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
        profile_turn: Degrees by which a head that it sees in profile is turned further, see
            `headpose.geometry.angles.turned_further`.
    """

    size: int
    channels: int
    outputs: int
    side: str = "short"
    margin: float = 1.0
    rotation: tuple[float, float, float] | None = None
    profile_turn: float = 0.0
    kind = ESTIMATOR

    @property
    def input_shape(self) -> tuple:
        return (None, self.size, self.size, self.channels)

    def as_json(self, decoded: bool) -> dict:
        """Describes input and outputs; `decoded` tells whether the file holds the decoding."""
        coded = self.rotation is not None and not decoded
        result = {
            "input": _picture(self.input_shape),
            "crop": _crop(self.size, self.side, self.margin),
            "outputs": CODED_ANGLES if coded else [f"angles (batch, {self.outputs})"],
            "measures": list(MEASURES[: self.outputs]),
            "signs": SIGNS,
        }
        if self.rotation:
            turn = {PROFILE_TURN: self.profile_turn} if self.profile_turn else {}
            result["rotation"] = dict(zip(ROTATION, self.rotation, strict=True)) | turn
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
        rotation, turn = None, 0.0
        if "rotation" in values:
            told = values.fields("rotation")
            scale, floor, unit = (told.number(name, *limits) for name, limits in ROTATION.items())
            rotation = (scale, floor, unit)
            turn = told.number(PROFILE_TURN, 0, MAX_PROFILE_TURN) if PROFILE_TURN in told else 0.0
        side, margin = crop.choice("side", SIDES, OLD_SIDES), crop.number("margin", 0.1, 10)
        return cls(size, channels, len(measures), side, margin, rotation, turn)


@dataclasses.dataclass(frozen=True)
class ClassifierSpec:
    """What must be known of a head classifier, a detector's second stage.

    Attributes:
        size: Side of the crops, pixels; they are BGR.
        side, margin: How crops are cut, see `headpose.geometry.crops.head_crops`.
        lowest: Candidates are asked about from this score of the first stage on; for those
            below it x is 0.
        weights: (a, b, c): a candidate's score becomes sigmoid(a logit(s) + b x + c), where s
            is its score by the first stage and x what the classifier answers.
        detector: Name of the first stage's file, without folder and suffix.
        digest: SHA-256 of that `.keras` file: the weights mean nothing with another one.
    """

    size: int
    side: str
    margin: float
    lowest: float
    weights: tuple[float, float, float]
    detector: str
    digest: str
    kind = CLASSIFIER
    channels = 3
    outputs = 1

    @property
    def input_shape(self) -> tuple:
        return (None, self.size, self.size, self.channels)

    def as_json(self, decoded: bool) -> dict:
        """Describes input and outputs; nothing is to be decoded."""
        return {
            "input": _picture(self.input_shape),
            "crop": _crop(self.size, self.side, self.margin),
            "outputs": [CLASSIFIED],
            "lowest": self.lowest,
            "weights": list(self.weights),
            "detector": {"name": self.detector, "sha256": self.digest},
        }

    @classmethod
    def from_json(cls, values: Fields) -> "ClassifierSpec":
        """Reads what `as_json` wrote; a ValueError tells what does not fit."""
        _, height, width, channels = values.fields("input").items("shape", 4, 4)
        size = as_whole(height, *CROP_SIDES, "input.shape[1]")
        as_whole(width, size, size, "input.shape[2]")
        as_whole(channels, 3, 3, "input.shape[3]")
        crop, detector = values.fields("crop"), values.fields("detector")
        side, margin = crop.choice("side", SIDES, OLD_SIDES), crop.number("margin", 0.1, 10)
        a, b, c = values.numbers("weights", 3, -100, 100)
        lowest = values.number("lowest", 0, 1)
        name, digest = detector.text("name"), detector.text("sha256")
        if not is_stem(name):
            raise ValueError("detector.name is no name of a file without folder and suffix")
        return cls(size, side, margin, lowest, (a, b, c), name, digest)


def is_stem(name: str) -> bool:
    """Tells whether a text can be the name of a file, without folder, suffix and patterns."""
    return re.fullmatch(r"\w[\w.+-]*", name) is not None


Spec = DetectorSpec | EstimatorSpec | ClassifierSpec


def _crop(size: int, side: str, margin: float) -> dict:
    return {
        "size": size,
        "side": side,
        "margin": margin,
        "meaning": CROP,
        "resizing": RESIZING,
    }


def _picture(shape: tuple) -> dict:
    return {
        "shape": list(shape),
        "layout": "batch, height, width, channels",
        "type": "float32",
        "channels": "BGR" if shape[3] == 3 else "grey",
        "range": [0, 255],
    }
