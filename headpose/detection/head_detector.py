"""HeadDetector: pictures in, heads out."""

from pathlib import Path

import cv2
import numpy as np

from headpose.errors import HeadposeError
from headpose.geometry.boxes import as_boxes, nms
from headpose.geometry.crops import resize
from headpose.images.arrays import Pictures, as_pictures
from headpose.models.backends import Backend
from headpose.models.network import network_of
from headpose.models.resolve import ModelSpec, for_other_process, open_model, resolve
from headpose.models.specs import DETECTOR, LONG_SIDE, DetectorSpec
from headpose.models.suppression import CANDIDATE_SCORE, PUBLISHED, Suppression
from headpose.reporting import logger

AT_ONCE = 8  # pictures in one call of the network; SSD512 takes 0.2 GB for each


class HeadDetector:
    """Finds heads with a network of `headpose.detection.networks`.

    A model with a fixed input size (SSD512) gets pictures stretched to it, as it was
    trained; one that takes any size (the compact detector) gets them scaled to a long
    side of `size` and padded to a multiple of its largest stride.

    Args:
        model: A Keras model that ends in `DecodeBoxes`, or a `models.network.Network`.
        size: Long side in pixels, for models that take any size.
        name: What to call the model in errors.

    It may be called by several threads, and goes to other processes, which load its file again.

    Attributes:
        confidence: The model's own default threshold.
        fixed_size: The rows and columns that pictures are stretched to, or None.
        suppression: How one find of each head is chosen.
        size: Long side that pictures are scaled to, a multiple of the largest stride.
        levels: Strides and priors, see `headpose.models.specs.DetectorSpec`.
        call: The network, see `headpose.models.network.Network`.
        spec: Where the model was loaded from; None for one from memory.

    Raises:
        HeadposeError: If the model is no detector.
    """

    spec: ModelSpec | None = None

    def __init__(self, model, size: int = LONG_SIDE, name: str = "model"):
        network = network_of(model, DETECTOR)
        if network is None or not isinstance(network.spec, DetectorSpec):
            raise HeadposeError(f"{name}: not a head detector (is it a pose estimator?)")
        spec = network.spec
        self.model = model
        self.confidence = spec.confidence
        self._stride = spec.stride
        self.levels = spec.levels
        self.fixed_size = spec.input_shape[1:3] if spec.height else None
        self.suppression = spec.suppression
        self.size = max(self._stride, round(size / self._stride) * self._stride)
        self.call = network.call

    @classmethod
    def load(
        cls,
        path: str | Path | ModelSpec,
        size: int = LONG_SIDE,
        backend: str | Backend | None = None,
    ) -> "HeadDetector":
        """Loads a detector from a `.keras` file or an exported one.

        Args:
            path: The file, or what `resolve` found.
            size: Long side in pixels, for models that take any size.
            backend: See `headpose.models.resolve.resolve`.

        Raises:
            HeadposeError: If the file is missing, damaged, or holds something else.
        """
        spec = resolve(path, backend)
        detector = cls(open_model(spec), size, str(path))
        detector.spec = spec
        return detector

    def __reduce__(self) -> tuple:
        spec = for_other_process(self.spec, "head detector")
        state = {"confidence": self.confidence, "suppression": self.suppression}
        return type(self).load, (spec, self.size), state

    def detect(
        self, pictures: Pictures, confidence: float | None = None
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Finds the heads in each picture.

        Pictures that scale to the same size go through the network together, 8 at most.

        Args:
            pictures: uint8 (H, W, 3), BGR, of any sizes; or what
                `headpose.images.arrays.as_pictures` makes that.
            confidence: Keep heads that score above it; by default the model's own.

        Returns:
            For each picture boxes float32 (N, 4) in its pixels, not clipped, best
            first, and scores (N,).
        """
        confidence = self.confidence if confidence is None else confidence
        prepared = [self.prepare(picture) for picture in as_pictures(pictures)]
        results: list = [None] * len(prepared)
        groups: dict[tuple, list[int]] = {}
        for i, (picture, _) in enumerate(prepared):
            groups.setdefault(picture.shape, []).append(i)
        for alike in groups.values():
            for start in range(0, len(alike), AT_ONCE):
                members = alike[start : start + AT_ONCE]
                inputs = [prepared[i][0] for i in members]
                # A picture alone needs no copy.
                boxes, scores = self.call(np.stack(inputs) if inputs[1:] else inputs[0][None])
                for row, i in enumerate(members):
                    results[i] = self.select(
                        boxes[row], scores[row], prepared[i][1], confidence, self.suppression
                    )
        return results

    def prepare(self, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns the network's input and the factors (x, y) back to the picture."""
        height, width = picture.shape[:2]
        if self.fixed_size:
            rows, columns = self.fixed_size
            scaled = cv2.resize(picture, (columns, rows), interpolation=cv2.INTER_LINEAR)
            return scaled.astype(np.float32), np.array([width / columns, height / rows])
        scale = self.size / max(width, height)
        columns, rows = (max(1, round(n * scale)) for n in (width, height))
        scaled = resize(picture, (columns, rows))
        stride = self._stride
        whole = (-(-rows // stride) * stride, -(-columns // stride) * stride, 3)
        padded = np.zeros(whole, np.float32)
        padded[:rows, :columns] = scaled
        return padded, np.array([width / columns, height / rows])

    @staticmethod
    def select(
        boxes: np.ndarray,
        scores: np.ndarray,
        factors: np.ndarray,
        confidence: float,
        suppression: Suppression = PUBLISHED,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns what `detect` does of a picture, from the network's answer.

        Args:
            boxes: (N, 4), pixels of the network's input.
            scores: (N,).
            factors: (x, y) back to the picture.
            confidence: Keep boxes that score above it.
            suppression: How one find of each head is chosen.
        """
        candidates = np.flatnonzero(scores > max(CANDIDATE_SCORE, confidence))
        boxes, scores = boxes[candidates], scores[candidates]
        kept = nms(boxes, scores, suppression.iou, containment=suppression.containment)
        if suppression.limit is not None and len(kept) > suppression.limit:
            logger.warning(
                "%d heads in one picture; this detector's limit is %d, the best are kept",
                len(kept),
                suppression.limit,
            )
            kept = kept[: suppression.limit]
        return as_boxes(boxes[kept] * np.tile(factors, 2)), scores[kept]
