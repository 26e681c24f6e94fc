"""The labelled heads of a training run: which sources there are, and what is in them."""

import contextlib
import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from headpose.datasets.box_rows import picture_folder
from headpose.datasets.crop_dataset import crop_recipe, other_crops, read_table, table_path
from headpose.datasets.head_sets import HeadSet, divide
from headpose.datasets.label_tables import PARTS, Problems, SourceName, of_part, read_texts
from headpose.datasets.labelled_rows import check_source, has_test_part, named_dataset, read_rows
from headpose.datasets.picture_finder import with_found_files
from headpose.datasets.pose_data import read_heads
from headpose.datasets.source_lists import check_root, read_configuration
from headpose.detection.loading import load_detector
from headpose.errors import HeadposeError
from headpose.files import spelled
from headpose.reporting import logger, report
from headpose.training.pose_config import ROTATIONS, Crop, PoseTrainingConfig, Sources
from headpose.training.run_folder import digest_of
from headpose.training.same_sources import (
    Shown,
    check_each_once,
    warn_of_shared_pictures,
    warn_of_the_same,
)


@dataclasses.dataclass(frozen=True)
class TrainingSets:
    """The heads of a run, by the names of their sources.

    Attributes:
        training: To learn from.
        validation: To measure on after each epoch.
        test: To measure on at the end; may be empty.
        held_out: Training heads that the angles are not learned from, but the expected
            error is.
    """

    training: dict[str, HeadSet]
    validation: dict[str, HeadSet]
    test: dict[str, HeadSet]
    held_out: list[HeadSet]

    @property
    def have_roll(self) -> bool:
        """Whether any training head has a known roll."""
        return any(np.isfinite(heads.angles[:, 2]).any() for heads in self.training.values())

    def digest(self) -> str:
        """Returns a digest of all labels, by which a run notices that its data changed."""
        return digest_of(
            array for heads in self._every for array in (heads.angles, heads.weights, heads.away)
        )

    def digest_of_taken(self) -> str:
        """Returns a digest of the boxes and pictures of all labels, and of the sets' shares."""
        return digest_of(
            each
            for heads in self._every
            for each in (str(heads.share), heads.sides, heads.origins)
            if each is not None
        )

    @property
    def _every(self) -> list[HeadSet]:
        sets = (self.training, self.validation, self.test, dict(enumerate(self.held_out)))
        return [heads for part in sets for heads in part.values()]


def named_sources(sources: Sources) -> dict[str, list[SourceName]]:
    """Returns the sources that are named for `train`, `validation` and `test`."""
    check_root(sources.data, sources.data_root)
    named: dict[str, list[SourceName]] = {part: [] for part in PARTS}
    for name in sources.data:
        if name.endswith(".toml"):
            for part, more in read_configuration(Path(name), sources.data_root).items():
                named[part] += more
        else:
            named["train"].append(SourceName.parse(name))
    for part, given in (("validation", sources.validation), ("test", sources.test)):
        if given:
            named[part] = [SourceName.parse(name) for name in given]
    return named


def all_sources(sources: Sources) -> dict[str, list[SourceName]]:
    """Returns the sources of each part; clean folders and data sets have parts of their own.

    Raises:
        HeadposeError: If there is none to measure on, or a source is not there.
    """
    named = named_sources(sources)
    for source in (s for part in PARTS for s in named[part]):
        check_source(source.path)
    if not named["train"]:
        raise HeadposeError("name heads to learn from; none are named, only some to measure on")
    check_each_once(named["train"])
    # What a source is told to train on in a part of its own is not measured on.
    divided = [s for s in named["train"] if has_parts(s) and not s.part]
    named["validation"] = named["validation"] or divided
    named["test"] = named["test"] or [s for s in divided if _has_test_rows(s)]
    if not named["validation"]:
        raise HeadposeError(
            "tables of heads need --validation, to see when to stop, and so do parts of "
            "clean folders and data sets"
        )
    learned = _parts_of(named["train"], "train")
    for part in PARTS[1:]:
        measured = _parts_of(named[part], part)
        warn_of_the_same(learned, measured)
        warn_of_shared_pictures(_pictures(learned, measured), _pictures(measured, learned))
    return named


def _pictures(
    sources: list[SourceName], others: list[SourceName]
) -> list[tuple[SourceName, list[Shown]]]:
    """Returns the pictures that sources show, each once.

    What is wrong with one is told when it is read.

    Args:
        sources: Which.
        others: With which they are to be compared; parts of one data set share no picture.
    """
    found: list[tuple[SourceName, list[Shown]]] = []
    for source in sources:
        if dataset := named_dataset(source.path):
            if any(other.path != source.path for other in others):
                with contextlib.suppress(HeadposeError):
                    rows = read_rows(*dataset, source.part, Problems())
                    named = dict(zip(rows["file"], rows["name"], strict=True))
                    found.append((source, [Shown(Path(f), name) for f, name in named.items()]))
            continue
        if source.path.is_dir():
            with contextlib.suppress(HeadposeError):
                table = read_table(table_path(source.path, source.part))
                if {"dataset", "source"} <= set(table):
                    told = table[table["source"] != ""]
                    crops = dict.fromkeys(told["dataset"] + "/" + told["source"])
                    found.append((source, [Shown(name=name) for name in crops]))
            continue
        if not source.is_table or not source.path.is_file():
            continue
        with contextlib.suppress(HeadposeError):
            whole = read_texts(source.path, ("file",), Problems())
            table = of_part(source.path, whole, source.part)
            folder = picture_folder(source.path, table["file"])
            names = dict.fromkeys(with_found_files(table, folder, Problems())["file"])
            found.append((source, [Shown(folder / str(name)) for name in names]))
    return found


def _parts_of(sources: list[SourceName], part: str) -> list[SourceName]:
    """Returns sources with the part of them that is taken.

    A data set that has no test part is taken whole for a test: some are made for that.
    """
    return [
        source.with_part(part)
        if has_parts(source) and (part != "test" or _may_have_test(source))
        else source
        for source in sources
    ]


def has_parts(source: SourceName) -> bool:
    """Tells whether a source is divided into parts: a clean folder or a published data set."""
    return source.path.is_dir() or named_dataset(source.path) is not None


def _may_have_test(source: SourceName) -> bool:
    dataset = named_dataset(source.path)
    return dataset is None or has_test_part(dataset[0])


def _has_test_rows(source: SourceName) -> bool:
    """Tells whether a source has a test part with any head; a small set may have none."""
    if dataset := named_dataset(source.path):
        return has_test_part(dataset[0])
    return len(read_table(table_path(source.path, "test"))) > 0


def crop_of(crop: Crop, sources: list[SourceName]) -> dict[str, Any]:
    """Returns how the crops of training sources are cut.

    See `headpose.geometry.crops.head_crops` and `crop_dataset.crop_recipe`.
    """
    folders = [source.path for source in sources if source.path.is_dir()]
    recipe = crop_recipe(folders, crop.side, crop.margin, crop.size)
    return recipe | {"grey": not crop.colour}


def warn_of_other_crops(crop: Mapping[str, Any], measured: Iterable[SourceName]) -> None:
    """Warns of clean folders to measure on whose crops are not cut as those to learn from."""
    for source in measured:
        if source.path.is_dir() and (differing := other_crops(source.path, crop)):
            logger.warning(
                "%s: crops to measure on differ from those that are learned from: %s",
                *(source, differing),
            )


def read_sets(
    config: PoseTrainingConfig,
    named: dict[str, list[SourceName]],
    crop: dict[str, Any],
    drawn: dict[str, Any] | None = None,
) -> TrainingSets:
    """Reads all sources of a run and reports what was left out.

    Args:
        config: Of the run.
        named: The sources of each part.
        crop: How the network's crops are cut.
        drawn: How those of heads to learn from are, if a teacher sees them larger.

    Raises:
        HeadposeError: If one is missing or has no usable head.
    """
    detector = load_detector(config.crop.detector) if config.crop.detector else None
    whole_turn = config.network.architecture in (None, *ROTATIONS)
    training, validation, test = (
        _read(part, named[part], whole_turn, drawn if drawn and part == "train" else crop, detector)
        for part in PARTS
    )
    divided = {name: divide(s, config.learning.hold_out) for name, s in training.items()}
    for name, (learned, _) in divided.items():
        if not len(learned):
            raise HeadposeError(
                f"{name}: nothing is left to learn from; give a smaller --hold-out or more heads"
            )
    _check_labels(training, validation | test)
    if config.learning.hold_out and not any(rest.measurable.any() for _, rest in divided.values()):
        logger.warning(
            "--hold-out %g: no head with angles is held out, there are too few persons or "
            "pictures; the expected error will not be learned anew",
            config.learning.hold_out,
        )
    return TrainingSets(
        {name: learned for name, (learned, _) in divided.items()},
        validation,
        test,
        [rest.reduced(crop["size"], crop["grey"]) for _, rest in divided.values() if len(rest)],
    )


def _check_labels(training: dict[str, HeadSet], measured: dict[str, HeadSet]) -> None:
    """Refuses heads of which nothing could be learned, or nothing measured.

    Raises:
        HeadposeError: If there are only such in a set, or in all of training.
    """
    for name, heads in measured.items():
        if heads.away.all():
            raise HeadposeError(f"{name}: no head has angles; nothing can be measured there")
    if all(heads.away.all() for heads in training.values()):
        raise HeadposeError("no head to learn from has angles; name a table that has labels")
    for name, heads in training.items():
        if not (heads.weights > 0).any():
            raise HeadposeError(f"{name}: every head has a weight of 0; nothing would be learned")


def _read(
    part: str, sources: list[SourceName], whole_turn: bool, crop: dict[str, Any], detector: Any
) -> dict[str, HeadSet]:
    """Reads sources of heads, named for the log by their folder."""
    sets: dict[str, HeadSet] = {}
    for source in _parts_of(sources, part):
        heads, problems = read_heads(source, detector=detector, whole_turn=whole_turn, **crop)
        report(source.path, problems)
        name = f"{_shown(source)}#{source.part}" if source.part else _shown(source)
        sets[name if name not in sets else f"{name} {len(sets) + 1}"] = heads
    return sets


def _shown(source: SourceName) -> str:
    """Returns what a source is called in the log: its data set, its folder, or its table there.

    Tables `labels.csv` of another folder than the current one are called as that is.
    """
    path = source.path
    if dataset := named_dataset(path):
        return dataset[0]
    if path.is_dir() or path.parent == Path():
        return spelled(path.name)
    folder = path.resolve().parent.name
    return spelled(folder if path.stem == "labels" else f"{folder}/{path.stem}")
