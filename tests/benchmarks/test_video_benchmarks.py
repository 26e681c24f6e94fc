"""The benchmarks of videos, through their command lines."""

import json

import numpy as np
import pytest
from videos import evenly, make_video


@pytest.fixture
def clip(tmp_path):
    return make_video(
        tmp_path / "clip.mp4", evenly(20), lambda i: np.full((96, 128, 3), i, np.uint8)
    )


def test_the_benchmark_of_smoothing_shows_calm_and_little_lag(run_script, tmp_path):
    done = run_script("benchmarks/smoothing.py", "--json", tmp_path / "s.json")
    assert done.status == 0, done.err
    figures = json.loads((tmp_path / "s.json").read_text())
    assert len(done.out.splitlines()) == len(figures) + 2
    still = [f for f in figures if f["series"] == "still"]
    assert all(f["ratio"] < 0.5 and f["lag ms"] is None for f in still)
    assert all(f["lag ms"] < 100 for f in figures if f not in still)


def test_the_benchmark_of_speed_has_a_column_for_each_way(
    run_script, clip, tmp_path, tiny_detector, tiny_estimator
):
    done = run_script(
        *("benchmarks/video_speed.py", clip, "--frames", 3, "--repeats", 1),
        *("--detect-every", 1, 2, "--detector", tiny_detector, "--estimator", tiny_estimator),
        *("--json", tmp_path / "s.json"),
    )
    assert done.status == 0, done.err
    ways = json.loads((tmp_path / "s.json").read_text())["clip"]
    assert list(ways) == ["every 1", "every 2", "simple"]
    assert {way["frames"] for way in ways.values()} == {3}
    assert "| clip | 3 | 0.0 |" in done.out


@pytest.mark.parametrize("script", ["smoothing.py", "video_speed.py"])
def test_figures_replace_no_clip(run_script, clip, script):
    before = clip.read_bytes()
    done = run_script(f"benchmarks/{script}", clip, "--json", clip)
    assert done.status == 1
    assert f"{clip} is an input and would be lost" in done.err
    assert clip.read_bytes() == before


def test_clips_of_one_name_are_told_apart(
    run_script, clip, tmp_path, tiny_detector, tiny_estimator
):
    other = tmp_path / "other" / "clip.mp4"
    other.parent.mkdir()
    other.write_bytes(clip.read_bytes())
    done = run_script(
        *("benchmarks/video_speed.py", clip, other, "--frames", 2, "--repeats", 1),
        *("--detect-every", 1, "--detector", tiny_detector, "--estimator", tiny_estimator),
        *("--json", tmp_path / "s.json"),
    )
    assert done.status == 0, done.err
    assert list(json.loads((tmp_path / "s.json").read_text())) == [str(clip), str(other)]
