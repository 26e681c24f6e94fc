"""What is written as CSV is read as it was, whatever names hold."""

import csv
import io

import pandas as pd
import pytest

from headpose.files import csv_writer
from headpose.files.csv_rows import ROW_END, UnixRows

NAMES = ["a.jpg", "car\rriage", "line\nfeed", "both\r\n", "\r", 'quote"comma,', " blank ", "end\r"]


def as_read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("name", NAMES)
def test_each_row_stays_one(name):
    file = io.StringIO(newline="")
    writer = csv_writer(file, ("file", "heads"))
    writer.writeheader()
    writer.writerow({"file": name, "heads": 1})
    writer.writerow({"file": "next", "heads": name})
    assert as_read(file.getvalue()) == [["file", "heads"], [name, "1"], ["next", name]]


def test_plain_rows_end_in_a_line_feed_alone():
    file = io.StringIO(newline="")
    csv_writer(file, ("a", "b")).writerows([{"a": 1, "b": None}, {"a": "x", "b": 2.5}])
    assert file.getvalue() == "1,\nx,2.5\n"


def test_rows_of_pandas_too():
    table = pd.DataFrame({"file": NAMES, "n": range(len(NAMES))})
    file = io.StringIO(newline="")
    table.to_csv(UnixRows(file), index=False, lineterminator=ROW_END)
    assert as_read(file.getvalue())[1:] == [[name, str(i)] for i, name in enumerate(NAMES)]
    assert file.getvalue().startswith("file,n\na.jpg,0\n")
