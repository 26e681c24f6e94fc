#!/usr/bin/env python3
"""Counts faces that fill the picture and are found once: one box, not two or three inside.

Photos are cut to so many times the labelled face box and searched at each detector's
default size and threshold. "One box" counts photos with exactly one find, "right" those in
which that find overlaps the visible part of the labelled head by an IoU of at least 0.5.
"""

import numpy as np
from measuring import cl

from headpose.cli.markdown import markdown_table
from headpose.cli.pipeline_options import named_detector
from headpose.datasets.detection_annotations import picture_folder
from headpose.datasets.label_tables import Problems, SourceName, numbers, read_labels
from headpose.detection.loading import DETECTOR_HELP, load_detector
from headpose.errors import HeadposeError
from headpose.geometry.boxes import COLUMNS, clip, iou
from headpose.images.drawn_mark import read_photo
from headpose.reporting import report

FACE = tuple(f"face_{c}" for c in COLUMNS)
RIGHT_IOU = 0.5
HEAD_ROW = ("detector", "face box times", "photos", "none", "one box", "more", "right")


def cut(picture: np.ndarray, face: np.ndarray, size: float) -> tuple[np.ndarray, np.ndarray]:
    """Cuts a picture to so many times a box (4,); returns the part and where it is (4,)."""
    middle, extent = (face[:2] + face[2:]) / 2, (face[2:] - face[:2]) * size
    corners = np.concatenate([middle - extent / 2, middle + extent / 2])
    place = np.rint(clip([corners], picture.shape[1], picture.shape[0])[0]).astype(int)
    return np.ascontiguousarray(picture[place[1] : place[3], place[0] : place[2]]), place


def main() -> None:
    parser = cl.parser(__doc__)
    add = parser.add_argument
    add("detectors", nargs="+", type=named_detector, help=DETECTOR_HELP)
    add("--data", required=True, help="CSV with head boxes and face_xmin ...; #PART for a part")
    add(
        "--count", type=cl.at_least(1), default=60, help="photos, each so many-th from the first on"
    )
    add("--sizes", type=float, nargs="+", default=[1.0, 0.8], help="of the face box's sides")
    arguments = parser.parse_args()
    source, problems = SourceName.parse(arguments.data), Problems()
    table = read_labels(source.path, source.part, ("file", *COLUMNS, *FACE), problems)
    for box in (COLUMNS, FACE):
        corners = numbers(table, box).to_numpy(float)
        has_area = (corners[:, 2:] > corners[:, :2]).all(axis=1)  # of what is empty: no
        for file in table["file"][~has_area]:
            problems.add("bad box", str(file))
        table = table[has_area]
    report(arguments.data, problems)
    if table.empty:
        raise HeadposeError(f"{arguments.data}: no head with its face; name another")
    chosen = table.iloc[:: max(1, len(table) // arguments.count)][: arguments.count]
    heads = numbers(chosen, COLUMNS).to_numpy(np.float32)
    faces = numbers(chosen, FACE).to_numpy(np.float32)
    folder = picture_folder(source.path, table["file"])
    pictures = [read_photo(folder / name) for name in chosen["file"]]
    rows = []
    for name in arguments.detectors:
        detector = load_detector(name)
        for size in arguments.sizes:
            counts = np.zeros(4, int)
            for picture, head, face in zip(pictures, heads, faces, strict=True):
                part, place = cut(picture, face, size)
                boxes, _ = detector.detect([part])[0]
                shown = clip([head - np.tile(place[:2], 2)], part.shape[1], part.shape[0])
                inside = clip(boxes, part.shape[1], part.shape[0])
                right = len(boxes) == 1 and iou(inside, shown)[0, 0] >= RIGHT_IOU
                counts += [len(boxes) == 0, len(boxes) == 1, len(boxes) > 1, right]
            rows.append([name, f"{size:g}", str(len(pictures)), *map(str, counts)])
    print(markdown_table(HEAD_ROW, rows))


if __name__ == "__main__":
    cl.run(main)
