"""Tables of labels as people write them: CSV files, named with a part and a share."""

import csv
import dataclasses
import math
from pathlib import Path

import pandas as pd

from headpose.datasets.label_angles import with_angles_that_can_be
from headpose.datasets.problem_kinds import BAD_ROW
from headpose.errors import HeadposeError
from headpose.files import atomic_write, check_header, check_readable
from headpose.files.csv_rows import ROW_END, UnixRows
from headpose.geometry.boxes import COLUMNS
from headpose.geometry.convention_math import ANGLES
from headpose.geometry.conventions import ALIASES

# Without a column part, every so many identities make the validation part.
HELD_OUT_EVERY = 10
PARTS = ("train", "validation", "test")
# Columns that are read, which may be written in capitals.
READ = {
    *COLUMNS,
    *(f"head_{c}" for c in COLUMNS),
    *ANGLES,
    *ALIASES,
    *("azimuth", "elevation", "file", "part", "identity", "person", "subject", "source"),
    *("face", "weight", "disagreement", "ignore", "view", "headgear", "width", "height"),
    *("sheet", "row", "col"),
}
MAX_PARTS = 5  # of a table's, that a message names


@dataclasses.dataclass
class Problems:
    """What was left out while reading.

    Attributes:
        by_kind: The names concerned, by the kind of problem.
        notes: What else is to be told, although nothing was left out for it.
    """

    by_kind: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    notes: list[str] = dataclasses.field(default_factory=list)

    def add(self, kind: str, name: str) -> None:
        self.by_kind.setdefault(kind, []).append(name)

    def include(self, others: "Problems") -> None:
        """Adds what others have."""
        self.notes += others.notes
        for kind, names in others.by_kind.items():
            self.by_kind.setdefault(kind, []).extend(names)

    def lines(self, max_names: int = 3) -> list[str]:
        """Returns a line for each kind, with a few names."""
        result = []
        for kind, names in self.by_kind.items():
            more = f" and {len(names) - max_names} more" if len(names) > max_names else ""
            result.append(f"{kind}: {len(names)} ({', '.join(names[:max_names])}{more})")
        return result


@dataclasses.dataclass(frozen=True)
class SourceName:
    """A source as named on a command line: `PATH#PART@SHARE`.

    Attributes:
        path: File or folder.
        part: Rows to take, by their column `part`; empty for all.
        share: Of the training examples, positive.
        pitch_down: Degrees by which each head's label is nodded down about the head's own
            axis of the ears, where a set's zero of tilt lies above that of the others; a head
            without a roll as if it had none.
        incomplete: Whether some heads may have no box (detectors only).
        mine: Whether false finds of a detector are to be shown more often (detectors only).
    """

    path: Path
    part: str = ""
    share: float = 1.0
    pitch_down: float = 0.0
    incomplete: bool = False
    mine: bool = False

    def __str__(self) -> str:
        return f"{self.path}#{self.part}" if self.part else str(self.path)

    @classmethod
    def parse(cls, text: str) -> "SourceName":
        """Takes a name apart; a path that exists as it stands may contain # and @.

        The path may be a published data set's, `NAME:PATH`, see
        `headpose.datasets.labelled_rows`.

        Raises:
            HeadposeError: If the share is no positive number, or a part has no name.
        """
        if path_exists(text):
            return cls(Path(text))
        rest, at, share = text.rpartition("@")
        if not at:
            rest, share = text, "1"
        try:
            weight = float(share)
        except ValueError:
            weight = math.nan
        if not 0 < weight < math.inf:
            raise HeadposeError(f"{text}: the share after @ must be a positive number")
        if path_exists(rest):
            return cls(Path(rest), "", weight)
        path, mark, part = rest.rpartition("#")
        if mark and not part:
            raise HeadposeError(f"{text}: no part after #; name one, or leave out #")
        return cls(Path(path), part, weight) if mark else cls(Path(rest), "", weight)

    @property
    def known_part(self) -> str:
        """Its part as tables are asked for it: blanks and upper case do not count."""
        return self.part.strip().casefold()

    @property
    def is_table(self) -> bool:
        """Whether it is named as a table of heads, not as a folder."""
        return self.path.suffix.lower() == ".csv"

    def with_part(self, part: str) -> "SourceName":
        """Returns the same source, with a part if it has none yet."""
        return dataclasses.replace(self, part=self.part or part)


def path_exists(text: str) -> bool:
    """Tells whether a path exists, or that of `NAME:PATH`."""
    _name, _colon, place = text.partition(":")
    return Path(text).exists() or (bool(place) and Path(place).exists())


def read_labels(path: Path, part: str, needed: tuple[str, ...], problems: Problems) -> pd.DataFrame:
    """Reads a CSV of labels as text, indexed by line number.

    Where there are `head_xmin` … they are the box, whatever `xmin` … are: a table may
    give a face's box beside the head's.

    Args:
        path: The file.
        part: Rows to take, by their column `part`; empty for all.
        needed: Columns that must be there.
        problems: Gets rows with too many or too few fields, and angles that are no number or
            beyond a whole turn, which are left empty.

    Raises:
        HeadposeError: If it is no CSV file, lacks a column, or has no row of that part.
    """
    table = of_part(path, read_texts(path, needed, problems), part)
    return with_angles_that_can_be(path, table, problems)


def read_texts(
    path: Path, needed: tuple[str, ...], problems: Problems, cut: set[str] | None = None
) -> pd.DataFrame:
    """Does what `read_labels` does for all parts, and leaves angles as they are.

    Args:
        path, needed, problems: As there.
        cut: Gets the files of rows with too many or too few fields.
    """
    rows, lines = [], []
    check_readable(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, skipinitialspace=True)
            header = _spelled([name.strip() for name in next(reader, [])])
            for row in reader:
                if not any(map(str.strip, row)):
                    continue  # as spreadsheets leave them behind a table
                if len(row) == len(header):
                    rows.append(row)
                    lines.append(reader.line_num)
                else:
                    if cut is not None and "file" in header:
                        cut.update(row[header.index("file") :][:1])
                    problems.add(BAD_ROW, f"{path.name} line {reader.line_num}")
        check_header(header)
    except UnicodeDecodeError as error:
        raise HeadposeError(f"{path}: not a CSV file in UTF-8; save it as that") from error
    except csv.Error as error:
        raise HeadposeError(f"{path}: not a CSV file ({error})") from error
    except ValueError as error:
        raise HeadposeError(f"{path}: {error}") from error
    table = pd.DataFrame(rows, index=lines, columns=header, dtype=str)
    table = table.loc[:, [bool(name) for name in header]]
    if {f"head_{c}" for c in COLUMNS} <= set(header):
        table = table.drop(columns=[c for c in COLUMNS if c in table])
        table = table.rename(columns={f"head_{c}": c for c in COLUMNS})
    if "tilt" in needed and "tilt" not in header and {"azimuth", "elevation"} <= set(header):
        raise HeadposeError(
            f"{path}: its angles are those of another convention (a table that was written with "
            "--convention?); write it without"
        )
    table = with_our_names(table)
    if table.columns.duplicated().any():
        again = table.columns[table.columns.duplicated()][0]
        raise HeadposeError(f"{path}: two columns mean {again!r}; leave one out")
    missing = [c for c in needed if c not in table]
    if missing:
        raise HeadposeError(
            f"{path}: no column {', '.join(missing)}; it has {', '.join(header) or 'none'}"
        )
    return table


def _spelled(header: list[str]) -> list[str]:
    """Returns a header with columns that are read in small letters, where none is so already."""
    small = [name.casefold() for name in header]
    return [
        low if low in READ and low not in header and small.count(low) == 1 else name
        for name, low in zip(header, small, strict=True)
    ]


def of_part(path: Path, table: pd.DataFrame, part: str) -> pd.DataFrame:
    """Returns the rows of one part, or all if it is empty.

    Blanks around its name and upper case do not count.

    Raises:
        HeadposeError: If no row is of that part.
    """
    if not part:
        return table
    parts = _parts(path, table, part)
    taken = table[parts.str.strip().str.casefold() == part.strip().casefold()]
    if taken.empty and not table.empty:
        told = ", ".join(repr(name) for name in sorted(set(parts))[:MAX_PARTS])
        raise HeadposeError(f"{path}: no row has the part {part!r}; the column has {told}")
    return taken


def with_our_names(table: pd.DataFrame) -> pd.DataFrame:
    """Returns a table whose columns `pitch` and `yaw` are `tilt` and `pan`, if it lacks these."""
    other = {a: ours for a, ours in ALIASES.items() if a in table and ours not in table}
    return table.rename(columns=other)


def _parts(path: Path, table: pd.DataFrame, wanted: str) -> pd.Series:
    """Returns the column `part`, or makes one from identities that no two parts share."""
    if "part" in table:
        return table["part"]
    if "identity" not in table:
        raise HeadposeError(
            f"{path}: no column part to look for {wanted!r} in; it has {', '.join(table)}"
        )
    identity = pd.to_numeric(table["identity"], errors="coerce")
    held_out = identity % HELD_OUT_EVERY == 0
    return held_out.map({True: "validation", False: "train"})


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Writes a table as CSV, UTF-8 whatever names hold; what stands there is replaced."""
    with (
        atomic_write(path) as temporary,
        temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        table.to_csv(UnixRows(file), index=False, lineterminator=ROW_END)


def numbers(table: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    """Returns columns as numbers, NaN where there is none; a column that is missing is all NaN."""
    table = table.reindex(columns=list(columns))
    return table.apply(pd.to_numeric, errors="coerce").astype(float)
