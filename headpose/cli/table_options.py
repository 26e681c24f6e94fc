"""The options for tables of heads, and the tables that they ask for."""

import argparse
import os
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from headpose.errors import HeadposeError
from headpose.files import NO_TEXT, STANDARD_OUTPUT, check_outputs, growing_place, is_regular
from headpose.geometry.convention_registry import CONVENTIONS

TEXTS = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson")
TABLES = ("csv", "json", "parquet", "coco", "summary")


def add_table_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options that `open_tables` reads."""
    add = parser.add_argument_group("tables", "docs/tables.md explains the columns").add_argument
    add("--csv", metavar="FILE", help="a row for each head; - is standard output")
    add("--json", metavar="FILE", help="JSON lines, one for each head; - is standard output")
    add("--parquet", metavar="FILE", help="the same as Parquet; needs pyarrow")
    add("--coco", metavar="FILE", help="COCO JSON for labelling tools: boxes with the pose")
    add("--summary", metavar="FILE", help="CSV with a row for each photo and video")
    add(
        "--convention",
        choices=[name for name in CONVENTIONS if name != "headpose"],
        metavar="NAME",
        help="in CSV, JSON and Parquet, angles as another tool writes them, with its columns and "
        "units: " + ", ".join(name for name in CONVENTIONS if name != "headpose"),
    )
    add("--empty", action="store_true", help="a row for photos and frames without heads, too")
    add("--excel", action="store_true", help="begin CSV with the mark by which Excel knows UTF-8")
    add("--overwrite", action="store_true", help="write over what exists")


def check_tables(
    parser: argparse.ArgumentParser,
    arguments: argparse.Namespace,
    inputs: Iterable[str | Path],
    others: Sequence[str | Path | None] = (),
) -> None:
    """Stops where tables cannot be written, before any work is done.

    Args:
        parser: For usage errors.
        arguments: The options.
        inputs: What is read, which is never written over.
        others: Further outputs.

    Raises:
        HeadposeError: If an output cannot be written or is an input, exists and is not to be
            written over, or pyarrow is missing.
    """
    given = [target for kind in TABLES if (target := getattr(arguments, kind)) is not None]
    if given.count(STANDARD_OUTPUT) > 1:
        parser.error("only one table can go to standard output")
    if arguments.excel and not (arguments.csv or arguments.summary):
        parser.error("--excel is about CSV; add --csv or --summary")
    if not (arguments.csv or arguments.json or arguments.parquet):
        for option in ("convention", "empty"):
            if getattr(arguments, option):
                parser.error(f"--{option} is about CSV, JSON and Parquet; add one of these")
    if arguments.parquet == STANDARD_OUTPUT:
        parser.error("--parquet needs a file")
    named = [o for o in (*given, *others) if o is not None and str(o) != STANDARD_OUTPUT]
    places = [os.path.realpath(o) for o in named]  # pathlib's raises for links in a circle
    if len(set(places)) < len(places):
        parser.error("two outputs cannot go to the same place")
    for table in growing_tables(arguments):
        if str(growing_place(table)) in places:
            parser.error(f"{table} grows as {growing_place(table)}, which is another output")
    # A folder of pictures may have the table of its heads beside them.
    files = [name for name in inputs if "://" not in str(name) and not os.path.isdir(name)]  # noqa: PTH112
    texts = [target for target in given if target != arguments.parquet]
    models = [arguments.detector, arguments.estimator]
    check_outputs([*given, *others], [*files, *models], texts=texts)
    # Pipes and devices are there to be written to, and what is empty has nothing to lose.
    lost = [output for output in named if is_regular(output) and Path(output).stat().st_size]
    if lost and not arguments.overwrite:
        raise HeadposeError(f"{lost[0]} exists; add --overwrite or name another file")
    if arguments.parquet:
        from headpose.records.sinks import check_parquet

        suffix = Path(arguments.parquet).suffix.lower()
        if suffix in TEXTS or (suffix in NO_TEXT and suffix not in (".parquet", ".feather")):
            raise HeadposeError(f"{arguments.parquet} will be Parquet; name it otherwise")
        check_parquet()


def growing_tables(arguments: argparse.Namespace) -> list[str]:
    """Returns the files that get row after row."""
    given = (arguments.csv, arguments.json)
    return [table for table in given if table and table != STANDARD_OUTPUT]


def check_apart(arguments: argparse.Namespace, drawn: Iterable[Path]) -> None:
    """Stops where a table would take the place of a drawn picture or video, or give it its own.

    Raises:
        HeadposeError: If one would.
    """
    taken = {os.path.realpath(place) for place in drawn}
    given = [target for kind in TABLES if (target := getattr(arguments, kind)) is not None]
    for table in given:
        if table != STANDARD_OUTPUT and os.path.realpath(table) in taken:
            raise HeadposeError(f"{table} will be a drawn picture or video; name another file")
    for table in growing_tables(arguments):
        if str(growing_place(table)) in taken:
            raise HeadposeError(f"{table} grows where something is drawn; name another file")


class Tables:
    """All tables that were asked for, to which rows go; see `headpose.records.sinks`."""

    def __init__(self, sinks: Sequence, converted: Sequence = (), convention: str | None = None):
        self._sinks, self._converted, self._convention = sinks, converted, convention

    def write(self, rows: Iterable[dict]) -> None:
        """Writes rows to each table."""
        from headpose.records.conventions import in_convention

        for row in rows:
            for sink in self._sinks:
                sink.write(row)
            shown = in_convention(row, self._convention) if self._convention else row
            for sink in self._converted:
                sink.write(shown)


def open_tables(stack: ExitStack, arguments: argparse.Namespace, fields: Sequence[str]) -> Tables:
    """Opens the tables; they appear when the stack is closed without an error."""
    from headpose.records.coco import CocoSink
    from headpose.records.conventions import convention_fields
    from headpose.records.sinks import CsvSink, JsonLinesSink, ParquetSink, Sink
    from headpose.records.summary import SummarySink

    if arguments.convention:
        fields = convention_fields(fields, arguments.convention)
    # Of these people read the columns; the others are for programs that know ours.
    converted: list[Sink] = []
    sinks: list[Sink] = []
    if arguments.csv:
        converted.append(CsvSink(arguments.csv, fields, arguments.empty, arguments.excel))
    if arguments.json:
        converted.append(JsonLinesSink(arguments.json, fields, arguments.empty))
    if arguments.parquet:
        converted.append(ParquetSink(arguments.parquet, fields, arguments.empty))
    if arguments.coco:
        sinks.append(CocoSink(arguments.coco))
    if arguments.summary:
        sinks.append(SummarySink(arguments.summary, arguments.excel))
    # The first are closed last: a summary that fails leaves the tables before it whole.
    for sink in reversed((*converted, *sinks)):
        sink.replace = arguments.overwrite
        stack.enter_context(sink)
    return Tables(sinks, converted, arguments.convention)


def to_stdout(arguments: argparse.Namespace) -> bool:
    """Tells whether a table goes to standard output, so that all else must not."""
    return any(getattr(arguments, kind) == STANDARD_OUTPUT for kind in TABLES)
