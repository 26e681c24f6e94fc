"""The options for how heads are drawn."""

import argparse
import functools
from collections.abc import Callable

from headpose.images.drawing import LABELS, STYLES, UNSURE_ABOVE


def add_drawing_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options that `drawing_from` reads."""
    add = parser.add_argument_group("drawing").add_argument
    add(
        "--draw",
        choices=STYLES,
        default="arrow",
        help="the nose's direction with its expected error, the head's three axes, a cube "
        "around it, or nothing",
    )
    add(
        "--labels",
        choices=LABELS,
        help="angles, numbers alone, or nothing (default: full; none with --draw none)",
    )
    add("--roll", action="store_true", help="write the roll on labels, too")
    add(
        "--unsure-above",
        type=float,
        default=UNSURE_ABOVE,
        metavar="DEGREES",
        help="draw heads grey, with a question mark, whose expected error is larger",
    )
    add("--blur", action="store_true", help="blur heads, so that nobody is recognized")


def drawing_asked_for(arguments: argparse.Namespace) -> str | None:
    """Returns one of these options that was given with another value than its default."""
    parser = argparse.ArgumentParser()
    add_drawing_options(parser)
    for name, usual in vars(parser.parse_args([])).items():
        if getattr(arguments, name) != usual:
            return f"--{name.replace('_', '-')}"
    return None


def is_anything_drawn(arguments: argparse.Namespace) -> bool:
    """Tells whether anything is to be drawn on heads, or hidden; labels alone count, too."""
    return arguments.blur or arguments.draw != "none" or _labels(arguments, "none") != "none"


def _labels(arguments: argparse.Namespace, style: str) -> str:
    return arguments.labels or ("none" if style == "none" else "full")


def drawing_from(arguments: argparse.Namespace, style: str | None = None) -> Callable:
    """Returns `headpose.images.drawing.draw_heads` with the options that were asked for.

    Args:
        arguments: With the options.
        style: One of `STYLES` in place of theirs.
    """
    from headpose.images.drawing import draw_heads

    style = style or arguments.draw
    return functools.partial(
        draw_heads,
        style=style,
        labels=_labels(arguments, style),
        roll=arguments.roll,
        unsure_above=arguments.unsure_above,
    )
