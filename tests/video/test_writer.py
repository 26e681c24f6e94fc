"""Writing videos: times, encoders, colours, sound."""

from fractions import Fraction

import av
import numpy as np
import pytest
from video_reading import UNEVEN, read
from videos import card, evenly, frames_of, make_video, number_of

from headpose.errors import HeadposeError
from headpose.video.audio import Sound
from headpose.video.encoders import ENCODERS, encoder_for
from headpose.video.writer import VideoWriter


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


@pytest.mark.parametrize(("suffix", "told"), [(".avi", True), (".mkv", False)])
def test_times_that_a_file_cannot_hold_are_told(tmp_path, caplog, suffix, told):
    """At 25 frames a second the last of five frames cannot be earlier than at 0.16 s."""
    write(tmp_path / f"a{suffix}", [0, 0.04, 0.08, 2])
    assert "cannot hold these times" not in caplog.text
    write(tmp_path / f"b{suffix}", [0, 0.001, 0.002, 0.003, 0.004])
    assert ("off by up to 0.16 s; write .mp4" in caplog.text) == told


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
