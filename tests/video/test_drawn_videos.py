"""The mark in videos on which heads were drawn: every kind of file keeps it, reading is safe."""

import logging
import os
from fractions import Fraction

import av
import pytest
from videos import card, evenly, make_video

from headpose.errors import HeadposeError
from headpose.video.drawn_mark import MARK, DrawnVideoError, is_drawn_video
from headpose.video.encoders import ENCODERS
from headpose.video.opening import open_source
from headpose.video.writer import VideoWriter


def write(path, drawn: bool) -> None:
    with VideoWriter(path, Fraction(25), Fraction(1, 25), mark=MARK if drawn else None) as writer:
        for index in range(3):
            writer.write(card(index), index / 25, 0.04)


@pytest.mark.parametrize("suffix", ENCODERS)
def test_every_kind_of_file_that_is_written_keeps_the_mark(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    write(path, drawn=False)
    assert not is_drawn_video(path)
    write(path, drawn=True)
    assert is_drawn_video(path)
    with av.open(str(path)) as container:
        assert "drawn by headpose" in container.metadata.values()


def test_what_copies_the_data_of_a_file_keeps_the_mark(tmp_path):
    """Packet by packet into another kind of file, as `ffmpeg -c copy` does."""
    write(tmp_path / "a.mp4", drawn=True)
    with (
        av.open(str(tmp_path / "a.mp4")) as source,
        av.open(str(tmp_path / "b.mkv"), "w") as target,
    ):
        target.metadata.update(source.metadata)
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    assert is_drawn_video(tmp_path / "b.mkv")


def test_another_comment_is_no_mark(tmp_path):
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        container.metadata.update({"comment": "by hand", "title": MARK})
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(card(1), format="bgr24")))
        container.mux(stream.encode())
    assert not is_drawn_video(path)


@pytest.mark.parametrize("content", [b"", b"no video", b"RIFF\0\0\0\0AVI LIST", MARK.encode()])
@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
def test_what_is_no_video_has_no_mark(tmp_path, suffix, content):
    (tmp_path / f"a{suffix}").write_bytes(content)
    assert not is_drawn_video(tmp_path / f"a{suffix}")
    assert not is_drawn_video(tmp_path / f"none{suffix}")
    assert not is_drawn_video(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.mp4")
    assert not is_drawn_video(tmp_path / "a.mp4")


def test_a_drawn_video_is_told_or_refused(tmp_path, caplog):
    path = tmp_path / "a.mp4"
    write(path, drawn=True)
    with caplog.at_level(logging.WARNING), open_source(str(path)) as source:
        assert len(list(source)) == 3
    told = f"{path}: a drawing that headpose made of a video"
    assert told in caplog.text
    with pytest.raises(DrawnVideoError, match="name the video") as refused:
        open_source(str(path), take_drawn=False)
    assert isinstance(refused.value, HeadposeError)
    assert str(refused.value).startswith(told)


def test_a_recording_is_not_told(tmp_path, caplog):
    path = make_video(tmp_path / "a.mp4", evenly(3))
    with open_source(str(path), take_drawn=False) as source:
        assert len(list(source)) == 3
    assert not caplog.text
