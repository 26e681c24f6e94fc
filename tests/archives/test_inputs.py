"""What archives are made of, and what is told where they are bad."""

import sys
import uuid

import archive_sets as sets
import pytest

from headpose.archives.inputs import PARQUET, PICTURE, TAR, VIDEO, braces, find_files, key_of
from headpose.archives.shards import choose, make_shards
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


@pytest.mark.parametrize("name", ["x{0..99999999999}.png", "{a,b}" * 40, "{" + "9" * 5000 + "..1}"])
def test_braces_without_end_are_told(tmp_path, name):
    (tmp_path / "list").write_text(name)
    found = find_files([f"@{tmp_path / 'list'}"])
    assert not any(found.items.values())
    assert len(found.problems) == 1
    assert "more than 1,000,000 names" in found.problems[0]


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
