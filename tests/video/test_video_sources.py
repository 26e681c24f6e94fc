"""Reading videos as frames with times, and writing them."""

import socket
import threading
import time
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from videos import card, evenly, frames_of, make_video, number_of

from headpose.errors import HeadposeError
from headpose.parallel.background import BackgroundWriter, Prefetcher
from headpose.video.audio import Sound
from headpose.video.frames import Reading
from headpose.video.opening import open_source
from headpose.video.writer import ENCODERS, VideoWriter, encoder_for

UNEVEN = [0, 0.03, 0.05, 0.25, 0.3, 0.31, 0.6, 0.64, 0.9, 1.1, 1.12, 1.2, 1.5, 1.52]


def read(name, **options):
    with open_source(str(name), Reading(**options)) as source:
        return list(source), source


# --------------------------------------------------------------------------- files


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


@pytest.mark.parametrize(("suffix", "front"), [(".mp4", True), (".mkv", False), (".avi", False)])
def test_of_a_file_cut_short_the_rest_is_read_and_it_is_told(
    tmp_path, suffix, front, noise_picture
):
    codec = "mpeg4" if suffix == ".avi" else "libx264"
    path = make_video(
        tmp_path / f"a{suffix}",
        evenly(50),
        lambda i: noise_picture(160, 120, i),
        codec,
        front=front,
    )
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 6 // 10])
    frames, source = read(path)
    assert 20 <= len(frames) <= 35
    (problem,) = source.problems
    assert "cut short" in problem or "broke off" in problem
    assert "\n" not in problem


def test_an_mp4_without_its_table_is_told(tmp_path):
    path = make_video(tmp_path / "a.mp4", evenly(50))
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(HeadposeError, match="cut short"):
        open_source(str(path))


# ------------------------------------------------------------------------- folders


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


# ------------------------------------------------------------------ cameras, streams


class FakeCamera:
    """A camera that gives numbered cards, then nothing."""

    def __init__(self, number):
        self.left = iter(range(5))
        self.there = number == 3

    def isOpened(self):
        return self.there

    def get(self, _):
        return 0.0

    def read(self):
        index = next(self.left, None)
        return (False, None) if index is None else (True, card(index))

    def release(self):
        self.there = False


def test_a_camera_gives_frames_at_the_time_they_come(monkeypatch):
    monkeypatch.setattr(cv2, "VideoCapture", FakeCamera)
    frames, source = read("3")
    assert source.live
    assert [number_of(f.picture) for f in frames] == list(range(5))
    times = [f.time for f in frames]
    assert times[0] == 0
    assert times == sorted(times)
    assert source.problems == ["camera 3: gives no more pictures"]


def test_a_camera_that_is_not_there_is_told(run_fresh):
    done = run_fresh("demo_video.py", "97", "--csv", "-")
    assert done.status == 1
    assert done.err.splitlines() == [
        "demo_video.py: error: no camera 97; name another number, or a file"
    ]


@pytest.mark.parametrize(
    ("address", "told"),
    [("http://127.0.0.1:9/a.mp4", "refused"), ("nowhere://a", "kind of address")],
)
def test_an_address_without_a_stream_is_told(address, told):
    with pytest.raises(HeadposeError, match=told):
        open_source(address)


def test_a_stream_is_read_as_it_comes(tmp_path):
    """A server sends a transport stream, which does not say how long it is."""
    content = make_video(tmp_path / "a.ts", evenly(30)).read_bytes()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            connection = server.accept()[0]
            with connection:
                connection.sendall(content)

        thread = threading.Thread(target=serve)
        thread.start()
        frames, source = read(f"tcp://127.0.0.1:{server.getsockname()[1]}")
        thread.join()
    assert source.live
    assert [number_of(f.picture) for f in frames] == list(range(30))


# -------------------------------------------------------------------------- threads


def test_items_read_ahead_come_in_order_and_few_wait():
    taken = []

    def items():
        for i in range(50):
            taken.append(i)
            yield i

    with Prefetcher(items(), waiting=3) as ahead:
        for i in range(50):
            assert next(ahead) == i
            assert len(taken) <= i + 6
        with pytest.raises(StopIteration):
            next(ahead)


def test_errors_of_reading_come_after_what_was_read():
    def items():
        yield 1
        raise HeadposeError("broken")

    with Prefetcher(items(), waiting=3) as ahead:
        assert next(ahead) == 1
        with pytest.raises(HeadposeError, match="broken"):
            next(ahead)


def test_reading_ahead_can_be_left_early():
    def forever():
        while True:
            yield 0

    with Prefetcher(forever(), waiting=2) as ahead:
        next(ahead)
    assert not ahead.is_running


def test_of_live_items_the_newest_counts():
    go_on = threading.Event()

    def items():
        yield from range(10)
        go_on.set()

    with Prefetcher(items(), waiting=1, newest=True) as ahead:
        go_on.wait(5)
        assert list(ahead) == [9]
        assert ahead.dropped == 9


def test_work_behind_is_done_in_order_and_its_error_comes_up():
    done = []

    def work(item):
        time.sleep(0.001)
        if item == 7:
            raise HeadposeError("no room")
        done.append(item)

    with BackgroundWriter(work, waiting=2) as behind:
        for i in range(5):
            behind.put(i)
        behind.close()
    assert done == list(range(5))
    with BackgroundWriter(work, waiting=2) as behind, pytest.raises(HeadposeError, match="no room"):
        for i in range(5, 100):
            behind.put(i)
    assert done == [*range(5), 5, 6]


# -------------------------------------------------------------------------- writing


def write(path, times, last=0.04, **options):
    settings = {"rate": Fraction(25), "time_base": Fraction(1, 90_000)} | options
    with VideoWriter(path, **settings) as writer:
        for i, (moment, following) in enumerate(zip(times, [*times[1:], None], strict=True)):
            writer.write(card(i), moment, last if following is None else following - moment)


def length(path) -> float:
    with av.open(str(path)) as container:
        return container.duration / 1e6


@pytest.mark.parametrize("times", [evenly(20), UNEVEN])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov", ".webm"])
def test_a_written_video_keeps_its_times(tmp_path, suffix, times):
    path = tmp_path / f"a{suffix}"
    write(path, times, last=0.5)
    found = frames_of(path)
    assert [number_of(picture) for _, picture in found] == list(range(len(times)))
    assert [moment for moment, _ in found] == pytest.approx(times, abs=1.1e-3)
    assert length(path) == pytest.approx(times[-1] + 0.5, abs=0.01)


def test_avi_has_a_constant_rate(tmp_path):
    write(tmp_path / "a.avi", evenly(20))
    found = frames_of(tmp_path / "a.avi")
    assert [moment for moment, _ in found] == pytest.approx(evenly(20))
    assert length(tmp_path / "a.avi") == pytest.approx(0.8)


def test_avi_keeps_all_frames_of_an_uneven_video(tmp_path):
    write(tmp_path / "a.avi", UNEVEN, rate=Fraction(359_281, 14_987))
    assert [number_of(p) for _, p in frames_of(tmp_path / "a.avi")] == list(range(len(UNEVEN)))


@pytest.mark.parametrize("size", [(161, 119), (160, 121), (33, 17)])
def test_odd_sizes_get_a_row_or_column_more(tmp_path, size):
    with VideoWriter(tmp_path / "a.mp4", Fraction(25), Fraction(1, 25)) as writer:
        writer.write(card(5, size), 0.0, 0.04)
    ((_, picture),) = frames_of(tmp_path / "a.mp4")
    assert picture.shape[1::-1] == tuple(n + n % 2 for n in size)
    assert number_of(picture) == 5


@pytest.mark.parametrize("suffix", ENCODERS)
def test_every_kind_of_file_has_an_encoder(tmp_path, suffix):
    assert encoder_for(tmp_path / f"a{suffix.upper()}") in ENCODERS[suffix]


@pytest.mark.parametrize("codec", ["mpeg4", "libx264", "mjpeg", "ffv1"])
def test_the_encoder_can_be_chosen(tmp_path, codec):
    write(tmp_path / "a.mkv", evenly(5), codec=codec)
    with av.open(str(tmp_path / "a.mkv")) as container:
        kind = {"libx264": "h264"}.get(codec, codec)
        assert container.streams.video[0].codec_context.name == kind
    assert [number_of(p) for _, p in frames_of(tmp_path / "a.mkv")] == list(range(5))


@pytest.mark.parametrize(
    ("name", "codec", "told"),
    [
        ("a.mp4", "nonesuch", "no video encoder nonesuch; it has libx264"),
        ("a.mp4", "aac", "no video encoder aac"),
        ("a.webm", "libx264", "a .webm file cannot hold libx264"),
        ("a.xyz", None, "cannot write this kind of video; take .mp4"),
        ("a", None, "cannot write this kind of video"),
    ],
)
def test_an_encoder_that_will_not_do_is_told(tmp_path, name, codec, told):
    with pytest.raises(HeadposeError, match=told):
        write(tmp_path / name, evenly(2), codec=codec)


def test_the_next_encoder_is_taken_where_the_first_is_missing(tmp_path, monkeypatch):
    codec = av.Codec

    def without_x264(name, mode):
        return codec("nonesuch" if name == "libx264" else name, mode)

    monkeypatch.setattr(av, "Codec", without_x264)
    write(tmp_path / "a.mp4", UNEVEN)
    monkeypatch.undo()
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.streams.video[0].codec_context.name == "mpeg4"
    assert [m for m, _ in frames_of(tmp_path / "a.mp4")] == pytest.approx(UNEVEN, abs=1e-3)


@pytest.mark.parametrize("bt709", [False, True])
def test_colours_survive_reading_and_writing(tmp_path, bt709):
    colours = np.full((120, 160, 3), (60, 200, 90), np.uint8)
    colours[:60, :80], colours[60:, 80:] = (30, 40, 220), (210, 90, 20)
    path = make_video(tmp_path / "in.mp4", evenly(3), lambda _: colours, bt709=bt709)
    frames, source = read(path)
    assert source.bt709 == bt709
    for y, x in ((30, 40), (90, 120), (30, 120)):
        assert frames[0].picture[y, x] == pytest.approx(colours[y, x].astype(int), abs=6)
    with VideoWriter(tmp_path / "out.mp4", 25, source.time_base, bt709=source.bt709) as writer:
        writer.write(frames[0].picture, 0.0, 0.04)
    ((_, again),) = frames_of(tmp_path / "out.mp4")
    for y, x in ((30, 40), (90, 120), (30, 120)):
        assert again[y, x] == pytest.approx(colours[y, x].astype(int), abs=8)
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert (container.streams.video[0].codec_context.colorspace == 1) == bt709


def loudness(path) -> tuple[float, float]:
    """Returns the time of the first sample, and how many seconds of tone there are."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    rate = frames[0].sample_rate
    return frames[0].time, sum(f.samples for f in frames) / rate


def test_sound_is_copied_with_its_times(tmp_path):
    path = make_video(tmp_path / "in.mp4", evenly(50), seconds_of_sound=3)
    for start, end, seconds in [(0.0, 9.0, 3.0), (0.5, 9.0, 2.5), (0.0, 1.0, 1.0)]:
        with Sound(str(path), start, end) as sound:
            times = [t for t in evenly(50) if start <= t < end]
            with VideoWriter(
                tmp_path / "out.mp4", 25, Fraction(1, 90_000), start=start, sound=sound
            ) as writer:
                for i, moment in enumerate(times):
                    writer.write(card(i), moment, 0.04)
                writer.copy_rest_of_sound()
        begins, lasts = loudness(tmp_path / "out.mp4")
        assert begins == pytest.approx(0, abs=0.03)
        assert lasts == pytest.approx(seconds, abs=0.06)
        assert frames_of(tmp_path / "out.mp4")[0][0] == pytest.approx(0, abs=0.03)


def test_sound_ends_with_a_video_that_is_stopped(tmp_path):
    path = make_video(tmp_path / "in.mp4", evenly(50), seconds_of_sound=3)
    with Sound(str(path)) as sound:
        write(tmp_path / "out.mkv", evenly(10), sound=sound)
    assert loudness(tmp_path / "out.mkv")[1] == pytest.approx(0.4, abs=0.06)


def test_sound_that_the_file_cannot_hold_is_told(tmp_path):
    path = make_video(tmp_path / "in.mp4", evenly(5), seconds_of_sound=1)
    with Sound(str(path)) as sound, pytest.raises(HeadposeError, match=r"cannot hold sound.*\.mkv"):
        write(tmp_path / "out.webm", evenly(5), sound=sound)


def test_a_full_disk_is_told_in_a_line(tmp_path, noise_picture):
    """A limit on the size of files stands for the disk."""
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        with (
            pytest.raises(HeadposeError, match=r"cannot write .*: file too large"),
            VideoWriter(tmp_path / "a.mp4", Fraction(25), Fraction(1, 25)) as writer,
        ):
            for i in range(200):
                writer.write(noise_picture(320, 240, i), i / 25, 0.04)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
