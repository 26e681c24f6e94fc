"""Options of the cleaning scripts."""

import argparse
from pathlib import Path

from headpose.cli import common as cl
from headpose.cli import pipeline_options as models
from headpose.datasets.head_matching import GROW, MATCH
from headpose.datasets.splits import PROTOCOLS
from headpose.detection.loading import DETECTOR_HELP, LARGEST_SIZE, SMALLEST_SIZE, VIOLA_JONES
from headpose.geometry.crops import INTERPOLATIONS, OLD_SIDES, SIDES
from headpose.models.shipped import SINGLE_STAGE
from headpose.models.specs import CROP_SIDES

LABELLED, AS_DEEPGAZE = "labelled", "viola-jones-deepgaze"


def add_options(
    parser: argparse.ArgumentParser, output: str, confidence: float, **defaults
) -> None:
    """Adds the options of cleaning.

    Args:
        parser: The script's.
        output: Default clean folder.
        confidence: The published threshold of this script, which SSD512 gets.
        **defaults: Other defaults of options, by name.
    """
    add = parser.add_argument
    add("--output", type=cl.path, default=Path(output), help="the clean folder")
    add("--overwrite", action="store_true", help="start anew in a folder that has results")
    add(
        "--detector",
        type=models.named_detector,
        default=SINGLE_STAGE,
        help=f"{DETECTOR_HELP}; {SINGLE_STAGE}: ours without its second stage; "
        f"{AS_DEEPGAZE}: as deepgaze uses it, all passes, faces from 64 pixels, not grown to "
        f"heads; or {LABELLED}: no detector, crop the annotated face, grown",
    )
    add(
        "--detector-size",
        type=cl.in_range(SMALLEST_SIZE, LARGEST_SIZE, int),
        help="long side in pixels of the pictures that the detector sees (default: its own)",
    )
    add(
        "--confidence",
        type=cl.in_range(0, 1),
        help=f"keep detections above this score; if not given, the published {confidence} "
        "for SSD512, else the detector's own",
    )
    add(
        "--match",
        type=cl.in_range(0, 1),
        default=MATCH,
        help="take a detection for an annotated head from this share on: of the face inside "
        "the detected head, times how near the centres are",
    )
    add(
        "--grow",
        type=cl.in_range(-1, 3),
        nargs=4,
        metavar=("LEFT", "TOP", "RIGHT", "BOTTOM"),
        default=GROW,
        help="how much larger than the annotated face the head is, in widths and heights of "
        "the face; the default is the median over HELEN photos labelled as AFLW is",
    )
    add("--size", type=cl.in_range(*CROP_SIDES, int), default=64, help="side of the crops, pixels")
    add(
        "--colour",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="crops in colour instead of grey",
    )
    add(
        "--interpolation",
        choices=tuple(INTERPOLATIONS),
        default="auto",
        help="how crops are scaled; auto averages when shrinking, else linear",
    )
    add("--side", type=cl.todays_word(OLD_SIDES), choices=SIDES, default="short",
        help="which side of the box crops have")  # fmt: skip
    add("--margin", type=cl.in_range(0.1, 10), default=1.0, help="factor on that side")
    add("--split", choices=PROTOCOLS, default="grouped", help="see headpose/datasets/splits.py")
    add("--splits-tilt", type=cl.in_range(1, 180, int), default=8, help="pose classes of tilt")
    add("--splits-pan", type=cl.in_range(1, 360, int), default=8, help="pose classes of pan")
    add("--test-ratio", type=cl.in_range(0, 0.9), default=0.2, help="share of all crops")
    add(
        "--test-subjects",
        nargs="+",
        default=[],
        metavar="SUBJECT",
        help="persons that make the test part, instead of a drawn share; Pointing'04: person03 "
        "person08 person13 are those that the shipped estimator has not seen",
    )
    add("--validation-ratio", type=cl.in_range(0, 0.9), default=0.2, help="share of what remains")
    add("--seed", type=cl.at_least(0), default=0, help="of classes and parts")
    add("--arrays", action="store_true", help="write crops and angles as .npy files too")
    add("--limit", type=cl.at_least(1), help="clean only so many pictures of a data set")
    add("--batch-size", type=cl.at_least(1), default=8, help="pictures for the detector at once")
    add("--workers", type=cl.at_least(1), default=2, help="threads that read pictures")
    models.add_backend_option(parser)
    cl.add_device_options(parser)
    parser.set_defaults(**defaults)


def check_use(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    """Stops with a usage error where options are given that others leave without effect."""

    def given(*names: str) -> str:
        set_ = (n for n in names if getattr(arguments, n) != parser.get_default(n))
        return ", ".join("--" + name.replace("_", "-") for name in set_)

    of_networks = ("backend", "trust_model", "precision")
    of_detectors = ("confidence", "detector_size", "match", *of_networks, "device")
    if arguments.detector == LABELLED and (names := given(*of_detectors)):
        parser.error(f"--detector {LABELLED} is none: leave out {names}")
    if arguments.detector in (*VIOLA_JONES, AS_DEEPGAZE):
        # It runs on the processor: --device cpu says nothing else.
        elsewhere = ["device"] if arguments.device == "gpu" else []
        if names := given(*of_networks, *elsewhere):
            parser.error(f"--detector {arguments.detector} has no network: leave out {names}")
    if arguments.test_subjects and arguments.split != "grouped":
        parser.error("--test-subjects needs --split grouped: the other divides persons")
    if arguments.test_subjects and (names := given("test_ratio")):
        parser.error(f"--test-subjects says what the test part is: leave out {names}")
