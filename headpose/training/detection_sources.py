"""The pictures with head boxes of a training run: which sources there are, and what is in them."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from headpose.datasets.detection_annotations import DetectionAnnotation, read_detection_annotations
from headpose.datasets.label_tables import SourceName
from headpose.datasets.source_lists import check_root, read_configuration
from headpose.errors import HeadposeError
from headpose.reporting import announce, report
from headpose.training.detection_config import BoxedSources, DetectionSources
from headpose.training.run_folder import LABELS, digest_of
from headpose.training.same_sources import (
    TAKEN,
    Shown,
    check_each_once,
    warn_of_shared_pictures,
    warn_of_the_same,
)

Pictures = Sequence[tuple[SourceName, Sequence[DetectionAnnotation]]]


def named_sources(sources: BoxedSources) -> tuple[list[SourceName], list[SourceName]]:
    """Returns the sources to learn from and to measure on.

    Raises:
        HeadposeError: If there is none to learn from or to measure on, or one is given twice.
    """
    training: list[SourceName] = []
    validation: list[SourceName] = []
    for name in sources.data:
        if name.endswith(".toml"):
            named = read_configuration(Path(name), sources.data_root)
            training += named["train"]
            validation += named["validation"]
        else:
            training.append(dataclasses.replace(SourceName.parse(name), mine=True))
    if not training and not (isinstance(sources, DetectionSources) and sources.incomplete_labels):
        raise HeadposeError("name pictures to learn from; none are named, only some to measure on")
    if isinstance(sources, DetectionSources):
        # Where no other pictures are, there is nothing that theirs would be a share of.
        complete = sum(source.share for source in training) or 1.0
        share = sources.incomplete_share / max(1 - sources.incomplete_share, 1e-6) * complete
        for name in sources.incomplete_labels:
            source = dataclasses.replace(SourceName.parse(name), incomplete=True)
            each = share / len(sources.incomplete_labels)
            training.append(dataclasses.replace(source, share=each))
    check_root(sources.data, sources.data_root)
    if sources.validation:
        validation = [SourceName.parse(name) for name in sources.validation]
    if not validation:
        raise HeadposeError("name pictures to measure on with --validation")
    check_each_once(training)
    warn_of_the_same(training, validation)
    return training, validation


def read_all(names: Sequence[SourceName], strict: bool) -> Pictures:
    """Reads sources and reports what was left out.

    Raises:
        HeadposeError: If one is missing or has no usable picture.
    """
    return [(name, _read(name, strict)) for name in names]


def _read(source: SourceName, strict: bool) -> list[DetectionAnnotation]:
    """Reads a source and reports what was left out."""
    found, problems = read_detection_annotations(source)
    report(source.path, problems, strict)
    empty = sum(not len(picture.boxes) for picture in found)
    heads = sum(len(picture.boxes) for picture in found)
    told = f", {empty} pictures without heads" if empty else ""
    announce(f"{source}: {len(found)} pictures, {heads} heads{told}")
    return found


def each_epoch(validation: Pictures, count: int) -> Sequence[DetectionAnnotation]:
    """Returns `count` of all pictures to measure on, or all if they are fewer, evenly from all.

    Raises:
        HeadposeError: If they show no head, so that no epoch is better than another.
    """
    measured = thinned([picture for _, pictures in validation for picture in pictures], count)
    check_heads(measured)
    return measured


def check_heads(measured: Sequence[DetectionAnnotation]) -> None:
    """Refuses pictures to measure on of which none shows a head.

    Raises:
        HeadposeError: If so.
    """
    if not any(len(picture.boxes) for picture in measured):
        raise HeadposeError(
            f"no head in the {len(measured)} pictures that are measured each epoch; name others "
            "with --validation, or more of them with --validate-on"
        )


def thinned(pictures: Sequence[DetectionAnnotation], count: int) -> Sequence[DetectionAnnotation]:
    """Returns `count` pictures, or all if they are fewer, evenly from all."""
    total = len(pictures)
    count = min(total, count)
    return [pictures[index * total // count] for index in range(count)]


def warn_of_shared(training: Pictures, validation: Pictures) -> None:
    """Warns of pictures that are both learned from and measured on, by two sources."""
    warn_of_shared_pictures(
        *(
            [(name, [Shown(picture.path) for picture in some]) for name, some in sets]
            for sets in (training, validation)
        )
    )


def digests(sets: Pictures) -> dict[str, str]:
    """Returns what a run notes of its data, by which it notices that they changed."""
    return {LABELS: labels_digest(sets), TAKEN: _digest_of_taken(sets)}


def _digest_of_taken(sets: Pictures) -> str:
    """Returns a digest of the pictures' sizes, and of how their sources are drawn from."""
    return digest_of(
        text
        for name, pictures in sets
        for text in (
            f"{name.share} {name.incomplete} {name.mine}",
            *(str(_bytes_of(picture.path)) for picture in pictures),
        )
    )


def _bytes_of(path: Path) -> int:
    """Returns the size of a file; that it is not there is told where it is read."""
    try:
        return path.stat().st_size
    except OSError:
        return -1


def labels_digest(sets: Pictures) -> str:
    """Returns a digest of all names and boxes, by which a run notices that its data changed."""
    pictures = [picture for _, some in sets for picture in some]
    return digest_of(
        each for picture in pictures for each in (picture.path.name, picture.boxes, picture.ignored)
    )
