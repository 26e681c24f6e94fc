"""Archives on Ray Data: two machines with one core each."""

import os

import archive_sets as sets
import pytest
from annotate_fakes import CONFIGS, CountedConfig, DyingConfig, annotate
from kills import check_kills
from ray_cluster import two_machines
from square_films import film

from headpose.archives.engines import on_ray
from headpose.errors import HeadposeError


@pytest.fixture(scope="module")
def address():
    pytest.importorskip("ray.data", reason="Ray is not installed (the extra distributed)")
    with two_machines() as machines:
        yield machines.address


def test_the_same_rows_as_in_one_process(address, tmp_path):
    contents = sets.pictures()
    names = sets.as_tars(tmp_path / "tars", contents)
    names.append(sets.as_folder(tmp_path / "folder", contents))
    counts = annotate(names, tmp_path / "here")
    assert annotate(names, tmp_path / "ray", address) == counts
    assert sets.rows_of(tmp_path / "ray") == sets.rows_of(tmp_path / "here")
    assert sets.failures_of(tmp_path / "ray") == sets.failures_of(tmp_path / "here")


def test_a_film_in_parts_has_the_same_rows_as_in_one_process(address, tmp_path):
    pytest.importorskip("av", reason="PyAV is not installed (the extra video)")
    names = [film(tmp_path / "squares.mp4")]
    counts = annotate(names, tmp_path / "here", config=CONFIGS["squares"])
    assert annotate(names, tmp_path / "ray", address, CONFIGS["squares"], seconds=1) == counts
    place = "heads/video-000000.jsonl"
    assert (tmp_path / "ray" / place).read_text() == (tmp_path / "here" / place).read_text()


def test_an_actor_loads_the_pipeline_once(address, tmp_path):
    names = [sets.as_folder(tmp_path / "in", sets.pictures())]
    config = CountedConfig(estimator=str(tmp_path / "loads"))
    annotate(names, tmp_path / "out", address, config, size=1)
    processes = (tmp_path / "loads").read_text().split()
    assert len(processes) == len(set(processes)) <= 2
    assert str(os.getpid()) not in processes


def test_a_killed_worker_costs_nothing(address, with_black, tmp_path):
    dying = DyingConfig(estimator=str(tmp_path / "flag"))
    counts = annotate([with_black], tmp_path / "out", address, dying, size=1)
    assert (counts["shards"], counts["heads"], counts["failures"]) == (9, 18, 0)
    annotate([with_black], tmp_path / "expected", size=1)
    assert sets.rows_of(tmp_path / "out") == sets.rows_of(tmp_path / "expected")


def test_a_shard_that_kills_each_worker_is_given_up_and_no_other(
    address,
    with_black,
    tmp_path,
):
    counts = annotate([with_black], tmp_path / "out", address, DyingConfig(), size=1)
    assert (counts["shards"], counts["heads"], counts["failures"]) == (8, 16, 1)
    (failure,) = sets.failures_of(tmp_path / "out")
    assert failure["file"] == str(with_black / "4.png")
    assert failure["reason"] == "its worker was lost, 3 times in a row"


def test_killed_at_three_random_places_it_finishes_with_each_row_once(
    address,
    many,
    tmp_path,
):
    check_kills(address, many, tmp_path / "out", 7)


def test_needs_that_no_machine_meets_are_told(address):
    with pytest.raises(HeadposeError, match=r"no machine of the Ray cluster .* 1 GPUs"):
        next(on_ray([], address, None, 1, 1))
