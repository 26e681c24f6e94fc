"""Labelled faces, and detections that answer for them."""

import numpy as np
from pose_sets import (
    ROOT,
)

from headpose.datasets import head_matching
from headpose.datasets.pose_annotations import PoseAnnotation

FACE = [40.0, 40.0, 60.0, 60.0]
HEAD = head_matching.grown([FACE])[0]


def labelled(boxes, angles=None, name="a.jpg") -> PoseAnnotation:
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    angles = np.zeros((len(boxes), 3)) if angles is None else np.array(angles, float)
    return PoseAnnotation(ROOT / name, name, boxes, angles, "aflw")


def detected(*boxes) -> tuple:
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    return boxes, np.linspace(0.9, 0.5, len(boxes), dtype=np.float32)


def moved(box, dx=0.0, dy=0.0, scale=1.0):
    x0, y0, x1, y1 = box
    cx, cy, w, h = (x0 + x1) / 2 + dx, (y0 + y1) / 2 + dy, (x1 - x0) * scale, (y1 - y0) * scale
    return [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2]


class Fixed:
    """A detector that finds the same in each picture and notes its batches."""

    confidence = 0.5

    def __init__(self, *boxes):
        self.found, self.batches = detected(*boxes), []

    def detect(self, pictures, confidence=None):
        self.batches.append(len(pictures))
        return [self.found] * len(pictures)
