"""Shards that are done again: where memory was short, or where their tables lost something."""

import archive_sets as sets
import pytest
from annotate_fakes import annotate

from headpose.archives.gathering import merge
from headpose.archives.output import Output
from headpose.images import limits

CONTENTS = {name: content for name, content in sets.pictures().items() if name != sets.DAMAGED}


def test_a_picture_for_which_memory_was_short_is_tried_again(tmp_path, monkeypatch):
    folder = sets.as_folder(tmp_path / "in", CONTENTS)
    free = []
    monkeypatch.setattr(limits, "available_memory", lambda: free.pop() if free else None)
    wanted = annotate([folder], tmp_path / "wanted")
    free[:] = [0, 10**9]  # enough for the first picture
    counts = annotate([folder], tmp_path / "out")
    assert (counts["failures"], counts["pictures"]) == (1, wanted["pictures"] - 1)
    (failure,) = sets.failures_of(tmp_path / "out")
    assert "GB of memory" in failure["reason"]
    assert annotate([folder], tmp_path / "out") == wanted
    assert not sets.failures_of(tmp_path / "out")


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_a_table_that_was_cut_short_is_told_and_made_anew(tmp_path, kind):
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    folder, out = sets.as_folder(tmp_path / "in", CONTENTS), tmp_path / "out"
    wanted = annotate([folder], out, kind=kind)
    table = out / "heads" / f"pictures-000001.{kind}"
    whole = table.read_bytes()
    table.write_bytes(whole[: len(whole) // 2])
    counts = annotate([folder], out, kind=kind)
    assert counts["shards"] == wanted["shards"] - 1
    assert {f["reason"] for f in sets.failures_of(out)} == {
        "its table was cut short; the next run does it again"
    }
    assert annotate([folder], out, kind=kind) == wanted
    assert table.read_bytes() == whole
    assert not sets.failures_of(out)


def test_joining_tells_tables_that_were_cut_short(tmp_path):
    folder, out = sets.as_folder(tmp_path / "in", CONTENTS), tmp_path / "out"
    annotate([folder], out)
    assert merge(Output(str(out)))[1] == []
    (out / "heads" / "pictures-000002.jsonl").write_text("{}\n")
    assert merge(Output(str(out)))[1] == ["pictures-000002"]
