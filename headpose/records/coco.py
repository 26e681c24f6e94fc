"""Heads as COCO JSON, which labelling tools read: boxes with the pose as attributes.

The format is that of `instances_*.json` at https://cocodataset.org/#format-data; the field
`attributes` of an annotation is CVAT's, and `score` that of COCO's result files.
"""

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from headpose.files import spelled
from headpose.geometry.boxes import COLUMNS as BOX
from headpose.models.specs import MEASURES
from headpose.records.columns import Row, has_head
from headpose.records.sinks import Sink

CATEGORY = {"id": 1, "name": "head", "supercategory": "person"}


class CocoSink(Sink):
    """One JSON object with all pictures, those without heads among them, and all heads.

    A frame of a video is a picture named `clip.mp4#12`, its number after the name.

    Args:
        target: A file, or "-" for standard output.
    """

    def __init__(self, target: str | Path):
        super().__init__(target, empty=True)
        self._images: dict[tuple, dict[str, Any]] = {}
        self._annotations: list[dict[str, Any]] = []

    def _open(self, stack: ExitStack) -> None:
        self._file = self._text(stack)

    def _write(self, row: Row) -> None:
        key = row["file"], row["frame"]
        if key not in self._images:
            name = spelled(str(row["file"]))
            image: dict[str, Any] = {"id": len(self._images) + 1, "file_name": name}
            image |= {"width": row["width"], "height": row["height"]}
            if row["frame"] is not None:
                image["file_name"] = f"{name}#{row['frame']}"
                image |= {"frame": row["frame"], "time": row["time"]}
            self._images[key] = image
        if not has_head(row):
            return
        x0, y0, x1, y1 = (float(row[name] or 0) for name in BOX)
        wide, high = round(x1 - x0, 1), round(y1 - y0, 1)
        attributes = {name: row[name] for name in ("head", "track", *MEASURES)}
        self._annotations.append(
            {
                "id": len(self._annotations) + 1,
                "image_id": self._images[key]["id"],
                "category_id": CATEGORY["id"],
                "bbox": [x0, y0, wide, high],
                "area": round(wide * high, 2),
                "iscrowd": 0,
                "score": row["score"],
                "attributes": {k: v for k, v in attributes.items() if v is not None},
            }
        )

    def _finish(self) -> None:
        content = {
            "info": {"description": "Heads and their pose, found by headpose; angles in degrees"},
            "images": list(self._images.values()),
            "annotations": self._annotations,
            "categories": [CATEGORY],
        }
        json.dump(content, self._file)
        self._file.write("\n")
