"""A digest of what a sweep's trials learn from and are measured on, to notice that it changed."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from headpose.datasets.crop_dataset import CROPS, table_path
from headpose.datasets.detection_annotations import picture_folder
from headpose.datasets.label_tables import PARTS, Problems, SourceName, read_texts
from headpose.datasets.labelled_rows import named_dataset, read_rows
from headpose.datasets.picture_finder import with_found_files
from headpose.files import sha256
from headpose.images.pictures import SUFFIXES
from headpose.training.run_folder import digest_of


def data_digest(sources: Iterable[SourceName]) -> str:
    """Returns a digest of the labels of sources, and of the sizes in bytes of their pictures.

    Raises:
        HeadposeError: If a source cannot be read.
    """
    digests: list[str] = []
    for source in sources:
        path = source.path
        if dataset := named_dataset(path):
            digests.append(_of_set(*dataset, source.part))
        else:
            digests += _of_folder(path) if path.is_dir() else _of_table(path)
        if (source.share, source.pitch_down) != (1, 0):
            digests.append(f"{source.share} {source.pitch_down}")
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()[:16]


def _of_set(name: str, place: Path, part: str) -> str:
    """Returns the digest of a published data set."""
    table = read_rows(name, place, part, Problems()).drop(columns="name")
    files = table.pop("file")
    names = (os.path.basename(file) for file in files)  # noqa: PTH119 - of texts
    return digest_of([*names, *_sizes(files), table.to_numpy(float)])


def _of_folder(folder: Path) -> Iterator[str]:
    """Yields what the digest of a clean folder is of."""
    for table in (table_path(folder, part) for part in PARTS):
        yield sha256(table) if table.is_file() else ""
    crops = folder / CROPS
    found = sorted(crops.iterdir()) if crops.is_dir() else []
    # What programs that show folders leave in them is no crop.
    yield digest_of(_sizes(file for file in found if file.suffix.lower() in SUFFIXES))


def _of_table(path: Path) -> Iterator[str]:
    """Yields what the digest of a table is of."""
    yield sha256(path)
    table = read_texts(path, (), Problems())
    if "file" in table:
        folder = picture_folder(path, table["file"])
        files = with_found_files(table, folder, Problems())["file"].unique()
        yield digest_of(_sizes(folder / str(file) for file in files))
    else:  # rendered tiles
        yield digest_of(_sizes(sorted(path.parent.glob("sheet_*.webp"))))


def _sizes(files: Iterable[str | Path]) -> Iterator[str]:
    """Yields the size of each file; what is not there has none, and is told where it is read."""
    for file in files:
        try:
            yield str(os.stat(file).st_size)  # noqa: PTH116 - of texts
        except OSError:
            yield "-"
