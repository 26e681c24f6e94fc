"""The command that measures archives, on a few pictures."""

import sys

import archive_rate
import archive_sets as sets
import pytest

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


def test_pictures_are_repeated_in_links_to_one_shard(tmp_path):
    folder = sets.as_folder(tmp_path / "in", {"a.png": b"1", "b.jpg": b"22"})
    files = sorted(folder.iterdir())
    (tmp_path / "out").mkdir()
    assert archive_rate.write_shards(tmp_path / "out", files, 7, 3) == 9
    shards = sorted((tmp_path / "out").iterdir())
    assert [path.is_symlink() for path in shards] == [False, True, True]
    from headpose.archives.tars import members

    for shard in shards:
        assert [record.key for record in members(str(shard))] == ["000000", "000001", "000002"]
        assert [record.content for record in members(str(shard))] == [b"1", b"22", b"1"]


def test_a_row_has_the_rate_and_memory(run_script, tmp_path):
    given = ["--count", "4", "--shard", "2", "--workers", "1", "--detector", "viola-jones"]
    done = run_script("benchmarks/archive_rate.py", *given, "--work", tmp_path)
    assert done.status == 0, done.err
    lines = done.out.splitlines()
    assert lines[0].startswith("4 pictures, 1 different, ")
    cells = [cell.strip() for cell in lines[-1].strip("|").split("|")]
    assert cells[:4] == ["processes", "1", "4", "4"]
    assert all(float(cell) >= 0 for cell in cells[4:7])
    assert not list(tmp_path.iterdir())


def test_memory_of_a_process_is_counted_with_those_below():
    import os

    assert next(archive_rate.processes_below(os.getpid())) == os.getpid()
    assert archive_rate.memory_of(os.getpid()) > 10
