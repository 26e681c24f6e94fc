"""The model files of variants: exported once and kept, or built with random weights."""

import dataclasses
import hashlib
from pathlib import Path

from variants import CASCADES, FSA_NET, OURS, PUBLISHED, SSD512, YUNET, Models, Variant

from headpose.errors import HeadposeError
from headpose.models.exported import read_metadata
from headpose.models.formats import default_target, digest

YUNET_FILE = "yunet_n_640_640.onnx"
FSA_NET_FILES = ("fsanet-1x1-iter-688590.onnx", "fsanet-var-iter-688590.onnx")
BUILT = {SSD512: "ssd512.keras", PUBLISHED: "published.keras"}


@dataclasses.dataclass(frozen=True)
class Sources:
    """What variants are made from.

    Attributes:
        detector, estimator: Our `.keras` files.
        work: Folder that keeps exported models.
        built: Folder for networks with random weights.
        peers: Folder with the files of others; None if there is none.
        calibrate_detector, calibrate_estimator: What eight-bit models are tuned on, see
            `headpose.export.calibration.samples`; None if there is nothing.
    """

    detector: Path
    estimator: Path
    work: Path
    built: Path
    peers: Path | None = None
    calibrate_detector: str | None = None
    calibrate_estimator: str | None = None

    def peer(self, name: str) -> Path:
        """Returns a file of others.

        Raises:
            HeadposeError: If it is missing.
        """
        if self.peers is None:
            raise HeadposeError("needs --peers")
        path = self.peers / name
        if not path.is_file():
            raise HeadposeError(f"{path}: no such model file")
        return path


class ModelFiles:
    """Finds or makes the files of variants; Keras is loaded when something must be made.

    Args:
        sources: What they are made from.
    """

    def __init__(self, sources: Sources):
        self._sources = sources

    def of(self, variant: Variant) -> Models:
        """Returns the files of a variant.

        Raises:
            HeadposeError: If one is missing and cannot be made.
        """
        s = self._sources
        estimator = {
            OURS: lambda: [self._ours(s.estimator, variant, s.calibrate_estimator)],
            FSA_NET: lambda: [s.peer(name) for name in FSA_NET_FILES],
            PUBLISHED: lambda: [self._built(PUBLISHED)],
        }[variant.estimator]()
        detector = {
            OURS: lambda: self._ours(s.detector, variant, s.calibrate_detector),
            YUNET: lambda: s.peer(YUNET_FILE),
            SSD512: lambda: self._built(SSD512),
            CASCADES: lambda: None,
        }[variant.detector]()
        size = sum(map(size_of, _cascades() if detector is None else [detector]))
        return Models(
            "viola-jones" if detector is None else str(detector),
            tuple(map(str, estimator)),
            size + sum(map(size_of, estimator)),
        )

    def networks(self) -> list[dict]:
        """Returns the rows of the table of networks; see `network_sizes.rows`."""
        from network_sizes import rows

        return rows(self._sources)

    def _ours(self, source: Path, variant: Variant, calibration: str | None) -> Path:
        if variant.form is None:
            return source
        made_from, precision = digest(source), "int8" if variant.int8 else "float32"
        tuned = ""
        if variant.int8:
            if calibration is None:
                raise HeadposeError("needs --calibrate-detector and --calibrate-estimator")
            tuned = f"-{hashlib.sha256(calibration.encode()).hexdigest()[:8]}"
        kept = self._sources.work / f"{source.stem}-{made_from[:16]}{tuned}.keras"
        kept = default_target(kept, variant.form, variant.int8)
        # Beside the model is what somebody exported there, or what ships with it.
        for candidate in (default_target(source, variant.form, variant.int8), kept):
            about = read_metadata(candidate) if candidate.exists() else None
            if about is not None and (about.digest, about.precision) == (made_from, precision):
                return candidate
        from headpose.export.exporter import export

        export(source, variant.form, kept, calibration if variant.int8 else None)
        return kept

    def _built(self, name: str) -> Path:
        path = self._sources.built / BUILT[name]
        if not path.exists():
            from headpose.models.keras_setup import set_up

            set_up("cpu", "float32")
            from headpose.models.keras_files import save_model

            save_model(build(name), path)
        return path


def build(name: str):
    """Builds a network of the published system with random weights: `SSD512` or `PUBLISHED`."""
    from headpose.detection.networks import build_ssd512
    from headpose.pose.networks import build_patacchiola

    return {SSD512: build_ssd512, PUBLISHED: build_patacchiola}[name]()


def size_of(path: Path) -> int:
    """Returns the bytes of a model's file, with those of the weights beside it."""
    weights = path.with_suffix(".bin")
    beside = [weights] if path.suffix == ".xml" and weights.exists() else []  # OpenVINO's
    return sum(file.stat().st_size for file in [path, *beside])


def _cascades() -> list[Path]:
    import cv2

    from headpose.detection.viola_jones import FRONTAL, PROFILE

    return [Path(cv2.data.haarcascades) / name for name in (FRONTAL, PROFILE)]
