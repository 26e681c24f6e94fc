#!/usr/bin/env python3
"""Counts faces that fill the picture and are found once: one box, not two or three inside.

Photos are cut to so many times the labelled face box and searched at each detector's
default size and threshold. "One box" counts photos with exactly one find, "right" those in
which that find overlaps the visible part of the labelled head by an IoU of at least 0.5.
"""

import numpy as np
from measuring import cl, each_so_many_th, told_choice

from headpose.cli.markdown import markdown_table
from headpose.cli.pipeline_options import named_detector
from headpose.datasets.detection_annotations import picture_folder
from headpose.datasets.label_tables import Problems, SourceName, numbers, read_labels
from headpose.datasets.told_sizes import OTHER_SIZE, of_other_size, told_sizes
from headpose.detection.loading import DETECTOR_HELP, load_detector
from headpose.errors import HeadposeError, PictureError
from headpose.geometry.boxes import COLUMNS, can_show, clip, iou
from headpose.images.drawn_mark import read_photo
from headpose.reporting import report

FACE = tuple(f"face_{c}" for c in COLUMNS)
Sight = tuple[np.ndarray, np.ndarray, np.ndarray]
RIGHT_IOU = 0.5
SMALLEST = 4  # pixels of a box's side
HEAD_ROW = ("detector", "face box times", "photos", "none", "one box", "more", "right")


def cut(picture: np.ndarray, face: np.ndarray, size: float) -> tuple[np.ndarray, np.ndarray]:
    """Cuts a picture to so many times a box (4,); returns the part and where it is (4,)."""
    middle, extent = (face[:2] + face[2:]) / 2, (face[2:] - face[:2]) * size
    corners = np.concatenate([middle - extent / 2, middle + extent / 2])
    place = np.rint(clip([corners], picture.shape[1], picture.shape[0])[0]).astype(int)
    return np.ascontiguousarray(picture[place[1] : place[3], place[0] : place[2]]), place


def within(face: np.ndarray, width: int, height: int) -> bool:
    """Tells whether the middle of a box (4,), about which photos are cut, is in a picture."""
    middle = (face[:2] + face[2:]) / 2
    return bool(((middle >= 0) & (middle <= [width, height])).all())


def sights_of(data: str, count: int) -> list[Sight]:
    """Returns photos with the boxes (4,) of a head and its face, and tells what is left out.

    Args:
        data: Their table.
        count: No more than so many, each so many-th from the first on.

    Raises:
        HeadposeError: If there is none.
    """
    source, problems = SourceName.parse(data), Problems()
    table = read_labels(source.path, source.part, ("file", *COLUMNS, *FACE), problems)
    heads, faces = (numbers(table, names).to_numpy(np.float32) for names in (COLUMNS, FACE))
    sides = np.concatenate([b[:, 2:] - b[:, :2] for b in (heads, faces)], axis=1)
    boxed = (sides >= SMALLEST).all(axis=1)  # NaN is not
    for file in table["file"][~boxed]:
        problems.add("bad box", file)
    sizes, folder = told_sizes(table), picture_folder(source.path, table["file"])
    sights = []
    usable = np.flatnonzero(boxed)
    chosen = each_so_many_th(len(usable), count)
    print(f"{told_choice(chosen, len(usable), 'photos')}\n")
    for row in usable[list(chosen)]:
        name = table["file"].iloc[row]
        try:
            picture = read_photo(folder / name)
        except PictureError as error:
            problems.add("unreadable or missing picture", str(error))
            continue
        width, height = picture.shape[1::-1]
        if of_other_size(sizes[row][None], width, height)[0]:
            problems.add(OTHER_SIZE, name)
        elif not (can_show([heads[row]], width, height) & within(faces[row], width, height))[0]:
            problems.add("box outside the picture", name)
        else:
            sights.append((picture, heads[row], faces[row]))
    report(data, problems)
    if not sights:
        raise HeadposeError(f"{data}: no head and face in a photo that can be read")
    return sights


def main() -> None:
    parser = cl.parser(__doc__)
    add = parser.add_argument
    add("detectors", nargs="+", type=named_detector, help=DETECTOR_HELP)
    add("--data", required=True, help="CSV with head boxes and face_xmin ...; #PART for a part")
    add(
        "--count", type=cl.at_least(1), default=60, help="photos, each so many-th from the first on"
    )
    add(
        "--sizes",
        type=cl.in_range(0.5, 10),
        nargs="+",
        default=[1.0, 0.8],
        help="of the face box's sides",
    )
    arguments = parser.parse_args()
    sights = sights_of(arguments.data, arguments.count)
    rows = []
    for name in arguments.detectors:
        detector = load_detector(name)
        for size in arguments.sizes:
            counts = np.zeros(4, int)
            for picture, head, face in sights:
                part, place = cut(picture, face, size)
                boxes, _ = detector.detect([part])[0]
                shown = clip([head - np.tile(place[:2], 2)], part.shape[1], part.shape[0])
                inside = clip(boxes, part.shape[1], part.shape[0])
                right = len(boxes) == 1 and iou(inside, shown)[0, 0] >= RIGHT_IOU
                counts += [len(boxes) == 0, len(boxes) == 1, len(boxes) > 1, right]
            rows.append([name, f"{size:g}", str(len(sights)), *map(str, counts)])
    print(markdown_table(HEAD_ROW, rows))


if __name__ == "__main__":
    cl.run(main)
