"""What `--overwrite` removes from a folder of results: these, and nothing that is not ours."""

import shutil

import pytest

from headpose.archives.inputs import find_files
from headpose.archives.output import Output
from headpose.archives.results import clear
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
    clear(Output(str(folder)))
    assert names(folder) == before


def test_results_go_and_all_else_stays(folder, tmp_path):
    before = names(folder)
    inputs = tmp_path / "inputs"
    inputs.mkdir()
    for name in ("0.jpg", "1.jpg", "2.jpg", "v.mp4", "s.tar"):
        (inputs / name).touch()
    shards = make_shards(find_files([str(inputs)]), 2)
    shutil.rmtree(inputs)
    assert len(shards) == 4
    for shard in shards:
        (folder / "heads" / f"{shard.name}.jsonl").touch()
        (folder / "heads" / f"{shard.name}.parquet").touch()
        (folder / "shards" / f"{shard.name}.json").touch()
        (folder / "shards" / f"{shard.name}.again.json").touch()
    for name in ("manifest.json", "summary.json", "failures.jsonl"):
        (folder / name).touch()
    clear(Output(str(folder)))
    assert names(folder) == before
