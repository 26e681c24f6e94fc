"""Reading TensorFlow's checkpoints, V1 single files and V2, without a session.

The only place that needs TensorFlow whatever backend Keras runs on.
"""

from pathlib import Path

import numpy as np

from headpose.errors import HeadposeError, first_line
from headpose.models.keras_setup import quieten

DATA = ".data-"  # of V2: NAME.index and NAME.data-00000-of-00001
BESIDE = ("checkpoint",)  # files that TensorFlow writes beside the weights
BESIDE_SUFFIXES = (".meta", ".index", ".json", ".txt", ".md", ".pb", ".pbtxt")


def checkpoints_in(folder: Path) -> list[Path]:
    """Returns what may be checkpoints in a folder: V1 files and prefixes of V2, sorted."""
    names = [f.name for f in folder.iterdir() if f.is_file() and not f.name.startswith(".")]
    found = {n.removesuffix(".index") for n in names if n.endswith(".index")}
    for name in names:
        if DATA not in name and name not in BESIDE and not name.endswith(BESIDE_SUFFIXES):
            found.add(name)
    return sorted(folder / name for name in found)


class Checkpoint:
    """The variables of a checkpoint.

    Args:
        path: The V1 file, or the prefix of V2's files (a path to its `.index` will do).

    Attributes:
        shapes: Of all variables, by name.

    Raises:
        HeadposeError: If there is none, it is no checkpoint, or TensorFlow is not installed.
    """

    def __init__(self, path: str | Path):
        path = Path(path)
        self.path = path.with_suffix("") if path.suffix == ".index" else path
        if not self.path.is_file() and not Path(f"{self.path}.index").is_file():
            raise HeadposeError(f"{path}: no such checkpoint")
        quieten()
        try:
            import tensorflow as tf
        except ImportError as error:
            raise HeadposeError("reading checkpoints needs TensorFlow; install it") from error
        try:
            self._reader = tf.train.load_checkpoint(str(self.path))
            shapes = self._reader.get_variable_to_shape_map()
        except (tf.errors.OpError, ValueError, RuntimeError) as error:
            raise HeadposeError(
                f"{path}: not a TensorFlow checkpoint ({first_line(error)})"
            ) from error
        self.shapes = {name: tuple(shape) for name, shape in shapes.items()}

    def read(self, name: str) -> np.ndarray:
        """Returns a variable.

        Raises:
            HeadposeError: If its values cannot be read, or are no finite numbers: the file is
                damaged.
        """
        import tensorflow as tf

        try:
            values = self._reader.get_tensor(name)
        except (tf.errors.OpError, ValueError, RuntimeError) as error:
            told = first_line(error)
            raise HeadposeError(f"{self.path}: damaged, {name} cannot be read ({told})") from error
        if values.dtype.kind not in "iuf" or not np.isfinite(values).all():
            raise HeadposeError(f"{self.path}: {name} has values that are not finite numbers")
        return values
