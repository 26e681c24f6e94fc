#!/usr/bin/env python3
"""Measures how well the look of a head tells whose it is, were it asked after a head came back.

Heads are told by vectors that need no training: a histogram of colours of the head, with
the gradients of its grey picture (HOG), and of the clothes below it. Two tables of pairs: of
one person photographed from several sides, and of the beginning and end of each track of
videos against all heads that are seen beside it. A pair counts as one person if its vectors
are more alike than those of all but so many of a hundred pairs of strangers.
"""

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import combinations

import cv2
import numpy as np
from measuring import cl

from headpose.cli.markdown import markdown_table
from headpose.datasets.detection_annotations import picture_folder
from headpose.datasets.label_tables import Problems, SourceName, numbers, read_labels
from headpose.errors import HeadposeError
from headpose.geometry.boxes import COLUMNS, clip
from headpose.images.pictures import read_image
from headpose.records.reading import read_table
from headpose.reporting import progress, report
from headpose.video.opening import open_source

BINS = (8, 4, 4)  # of hue, saturation and brightness
SIDE = 32  # pixels of the grey picture whose gradients are taken
STRANGERS = (0.01, 0.05)  # shares of pairs of strangers that pass for one person
TURNS = ((0, 60), (60, 120), (120, 181))  # degrees between two sights of a head
FEWEST = 6  # frames of a track, so that its beginning and end are a while apart

Pair = tuple[np.ndarray, np.ndarray]  # vectors of both heads


def options() -> argparse.ArgumentParser:
    parser = cl.parser(__doc__)
    parser.add_argument(
        "--photos",
        metavar="CSV",
        help="boxes of heads with `person` and `azimuth`, each person from several sides",
    )
    parser.add_argument(
        "--videos", metavar="TABLE", help="of heads, as headpose video writes it beside its videos"
    )
    return parser


def part_of(picture: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Cuts a box (4,) out of a picture; at least a pixel."""
    height, width = picture.shape[:2]
    x0, y0, x1, y1 = np.rint(clip([box], width, height)[0]).astype(int)
    x0, y0 = min(x0, width - 1), min(y0, height - 1)
    return picture[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)]


def colours(picture: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Returns the root of a histogram: the product of two is their Bhattacharyya coefficient."""
    part = cv2.cvtColor(np.ascontiguousarray(part_of(picture, box)), cv2.COLOR_BGR2HSV)
    counts = cv2.calcHist([part], [0, 1, 2], None, BINS, [0, 180, 0, 256, 0, 256]).ravel()
    return np.sqrt(counts / counts.sum())


def gradients(picture: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Returns histograms of oriented gradients, of length 1."""
    part = cv2.cvtColor(np.ascontiguousarray(part_of(picture, box)), cv2.COLOR_BGR2GRAY)
    grey = cv2.resize(part, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    sizes = (SIDE, SIDE), (16, 16), (8, 8), (8, 8)
    found = np.asarray(cv2.HOGDescriptor(*sizes, 9).compute(grey)).ravel()
    return found / max(float(np.linalg.norm(found)), 1e-6)


def below(box: np.ndarray) -> np.ndarray:
    """Returns the box below a head in which clothes are: twice as wide, as high."""
    x0, y0, x1, y1 = box
    width, height = x1 - x0, y1 - y0
    return np.array([x0 - width / 2, y1, x1 + width / 2, y1 + height])


def clothes(picture: np.ndarray, box: np.ndarray) -> np.ndarray:
    return colours(picture, below(box))


def together(*parts: Callable) -> Callable:
    """Returns what joins vectors of several kinds, all of the same weight."""
    return lambda picture, box: (
        np.concatenate([part(picture, box) for part in parts]) / np.sqrt(len(parts))
    )


KINDS: dict[str, Callable] = {
    "colours": colours,
    "gradients": gradients,
    "colours, gradients": together(colours, gradients),
    "clothes": clothes,
    "colours, gradients, clothes": together(colours, gradients, clothes),
}


def vectors_of(picture: np.ndarray, box: np.ndarray) -> dict[str, np.ndarray]:
    """Returns a vector of each kind."""
    return {name: kind(picture, box) for name, kind in KINDS.items()}


def accepted(same: list[Pair], strangers: list[Pair]) -> list[str]:
    """Returns the shares of pairs of one person that are told, for each of `STRANGERS`."""
    alike = np.array([first @ second for first, second in same])
    others = np.array([first @ second for first, second in strangers])
    limits = [np.quantile(others, 1 - share) for share in STRANGERS]
    return [f"{100 * np.mean(alike > limit):.0f} %" for limit in limits]


def from_photos(source: str) -> Iterator[list[str]]:
    """Yields rows: how far the head was turned, pairs, and shares for each kind of vector."""
    name, problems = SourceName.parse(source), Problems()
    table = read_labels(name.path, name.part, ("file", "person", "azimuth", *COLUMNS), problems)
    report(source, problems)
    folder = picture_folder(name.path)
    boxes = numbers(table, COLUMNS).to_numpy(np.float32)
    azimuths = numbers(table, ("azimuth",)).to_numpy()[:, 0]
    files = [folder / file for file in table["file"]]
    found = [
        vectors_of(read_image(file), box)
        for file, box in progress(zip(files, boxes, strict=True), "heads", len(files))
    ]
    pairs = list(combinations(range(len(found)), 2))
    people = table["person"].tolist()
    turns = np.array([abs((azimuths[i] - azimuths[j] + 180) % 360 - 180) for i, j in pairs])
    own = np.array([people[i] == people[j] for i, j in pairs])
    for low, high in TURNS:
        within = (turns >= low) & (turns < high)
        for kind in KINDS:
            same, strangers = (
                [(found[i][kind], found[j][kind]) for i, j in np.array(pairs)[within & is_own]]
                for is_own in (own, ~own)
            )
            if same and strangers:
                told = accepted(same, strangers)
                yield [f"turned by {low} to {min(high, 180)}°, {kind}", str(len(same)), *told]


def sights(rows: list[dict], file: str) -> dict[int, list[tuple[int, dict]]]:
    """Returns number of the frame, and vectors, of each sight of each head in a video."""
    by_frame = defaultdict(list)
    for row in rows:
        by_frame[row["frame"]].append(row)
    found = defaultdict(list)
    with open_source(file) as source:
        for frame in source:
            for row in by_frame.get(frame.index, ()):
                vectors = vectors_of(frame.picture, np.array([row[c] for c in COLUMNS]))
                found[row["track"]].append((frame.index, vectors))
    return {track: seen for track, seen in found.items() if len(seen) >= FEWEST}


def from_videos(path: str) -> Iterator[list[str]]:
    """Yields rows as `from_photos`; strangers are heads seen in a frame of the other's."""
    by_file = defaultdict(list)
    for row in read_table(path, ("file", "track", "frame", *COLUMNS)):
        if row["track"] is not None and row["xmin"] is not None:
            by_file[row["file"]].append(row)
    same, strangers = defaultdict(list), defaultdict(list)
    for file, rows in progress(by_file.items(), "videos", len(by_file)):
        tracks = sights(rows, file)
        ends = {
            track: [
                {kind: np.mean([v[kind] for _, v in part], axis=0) for kind in KINDS}
                for part in (seen[: len(seen) // 3], seen[-(len(seen) // 3) :])
            ]
            for track, seen in tracks.items()
        }
        frames = {track: {number for number, _ in seen} for track, seen in tracks.items()}
        for kind in KINDS:
            same[kind] += [(first[kind], last[kind]) for first, last in ends.values()]
            strangers[kind] += [
                (ends[a][0][kind], ends[b][1][kind])
                for a in ends
                for b in ends
                if a != b and frames[a] & frames[b]
            ]
    for kind in KINDS:
        if not same[kind] or not strangers[kind]:
            raise HeadposeError(f"{path}: no two heads are long enough in view together")
        yield [f"videos, {kind}", str(len(same[kind])), *accepted(same[kind], strangers[kind])]


def main() -> None:
    parser = options()
    arguments = parser.parse_args()
    if not (arguments.photos or arguments.videos):
        parser.error("give --photos, --videos or both")
    rows = [*from_photos(arguments.photos)] if arguments.photos else []
    rows += from_videos(arguments.videos) if arguments.videos else []
    head = ["heads", "pairs", *(f"{100 * share:.0f} % of strangers" for share in STRANGERS)]
    print(markdown_table(head, rows))


if __name__ == "__main__":
    cl.run(main)
