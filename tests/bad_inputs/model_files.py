"""Models that are missing, damaged, hostile or described wrongly."""

from collections.abc import Iterator

from bad_inputs.case import QUICK, Case
from bad_inputs.files.models import DETECTOR_CHANGES, ESTIMATOR_CHANGES, MODELS


def cases() -> Iterator[Case]:
    for name, what in MODELS.items():
        yield Case("image", f"--estimator: {what}", ("good.png", *QUICK, "--estimator", name))
        yield Case("image", f"--detector: {what}", ("good.png", "--detector", name))
        yield Case("evaluate", f"estimator: {what}", (name, "good.csv"))
        yield Case("evaluate-detector", f"detector: {what}", (name, "--data", "good.csv"))
    for name in (*DETECTOR_CHANGES, "other-network", "deep-json"):
        what = f"--detector: a description with {name.replace('-', ' ')}"
        yield Case("image", what, ("good.png", "--detector", f"detector-{name}.onnx"))
    for name in (*ESTIMATOR_CHANGES, "other-network", "deep-json"):
        what = f"estimator: a description with {name.replace('-', ' ')}"
        yield Case("evaluate", what, (f"estimator-{name}.onnx", "good.csv"))
    for name in ("nowhere.keras", "", "folder", "pipe", "/dev/zero", "gone"):
        arguments = (name, "--format", "onnx", "--output", "new.onnx")
        yield Case("export", f"model: {MODELS[name]}", arguments)
