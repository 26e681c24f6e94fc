"""From one bucket of S3 to another, with the packages that people use and a server of our own."""

import archive_sets as sets
import pytest
import s3_server
from annotate_fakes import annotate

from headpose.archives.output import LOCK, Output
from headpose.errors import HeadposeError

pytestmark = pytest.mark.skipif(
    s3_server.program() is None, reason="moto is not installed (pip install 'moto[server]')"
)
CONTENTS = sets.pictures()
COUNTS = {"pictures": 12, "videos": 0, "frames": 0, "heads": 24, "failures": 1}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The port of a server."""
    pytest.importorskip("s3fs", reason="s3fs is not installed (the extra cloud)")
    with s3_server.serving(tmp_path_factory.mktemp("server") / "log.txt") as port:
        yield port


@pytest.fixture
def door(server, monkeypatch):
    """What this process reaches the server through."""
    import s3fs

    door = s3_server.Door(server)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{s3_server.HOST}:{door.port}")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "a")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")  # as waiting is not what is tested
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    s3fs.S3FileSystem.clear_instance_cache()
    yield door
    s3fs.S3FileSystem.clear_instance_cache()
    door.close()


@pytest.fixture
def bucket(door):
    """The store, and a bucket with the pictures in `in`, in tar shards too."""
    import s3fs

    system, name = s3fs.S3FileSystem(), "heads"
    if system.exists(name):
        system.rm(name, recursive=True)
    system.mkdir(name)
    for file, content in CONTENTS.items():
        system.pipe_file(f"{name}/in/{file}", content)
    return system, f"s3://{name}"


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """The rows of the same pictures in a folder."""
    folder = tmp_path_factory.mktemp("expected")
    annotate([sets.as_folder(folder / "in", CONTENTS)], folder / "out")
    return without_place(sets.rows_of(folder / "out"))


def without_place(rows):
    """Returns rows without what depends on where pictures lie."""
    kept = [{k: v for k, v in row.items() if k not in ("file", "url")} for row in rows]
    return sorted(kept, key=lambda row: (row["key"], str(row)))


def rows_in(bucket, target, name="out"):
    """Fetches results and returns their rows."""
    system, place = bucket
    system.invalidate_cache()
    system.get(f"{place}/{name}/", f"{target}/", recursive=True)
    assert not [path for path in target.rglob("*") if "again" in path.name]
    return without_place(sets.rows_of(target))


def counted(counts):
    return {k: v for k, v in counts.items() if k != "shards"}


def test_a_bucket_gives_the_rows_that_a_folder_gives(bucket, expected, tmp_path):
    place = bucket[1]
    assert counted(annotate([f"{place}/in"], f"{place}/out")) == COUNTS
    assert rows_in(bucket, tmp_path / "copy") == expected
    done = bucket[0].find(f"{place}/out/heads", detail=True)
    assert counted(annotate([f"{place}/in"], f"{place}/out")) == COUNTS
    bucket[0].invalidate_cache()
    assert bucket[0].find(f"{place}/out/heads", detail=True) == done


def test_tar_shards_in_a_bucket_give_the_same_rows(bucket, expected, tmp_path):
    system, place = bucket
    sets.as_tars(tmp_path / "in", CONTENTS)
    system.put(f"{tmp_path}/in/", f"{place}/tars/", recursive=True)
    assert counted(annotate([f"{place}/tars"], f"{place}/out")) == COUNTS
    assert rows_in(bucket, tmp_path / "copy") == expected


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ("s3://nowhere/in", "s3://nowhere/in: no such bucket"),
        ("@s3://nowhere/list.txt", "s3://nowhere/list.txt: no such bucket"),
        ("s3://nowhere/a.parquet", "s3://nowhere/a.parquet: no such"),
    ],
)
def test_a_bucket_that_is_missing_is_told(bucket, tmp_path, names, told):
    with pytest.raises(HeadposeError, match=told):
        annotate([names], tmp_path)


def test_no_bucket_is_made_for_results(bucket):
    system, place = bucket
    with pytest.raises(HeadposeError, match=r"cannot write s3://nowhere/out/\S+: no such bucket"):
        annotate([f"{place}/in"], "s3://nowhere/out")
    assert not system.exists("nowhere")


def test_keys_that_are_wrong_are_told_and_cost_nothing(server, bucket, expected, tmp_path):
    place = bucket[1]
    s3_server.take_keys(server, of="nobody")
    try:
        for names, out in (([f"{place}/in"], tmp_path), ([tmp_path], f"{place}/out")):
            with pytest.raises(HeadposeError, match=r"access refused .* check credentials"):
                annotate(names, out)
        named = [f"{place}/in/{name}" for name in CONTENTS]
        counts = annotate(named, tmp_path / "out")  # named, they are not listed
        assert (counts["pictures"], counts["failures"]) == (0, 13)
    finally:
        s3_server.take_keys(server, of="anybody")
    assert counted(annotate(named, tmp_path / "out")) == COUNTS
    assert len(sets.rows_of(tmp_path / "out")) == len(expected)


@pytest.mark.parametrize(
    ("request_line", "let_through"),
    [
        (b"PUT /heads/out/heads/", 2),
        (b"PUT /heads/out/shards/", 3),
        (b"PUT /heads/out/manifest.json", 1),
    ],
)
def test_a_server_that_goes_away_loses_nothing(
    door, bucket, expected, tmp_path, request_line, let_through
):
    place = bucket[1]
    door.shuts_after = request_line, let_through
    with pytest.raises(HeadposeError) as error:
        annotate([f"{place}/in"], f"{place}/out")
    assert "\n" not in str(error.value)
    assert ".lock" not in str(error.value)  # what it was about, not what was tidied up after it
    door.open()
    Output(f"{place}/out").remove(LOCK)  # which ends by itself when this process has ended
    assert counted(annotate([f"{place}/in"], f"{place}/out")) == COUNTS
    assert rows_in(bucket, tmp_path / "copy") == expected
