"""Parquet: pictures in it or named by it, and what is told where it is damaged or lacks them."""

import sys
from pathlib import Path

import archive_sets as sets
import numpy as np
import pytest
from annotate_fakes import annotate

from headpose.archives.inputs import find_files, key_of
from headpose.archives.records import records_of
from headpose.archives.shards import BY_THEMSELVES, Columns, make_shards
from headpose.errors import HeadposeError

CONTENTS = sets.pictures()


def table(tmp_path, **columns) -> Path:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed (the extra cloud)")
    return sets.as_parquet(tmp_path / "t.parquet", columns)


def read(path, columns=BY_THEMSELVES, size=3):
    shards = make_shards(find_files([str(path)]), size, columns)
    return [r for shard in shards for r in records_of(shard, columns)], shards


def test_bytes_go_by_row_groups_and_keep_key_and_url(tmp_path):
    names = list(CONTENTS)
    path = table(tmp_path, jpg=list(CONTENTS.values()), key=names, url=[f"u://{n}" for n in names])
    records, shards = read(path)
    assert [s.part.stop - s.part.start for s in shards] == [5, 5, 3]
    assert [r.key for r in records] == names
    assert [r.url for r in records] == [f"u://{n}" for n in names]
    assert [r.content for r in records] == list(CONTENTS.values())
    assert [r.file for r in records] == [f"{path}#{i}" for i in range(len(names))]


def test_paths_go_by_the_shards_size_and_are_seen_from_the_table(tmp_path):
    sets.as_folder(tmp_path, CONTENTS)
    records, shards = read(table(tmp_path, path=list(CONTENTS)), Columns("path"))
    assert [s.part.stop - s.part.start for s in shards] == [3, 2, 3, 2, 3]
    assert [r.content for r in records] == [str(tmp_path / name) for name in CONTENTS]
    assert [r.key for r in records] == [sets.key_of(name) for name in CONTENTS]


@pytest.mark.parametrize("kind", ["dictionary", "string_view", "large_string"])
def test_texts_of_any_type_are_paths(tmp_path, kind):
    """pandas' categories, and what other programs write."""
    arrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed (the extra cloud)")
    sets.as_folder(tmp_path, CONTENTS)
    own = arrow.dictionary(arrow.int32(), arrow.string()) if kind == "dictionary" else None
    texts = arrow.array(list(CONTENTS)).cast(own or getattr(arrow, kind)())
    records, _ = read(table(tmp_path, path=texts), Columns("path"))
    assert [r.content for r in records] == [str(tmp_path / name) for name in CONTENTS]


def test_bytes_of_one_length_are_pictures(tmp_path):
    arrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed (the extra cloud)")
    records, _ = read(table(tmp_path, jpg=arrow.array([b"12", b"34"], arrow.binary(2))))
    assert [r.content for r in records] == [b"12", b"34"]


def test_spaces_around_a_url_are_not_of_it(tmp_path):
    records, _ = read(table(tmp_path, url=[" https://example.org/a.png "]), Columns("url"))
    assert [r.content for r in records] == ["https://example.org/a.png"]


def test_hugging_faces_pictures_are_bytes_or_paths(tmp_path):
    sets.as_folder(tmp_path, {"b.png": b"2"})
    images = [{"bytes": b"1", "path": "a.png"}, {"bytes": None, "path": "b.png"}, None]
    records, _ = read(table(tmp_path, image=images, label=[1, 2, 3]))
    assert [r.key for r in records] == ["a", "b", f"{key_of(str(tmp_path / 't.parquet'))}#2"]
    assert records[0].content == b"1"
    assert records[1].content == str(tmp_path / "b.png")
    assert str(records[2].content).endswith("t.parquet#2: no picture in it")


def test_a_column_may_have_file_urls_and_nothing(tmp_path):
    sets.as_folder(tmp_path / "in", {"b c.png": b"2"})
    picture = tmp_path / "in" / "b c.png"
    records, _ = read(table(tmp_path, path=[picture.as_uri(), "", " "]), Columns("path"))
    assert records[0].content == str(picture)
    assert [str(r.content)[-16:] for r in records[1:]] == ["no picture in it"] * 2


def test_parquet_without_rows_is_told(tmp_path, caplog):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed (the extra cloud)")
    import pyarrow as arrow
    from pyarrow import parquet

    path = tmp_path / "t.parquet"
    parquet.write_table(arrow.table({"image": arrow.array([], arrow.binary())}), path)
    inputs = find_files([str(path)])
    assert make_shards(inputs, 2) == []
    assert f"{path}: no rows in it" in caplog.text
    assert inputs.problems == []  # Spark writes such parts beside others


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        (Columns("jpg"), "no column jpg; it has a, b, n"),
        (Columns("n"), "column n has int64, neither bytes nor paths or URLs"),
        (Columns(), "name the column with pictures by --column; it has a, b, n"),
        (Columns("a", "id"), "no column id; it has a, b, n"),
    ],
)
def test_a_column_that_is_missing_is_told(tmp_path, columns, told):
    path = table(tmp_path, a=[b"1"], b=[b"2"], n=[3])
    with pytest.raises(HeadposeError, match=told):
        read(path, columns)


def test_damaged_parquet_is_told_and_the_rest_is_done(tmp_path):
    path = table(tmp_path / "in", jpg=[CONTENTS["00.png"]] * 3)
    (tmp_path / "in" / "text.parquet").write_bytes(b"no parquet" * 10)
    (tmp_path / "in" / "cut.parquet").write_bytes(path.read_bytes()[:-100])
    counts = annotate([tmp_path / "in"], tmp_path / "out")
    assert (counts["pictures"], counts["failures"]) == (3, 2)
    failures = sets.failures_of(tmp_path / "out")
    assert [Path(f["file"]).name for f in failures] == ["cut.parquet", "text.parquet"]
    assert all("no Parquet, or a damaged file" in f["reason"] for f in failures)


def test_damaged_rows_are_told_and_lose_no_others(tmp_path):
    noise = [np.random.default_rng(i).bytes(5000) for i in range(4)]
    path = table(tmp_path, jpg=[CONTENTS["00.png"], *noise, *[CONTENTS["00.png"]] * 5])
    data = bytearray(path.read_bytes())
    place = bytes(data).find(noise[1])
    data[4 : place + 5000] = bytes(place + 4996)  # the first row group's column
    path.write_bytes(data)
    counts = annotate([path], tmp_path / "out")
    assert counts["pictures"] == 5
    assert any("damaged" in f["reason"] for f in sets.failures_of(tmp_path / "out"))


def test_without_pyarrow_parquet_is_told(run_script, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "t.parquet").write_bytes(b"x")
    given = [tmp_path / "t.parquet", "--output", tmp_path / "out", "--detector", "viola-jones"]
    done = run_script("annotate", *given)
    assert done.status == 1
    assert "Parquet needs pyarrow" in done.err
