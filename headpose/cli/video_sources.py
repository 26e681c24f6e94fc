"""Which videos the names on a command line stand for, and where each one's output goes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from headpose.archives.urls import local
from headpose.errors import HeadposeError
from headpose.files import plain_path
from headpose.images.drawn_mark import told_drawings
from headpose.images.listing import VIDEO_SUFFIXES, expand_lists, find_inputs, is_folder
from headpose.images.output_places import check_not_searched, output_places
from headpose.video.addresses import is_address
from headpose.video.drawn_mark import is_drawn_video, leave_copies_out
from headpose.video.opening import is_camera

OUTPUT_SUFFIX = ".mp4"


@dataclass
class Sources:
    """What was found.

    Attributes:
        names: Of the sources, as `headpose.video.opening.open_source` takes them.
        roots: The folder that was named, above each source that was found in one.
        lists: The text files that named others.
        problems: A message for each name that gave nothing.
        left_out: A message for each kind of thing in folders that was left out.
    """

    names: list[str] = field(default_factory=list)
    roots: dict[str, Path] = field(default_factory=dict)
    lists: list[Path] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def find_sources(names: Sequence[str], output: Path | None) -> Sources:
    """Finds the videos that names stand for.

    A folder with videos, at any depth, stands for these; one without is a video of its own,
    made of its pictures. Those on which headpose drew are left out of folders and patterns.
    All else is as in `headpose.images.listing.find_inputs`.

    Args:
        names: From the command line.
        output: Where results go, which is not searched below other folders.

    Raises:
        HeadposeError: If nothing is found.
    """
    sources = Sources()
    skip = [output] if output else []
    seen: set[str] = set()
    drawings: dict[str, Path] = {}

    def add(name: str, known: str) -> None:
        if known not in seen:  # by whatever way it is named
            seen.add(known)
            sources.names.append(name)

    for name in expand_lists(names, sources.problems, sources.lists):
        if is_camera(name) or is_address(name):
            path = local(name) if is_address(name) else None
            add(name, name if path is None else plain_path(path))
            continue
        found = find_inputs([name], VIDEO_SUFFIXES, skip)
        leave_copies_out(found)
        if not found.files and is_folder(name):
            add(name, plain_path(name))
            continue
        for file in found.files:
            known = plain_path(file)
            if found.only_found(file) and is_drawn_video(file):
                drawings.setdefault(known, file)
            else:
                add(str(file), known)
        sources.roots |= {str(file): root for file, root in found.roots.items()}
        sources.problems += found.problems
        sources.left_out += found.left_out
    if left_out := [file for known, file in drawings.items() if known not in seen]:
        sources.left_out.append(told_drawings(left_out))
    if not sources.names:
        raise HeadposeError((*sources.problems, *reversed(sources.left_out))[0])
    return sources


def title(name: str) -> str:
    """Returns a file name for what is made of a source."""
    if is_camera(name):
        return f"camera-{name}"
    if is_address(name):
        return "stream"
    return Path(name).resolve().name if is_folder(name) else Path(name).stem


def output_files(
    sources: Sources, output: Path | None, overwrite: bool = False
) -> dict[str, Path | None]:
    """Says which video is written for each source.

    Args:
        sources: What was found.
        output: A file for a single source, or a folder; None writes none.
        overwrite: Whether what stands in a folder may be replaced; else names get a number.

    Raises:
        HeadposeError: If several videos were to go to one file, or one would be found as an
            input the next time.
    """
    if output is None:
        return dict.fromkeys(sources.names)
    many = output.is_dir() or not output.suffix
    if not many and len(sources.names) == 1 and not sources.roots:
        check_not_searched(output.parent, filter(is_folder, sources.names), [output])
        return {sources.names[0]: output}
    if not many:
        raise HeadposeError(
            f"{output}: {len(sources.names)} videos cannot go to one file; name a folder"
        )
    places = output_places(
        [(name, Path(name), title(name)) for name in sources.names],
        sources.roots,
        output,
        OUTPUT_SUFFIX,
        overwrite,
    )
    # A folder of pictures with a video in it would stand for that the next time.
    check_not_searched(output, filter(is_folder, sources.names), places.values())
    return dict(places)
