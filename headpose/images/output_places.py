"""Where what is made of pictures and videos goes: a place of its own for each."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from headpose.errors import HeadposeError
from headpose.files import numbered, real_path
from headpose.images.listing import is_folder


def output_places(
    files: Sequence[tuple[str, Path, str]],
    roots: Mapping[str, Path],
    folder: Path,
    suffix: str | Callable[[Path], str],
    overwrite: bool = True,
) -> dict[str, Path]:
    """Gives each file a place of its own in a folder for what is made of it.

    What was found in a folder keeps its place below it; where several folders were named,
    their names come before. A place that two files would share, or that is an input, gets a
    number more, and so does one where something stands that must not be lost.

    Args:
        files: Name, path, and title of each; the title is what its output is called.
        roots: The folder that was named, above each name that was found in one.
        folder: For what is made.
        suffix: Of what is made, or what gives it for a path.
        overwrite: Whether what stands there may be lost; folders never are.

    Returns:
        The place for each name, `folder` included.

    Raises:
        HeadposeError: If what is made would be found as an input the next time.
    """
    several = len({real_path(root) for root in roots.values()}) > 1
    places: dict[str, Path] = {}
    # Some systems do not tell capitals from small letters.
    taken = {str(real_path(path)).lower() for _, path, _ in files}
    for name, path, title in files:
        inside = Path()
        if name in roots:
            below = path.parent.relative_to(roots[name])
            # Of a pattern: what is above a link to a folder may lie anywhere.
            inside = Path(*(part for part in below.parts if part != ".."))
            if several:
                inside = Path(real_path(roots[name]).name, inside)
        ending = suffix if isinstance(suffix, str) else suffix(path)
        number = 1
        place = numbered(folder / inside, title, ending, number)
        while str(real_path(place)).lower() in taken or _is_kept(place, overwrite):
            number += 1
            place = numbered(folder / inside, title, ending, number)
        taken.add(str(real_path(place)).lower())
        places[name] = place
    check_not_searched(folder, roots.values(), places.values())
    return places


def _is_kept(place: Path, overwrite: bool) -> bool:
    return is_folder(place) if overwrite else os.path.lexists(place)


def check_not_searched(
    folder: Path, searched: Iterable[str | Path], places: Iterable[Path]
) -> None:
    """Stops where what is made would be found as an input the next time.

    Folders above the one for what is made leave that out when they are searched; it itself,
    and those below it, do not.

    Args:
        folder: For what is made.
        searched: Folders in which inputs were looked for.
        places: What will be made.

    Raises:
        HeadposeError: If one would.
    """
    top = real_path(folder)
    inside = {root: real_path(Path(root)) for root in searched}
    inside = {root: real for root, real in inside.items() if real.is_relative_to(top)}
    for place in places if inside else ():
        real = real_path(place)
        for root, above in inside.items():
            if real.is_relative_to(above):
                raise HeadposeError(
                    f"{root} is searched, and what is drawn there would be taken for an input "
                    "the next time; name another --output"
                )


def drawn_beside(files: Iterable[str | Path], places: Iterable[Path]) -> str | None:
    """Warns where drawings go beside inputs that were named one by one, as a shell does with *.

    Returns:
        What to tell; None where none goes there.
    """
    # By where a name is, not by where a link leads: that is where a pattern looks.
    folders = set(map(real_path, {Path(file).parent for file in files}))
    for folder in dict.fromkeys(place.parent for place in places):
        if real_path(folder) in folders:
            return (
                f"{folder}: what is drawn lies beside inputs, and a pattern takes it for one "
                "the next time; name another --output"
            )
    return None
