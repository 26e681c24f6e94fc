"""A network that can be called, whoever runs it."""

import dataclasses

from headpose.models.answers import Call, checked_detector, checked_numbers
from headpose.models.specs import (
    ERROR_SCALE,
    MIN_ERROR,
    OUTPUTS,
    RAW_SCALE,
    ClassifierSpec,
    DetectorSpec,
    EstimatorSpec,
    Spec,
)


@dataclasses.dataclass(frozen=True)
class Network:
    """A network that can be called, whoever runs it.

    Attributes:
        spec: What must be known of it.
        call: From float32 pictures or crops (B, H, W, C) in 0..255 to boxes (B, N, 4) and
            scores (B, N), to degrees (B, outputs), or to logits (B, 1), in a list.
        backend: Its name, see `headpose.models.backends`.
    """

    spec: Spec
    call: Call
    backend: str


def spec_of(model) -> Spec | None:
    """Reads what must be known of a Keras model; None if it is none of ours."""
    for layer in model.layers:
        if type(layer).__name__ == "SecondStage":
            return layer.spec(model.input_shape[1])
        if type(layer).__name__ == "DecodeBoxes":
            _, height, width, _ = model.input_shape
            levels = tuple((level.stride, level.shapes) for level in layer.levels)
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
    rotation, turn = None, 0.0
    if angles := by_kind.get("HeadAngles"):
        rotation, turn = (RAW_SCALE, MIN_ERROR, ERROR_SCALE), angles.profile_turn
    return EstimatorSpec(
        shape_in[1],
        shape_in[3],
        shape_out[1],
        crop.side if crop else "short",
        crop.margin if crop else 1.0,
        rotation,
        turn,
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
    what = "logits" if isinstance(spec, ClassifierSpec) else "angles"
    return Network(spec, checked_numbers(call, spec.outputs, name, what), backend)
