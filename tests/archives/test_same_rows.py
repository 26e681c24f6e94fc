"""The same rows wherever pictures lie and whatever spreads the work, each once after any kill."""

import json

import archive_sets as sets
import pytest
from annotate_fakes import INTO_MEMORY, DyingConfig, annotate
from kills import check_kills

from headpose.archives.shards import Columns

CONTENTS = sets.pictures()
COUNTS = {"pictures": 12, "videos": 0, "frames": 0, "heads": 24, "failures": 1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return sets.as_folder(tmp_path_factory.mktemp("pictures"), CONTENTS)


@pytest.fixture(scope="module")
def expected(folder, tmp_path_factory):
    """What one process finds in the folder."""
    out = tmp_path_factory.mktemp("expected")
    counts = annotate([folder], out)
    assert {k: v for k, v in counts.items() if k != "shards"} == COUNTS
    rows = sets.rows_of(out)
    keys = [row["key"] for row in rows]
    assert keys == sorted(sets.key_of(n) for n in CONTENTS if n != sets.DAMAGED for _ in "12")
    return rows


def of_tars(tmp_path):
    sets.as_tars(tmp_path / "in", CONTENTS)
    return [f"{tmp_path}/in/shard-{{000000..000002}}.tar"], {}


def of_parquet_with_bytes(tmp_path):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed (the extra cloud)")
    keys = [sets.key_of(name) for name in CONTENTS]
    columns = {"jpg": list(CONTENTS.values()), "id": keys}
    sets.as_parquet(tmp_path / "in" / "part-0.parquet", columns)
    return [tmp_path / "in"], {"columns": Columns(None, "id")}


def of_parquet_with_paths(tmp_path):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed (the extra cloud)")
    sets.as_folder(tmp_path / "in", CONTENTS)
    path = sets.as_parquet(tmp_path / "in" / "list.parquet", {"path": list(CONTENTS)})
    return [path], {"columns": Columns("path")}


def in_memory(name, contents):
    fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed (the extra cloud)")
    system = fsspec.filesystem("memory")
    for file, content in contents.items():
        system.pipe_file(f"{name}/{file}", content)
    return f"memory://{name}"


def of_memory(tmp_path):
    return [in_memory(f"{tmp_path.name}-folder", CONTENTS)], {}


def of_tars_in_memory(tmp_path):
    tars = {path.name: path.read_bytes() for path in sets.as_tars(tmp_path / "in", CONTENTS)}
    return [in_memory(f"{tmp_path.name}-tars", tars) + "/*.tar"], {}


def of_parquet_with_urls(tmp_path):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed (the extra cloud)")
    store = in_memory(f"{tmp_path.name}-rows", CONTENTS)
    urls = [f"{store}/{name}" for name in CONTENTS]
    keys = [sets.key_of(name) for name in CONTENTS]
    path = sets.as_parquet(tmp_path / "in.parquet", {"url": urls, "key": keys})
    return [path], {"columns": Columns("url")}


SOURCES = [
    of_tars,
    of_parquet_with_bytes,
    of_parquet_with_paths,
    of_memory,
    of_tars_in_memory,
    of_parquet_with_urls,
]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.__name__)
def test_the_same_rows_wherever_pictures_lie(source, expected, tmp_path):
    names, more = source(tmp_path)
    counts = annotate(names, tmp_path / "out", **more)
    assert {k: v for k, v in counts.items() if k != "shards"} == COUNTS
    assert sets.rows_of(tmp_path / "out") == expected
    (failure,) = sets.failures_of(tmp_path / "out")
    assert failure["key"] == sets.key_of(sets.DAMAGED)
    assert "damaged" in failure["reason"]


def test_the_same_rows_as_parquet(folder, expected, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    annotate([folder], tmp_path, kind="parquet")
    rows = parquet.read_table(tmp_path / "heads").to_pylist()  # all parts, as one table
    assert sets.in_order(rows) == expected


# -------------------------------------------------------------------------------- kills


def many_in_tars(folder, tmp_path):
    sets.as_tars(tmp_path / "in", sets.contents_of(folder), 2)
    return tmp_path / "in"


def many_in_parquet(folder, tmp_path):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed (the extra cloud)")
    contents = sets.contents_of(folder)
    keys = [sets.key_of(name) for name in contents]
    columns = {"key": keys, "picture": list(contents.values())}
    return sets.as_parquet(tmp_path / "in" / "many.parquet", columns, 2)


def many_in_memory(folder, tmp_path):
    pytest.importorskip("fsspec", reason="fsspec is not installed (the extra cloud)")
    return f"{INTO_MEMORY}{folder}"


@pytest.mark.parametrize("engine", ["here", "processes"])
def test_killed_at_three_random_places_it_finishes_with_each_row_once(engine, many, tmp_path):
    check_kills(engine, many, tmp_path / "out", 7)


@pytest.mark.parametrize("source", [many_in_tars, many_in_parquet, many_in_memory])
def test_kills_cost_nothing_wherever_pictures_lie(source, many, tmp_path):
    folder, rows = many
    check_kills("here", (source(folder, tmp_path), rows), tmp_path / "out", 8)


def test_a_killed_worker_costs_nothing(with_black, tmp_path):
    dying = DyingConfig(estimator=str(tmp_path / "flag"))
    counts = annotate([with_black], tmp_path / "out", "processes", dying, size=1)
    assert (counts["shards"], counts["heads"], counts["failures"]) == (9, 18, 0)
    annotate([with_black], tmp_path / "expected", size=1)
    assert sets.rows_of(tmp_path / "out") == sets.rows_of(tmp_path / "expected")


def test_a_shard_that_kills_each_worker_is_given_up_and_no_other(with_black, tmp_path):
    counts = annotate([with_black], tmp_path / "out", "processes", DyingConfig(), size=1)
    assert (counts["shards"], counts["heads"], counts["failures"]) == (8, 16, 1)
    (failure,) = sets.failures_of(tmp_path / "out")
    assert failure["file"] == str(with_black / "4.png")
    assert failure["reason"] == "its worker died, 3 times in a row"
    # The next run tries it again, and nothing else.
    counts = annotate([with_black], tmp_path / "out", size=1)
    assert (counts["shards"], counts["heads"], counts["failures"]) == (9, 18, 0)


# ----------------------------------------------------------------------- parts and merging


def test_parts_are_done_apart_and_merged(folder, expected, tmp_path, run_script):
    for number in (1, 3):
        annotate([folder], tmp_path, part=(number, 3))
    done = run_script("annotate", "--merge", "--output", tmp_path)
    assert done.status == 1
    assert "2 of 7 shards are not done: pictures-000001, pictures-000004;" in done.err
    annotate([folder], tmp_path, part=(2, 3))
    done = run_script("annotate", "--merge", "--output", tmp_path)
    assert done.status == 1  # for the damaged picture
    assert "12 pictures and 0 frames of 0 videos: 24 heads" in done.out
    assert "1 files could not be read" in done.err
    assert json.loads((tmp_path / "manifest.json").read_text())["counts"] == COUNTS | {"shards": 7}
    assert sets.rows_of(tmp_path) == expected
    (failure,) = sets.failures_of(tmp_path)
    assert failure["key"] == sets.key_of(sets.DAMAGED)
