"""Published head pose networks as ONNX files: what each of them takes and gives.

A `Convention` holds what is written nowhere in the file: how the head is cut and its
pixels are scaled, and what the outputs mean. `headpose.baselines.convention_checks` checks one on
labelled heads.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from headpose.baselines.onnx_networks import OnnxNetwork
from headpose.errors import HeadposeError
from headpose.files.places import identity
from headpose.geometry.angles import wrap_degrees
from headpose.geometry.convention_math import ANGLES
from headpose.pose.estimator import all_measures
from headpose.reporting import logger

BIN = 3.0  # degrees, of networks that tell how likely each bin is
# The mean and deviation of ImageNet's pixels in RGB, as torchvision's models are given them.
IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_DEVIATION = (58.395, 57.12, 57.375)


@dataclasses.dataclass(frozen=True)
class Convention:
    """What a network takes and gives.

    Attributes:
        name: Of the network.
        size: Side of the crops, pixels.
        side, margin: How they are cut from the head's box, see `headpose.geometry.crops.squares`.
        channels: `BGR` or `RGB`.
        mean, deviation: Taken off the pixels (0..255), and what they are then divided by,
            each in the order of the channels.
        layout: `NCHW` or `NHWC`.
        decoding: `degrees`: the angles, in one output or in three; `bins`: an output for
            each angle with the logits of bins of `BIN` degrees about 0, of which the
            expected angle is taken; `circular`: the same, but of bins that span the whole
            turn the mean direction is taken; `rotation`: one matrix Rz(roll) Ry(pan) Rx(tilt).
        order: What the outputs are, in their order.
        signs: By which they are multiplied, in that order, to be this project's.
        source: Where all that is read.
        tried: Whether it was checked on the network's own files.
        files: Of how many networks the published estimator is the mean.
    """

    name: str
    size: int
    side: str
    margin: float
    channels: str
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]
    layout: str
    decoding: str
    order: tuple[str, str, str]
    signs: tuple[int, int, int]
    source: str
    tried: bool = False
    files: int = 1

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the network's input, without the batch."""
        side = self.size
        return (3, side, side) if self.layout == "NCHW" else (side, side, 3)


_IMAGENET: dict[str, Any] = {
    "size": 224,
    "side": "long",
    "channels": "RGB",
    "mean": IMAGENET_MEAN,
    "deviation": IMAGENET_DEVIATION,
    "layout": "NCHW",
    "signs": (1, 1, 1),
}
_BY_NAME = ("pan", "tilt", "roll")  # yaw, pitch, roll
# Margins are factors on the longer side of a head box (crown to chin). Those of Hopenet
# and 6DRepNet were reckoned from their training crops: landmarks' box, 1.36 times as wide
# on average, of which the shorter side is taken; a head box is 1.34 such widths high.
CONVENTIONS = {
    c.name: c
    for c in (
        Convention(
            name="fsa-net",
            size=64,
            side="long",
            margin=1.2,
            channels="BGR",
            mean=(127.5,) * 3,
            deviation=(128.0,) * 3,
            layout="NCHW",
            decoding="degrees",
            order=_BY_NAME,
            signs=(1, 1, 1),
            source="github.com/omasaht/headpose-fsanet-pytorch, src/demo.py; two files, averaged",
            tried=True,
            files=2,
        ),
        Convention(
            name="hopenet",
            margin=1.0,
            decoding="bins",
            order=_BY_NAME,
            source="github.com/natanielruiz/deep-head-pose, code/test_hopenet.py, code/datasets.py",
            **_IMAGENET,
        ),
        Convention(
            name="6drepnet",
            margin=1.0,
            decoding="rotation",
            order=("tilt", "pan", "roll"),
            source="github.com/thohemp/6DRepNet, sixdrepnet/datasets.py, sixdrepnet/utils.py; "
            "6DRepNet360 is alike",
            **_IMAGENET,
        ),
        Convention(
            name="whenet",
            margin=1.2,
            decoding="circular",
            order=("pan", "roll", "tilt"),
            source="github.com/Ascend-Research/HeadPoseEstimation-WHENet, demo_video.py; order of "
            "the ONNX file of github.com/PINTO0309/HeadPoseEstimation-WHENet-yolov4-onnx-openvino",
            **_IMAGENET,
        ),
        Convention(
            name="whenet-nhwc",
            margin=1.2,
            decoding="circular",
            order=_BY_NAME,
            source="github.com/Ascend-Research/HeadPoseEstimation-WHENet, demo_video.py; its Keras "
            "weights as an ONNX file with outputs yaw_new, pitch_new, roll_new",
            **(_IMAGENET | {"layout": "NHWC"}),
            tried=True,
        ),
        Convention(
            name="whenet-published",
            margin=1.2,
            decoding="bins",
            order=_BY_NAME,
            source="the file of whenet-nhwc, its yaw read as published, as the expectation: "
            "better near the front than the mean direction, worse for heads turned away",
            **(_IMAGENET | {"layout": "NHWC"}),
            tried=True,
        ),
        Convention(
            name="whenet-prepost",
            margin=1.2,
            decoding="degrees",
            order=("pan", "roll", "tilt"),
            source="whenet_1x3x224x224_prepost.onnx of "
            "github.com/PINTO0309/HeadPoseEstimation-WHENet-yolov4-onnx-openvino: it scales "
            "pixels and decodes bins itself",
            **(_IMAGENET | {"mean": (0.0,) * 3, "deviation": (1.0,) * 3}),
        ),
    )
}


class PeerEstimator:
    """A published network behind the calls of `headpose.pose.estimator.PoseEstimator`.

    Args:
        convention: What it takes and gives.
        files: ONNX files; what several of them tell is averaged.
        backend: See `headpose.baselines.onnx_networks.OnnxNetwork`.

    Attributes:
        size, side, margin: Of the crops; see `Convention`.
        grey: False: it takes crops in colour.
        outputs: 3, for tilt, pan and roll.

    Raises:
        HeadposeError: If a file cannot be read, is no such network, or is named twice.
    """

    grey = False
    outputs = 3

    def __init__(self, convention: Convention, files: Sequence[Path], backend: str = "auto"):
        _check_files(convention, files)
        self.convention = convention
        self.size, self.side, self.margin = convention.size, convention.side, convention.margin
        self._networks = [OnnxNetwork(file, convention.shape, backend) for file in files]
        for network in self._networks:
            outputs = network(np.zeros((1, *convention.shape), np.float32))
            if not _fit(outputs, convention.decoding):
                shapes = ", ".join("x".join(map(str, y.shape)) for y in outputs)
                raise HeadposeError(
                    f"{network.path}: gives {shapes}, not {convention.decoding} as "
                    f"{convention.name} does"
                )

    @property
    def crop_options(self) -> dict:
        """Keyword arguments for `headpose.geometry.crops.head_crops`."""
        return {"size": self.size, "side": self.side, "margin": self.margin, "grey": self.grey}

    def measures(self, crops: np.ndarray) -> np.ndarray:
        """See `headpose.pose.estimator.PoseEstimator.measures`."""
        return all_measures(self.estimate_all(np.asarray(crops)))

    def estimate_all(self, crops: np.ndarray) -> np.ndarray:
        """Returns tilt, pan, roll (N, 3) in degrees of crops (N, S, S, 3), BGR, 0..255."""
        if not len(crops):
            return np.zeros((0, self.outputs), np.float32)
        pixels = prepared(crops, self.convention)
        told = [decoded(network(pixels), self.convention) for network in self._networks]
        # About the first, so that 179 and -179 degrees average to 180.
        apart = [wrap_degrees(angles - told[0]) for angles in told]
        return wrap_degrees(told[0] + np.mean(apart, axis=0)).astype(np.float32)


def _check_files(convention: Convention, files: Sequence[Path]) -> None:
    """Refuses a file that is named twice; warns where there are not as many as published."""
    known: dict[object, Path] = {}
    for file in files:
        if known.setdefault(identity(file), file) is not file:
            raise HeadposeError(f"{convention.name}: {file} is named twice; name it once")
    if len(files) != convention.files:
        what = "one network" if convention.files == 1 else f"the mean of {convention.files}"
        logger.warning(
            "%s: %s, where the published estimator is %s: %s",
            convention.name,
            "one file" if len(files) == 1 else f"the mean of {len(files)} files",
            what,
            ", ".join(file.name for file in files),
        )


def prepared(crops: np.ndarray, convention: Convention) -> np.ndarray:
    """Makes BGR crops (N, S, S, 3) in 0..255 what the network takes, float32."""
    crops = crops[..., ::-1] if convention.channels == "RGB" else crops
    mean, deviation = (np.asarray(v, np.float32) for v in (convention.mean, convention.deviation))
    pixels = (crops.astype(np.float32) - mean) / deviation
    return np.ascontiguousarray(
        np.moveaxis(pixels, 3, 1) if convention.layout == "NCHW" else pixels
    )


def decoded(outputs: list[np.ndarray], convention: Convention) -> np.ndarray:
    """Turns a network's outputs to tilt, pan, roll (N, 3) in degrees, this project's signs."""
    if convention.decoding == "bins":
        angles = np.stack([_expected(logits) for logits in outputs], axis=1)
    elif convention.decoding == "circular":
        angles = np.stack(
            [(_mean_direction if _whole_turn(y) else _expected)(y) for y in outputs], axis=1
        )
    elif convention.decoding == "rotation":
        angles = _of_rotation(outputs[0].reshape(-1, 3, 3))
    else:
        angles = np.concatenate([y.reshape(len(y), -1) for y in outputs], axis=1)
    angles = angles * np.asarray(convention.signs)
    return angles[:, [convention.order.index(angle) for angle in ANGLES]]


def _whole_turn(logits: np.ndarray) -> bool:
    return BIN * logits.shape[1] == 360


def _expected(logits: np.ndarray) -> np.ndarray:
    """Returns the expected angle (N,) of logits (N, bins): bin k stands for 3 (k - bins / 2)."""
    shares, angles = _shares(logits)
    return shares @ angles


def _mean_direction(logits: np.ndarray) -> np.ndarray:
    """Returns the direction (N,) of the mean unit vector, for bins around the whole turn.

    Of a head that is seen from behind half the probability is near -180 and half near 180.
    """
    shares, angles = _shares(logits)
    radians = np.radians(angles)
    return np.degrees(np.arctan2(shares @ np.sin(radians), shares @ np.cos(radians)))


def _shares(logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns how likely each bin is (N, bins), and the angles (bins,) that they stand for."""
    logits = logits.astype(np.float64)
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    bins = logits.shape[1]
    return shares, BIN * (np.arange(bins) - bins / 2)


def _of_rotation(matrices: np.ndarray) -> np.ndarray:
    """Returns x, y, z in degrees (N, 3) of Rz(z) Ry(y) Rx(x), with y in -90..90."""
    r = matrices.astype(np.float64)
    x = np.arctan2(r[:, 2, 1], r[:, 2, 2])
    y = np.arctan2(-r[:, 2, 0], np.hypot(r[:, 0, 0], r[:, 1, 0]))
    z = np.arctan2(r[:, 1, 0], r[:, 0, 0])
    return np.degrees(np.stack([x, y, z], axis=1))


def _fit(outputs: list[np.ndarray], decoding: str) -> bool:
    """Tells whether outputs for one picture can be decoded."""
    sizes = [y.size for y in outputs]
    if decoding == "rotation":
        return sizes == [9]
    if decoding == "degrees":
        return sizes in ([3], [1, 1, 1])
    return len(sizes) == 3 and min(sizes) > 3 and all(y.ndim == 2 for y in outputs)
