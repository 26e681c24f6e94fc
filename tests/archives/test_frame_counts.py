"""Progress in long videos: a bar by frames, in this process and from workers."""

import multiprocessing

import pytest
from annotate_fakes import PatchConfig, annotate
from videos import make_video

from headpose import reporting
from headpose.parallel.counting import CountBar, SharedCount

FRAMES = 12  # of each video


class Bars:
    """Stands in for a progress bar; notes what each is told, and how far it got."""

    def __init__(self):
        self.seen: list[list] = []

    def __call__(self, items, unit, total):
        bar = [unit, total, 0, False]
        self.seen.append(bar)
        for item in items:
            bar[2] += 1
            yield item
        bar[3] = True


@pytest.fixture
def bars():
    shown = Bars()
    reporting.show_progress(shown)
    yield shown
    reporting.show_progress(None)


def test_counts_of_one_unit_alone_are_shown(bars):
    count = SharedCount(multiprocessing.get_context("spawn"), "frames")
    with CountBar(count) as bar:
        bar.update()
        assert bars.seen == []  # nothing to show yet
        assert list(count.counted("abc", "frames", 9)) == ["a", "b", "c"]
        assert list(count.counted("abc", "pictures")) == ["a", "b", "c"]
        bar.update()
        assert bars.seen == [["frames", None, 3, False]]
        list(count.counted("de", "frames"))
        bar.update()
    assert count.value == 5
    assert bars.seen == [["frames", None, 5, True]]


@pytest.mark.parametrize(
    ("engine", "expected"),
    [
        ("here", [["frames", FRAMES, FRAMES, True]] * 2),
        ("processes", [["frames", None, 2 * FRAMES, True]]),
    ],
)
def test_frames_of_videos_are_shown_while_they_are_done(bars, tmp_path, engine, expected):
    for name in ("a.mp4", "b.mp4"):
        make_video(tmp_path / name, [i / 10 for i in range(FRAMES)])
    counts = annotate([tmp_path], tmp_path / "out", engine, PatchConfig())
    assert counts["frames"] == 2 * FRAMES
    assert bars.seen == expected
