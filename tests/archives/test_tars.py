"""Tar shards: their members, and what is told where they are cut, joined or have links."""

import io
import tarfile

import archive_sets as sets
import pytest
from annotate_fakes import annotate

from headpose.archives.inputs import find_files
from headpose.archives.records import records_of
from headpose.archives.shards import make_shards

CONTENTS = sets.pictures()


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
    sets.as_tar(tmp_path / "s.tar", {"a.txt": b"words", ".b.jpg": b"y"})
    annotate([tmp_path / "s.tar"], tmp_path / "out")
    (failure,) = sets.failures_of(tmp_path / "out")
    assert failure["reason"].endswith("s.tar: no pictures or videos in this shard")


def test_names_that_begin_with_underscores_or_above_are_read(tmp_path):
    picture = CONTENTS["00.png"]
    named = ("__a.png", "./b/__c__/d.png", "../e.png")
    path = sets.as_tar(tmp_path / "s.tar", dict.fromkeys(named, picture))
    assert annotate([path], tmp_path / "out")["pictures"] == 3


@pytest.mark.parametrize("above", ["", "./"])
def test_hidden_folders_are_left_out_as_those_of_folders_are(tmp_path, above):
    names = ("a.png", "b/c.png", ".thumbnails/a.png", "b/.trash/d/e.png", ".f.png", "b/._c.png")
    sets.as_folder(tmp_path / "folder", dict.fromkeys(names, CONTENTS["00.png"]))
    contents = {above + name: CONTENTS["00.png"] for name in names}
    contents[f"{above}.g/a.json"] = b'{"url": "http://x/a.png"}'
    shard = sets.as_tar(tmp_path / "s.tar", contents)
    for number, name in enumerate((tmp_path / "folder", shard)):
        counts = annotate([name], tmp_path / f"out-{number}")
        assert (counts["pictures"], counts["failures"]) == (2, 0)


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


DEEP = b"[" * 100_000


@pytest.mark.parametrize(
    "told", [DEEP, b'{"url": ' + DEEP, b'{"url": ' + b"9" * 5000, b"\xff", b"[]"], ids=range(5)
)
def test_json_of_any_kind_costs_no_picture(tmp_path, told):
    picture = CONTENTS["00.png"]
    contents = {"a.png": picture, "a.json": told, "b.json": told, "b.png": picture}
    counts = annotate([sets.as_tar(tmp_path / "s.tar", contents)], tmp_path / "out")
    assert (counts["pictures"], counts["failures"]) == (2, 0)
    assert {row["key"] for row in sets.rows_of(tmp_path / "out")} == {"a", "b"}


def test_headers_without_end_cost_what_is_behind_them_alone(tmp_path):
    """Each tells a longer name of the next; `tarfile` goes one call deeper for each."""
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 2
    endless = (header.tobuf(tarfile.GNU_FORMAT) + b"a\0".ljust(512, b"\0")) * 3000
    whole = sets.as_tar(tmp_path / "whole.tar", {"a.png": CONTENTS["00.png"]}).read_bytes()
    member = 512 + -(-len(CONTENTS["00.png"]) // 512) * 512
    (tmp_path / "s.tar").write_bytes(whole[:member] + endless + whole)
    counts = annotate([tmp_path / "s.tar"], tmp_path / "out")
    assert (counts["pictures"], counts["failures"]) == (1, 1)
    (failure,) = sets.failures_of(tmp_path / "out")
    assert "cut or damaged after 1 members" in failure["reason"]


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_a_url_that_is_no_text_costs_no_picture(tmp_path, kind):
    if kind == "parquet":
        pytest.importorskip("pyarrow", reason="pyarrow is not installed (the extra cloud)")
    contents = {"a.json": rb'{"url": "\ud800"}', "a.png": CONTENTS["00.png"]}
    path = sets.as_tar(tmp_path / "s.tar", contents)
    counts = annotate([path], tmp_path / "out", kind=kind)
    assert (counts["heads"], counts["failures"]) == (2, 0)


def test_a_member_larger_than_any_photo_is_told_and_not_read(tmp_path, monkeypatch):
    """Holes of a sparse file are many bytes of a small shard."""
    whole = CONTENTS["00.png"]
    monkeypatch.setattr("headpose.archives.tars.MAX_PICTURE", len(whole))
    contents = {"a.png": whole, "b.png": whole + bytes(1), "c.png": whole}
    path = sets.as_tar(tmp_path / "s.tar", contents)
    counts = annotate([path], tmp_path / "out")
    assert (counts["pictures"], counts["failures"]) == (2, 1)
    (failure,) = sets.failures_of(tmp_path / "out")
    assert failure["file"].endswith("s.tar/b.png")
    assert "larger than any photo" in failure["reason"]


def test_a_plain_tar_may_begin_as_bzip2_does(tmp_path):
    path = sets.as_tar(tmp_path / "s.tar", {"BZh1/a.png": CONTENTS["00.png"]})
    assert annotate([path], tmp_path / "out")["pictures"] == 1


def test_a_name_that_is_no_utf_8_costs_no_other_picture(tmp_path):
    picture = CONTENTS["00.png"]
    path = sets.as_tar(tmp_path / "s.tar", {"\udcff\udce9.png": picture, "b.png": picture})
    counts = annotate([path], tmp_path / "out")
    assert (counts["pictures"], counts["failures"]) == (2, 0)


@pytest.mark.parametrize("suffix", ["tar", "tar.gz"])
def test_a_name_that_comes_again_is_told_and_the_first_taken(tmp_path, suffix):
    """As `tar -r` and `tar -u` leave it; nothing could tell the rows of the two apart."""
    path = tmp_path / f"s.{suffix}"
    first, second, *_ = [c for n, c in CONTENTS.items() if n.endswith(".png")]
    with tarfile.open(path, "w:gz" if suffix.endswith("gz") else "w") as archive:
        for name, content in [
            *[("a.png", first), ("b.png", second), ("a.png", second), ("./b.png", first)],
            *[("a.png", first), ("x/a.png", first)],
        ]:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    records = list(records_of(make_shards(find_files([str(path)]), 1)[0]))
    taken = {r.key: r.content for r in records if isinstance(r.content, bytes)}
    assert taken == {"a": first, "b": second, "x/a": first}
    refused = [r for r in records if not isinstance(r.content, bytes)]
    assert [r.key for r in refused] == ["a", "b", "a"]
    assert all("there again" in str(r.content) for r in refused)
    counts = annotate([path], tmp_path / "out")
    assert (counts["pictures"], counts["failures"]) == (3, 3)
