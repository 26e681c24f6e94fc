"""What of a URL is shown in tables and messages: nothing that is secret, and all else."""

import json

import archive_sets as sets
import pytest
from annotate_fakes import annotate

from headpose.archives.gathering import finish
from headpose.archives.inputs import find_files
from headpose.archives.output import Output
from headpose.archives.parquet import _key_of_table
from headpose.archives.records import records_of
from headpose.archives.results import open_results
from headpose.archives.shards import Columns, make_shards
from headpose.errors import HeadposeError

PICTURE = sets.pictures()["00.png"]
SECRET = "TOPSECRET"


def everything_in(folder) -> str:
    return "".join(path.read_text() for path in folder.rglob("*") if path.is_file())


def test_secrets_are_in_no_table_and_pictures_are_told_apart(site, tmp_path):
    folder, url = site
    (folder / "dl").write_bytes(PICTURE)
    names = [
        f"{url}/dl?token={SECRET}&file=people.jpg",
        f"{url}/dl?keyword=cat&file=people.jpg",
        f"{url}/dl?keyword=dog&file=people.jpg",
        f"{url}/busy.png?X-Amz-Credential={SECRET}/s3/x&X-Amz-Signature={SECRET}",
        f"simplecache::{url}/busy2.png?sig={SECRET}",
    ]
    counts = annotate(names, tmp_path / "out")
    assert (counts["pictures"], counts["heads"], counts["failures"]) == (3, 6, 2)
    rows = sets.rows_of(tmp_path / "out")
    keys = {"dl?token=***&file=people", "dl?keyword=cat&file=people", "dl?keyword=dog&file=people"}
    assert {row["key"] for row in rows} == keys
    told = everything_in(tmp_path / "out")
    assert SECRET not in told
    assert f'"{names[1]}"' in told
    assert f'"{names[2]}"' in told
    failures = sets.failures_of(tmp_path / "out")
    assert {failure["key"] for failure in failures} == {"busy", "busy2"}


def test_urls_that_are_shown_alike_are_told(site, caplog):
    _, url = site
    names = [f"{url}/get?key={name}" for name in ("a.jpg", "b.jpg")]
    find_files([*names, f"{url}/a.jpg", names[0]])
    (record,) = caplog.records
    assert record.getMessage().startswith(f"2 URLs are shown as {url}/get?key=***: they differ in")


def test_shards_that_were_given_up_or_differ_are_told_without_secrets(site, tmp_path):
    _, url = site
    output = Output(str(tmp_path))

    def shards(name):
        return make_shards(find_files([f"{url}/{name}?token={SECRET}"]), 1)

    output.prepare("heads", "shards")
    open_results(output, {}, shards("a.png"))
    finish(output, shards("a.png"), {})
    (failure,) = sets.failures_of(tmp_path)
    assert failure["file"] == f"{url}/a.png?token=***"
    (tmp_path / "heads" / "pictures-000000.jsonl").touch()
    with pytest.raises(HeadposeError) as error:
        open_results(output, {}, shards("b.png"))
    assert f"the first near {url}/b.png?token=***" in str(error.value)


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("/d/t.parquet", "d/t"),
        ("s3://b/d/t.parquet", "s3:/b/d/t"),
        (f"https://h/d/t.parquet?sig={SECRET}/x", "https:/h/d/t"),
        (f"https://me:{SECRET}@h/t.parquet", "https:/me:***@h/t"),
        (f"zip://d/t.parquet::https://me:{SECRET}@h/p.zip", "zip:/d/t"),
    ],
)
def test_keys_of_rows_that_have_none_hold_no_secrets(table, key):
    assert _key_of_table(table) == key


def test_keys_that_are_urls_are_shown_as_these(tmp_path):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed (the extra cloud)")
    url = f"https://h/a.png?token={SECRET}&n=1"
    path = sets.as_parquet(tmp_path / "p.parquet", {"url": [url]})
    columns = Columns("url", "url")
    (shard,) = make_shards(find_files([str(path)]), 1, columns)
    (record,) = records_of(shard, columns)
    assert {record.file, record.key, record.url} == {"https://h/a.png?token=***&n=1"}
    assert record.content == url


def test_rows_that_are_kept_are_named_as_today(site, tmp_path):
    """An earlier version hid more of names, or less."""
    folder, url = site
    (folder / "a.png").write_bytes(PICTURE)
    names = [f"{url}/a.png?author=me", f"{url}/busy.png"]
    annotate(names, tmp_path / "out")
    (table,) = (tmp_path / "out" / "heads").iterdir()
    new = table.read_text()
    table.write_text(new.replace("author=me", "author=***"))
    (folder / "a.png").unlink()
    counts = annotate(names, tmp_path / "out")
    assert (counts["pictures"], counts["heads"], counts["failures"]) == (1, 2, 1)
    assert [json.loads(line) for line in table.read_text().splitlines()] == [
        json.loads(line) for line in new.splitlines()
    ]
