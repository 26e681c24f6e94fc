"""Eight-bit integers for the convolutions of exported networks.

Ranges come from calibration pictures. Only convolutions are quantized where the converter
lets choose: nearly all of the work is theirs, and the standardization of crops, the
decoding of boxes and of angles need finer numbers.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np


def quantize_onnx(file: Path, name: str, inputs: Iterable[np.ndarray]) -> None:
    """Quantizes an ONNX file in place with ONNX Runtime.

    Args:
        file: The file.
        name: Of its input.
        inputs: Batches of one.
    """
    import onnx
    from onnxruntime import quantization

    class Reader(quantization.CalibrationDataReader):
        def __init__(self):
            self._batches = iter(inputs)

        def get_next(self) -> dict | None:
            batch = next(self._batches, None)
            return None if batch is None else {name: batch}

    # The last convolutions of a detector make few numbers, each of which counts.
    last = [node.name for node in onnx.load(file).graph.node if "_mbox_" in node.name]
    quantization.quantize_static(
        file,
        file,
        Reader(),
        op_types_to_quantize=["Conv"],
        nodes_to_exclude=last,
        per_channel=True,
        activation_type=quantization.QuantType.QUInt8,
        weight_type=quantization.QuantType.QInt8,
    )


def quantize_openvino(model, inputs: list[np.ndarray]):
    """Returns an OpenVINO model quantized with NNCF."""
    import nncf
    from nncf.quantization.range_estimator import RangeEstimatorParametersSet

    convolutions = {"Convolution", "Constant", "Convert", "Parameter", "Result"}
    others = sorted({node.get_type_name() for node in model.get_ops()} - convolutions)
    return nncf.quantize(
        model,
        nncf.Dataset(inputs),
        subset_size=len(inputs),
        preset=nncf.QuantizationPreset.MIXED,
        ignored_scope=nncf.IgnoredScope(types=others, validate=False),
        advanced_parameters=nncf.AdvancedQuantizationParameters(
            # Its correction of biases moves angles by two degrees; without it they err by 0.2.
            disable_bias_correction=True,
            activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX,
        ),
    )


def litert_options(inputs: list[np.ndarray]) -> dict:
    """Returns the options with which Keras' export has TensorFlow's converter quantize."""
    import tensorflow as tf

    def dataset():
        for batch in inputs:
            yield [batch]

    return {"optimizations": [tf.lite.Optimize.DEFAULT], "representative_dataset": dataset}
