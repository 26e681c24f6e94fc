"""What a MatConvNet network says about itself: its `meta` and its layers' arguments."""

import itertools

import numpy as np

from headpose.errors import HeadposeError

INPUT_SIDE = 512  # pixels
BACKGROUND_CLASS = 1  # of 2, counted from 1: the first channel of a pair


def check_meta(meta) -> list[str]:
    """Checks size, background class and mean colour; returns remarks on what is not there.

    Raises:
        HeadposeError: If the network is not for 512 x 512, or background is not the first class.
    """
    remarks = []
    size = _numbers(meta, "normalization", "imageSize")
    if not len(size):
        remarks.append("meta.normalization.imageSize is not there and is not checked")
    elif any(side != INPUT_SIDE for side in size[:2]):
        shown = "x".join(f"{side:g}" for side in size[:2])
        raise HeadposeError(
            f"meta.normalization.imageSize is {shown}, so this is an SSD{size[0]:g};"
            " only SSD512 can be converted"
        )
    background = _numbers(meta, "backgroundClass")
    if len(background) != 1:
        remarks.append("meta.backgroundClass is not there and is not checked")
    elif background[0] != BACKGROUND_CLASS:
        raise HeadposeError(
            f"meta.backgroundClass is {background[0]:g}; only networks whose background"
            f" is class {BACKGROUND_CLASS} can be converted"
        )
    mean = _numbers(meta, "normalization", "averageImage")
    if len(mean) == 3:
        apart = np.abs(mean - (123, 117, 104)).max()
        if not apart <= 2:  # VGG's, in RGB order, rounded or not; nor NaN
            shown = ", ".join(f"{m:.1f}" for m in mean)
            remarks.append(f"meta.normalization.averageImage is {shown}, not about 123, 117, 104")
    return remarks


def prior_arguments(forward) -> dict[str, dict]:
    """Collects the arguments of the layers named `<map>_priorbox`, which have a `minSize`.

    Returns:
        By the map's name, in the order of the file, values as flat lists of floats.
    """
    fields = getattr(forward, "dtype", np.dtype(float)).names or ()
    result = {}
    for record in np.asarray(forward).reshape(-1) if {"name", "args"} <= set(fields) else ():
        name = text(record["name"])
        values = list(np.asarray(record["args"], object).reshape(-1))
        arguments = {
            text(key): np.ravel(np.asarray(value, float)).tolist()
            for key, value in itertools.pairwise(values)
            if text(key) and np.asarray(value).dtype.kind in "biuf"
        }
        # The concatenation of all priors may be named alike; it has no sizes.
        if name.endswith("_priorbox") and "minSize" in arguments:
            result[name.removesuffix("_priorbox")] = arguments
    return result


def prior_differences(
    priors: dict[str, dict], scales: tuple, strides: tuple, ratios: tuple
) -> list[str]:
    """Compares the prior layers of a file with those of a preset.

    Args:
        priors: By `prior_arguments`.
        scales: One more than there are maps, of the input's side.
        strides: Pixels, one per map.
        ratios: Aspect ratios above 1, one tuple per map.

    Returns:
        A line per difference, naming the field; sizes may differ by a pixel (rounding).
    """
    if len(priors) != len(strides):
        return [f"{len(priors)} layers named *_priorbox, not {len(strides)}"]
    lines = []
    for k, (source, found) in enumerate(priors.items()):
        expected = {
            "minSize": ([scales[k] * INPUT_SIDE], 1),
            "maxSize": ([scales[k + 1] * INPUT_SIDE], 1),
            "pixelStep": ([strides[k]], 0.01),
            "aspectRatios": (list(ratios[k]), 0.01),
            "variance": ([0.1, 0.1, 0.2, 0.2], 1e-4),
            "offset": ([0.5], 1e-4),
            "flip": ([1], 0),
            "clip": ([0], 0),
        }
        for field, (values, tolerance) in expected.items():
            has = found.get(field)
            if has is None or len(has) != len(values) or not np.allclose(has, values, 0, tolerance):
                shown = " ".join(f"{v:.5g}" for v in has) if has else "nothing"
                wanted = " ".join(f"{v:.5g}" for v in values)
                lines.append(f"{source}_priorbox: {field} {shown}, not {wanted}")
    return lines


def _field(struct, *names: str):
    """Returns a field of nested 1x1 structs, or None if there is none."""
    for name in names:
        if name not in (getattr(struct, "dtype", np.dtype(float)).names or ()):
            return None
        if np.size(struct) != 1:
            return None
        struct = np.ravel(struct)[0][name]
    return struct


def _numbers(struct, *names: str) -> np.ndarray:
    """Returns the real numbers of a field as floats (N,); none if it has none or others."""
    value = np.asarray(_field(struct, *names))
    return np.ravel(value).astype(float) if value.dtype.kind in "biuf" else np.zeros(0)


def text(value) -> str:
    """Returns a char array as text; anything else as an empty one."""
    value = np.asarray(value)
    return str(value.reshape(-1)[0]) if value.dtype.kind == "U" and value.size else ""
