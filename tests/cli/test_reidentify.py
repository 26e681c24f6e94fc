"""Numbers of heads that come back, by the command line."""

import numpy as np
import pytest
from demo_videos import rows_of
from videos import evenly, make_video, patches

LEFT, RIGHT = (20, 30, 60, 75), (230, 100, 270, 145)


def clip_of(path):
    """Somebody leaves in frame 12 and comes back in frame 30 on the other side."""

    def picture(index: int) -> np.ndarray:
        return patches(np.float32([] if 12 <= index < 30 else [LEFT if index < 12 else RIGHT]))

    return make_video(path, evenly(45, 10), picture)


@pytest.mark.parametrize(("options", "numbers"), [([], {"1", "2"}), (["--reidentify"], {"1"})])
def test_the_option_keeps_numbers(demo, tmp_path, options, numbers):
    done = demo(clip_of(tmp_path / "clip.mp4"), "--csv", tmp_path / "h.csv", *options)
    assert done.status == 0, done.err
    rows = rows_of(tmp_path / "h.csv")
    assert {row["track"] for row in rows} == numbers
    assert [int(row["frame"]) for row in rows] == [*range(12), *range(30, 45)]
    assert f"{len(numbers)} different" in done.out
