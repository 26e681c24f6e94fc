"""Rows outlive a run that ends too early; a table appears when it is whole."""

import subprocess
import sys
from pathlib import Path

import pytest
from listing import names_in

from headpose.errors import HeadposeError
from headpose.files import (
    growing_table,
)


def rows_then_killed(path: Path) -> None:
    code = (
        "import os, sys; from headpose.files import growing_table\n"
        "with growing_table(sys.argv[1], 1) as t:\n"
        "    t.write('head\\n'); t.write('one\\n'); t.write('two\\n'); t.write('thr')\n"
        "    os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert done.returncode == -9


def test_rows_outlive_a_kill_and_the_next_run(tmp_path, caplog):
    path = tmp_path / "heads.csv"
    rows_then_killed(path)
    assert (tmp_path / "heads.unfinished.csv").read_text() == "head\none\ntwo\n"
    rows_then_killed(path)
    with growing_table(path, 1) as table:
        table.write("head\nnew\n")
    assert path.read_text() == "head\nnew\n"
    for number in (1, 2):
        kept = tmp_path / f"heads.unfinished-{number}.csv"
        assert kept.read_text() == "head\none\ntwo\n"
    assert "heads.unfinished-2.csv" in caplog.text
    assert len(names_in(tmp_path)) == 3


def test_rows_outlive_an_error_and_an_older_table_stays(tmp_path, caplog):
    path = tmp_path / "heads.csv"
    path.write_text("old\n")
    with pytest.raises(HeadposeError), growing_table(path, 1) as table:
        table.write("head\none\n")
        raise HeadposeError("the camera is gone")
    assert path.read_text() == "old\n"
    assert (tmp_path / "heads.unfinished.csv").read_text() == "head\none\n"
    assert "heads.unfinished.csv" in caplog.text


@pytest.mark.parametrize(("header", "text"), [(1, "head\n"), (0, "")])
def test_a_table_without_rows_leaves_nothing(tmp_path, header, text):
    with pytest.raises(HeadposeError), growing_table(tmp_path / "t.csv", header) as table:
        table.write(text)
        raise HeadposeError("no")
    assert names_in(tmp_path) == set()


def test_two_writers_of_one_table_are_told(tmp_path):
    path = tmp_path / "t.csv"
    with growing_table(path) as table:
        table.write("one\n")
        with pytest.raises(HeadposeError, match="another process writes it"), growing_table(path):
            pass
        table.write("two\n")
    assert path.read_text() == "one\ntwo\n"
    assert names_in(tmp_path) == {"t.csv"}


def test_tables_take_every_name_in_utf_8(tmp_path):
    with growing_table(tmp_path / "t.csv") as table:
        table.write("фото.jpg caf\udce9.jpg\n")
    assert (tmp_path / "t.csv").read_bytes() == "фото.jpg caf\\udce9.jpg\n".encode()
