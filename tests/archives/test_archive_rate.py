"""The command that measures archives, on a few pictures."""

import json
import os
import subprocess
import sys

import archive_rate
import archive_sets as sets
import pytest

from headpose.errors import HeadposeError

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


def test_pictures_are_repeated_in_links_to_one_shard(tmp_path):
    folder = sets.as_folder(tmp_path / "in", {"a.png": b"1", "b.jpg": b"22"})
    files = sorted(folder.iterdir())
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
    assert lines[0].startswith("1 different pictures, ")
    tables = [[cell.strip() for cell in x.strip("|").split("|")] for x in lines if x[:1] == "|"]
    rates, costs = tables[:3], tables[3:]
    assert {len(row) for row in rates} == {12}
    assert {len(row) for row in costs} == {7}
    assert rates[2][:4] == ["processes", "1", "4", "4"]
    assert all(float(cell) >= 0 for cell in [*rates[2][4:7], *costs[2][2:6]])
    assert not list(tmp_path.iterdir())


def note(folder, name, at, **counts):
    (folder / "shards").mkdir(exist_ok=True)
    path = folder / "shards" / f"{name}.json"
    path.write_text(json.dumps(counts))
    os.utime(path, (at, at))
    (folder / "heads").mkdir(exist_ok=True)
    (folder / "heads" / f"{name}.jsonl").write_text("x" * 170)


def test_figures_are_of_the_time_between_the_first_shard_and_the_last(tmp_path):
    note(tmp_path, "tar-000001", 1010, pictures=7, heads=7)  # the first to end
    note(tmp_path, "tar-000000", 1030, pictures=5, heads=10)
    note(tmp_path, "tar-000002", 1110, pictures=5, heads=0)
    looks = [(1000, 9.0), (1010, 1.0), (1029, 2.0), (1029, 4.0), (1060, 5.0), (1110, 6.0)]
    found = archive_rate.figures(tmp_path, [*looks, (1111, 9.0)])
    assert found == {
        "pictures": 17,
        "heads": 17,
        "seconds": 100,
        "rate": 10 / 100,
        "written": 3 * 170 / 17,
        "memory": [2.0, None, 5.0, None, 6.0],
    }
    rates = ["ray", "2", "17", "17", "100", "0.10", "0.05", "2", "-", "5", "-", "6"]
    assert archive_rate.rate_cells("ray", 2, found) == rates
    # 20 seconds of a core each are 5,555.6 hours for a million, over 32 cores 173.61.
    costs = ["ray", "2", "5555.6", "173.61", "61.0", "0.03", "3"]
    assert archive_rate.cost_cells("ray", 2, found, 61_000) == costs


def test_a_run_that_has_done_one_shard_gives_no_figures(tmp_path):
    note(tmp_path, "tar-000000", 1, pictures=5, heads=10)
    with pytest.raises(HeadposeError, match="fewer than two shards"):
        archive_rate.figures(tmp_path, [])


@pytest.mark.parametrize(("given", "counts"), [(["9"], [9, 9]), (["9", "4"], [9, 4])])
def test_each_number_of_workers_has_its_count(given, counts):
    arguments = archive_rate.options().parse_args(["--workers", "2", "1", "--count", *given])
    assert archive_rate.counts_of(arguments) == counts


def test_counts_that_fit_no_workers_are_told(run_script):
    done = run_script("benchmarks/archive_rate.py", "--workers", "2", "--count", "9", "4")
    assert done.status == 1
    assert "--count has 2 numbers, --workers 1" in done.err


def test_a_run_is_ended_as_by_ctrl_c():
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        archive_rate.leave(process)
        assert process.returncode != 0


def test_memory_of_a_process_is_counted_with_those_below():
    assert next(archive_rate.processes_below(os.getpid())) == os.getpid()
    assert archive_rate.memory_of(os.getpid()) > 10
