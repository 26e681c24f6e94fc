"""Reading videos as frames with times, and writing them."""

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from video_reading import UNEVEN, read
from videos import card, evenly, make_video, number_of

from headpose.errors import HeadposeError
from headpose.video.opening import open_source


@pytest.mark.parametrize("times", [evenly(30), evenly(30, 30_000 / 1001), UNEVEN])
def test_frames_of_a_file_come_in_order_at_their_times(tmp_path, times):
    frames, source = read(make_video(tmp_path / "a.mp4", times))
    assert [number_of(f.picture) for f in frames] == list(range(len(times)))
    assert [f.index for f in frames] == list(range(len(times)))
    assert [f.time for f in frames] == pytest.approx(times, abs=1e-4)
    lasting = [f.duration for f in frames[:-1]]
    assert lasting == pytest.approx(np.diff(times), abs=1e-4)
    assert not source.problems
    assert not source.live


@pytest.mark.parametrize(
    ("suffix", "codec"), [(".mkv", "libx264"), (".avi", "mpeg4"), (".ts", "libx264")]
)
def test_other_kinds_of_files_are_read(tmp_path, suffix, codec):
    frames, source = read(make_video(tmp_path / f"a{suffix}", evenly(20), codec=codec))
    assert [number_of(f.picture) for f in frames] == list(range(20))
    assert [f.time for f in frames] == pytest.approx(evenly(20), abs=2e-3)
    assert not source.problems


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"start": 0.5}, range(13, 40)),
        ({"start": 0.88}, range(22, 40)),
        ({"end": 0.4}, range(10)),
        ({"start": 0.3, "end": 0.7}, range(8, 18)),
        ({"every": 3}, range(0, 40, 3)),
        ({"start": 0.5, "every": 4}, range(13, 40, 4)),
        ({"start": 9}, range(0)),
    ],
)
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_parts_of_a_file_keep_numbers_and_times(tmp_path, suffix, options, expected):
    """A key frame stands every ten frames, and some frames are stored out of order."""
    frames, source = read(make_video(tmp_path / f"a{suffix}", evenly(40)), **options)
    assert [number_of(f.picture) for f in frames] == list(expected)
    assert [f.index for f in frames] == list(expected)
    assert [f.time for f in frames] == pytest.approx([i / 25 for i in expected], abs=1e-3)
    every = options.get("every", 1)
    assert source.rate == Fraction(25) / every
    if frames:
        # All together they last as long as what was asked for.
        ending = min(options.get("end", 1.6), 1.6)
        assert frames[-1].time + frames[-1].duration == pytest.approx(ending, abs=2e-3)


@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_turned_videos_are_read_upright(tmp_path, rotation):
    (frame, *_), _ = read(make_video(tmp_path / "a.mp4", evenly(3), rotation=rotation))
    turned = cv2.VideoCapture(str(tmp_path / "a.mp4")).read()[1]  # OpenCV turns by itself
    assert frame.picture.shape == turned.shape
    assert np.abs(frame.picture.astype(int) - turned).mean() < 3


def test_frames_can_be_mirrored_and_scaled_down(tmp_path):
    path = make_video(tmp_path / "a.mp4", evenly(2))
    (plain, _), _ = read(path)
    (mirrored, _), _ = read(path, flip=True)
    assert np.array_equal(mirrored.picture, plain.picture[:, ::-1])
    (small, _), _ = read(path, max_size=80)
    assert small.picture.shape == (60, 80, 3)
    (same, _), _ = read(path, max_size=4000)
    assert same.picture.shape == plain.picture.shape


def test_pixels_become_square(tmp_path):
    (frame, _), _ = read(make_video(tmp_path / "a.mp4", evenly(2), aspect=Fraction(2)))
    assert frame.picture.shape == (120, 320, 3)


def test_times_count_from_the_first_frame(tmp_path):
    times = [3 + t for t in evenly(10)]
    frames, source = read(make_video(tmp_path / "a.mkv", times))
    assert [f.time for f in frames] == pytest.approx(evenly(10), abs=1e-3)
    assert not source.problems


def test_a_colon_in_a_name_is_no_address(tmp_path):
    frames, _ = read(make_video(tmp_path / "at 12:30.mp4", evenly(3)))
    assert len(frames) == 3


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("missing.mp4", None, "no such file"),
        ("empty.mp4", b"", "not a video"),
        ("text.mp4", b"I am no video\n" * 100, "not a video"),
        ("text.txt", b"I am no video\n" * 100, "no video in it"),
    ],
)
def test_what_is_no_video_is_told(tmp_path, name, content, told):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(HeadposeError, match=told):
        open_source(str(tmp_path / name))


def test_sound_alone_is_no_video(tmp_path):
    with av.open(str(tmp_path / "a.wav"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
    with pytest.raises(HeadposeError, match="no video in it"):
        open_source(str(tmp_path / "a.wav"))


@pytest.mark.parametrize(
    ("suffix", "front", "begins"),
    [
        (".mp4", True, 0),
        (".mp4", True, 1),  # less than it lasts
        (".mp4", True, 100),
        (".mkv", False, 0),
        (".mkv", False, 100),
        (".flv", False, 1),
        (".flv", False, 100),
        (".avi", False, 0),
    ],
)
def test_of_a_file_cut_short_the_rest_is_read_and_it_is_told(
    tmp_path, suffix, front, begins, noise_picture
):
    codec = "mpeg4" if suffix == ".avi" else "libx264"
    path = make_video(
        tmp_path / f"a{suffix}",
        [begins + time for time in evenly(50)],
        lambda i: noise_picture(160, 120, i),
        codec,
        front=front,
    )
    frames, source = read(path)
    assert len(frames) == 50
    assert not source.problems
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 6 // 10])
    frames, source = read(path)
    assert 20 <= len(frames) <= 35
    (problem,) = source.problems
    assert "cut short" in problem or "broke off" in problem
    assert "\n" not in problem


def test_a_stream_that_begins_before_its_clock_runs_over_is_whole(tmp_path):
    clock = 2**33 / 90_000  # seconds, of transport streams
    path = make_video(tmp_path / "a.ts", [clock - 1 + time for time in evenly(50)])
    frames, source = read(path)
    assert len(frames) == 50
    assert not source.problems


def test_an_mp4_without_its_table_is_told(tmp_path):
    path = make_video(tmp_path / "a.mp4", evenly(50))
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(HeadposeError, match="cut short"):
        open_source(str(path))


def test_a_folder_is_read_in_the_order_of_its_numbers(tmp_path):
    for i in (0, 1, 2, 9, 10, 11):
        cv2.imwrite(str(tmp_path / f"frame{i}.png"), card(i))
    (tmp_path / "notes.txt").write_text("no picture")
    frames, source = read(tmp_path, rate=Fraction(10))
    assert [number_of(f.picture) for f in frames] == [0, 1, 2, 9, 10, 11]
    assert [f.time for f in frames] == pytest.approx(evenly(6, 10))
    assert source.total == 6
    frames, source = read(tmp_path, rate=Fraction(10), start=0.1, end=0.5, every=2)
    assert [number_of(f.picture) for f in frames] == [1, 9]
    assert [f.index for f in frames] == [1, 3]
    assert sum(f.duration for f in frames) == pytest.approx(0.4)


def test_bad_pictures_of_a_folder_are_left_out_and_sizes_made_equal(tmp_path):
    cv2.imwrite(str(tmp_path / "1.png"), card(1))
    (tmp_path / "2.png").write_bytes(b"no picture")
    cv2.imwrite(str(tmp_path / "3.png"), card(3, (320, 240)))
    frames, source = read(tmp_path)
    assert [f.index for f in frames] == [0, 2]
    assert {f.picture.shape for f in frames} == {(120, 160, 3)}
    (problem,) = source.problems
    assert "2.png" in problem


def test_an_empty_folder_is_told(tmp_path):
    with pytest.raises(HeadposeError, match="no pictures in this folder"):
        open_source(str(tmp_path))


def test_packets_without_times_have_those_of_the_rate(tmp_path):
    """Raw H.264: the packets before the start are counted."""
    path = make_video(tmp_path / "a.h264", evenly(40))
    whole, _ = read(path)
    part, _ = read(path, start=0.5)
    assert [f.index for f in whole] == list(range(40))
    assert [(f.index, f.time) for f in part] == [(f.index, f.time) for f in whole if f.time >= 0.5]
    assert len(part) > 20
