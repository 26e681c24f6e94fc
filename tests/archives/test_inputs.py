"""What archives are made of, and what is told where they are bad."""

import sys
import tarfile
import uuid
from pathlib import Path

import archive_sets as sets
import numpy as np
import pytest
from annotate_fakes import annotate

from headpose.archives.inputs import PARQUET, PICTURE, TAR, VIDEO, braces, find_files, key_of
from headpose.archives.records import records_of
from headpose.archives.shards import BY_THEMSELVES, Columns, choose, make_shards
from headpose.errors import HeadposeError

CONTENTS = sets.pictures()


@pytest.fixture
def memory():
    """A folder in fsspec's memory, of this test alone."""
    fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed (the extra cloud)")
    system, place = fsspec.filesystem("memory"), f"memory://{uuid.uuid4().hex}"
    yield lambda name, content: system.pipe_file(f"{place}/{name}", content), place
    system.rm(place, recursive=True)


@pytest.mark.parametrize(
    ("name", "stands_for"),
    [
        ("a.tar", ["a.tar"]),
        ("s-{000..002}.tar", ["s-000.tar", "s-001.tar", "s-002.tar"]),
        ("{9..11}", ["9", "10", "11"]),
        ("{2..0}", ["2", "1", "0"]),
        ("{a,b}/{0..1}.tar", ["a/0.tar", "a/1.tar", "b/0.tar", "b/1.tar"]),
        ("s3://{x,y}/z", ["s3://x/z", "s3://y/z"]),
        ("{one}{}", ["{one}{}"]),
    ],
)
def test_braces_stand_for_each_in_a_shells_order(name, stands_for):
    assert list(braces(name)) == stands_for


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("a.jpg", "a"),
        ("./a/b.c.jpg", "a/b"),
        ("v1.2/b.jpg", "v1.2/b"),
        ("/x/y.png", "x/y"),
        ("no-suffix", "no-suffix"),
        (".hidden.jpg", ".hidden"),
    ],
)
def test_keys_are_paths_up_to_the_first_dot_of_the_name(path, key):
    assert key_of(path) == key


def test_folders_hold_files_of_every_kind(tmp_path):
    contents = {"a.jpg": b"1", "b/c.tar": b"2", "d.parquet": b"3", "e.mp4": b"4", "f.txt": b"5"}
    found = find_files([str(sets.as_folder(tmp_path, contents))])
    assert {k: [i.key for i in items] for k, items in found.items.items()} == {
        PICTURE: ["a"], VIDEO: ["e"], TAR: ["b/c"], PARQUET: ["d"]
    }  # fmt: skip
    assert found.problems == []


def test_what_is_written_is_not_read(tmp_path):
    sets.as_folder(tmp_path, {"a.jpg": b"1", "out/heads/x.parquet": b"2"})
    found = find_files([str(tmp_path)], [tmp_path / "out"])
    assert [len(items) for items in found.items.values()] == [1, 0, 0, 0]


def test_urls_are_folders_patterns_files_braces_and_lists(memory):
    put, place = memory
    for name in ("a/0.jpg", "a/1.jpg", "a/.hidden/2.jpg", "a/notes.txt", "s-0.tar", "s-1.tar"):
        put(name, b"x")
    put("list.txt", f"{place}/a/1.jpg\n\n{place}/s-{{0..1}}.tar\n".encode())

    def keys(*names):
        found = find_files(names)
        return [i.key for kind in (PICTURE, TAR) for i in found.items[kind]], found.problems

    assert keys(place) == (["a/0", "a/1", "s-0", "s-1"], [])
    assert keys(f"{place}/a", f"{place}/a/0.jpg") == (["0", "1"], [])
    assert keys(f"{place}/*.tar") == (["s-0", "s-1"], [])
    assert keys(f"{place}/s-{{0..1}}.tar") == (["s-0", "s-1"], [])
    assert keys(f"@{place}/list.txt") == (["1", "s-0", "s-1"], [])
    found, (problem,) = keys(f"{place}/nothing")
    assert found == []
    assert problem.endswith("/nothing: no pictures, videos, tar shards or Parquet there")


def test_file_urls_are_of_this_machine(tmp_path):
    sets.as_folder(tmp_path, {"a.jpg": b"1"})
    (item,) = find_files([f"file://{tmp_path}"]).items[PICTURE]
    assert item.place == str(tmp_path / "a.jpg")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("nonsense://x/a.jpg", "no kind of URL that is known"),
        ("abfs://bucket/a.jpg", r"adlfs.*pip install 'headpose-toolkit\[cloud\]'"),
    ],
)
def test_urls_of_unknown_kinds_and_missing_packages_end_the_work(url, told, tmp_path):
    pytest.importorskip("fsspec", reason="fsspec is not installed (the extra cloud)")
    with pytest.raises(HeadposeError, match=told):
        find_files([url])


def test_without_fsspec_it_is_told_how_to_get_it(run_script, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)
    done = run_script("annotate", "memory://x", "--output", tmp_path, "--detector", "viola-jones")
    assert done.status == 1
    assert done.err.splitlines()[-1].endswith("pip install 'headpose-toolkit[cloud]'")


# -------------------------------------------------------------------------------- shards


def test_shards_are_pictures_by_the_dozen_and_all_else_one_by_one(tmp_path):
    names = [f"{i}.jpg" for i in range(7)] + ["a.mp4", "b.mp4", "c.tar"]
    inputs = find_files([str(sets.as_folder(tmp_path, dict.fromkeys(names, b"")))])
    shards = make_shards(inputs, 3)
    assert [(s.kind, len(s.items)) for s in shards] == [
        (PICTURE, 3), (PICTURE, 3), (PICTURE, 1), (VIDEO, 1), (VIDEO, 1), (TAR, 1)
    ]  # fmt: skip
    assert len({s.name for s in shards}) == 6
    parts = [choose(shards, k, 4) for k in range(1, 5)]
    assert sorted(s.name for p in parts for s in p) == sorted(s.name for s in shards)
    with pytest.raises(HeadposeError, match="no part 5 of 4"):
        choose(shards, 5, 4)


def test_a_changed_file_changes_its_shards_fingerprint_only(tmp_path):
    sets.as_folder(tmp_path, {f"{i}.jpg": b"one" for i in range(4)})

    def shards():
        return make_shards(find_files([str(tmp_path)]), 2)

    before = shards()
    assert shards() == before
    (tmp_path / "3.jpg").write_bytes(b"other")
    same = [a.fingerprint == b.fingerprint for a, b in zip(before, shards(), strict=True)]
    assert same == [True, False]


# --------------------------------------------------------------------------- tar shards


def test_members_keep_key_and_url(tmp_path):
    path = sets.as_tar(tmp_path / "s.tar", CONTENTS, urls=True)
    records = list(records_of(make_shards(find_files([str(path)]), 1)[0]))
    assert [r.key for r in records] == [sets.key_of(name) for name in CONTENTS]
    assert [r.url for r in records] == [f"https://example.org/{name}" for name in CONTENTS]
    assert [r.file for r in records] == [f"{path}/{name}" for name in CONTENTS]
    assert [r.content for r in records] == list(CONTENTS.values())


@pytest.mark.parametrize("suffix", ["tar.gz", "tgz", "tar.bz2", "tar.xz"])
def test_compressed_shards_are_read_and_missed_parts_told(tmp_path, suffix):
    kind = {"tgz": "gz"}.get(suffix, suffix.rpartition(".")[2])
    path = sets.as_tar(tmp_path / f"s.{suffix}", CONTENTS, mode=f"w:{kind}")
    counts = annotate([path], tmp_path / "out")
    assert (counts["pictures"], counts["failures"]) == (len(CONTENTS) - 1, 1)
    path.write_bytes(path.read_bytes()[:-600])
    counts = annotate([path], tmp_path / "cut")
    assert counts["pictures"] < len(CONTENTS)  # bzip2 gives nothing of a block that is cut
    assert "cut or damaged after" in sets.failures_of(tmp_path / "cut")[-1]["reason"]


def test_a_cut_shard_is_told_and_what_is_there_is_done(tmp_path):
    contents = {f"{i}.png": CONTENTS["00.png"] for i in range(3)}
    whole = sets.as_tar(tmp_path / "whole.tar", contents).read_bytes()
    member = 512 + -(-len(CONTENTS["00.png"]) // 512) * 512
    # In a header, in a picture, between members (which reads as an end), before the end's mark.
    for size, done in [(member + 100, 1), (2 * member - 600, 1), (2 * member, 2), (3 * member, 3)]:
        path = tmp_path / f"{size}.tar"
        path.write_bytes(whole[:size])
        counts = annotate([path], tmp_path / f"out-{size}")
        assert counts["pictures"] == done, size
        (failure,) = sets.failures_of(tmp_path / f"out-{size}")
        assert failure["file"] == str(path)
        assert "cut or damaged after" in failure["reason"]


@pytest.mark.parametrize("content", [b"", b"no tar at all" * 100], ids=["empty", "text"])
def test_what_is_no_tar_is_told(tmp_path, content):
    (tmp_path / "s.tar").write_bytes(content)
    annotate([tmp_path / "s.tar"], tmp_path / "out")
    (failure,) = sets.failures_of(tmp_path / "out")
    assert "s.tar: cut or damaged after 0 members" in failure["reason"]


def test_a_shard_without_pictures_is_told(tmp_path):
    sets.as_tar(tmp_path / "s.tar", {"a.txt": b"words", "__meta__.jpg": b"x", ".b.jpg": b"y"})
    annotate([tmp_path / "s.tar"], tmp_path / "out")
    (failure,) = sets.failures_of(tmp_path / "out")
    assert failure["reason"].endswith("s.tar: no pictures or videos in this shard")


def test_links_in_a_shard_are_told(tmp_path):
    path = sets.as_tar(tmp_path / "s.tar", {"a.png": CONTENTS["00.png"]})
    with tarfile.open(path, "a") as archive:
        for name, kind in (("b.png", tarfile.LNKTYPE), ("c.png", tarfile.SYMTYPE)):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = kind, "a.png"
            archive.addfile(link)
    counts = annotate([path], tmp_path / "out")
    assert (counts["pictures"], counts["failures"]) == (1, 2)
    failures = sets.failures_of(tmp_path / "out")
    assert [failure["file"] for failure in failures] == [f"{path}/b.png", f"{path}/c.png"]
    assert all("a link to another file" in failure["reason"] for failure in failures)


@pytest.mark.parametrize("filled_up", [True, False], ids=["records", "blocks"])
def test_what_is_behind_a_shards_end_is_told(tmp_path, filled_up):
    """Archives end at a multiple of 10,240 bytes, or after their end's two blocks of zeros."""
    whole = []
    for name in ("a.png", "b.png"):
        data = sets.as_tar(tmp_path / f"{name}.tar", {name: CONTENTS["00.png"]}).read_bytes()
        blocks = 2 + 1 + -(-len(CONTENTS["00.png"]) // 512)
        whole.append(data if filled_up else data[: 512 * blocks])
    joined = tmp_path / "joined.tar"
    joined.write_bytes(b"".join(whole))
    counts = annotate([joined], tmp_path / "out")
    assert counts["pictures"] == 1
    (failure,) = sets.failures_of(tmp_path / "out")
    assert "more behind its end, which was not read" in failure["reason"]


# ------------------------------------------------------------------------------ Parquet


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
    inputs = find_files([str(tmp_path / "in")])
    shards = make_shards(inputs, 2)
    assert len(shards) == 1
    assert [Path(p.partition(":")[0]).name for p in inputs.problems] == [
        "cut.parquet", "text.parquet"
    ]  # fmt: skip
    assert all("no Parquet, or a damaged file" in problem for problem in inputs.problems)


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


@pytest.mark.parametrize("name", ["x{0..99999999999}.png", "{a,b}" * 40, "{" + "9" * 5000 + "..1}"])
def test_braces_without_end_are_told(tmp_path, name):
    (tmp_path / "list").write_text(name)
    found = find_files([f"@{tmp_path / 'list'}"])
    assert not any(found.items.values())
    assert len(found.problems) == 1
    assert "more than 1,000,000 names" in found.problems[0]
