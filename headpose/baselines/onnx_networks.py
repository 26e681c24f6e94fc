"""Networks of others from ONNX files, run through any backend that is installed."""

import importlib.util
from pathlib import Path

import numpy as np

from headpose.errors import HeadposeError, first_line
from headpose.images.opencv_messages import silent_opencv
from headpose.models.backends import Backend
from headpose.models.onnx_header import read_inputs
from headpose.models.sessions import open_session

BACKENDS = ("auto", "onnxruntime", "openvino", "opencv")
AT_ONCE = 32  # crops in one call


class OnnxNetwork:
    """A network with one picture as input.

    Args:
        path: The ONNX file.
        shape: Of the input without the batch, such as (3, 224, 224).
        backend: One of `BACKENDS`; `auto` takes ONNX Runtime where it is installed, else
            OpenCV, whose importer does not know every operation.

    Raises:
        HeadposeError: If the file is missing, cannot be read, or takes another input.
    """

    def __init__(self, path: str | Path, shape: tuple[int, int, int], backend: str = "auto"):
        self.path, self.shape = Path(path), tuple(shape)
        if not self.path.is_file():
            raise HeadposeError(f"{path}: no such model file")
        self._check_input()
        self._run = self._open(backend)
        # Many files are made for a single picture a call.
        self._batch = self._largest_batch()

    def __call__(self, batch: np.ndarray) -> list[np.ndarray]:
        """Returns the outputs (N, ...) for a batch (N, *shape), float32."""
        starts = range(0, len(batch), self._batch)
        parts = [self._run(batch[start : start + self._batch]) for start in starts]
        return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]

    def _check_input(self) -> None:
        """Makes sure that the file declares one input that takes the pictures."""
        inputs = read_inputs(self.path)
        if len(inputs) != 1:
            raise HeadposeError(
                f"{self.path}: has {len(inputs)} inputs ({', '.join(inputs)}), not one picture"
            )
        ((given, is_float),) = inputs.values()
        given = given[1:]
        fits = len(given) == 3 and all(
            g is None or g == s for g, s in zip(given, self.shape, strict=True)
        )
        if not fits:
            shown = _by(tuple("?" if g is None else g for g in given)) or "no shape"
            raise HeadposeError(f"{self.path}: takes pictures of {shown}, not {_by(self.shape)}")
        if not is_float:
            raise HeadposeError(f"{self.path}: does not take float32 numbers")

    def _open(self, backend: str):
        """Returns a function from a batch to a list of outputs."""
        if backend == "auto":
            installed = importlib.util.find_spec("onnxruntime") is not None
            backend = "onnxruntime" if installed else "opencv"
        try:
            with silent_opencv():
                return open_session(self.path, Backend(backend, "cpu", "float32"))
        except HeadposeError as failure:
            other = "; with onnxruntime installed it may be read" if backend == "opencv" else ""
            raise HeadposeError(f"{failure}{other}") from failure

    def _largest_batch(self) -> int:
        """Returns how many pictures a call takes, after a trial with two and with one."""
        for count in (2, 1):
            try:
                with silent_opencv():
                    outputs = self._run(np.zeros((count, *self.shape), np.float32))
            except Exception as error:  # each backend raises classes of its own
                cause = error
                continue
            if all(len(y) == count for y in outputs):
                return AT_ONCE if count > 1 else 1
            cause = ValueError(f"outputs have shapes {[y.shape for y in outputs]}")
        raise HeadposeError(
            f"{self.path}: does not take pictures of {_by(self.shape)} ({first_line(cause)})"
        ) from cause


def _by(shape: tuple) -> str:
    return "x".join(map(str, shape))
