"""Files that appear whole or not at all, tables that outlive a killed run, and digests.

What is written goes to a temporary file beside its destination and is moved into place when
it is whole. Links are followed, pipes and devices are written straight. A process that is
killed leaves its temporary file behind; the next one that writes to the folder removes it.
Tables of long runs grow under a name of their own (see `growing_table`), so that the rows
of a run that was killed are found.
"""

from headpose.files.atomic import atomic_write, temporary_folder, writable_folder
from headpose.files.checks import (
    HDF5,
    NO_TEXT,
    STANDARD_OUTPUT,
    check_outputs,
    check_readable,
    is_hdf5,
    is_regular,
    sha256,
    text_of,
)
from headpose.files.csv_rows import check_header, csv_writer
from headpose.files.growing import UNFINISHED, growing_place, growing_table
from headpose.files.json_values import without_nan, write_json
from headpose.files.locks import in_turn, sole_user
from headpose.files.places import numbered, plain_path, real_path
from headpose.files.texts import (
    decoded,
    lines_of,
    number,
    parse_json,
    parse_toml,
    spelled,
    spelled_texts,
)

__all__ = [
    "HDF5",
    "NO_TEXT",
    "STANDARD_OUTPUT",
    "UNFINISHED",
    "atomic_write",
    "check_header",
    "check_outputs",
    "check_readable",
    "csv_writer",
    "decoded",
    "growing_place",
    "growing_table",
    "in_turn",
    "is_hdf5",
    "is_regular",
    "lines_of",
    "number",
    "numbered",
    "parse_json",
    "parse_toml",
    "plain_path",
    "real_path",
    "sha256",
    "sole_user",
    "spelled",
    "spelled_texts",
    "temporary_folder",
    "text_of",
    "without_nan",
    "writable_folder",
    "write_json",
]
