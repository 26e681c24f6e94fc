"""What `--overwrite` removes from a folder of results: these, and nothing that is not ours."""

import pytest

from headpose.archives.annotation import clear
from headpose.archives.shards import make_shards


def names(folder) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def folder(tmp_path):
    """A folder of photos with a sub-folder called as ours is."""
    for place in ("heads", "shards"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "holiday.jpg").write_text("dear")
        (tmp_path / place / ".hidden").write_text("dear")
    return tmp_path


def test_a_folder_that_has_no_results_stays_as_it_is(folder):
    (folder / "summary.json").write_text("dear")
    before = names(folder)
    clear(folder)
    assert names(folder) == before


def test_results_go_and_all_else_stays(folder, tmp_path):
    before = names(folder)
    shards = make_shards([tmp_path / f"{i}.jpg" for i in range(3)], [tmp_path / "v.mp4"], 2)
    for shard in shards:
        (folder / "heads" / f"{shard.name}.jsonl").touch()
        (folder / "heads" / f"{shard.name}.parquet").touch()
        (folder / "shards" / f"{shard.name}.json").touch()
    for name in ("manifest.json", "summary.json", "failures.jsonl"):
        (folder / name).touch()
    clear(folder)
    assert names(folder) == before
