#!/usr/bin/env python3
"""Measures whether heads that come back get their old numbers by their looks.

Of photos of people from several sides clips are made: somebody in view turns left, leaves and
comes back turned right; three others leave, too, one stays, and a newcomer takes the old place.
Boxes are those of the labels, numbers those of `headpose video --reidentify`. In real videos
the beginning of each track is compared with its end, and with the ends of three of those that
were seen beside it.
"""

import re
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from measuring import cell, cl

from headpose.cli.markdown import markdown_table
from headpose.datasets.detection_annotations import picture_folder
from headpose.datasets.label_tables import Problems, SourceName, numbers, read_labels
from headpose.errors import HeadposeError
from headpose.geometry.boxes import COLUMNS
from headpose.images.drawn_mark import read_photo
from headpose.pipeline import Head, HeadPosePipeline
from headpose.records.reading import read_table
from headpose.reporting import progress, report
from headpose.video.appearance import appearance
from headpose.video.frames import Frame
from headpose.video.opening import open_source
from headpose.video.pipeline import VideoPipeline
from headpose.video.reidentification import ENOUGH, FEWEST, Look, Reidentifier, who

RATE, VISIT = 5, 12  # frames a second of made clips; frames of a stay and of an absence
LOST, CLIPS = 3, 2  # others out of sight; clips with each person
SITTING = r"person\d{3}"  # in names of Pointing'04: each series has its own lamps and clothes
HEAD = ["heads", "returns", "known", "taken for another", "newcomers", "taken for another", "ROC"]


class Labelled(HeadPosePipeline):
    """A pipeline that finds the boxes it is told, frame by frame, and estimates nothing."""

    def __init__(self, boxes: list):
        self.detector, self.confidence, self._boxes = self, 0.5, iter(boxes)

    def detect(self, pictures, confidence=None):
        boxes = [np.float32(next(self._boxes)).reshape(-1, 4) for _ in pictures]
        return [(found, np.full(len(found), 0.9)) for found in boxes]

    def estimate(self, pictures, found):
        return [[Head(tuple(b), 0.9, 0, 0) for b in boxes] for boxes, _ in found]


def look_of(sights: list) -> Look:
    """Returns the look of pictures and boxes."""
    look = Look()
    for picture, box in sights:
        look.add(appearance(picture, box))
    return look


def area(same: list[float], strangers: list[float]) -> float:
    """Returns the area under the ROC curve: how often one person is more alike than two."""
    ahead = np.subtract.outer(same, strangers)
    return float(np.mean((ahead > 0) + (ahead == 0) / 2))


def visits(source: str) -> Iterator[tuple[str, list, list]]:
    """Yields a person, and sights with the head turned left and right: files and boxes.

    Somebody with several sittings is yielded for each.
    """
    name, problems = SourceName.parse(source), Problems()
    table = read_labels(name.path, name.part, ("file", "person", "pan", *COLUMNS), problems)
    report(source, problems)
    boxes, pans = numbers(table, COLUMNS).to_numpy(float), numbers(table, ("pan",)).to_numpy()[:, 0]
    sights, folder = defaultdict(list), picture_folder(name.path, table["file"])
    for file, person, box, pan in zip(table["file"], table["person"], boxes, pans, strict=True):
        sitting = re.search(SITTING, file)
        sight = folder / file, box
        sights[person, sitting and sitting.group()].append((pan, *sight))
    for (person, _), seen in sights.items():
        seen.sort(key=lambda sight: sight[0])
        left, right = [s[1:] for s in seen if s[0] > 0], [s[1:] for s in seen if s[0] < 0]
        if min(len(left), len(right)) >= FEWEST:
            yield person, left, right


def stay(views: list, rng: np.random.Generator) -> list:
    """Chooses the sights of a stay, from one side to the other."""
    chosen = np.sort(rng.choice(len(views), VISIT, replace=len(views) < VISIT))
    return [(read_photo(views[i][0]), views[i][1]) for i in chosen]


def numbers_in(slots: dict[int, dict[int, list]]) -> list[dict[int, int]]:
    """Returns the number of the head in each slot, frame by frame, of a made clip.

    Args:
        slots: For each slot the sights by the part of the clip (0, 1, 2) in which they are seen.
    """
    shown = [sight for parts in slots.values() for part in parts.values() for sight in part]
    height, width = np.max([picture.shape[:2] for picture, _ in shown], axis=0)
    frames, boxes = [], []
    for i in range(3 * VISIT):
        canvas = np.full((height, width * len(slots), 3), 128, np.uint8)
        boxes.append([])
        for slot, parts in slots.items():
            if part := parts.get(i // VISIT):
                picture, box = part[i % VISIT]
                canvas[: picture.shape[0], slot * width : slot * width + picture.shape[1]] = picture
                boxes[-1].append(box + np.array([slot * width, 0] * 2))
        frames.append(Frame(i, i / RATE, 1 / RATE, canvas))
    follow = VideoPipeline(Labelled(boxes), reidentifier=Reidentifier())
    return [
        {int(sum(h.head.box[::2]) / 2 // width): h.track for h in heads}
        for _, heads in follow(frames)
    ]


def from_photos(source: str) -> list[str]:
    """Returns a row of the table."""
    rng, people = np.random.default_rng(0), [*visits(source)]
    if len({name for name, *_ in people}) < LOST + 3:
        raise HeadposeError(f"{source}: {LOST + 3} people or more are needed, from both sides")
    right, wrong, taken, same, strangers = [], [], [], [], []
    for person in progress([i for i in range(len(people)) for _ in range(CLIPS)], "clips"):
        others: dict = {}  # one sitting of each, all of other people
        for i in rng.permutation(len(people)):
            others.setdefault(people[i][0], people[i][1])
        del others[people[person][0]]
        first, back = (stay(views, rng) for views in people[person][1:])
        *lost, present, new = (stay(views, rng) for views in list(others.values())[: LOST + 2])
        slots = {0: {0: first, 2: new}, 1: dict.fromkeys(range(3), present), 2: {2: back}}
        slots |= {3 + i: {0: seen} for i, seen in enumerate(lost)}
        seen = numbers_in(slots)
        before = set(seen[0].values())
        right.append(seen[-1][2] == seen[0][0])
        wrong.append(seen[-1][2] in before - {seen[0][0]})
        taken.append(seen[-1][0] in before)
        look = look_of(first)
        same.append(look.like(look_of(back)))
        strangers.append(look.like(look_of(new)))
    return row(source, right, wrong, taken, area(same, strangers))


def from_videos(path: str) -> list[str]:
    """Returns a row of the table; each track is taken once as who returns, once as a newcomer."""
    by_file: dict = defaultdict(lambda: defaultdict(list))
    for found in read_table(path, ("file", "track", "frame", *COLUMNS)):
        if found["track"] is not None and found["xmin"] is not None:
            by_file[found["file"]][found["frame"]].append(found)
    rng = np.random.default_rng(0)
    right, wrong, taken, same, strangers = [], [], [], [], []
    for file, frames in progress(by_file.items(), "videos", len(by_file)):
        sights = defaultdict(list)
        with open_source(file) as source:
            for frame in source:
                for found in frames.get(frame.index, ()):
                    vector = appearance(frame.picture, [found[c] for c in COLUMNS])
                    if vector is not None:
                        sights[found["track"]].append((frame.index, vector))
        seen = {t: s for t, s in sights.items() if len(s) >= 3 * FEWEST}
        ends = {
            t: (mean(s[: len(s) // 3]), mean(s[-(len(s) // 3) :][:ENOUGH])) for t, s in seen.items()
        }
        for track, (look, back) in ends.items():
            during = {i for i, _ in seen[track]}
            beside = [o for o in seen if o != track and during & {i for i, _ in seen[o]}]
            others = [ends[o][0] for o in rng.permutation(beside)[:LOST]]
            told = who(back, [look, *others])
            right.append(told == 0)
            wrong.append(told not in (0, None))
            if others:
                taken.append(who(back, others) is not None)
            same.append(back.like(look))
            strangers += [back.like(other) for other in others]
    if not strangers:
        raise HeadposeError(f"{path}: no two heads are long enough in view together")
    return row(path, right, wrong, taken, area(same, strangers))


def mean(sights: list) -> Look:
    look = Look()
    for _, vector in sights:
        look.add(vector)
    return look


def row(name: str, right: list, wrong: list, taken: list, roc: float) -> list[str]:
    shares = [cell(float(np.mean(v)), ".0%") for v in (right, wrong, taken)]
    return [name, str(len(right)), *shares[:2], str(len(taken)), shares[2], cell(roc, ".3f")]


def main() -> None:
    parser = cl.parser(__doc__)
    add = parser.add_argument
    add("--photos", nargs="+", default=[], metavar="CSV", help="with `person`, `pan` and boxes")
    add("--videos", metavar="TABLE", help="of heads, as headpose video writes it")
    arguments = parser.parse_args()
    if not (arguments.photos or arguments.videos):
        parser.error("give --photos, --videos or both")
    rows = [from_photos(source) for source in arguments.photos]
    rows += [from_videos(arguments.videos)] if arguments.videos else []
    print(markdown_table(HEAD, rows))


if __name__ == "__main__":
    cl.run(main)
