"""What the three cleaning scripts share: order of work, what is printed."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from headpose.cli import common as cl
from headpose.cli import pipeline_options as models
from headpose.cli.cleaning_options import AS_DEEPGAZE, LABELLED, check_use
from headpose.cli.surroundings import outlive_reader
from headpose.datasets.clean_folder import CleanFolder, fingerprint, fingerprint_of_files, keyed
from headpose.datasets.cleaning import UNSURE, Recipe, clean
from headpose.datasets.crop_dataset import SUMMARY
from headpose.datasets.label_tables import Problems
from headpose.datasets.pointing04 import WITHOUT_BOX
from headpose.datasets.pose_annotations import PoseAnnotation
from headpose.datasets.problem_kinds import GONE
from headpose.errors import HeadposeError
from headpose.files import real_path, sha256, sole_user, writable_folder
from headpose.models.formats import content_of
from headpose.models.resolve import precision_of

# What the published comparison gave deepgaze: its own detector's face boxes, in colour.
# Annotated faces are then matched with faces, not with heads.
DEEPGAZE_DEFAULTS = {"detector": AS_DEEPGAZE, "colour": True, "grow": (0.0, 0.0, 0.0, 0.0)}
Reader = Callable[[], tuple[list[PoseAnnotation], Problems]]


def run_cleaning(
    parser: argparse.ArgumentParser,
    arguments: argparse.Namespace,
    confidence: float,
    sources: Sequence[Path],
    readers: Sequence[Reader],
) -> int:
    """Does the work of a cleaning script; it can be interrupted and started again.

    Args:
        parser: For errors of usage.
        arguments: With the options of `add_options`.
        confidence: See `add_options`.
        sources: Folders or files of the data sets.
        readers: Read the data sets.

    Returns:
        The exit status: 1 if pictures were missing or unreadable.
    """
    check_use(parser, arguments)
    folder = CleanFolder(arguments.output)
    places = [(source, real_path(source)) for source in sources]
    homes = [place if source.is_dir() else place.parent for source, place in places]
    if real_path(arguments.output) in homes:
        parser.error(f"{arguments.output} is where the data set is; choose another --output")
    if folder.has_results() and not arguments.overwrite:
        parser.error(f"{arguments.output} has results; use --overwrite or another --output")
    outlive_reader(arguments.output)
    sets, problems = _read_all(sources, readers, arguments.detector == LABELLED)
    items = [item for pictures in sets for item in keyed(pictures)[: arguments.limit]]
    read = [picture for pictures in sets for picture in pictures]
    recipe = Recipe(
        size=arguments.size,
        side=arguments.side,
        margin=arguments.margin,
        grey=not arguments.colour,
        interpolation=arguments.interpolation,
        grow=tuple(arguments.grow),
        match=arguments.match,
    )
    detector, threshold, unsure = detector_and_thresholds(arguments, confidence)
    options = _options(arguments, recipe, threshold) | _run_of(detector)
    options |= {"unsure": unsure, "data": fingerprint(read), "pictures": fingerprint_of_files(read)}
    thresholds = threshold, unsure
    try:
        with sole_user(writable_folder(folder.path)):
            done = folder.start(options, arguments.overwrite)
            records = _clean_all(items, done, detector, thresholds, recipe, folder, arguments)
            summary = folder.finish(
                records,
                problems,
                options,
                protocol=arguments.split,
                splits_tilt=arguments.splits_tilt,
                splits_pan=arguments.splits_pan,
                test_ratio=arguments.test_ratio,
                validation_ratio=arguments.validation_ratio,
                seed=arguments.seed,
                arrays=arguments.arrays,
                test_subjects=arguments.test_subjects,
            )
    except KeyboardInterrupt:
        cl.warn("what is done is kept; start the same command again to go on")
        raise
    _report(summary, folder.path)
    return 1 if GONE & summary["reported"].keys() else 0


def _read_all(
    sources: Sequence[Path], readers: Sequence[Reader], at_labels: bool
) -> tuple[list[list[PoseAnnotation]], Problems]:
    """Reads data sets and tells what is in them.

    Args:
        sources: Their folders or files, for messages.
        readers: Read them.
        at_labels: Whether heads are cut where they are labelled: those that are not are lost.

    Returns:
        The pictures of each, and what was left out.
    """
    sets, problems = [], Problems()
    for source, reader in zip(sources, readers, strict=True):
        pictures, left_out = reader()
        heads = sum(len(p.boxes) for p in pictures)
        print(f"{source}: {len(pictures)} pictures, {heads} heads")
        problems.notes += left_out.notes
        for kind, names in left_out.by_kind.items():
            if not at_labels and kind in WITHOUT_BOX:
                problems.notes.append(f"{kind}, left to the detector: {len(names)}")
                continue
            for name in names:
                problems.add(kind, name)
        sets.append(pictures)
    for line in (*problems.notes, *problems.lines()):
        cl.warn(line)
    return sets, problems


def detector_and_thresholds(arguments: argparse.Namespace, published: float):
    """Returns the detector, None for the labels themselves, its threshold and the unsure one.

    The latter is for pictures of one person, see `headpose.datasets.cleaning.clean`: only for
    our own detectors, whose scores are alike, and not where a threshold is asked for.
    """
    name = arguments.detector
    if name == LABELLED:
        return None, None, None
    if name == AS_DEEPGAZE:
        from headpose.detection.viola_jones import ViolaJones

        cascade = ViolaJones.as_deepgaze(arguments.detector_size)
        given = arguments.confidence
        return cascade, cascade.confidence if given is None else given, None
    from headpose.detection.loading import load_detector

    if Path(name).suffix.lower() in (".keras", ".h5", ".hdf5") and not Path(name).is_file():
        raise HeadposeError(
            f"{name}: no such detector; name another with --detector, or {LABELLED}"
        )
    backend = models.backend_from(arguments)
    detector = load_detector(models.model_for(name, backend), arguments.detector_size, backend)
    if arguments.confidence is not None:
        return detector, arguments.confidence, None
    # Of our networks SSD512 alone has a fixed size; other makes' detectors tell none.
    if not hasattr(detector, "fixed_size"):
        return detector, detector.confidence, None
    if detector.fixed_size:
        return detector, published, None
    return detector, detector.confidence, UNSURE


def _options(arguments: argparse.Namespace, recipe: Recipe, threshold: float | None) -> dict:
    """Returns all that the crops depend on."""
    file = Path(arguments.detector)
    digest = sha256(file)[:16] if file.is_file() else None
    return {
        "detector": file.name,
        "detector file": digest,
        "detector size": arguments.detector_size,
        "boxes": "faces" if _crops_faces(arguments) else "heads",
        "confidence": threshold,
        "size": recipe.size,
        "side": recipe.side,
        "margin": recipe.margin,
        "colour": not recipe.grey,
        "interpolation": recipe.interpolation,
        "grow": list(recipe.grow),
        "match": recipe.match,
        "limit": arguments.limit,
        "split": arguments.split,
    }


def _run_of(detector: Any) -> dict:
    """Returns what runs a detector of ours: one file or two, found by the backend's options."""
    stages = [detector, getattr(detector, "detector", None)]
    found = [(getattr(stage, "spec", None), getattr(stage, "model", None)) for stage in stages]
    opened = [(spec, model) for spec, model in found if spec]
    told = {
        "backend": [str(spec.backend.name) for spec, _ in opened],
        "precision": [precision_of(spec, model) for spec, model in opened],
    }
    shown = {name: ", ".join(dict.fromkeys(values)) or None for name, values in told.items()}
    return shown | {"files that run": ", ".join(content_of(s.path) for s, _ in opened) or None}


def _crops_faces(arguments: argparse.Namespace) -> bool:
    """Tells whether boxes are faces' as they are found or annotated, not grown to heads."""
    if arguments.detector == LABELLED:
        return not any(arguments.grow)
    return arguments.detector == AS_DEEPGAZE


def _clean_all(items, done, detector, thresholds, recipe, folder, arguments) -> list:
    """Cleans what is not done yet. Returns the records of all, in order."""
    todo = [item for item in items if item[0] not in done]
    if done:
        print(f"going on: {len(items) - len(todo)} of {len(items)} pictures are done")
    at_once, workers = arguments.batch_size, arguments.workers
    sure, unsure = thresholds
    batches = clean(todo, detector, sure, recipe, folder.path, at_once, workers, unsure)
    with cl.progress_bar("pictures", len(todo)) as bar:
        for records in batches:
            folder.add(records)
            done.update((record.key, record) for record in records)
            bar.update(len(records))
    return [done[key] for key, _ in items]


def _report(summary: dict, folder: Path) -> None:
    for kind, number in summary["reported"].items():
        print(f"{kind}: {number}", file=sys.stderr)
    for name, row in summary["datasets"].items():
        ratios = ", ".join(
            f"{letter}-ratio {'-' if value is None else format(value, '.4f')}"
            for letter, value in (("T", row["t_ratio"]), ("F", row["f_ratio"]))
        )
        print(
            f"{name}: {row['pictures']} pictures, {row['annotated']} annotated heads, "
            f"{row['detected']} detected, {row['matched']} matched; {ratios}"
        )
    rows = ", ".join(f"{number} {part}" for part, number in summary["rows"].items())
    print(f"rows ({summary['split']['protocol']} split): {rows}")
    for part, number in summary["rows"].items():
        if not number and summary["split"].get(f"{part} ratio", 0):
            cl.warn(f"nothing fell to {part}: take another --seed, larger ratios or more persons")
    for part, row in summary["shared with train"].items():
        print(
            f"of {row['rows']} {part} rows, {row['same picture']} show a picture and "
            f"{row['same person']} a known person that training rows show too"
        )
    print(f"clean folder: {folder} (see {SUMMARY}, left_out.csv)")
