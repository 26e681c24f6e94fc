"""URLs with queries, chains, and hosts by IPv6: what they are of, and how they are read."""

import bz2
import gzip
import json
import lzma
import zipfile
from pathlib import Path

import archive_sets as sets
import pytest
from annotate_fakes import PatchConfig, annotate

from headpose.archives.inputs import PICTURE, TAR, VIDEO, find_files, kind_of
from headpose.archives.parquet import beside
from headpose.archives.records import as_file, records_of
from headpose.archives.shards import make_shards
from headpose.archives.urls import is_pattern, path_of

PICTURES = {"a.png": sets.pictures()["00.png"], "b/c.png": sets.pictures()["03.png"]}


@pytest.mark.parametrize(
    ("url", "path", "kind"),
    [
        ("http://h/d/t.tgz?sig=1", "/d/t.tgz", TAR),
        ("http://h/d/t.tar.gz?v=1", "/d/t.tar.gz", TAR),
        ("https://h/t.tar?x=a/b.jpg#c", "/t.tar", TAR),
        ("https://h/dl?file=t.tar", "/dl", None),
        ("https://h/a.jpg?file=t.tar.gz", "/a.jpg", PICTURE),
        ("https://h.jpg", "", None),
        ("https://h.jpg/?a.jpg", "/", None),
        ("zip://t.tar.xz::tz.zip", "t.tar.xz", TAR),
        ("simplecache::http://h/v.mp4?sig=1", "/v.mp4", VIDEO),
        ("http://[::1]:80/a.jpg", "/a.jpg", PICTURE),
        ("simplecache::http://[fe80::1%25eth0]/a.jpg?x", "/a.jpg", PICTURE),
        ("http://[::ffff:1.2.3.4]", "", None),
        ("s3://bucket/what?.jpg", "bucket/what?.jpg", PICTURE),
        ("/x/y.tar.bz2", "/x/y.tar.bz2", TAR),
    ],
)
def test_what_a_url_is_of_is_told_by_its_path(url, path, kind):
    assert path_of(url) == path
    assert kind_of(url) == kind


@pytest.mark.parametrize(
    ("url", "is_one"),
    [
        ("http://h/*.jpg", True),
        ("http://h/[ab].jpg", True),
        ("http://[::1]/[ab].jpg", True),
        ("http://[::1]:80/a.jpg", False),
        ("http://u@[::1]/a.jpg", False),
        ("http://h/dl?id[]=3&q=*", False),
        ("s3://bucket/what?[0-9].jpg", True),
        ("zip://*.jpg::http://h/p.zip?q=*", True),
        ("zip://a.jpg::http://h/p.zip?q=*", False),
        ("sftp://[fe80::1%25eth0]/a.jpg", False),
    ],
)
def test_patterns_are_looked_for_in_paths(url, is_one):
    assert is_pattern(url) == is_one


def test_named_files_folders_and_patterns_are_read_from_a_site(site, tmp_path):
    folder, url = site
    sets.as_folder(folder, PICTURES)
    for name, keys in [
        ("a.png", ["a"]),
        ("a.png?sig=1", ["a"]),
        ("a.png?id[]=x/y.z", ["a"]),
        ("", ["a", "b/c"]),
        ("*.png", ["a"]),
        ("b/*.png", ["c"]),
        ("**/*.png", ["a", "b/c"]),
    ]:
        items = find_files([f"{url}/{name}"]).items[PICTURE]
        assert [item.key for item in items] == keys, name
        assert all(item.place.startswith(f"{url}/") for item in items)
    counts = annotate([f"{url}/a.png?sig=1", f"{url}/b/"], tmp_path / "out")
    assert (counts["pictures"], counts["failures"]) == (2, 0)
    files = {row["url"] for row in _rows(tmp_path / "out")}
    assert files == {f"{url}/a.png?sig=***", f"{url}/b/c.png"}


def _rows(folder: Path) -> list[dict]:
    (table,) = (folder / "heads").iterdir()
    return [json.loads(line) for line in table.read_text().splitlines()]


@pytest.mark.parametrize("suffix", ["tar", "tgz", "tar.gz", "tar.bz2", "tar.xz"])
def test_tar_shards_are_read_from_urls_of_any_form(site, tmp_path, suffix):
    folder, url = site
    mode = {"tar": "w", "tgz": "w:gz"}.get(suffix, f"w:{suffix.rpartition('.')[2]}")
    path = sets.as_tar(folder / f"t.{suffix}", {**PICTURES, "v.mp4": b"x"}, mode=mode)
    with zipfile.ZipFile(folder / "z.zip", "w") as archive:
        archive.write(path, f"in/t.{suffix}")
    for i, name in enumerate(
        [
            f"{url}/t.{suffix}",
            f"{url}/t.{suffix}?X-Amz-Signature=1/2",
            f"simplecache::{url}/t.{suffix}?sig=1",
            f"zip://in/t.{suffix}::simplecache::{url}/z.zip?sig=1",
            f"zip://in/*.{suffix}::{folder}/z.zip",
        ]
    ):
        (shard,) = make_shards(find_files([name]), 1)
        assert shard.items[0].key == "t"
        records = list(records_of(shard))
        assert [record.key for record in records] == ["a", "b/c", "v"], name
        assert [record.is_video for record in records] == [False, False, True]
        with as_file(records[-1]) as video:
            assert video.name == "video.mp4"
        if i == 1:
            counts = annotate([name], tmp_path / "out", config=PatchConfig())
            assert (counts["pictures"], counts["failures"]) == (2, 1)  # the video is none


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("name", ["s.tar", "s.tgz"])
def test_how_a_shard_begins_tells_how_it_was_packed(tmp_path, pack, name):
    plain = sets.as_tar(tmp_path / "plain.tar", PICTURES).read_bytes()
    (tmp_path / name).write_bytes(pack(plain))
    counts = annotate([tmp_path / name], tmp_path / "out")
    assert (counts["pictures"], counts["failures"]) == (2, 0)


@pytest.mark.parametrize(
    ("table", "place"),
    [
        ("s3://b/d/t.parquet", "s3://b/d/x/y.jpg"),
        ("memory://t.parquet", "memory://x/y.jpg"),
        ("https://h/d/t.parquet?sig=a/b", "https://h/d/x/y.jpg"),
        ("https://t.parquet/t.parquet", "https://t.parquet/x/y.jpg"),
        ("zip://d/t.parquet::https://h/p.zip?sig=1", "zip://d/x/y.jpg::https://h/p.zip?sig=1"),
        ("http://[::1]/t.parquet", "http://[::1]/x/y.jpg"),
    ],
)
def test_pictures_lie_beside_a_table_by_url(table, place):
    assert beside(table, "x/y.jpg") == place
