"""Sources to measure on: each counts once, and nothing that is written replaces a picture."""

import os
from collections.abc import Iterable
from pathlib import Path

from headpose.datasets.box_rows import picture_folder
from headpose.datasets.label_tables import Problems, SourceName, read_labels
from headpose.errors import HeadposeError
from headpose.files import check_outputs


def each_once(names: Iterable[str], together: bool = False) -> list[SourceName]:
    """Takes the names of sources to measure on apart.

    Args:
        names: Of the sources.
        together: Whether they are measured all together as well, so that a table and a part
            of it have heads that would count twice.

    Raises:
        HeadposeError: If one is given twice, and would count twice, or with a share.
    """
    sources: list[SourceName] = []
    seen: set[tuple[str, str]] = set()
    for name in names:
        source = SourceName.parse(name)
        if source.share != 1:
            raise HeadposeError(f"{name}: a share is for training; leave out what follows @")
        place = os.path.realpath(source.path)
        if (place, source.known_part) in seen:
            raise HeadposeError(f"{name}: given twice, its heads would count twice; name it once")
        parts = {part for path, part in seen if path == place}
        if together and parts and not (source.known_part and all(parts)):
            raise HeadposeError(
                f"{name}: given whole and in part, its heads would count twice in what is told of "
                "all together; measure them apart"
            )
        seen.add((place, source.known_part))
        sources.append(source)
    return sources


def check_no_picture(outputs: Iterable[Path | None], sources: Iterable[SourceName]) -> None:
    """Refuses outputs that would replace a picture that a table names.

    What is wrong with a table is left to who reads it.

    Raises:
        HeadposeError: If one would.
    """
    existing = [path for path in outputs if path is not None and path.is_file()]
    for source in sources if existing else ():
        if not (source.is_table and source.path.is_file()):
            continue
        try:
            table = read_labels(source.path, source.part, ("file",), Problems())
        except HeadposeError:
            continue
        folder = picture_folder(source.path, table["file"])
        check_outputs(existing, [folder / name for name in set(table["file"])])
