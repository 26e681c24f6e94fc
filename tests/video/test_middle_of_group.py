"""Recordings that begin in the middle of a group of pictures: frames keep number and time."""

import av
import cv2
import pytest
from video_reading import read
from videos import card, evenly, make_video

GROUP = 12  # frames from one key frame to the next


def recording(path, codec: str, first: int, at_key: bool):
    """Writes 50 frames, and the packets from a number on to another file, as a splitter does.

    Behind a key frame come pictures to be shown before it, which need those of before, too.

    Args:
        first: The number.
        at_key: Whether the next key frame is taken instead.
    """
    whole = path.with_name("whole.mkv")
    options = {"x264-params": f"keyint={GROUP}:open-gop=1:scenecut=0"} if "264" in codec else {}
    with av.open(str(whole), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        stream.codec_context.gop_size, stream.codec_context.max_b_frames = GROUP, 2
        for index in range(50):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(card(index), format="bgr24")))
        container.mux(stream.encode())
    with av.open(str(whole)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        packets = [packet for packet in source.demux(video=0) if packet.size]
        while at_key and not packets[first].is_keyframe:
            first += 1
        for packet in packets[first:]:
            packet.stream = stream
            target.mux(packet)
    return path


def counted_by_opencv(path) -> int:
    capture, count = cv2.VideoCapture(str(path)), 0
    while capture.read()[0]:
        count += 1
    return count


@pytest.mark.parametrize("at_key", [False, True])
@pytest.mark.parametrize("first", [0, 5, 2 * GROUP + 7])
@pytest.mark.parametrize("codec", ["mpeg2video", "libx264"])
@pytest.mark.parametrize("suffix", [".ts", ".mkv"])
def test_a_start_changes_no_number_and_no_time(tmp_path, suffix, codec, first, at_key):
    path = recording(tmp_path / f"a{suffix}", codec, first, at_key)
    whole = [(frame.index, frame.time) for frame in read(path)[0]]
    assert [index for index, _ in whole] == list(range(counted_by_opencv(path)))
    for start in (0.04, 0.3, 0.5, 0.76, 1.0, 1.3, 3):
        rest = [(frame.index, frame.time) for frame in read(path, start=start)[0]]
        assert rest == [(index, time) for index, time in whole if time >= start]


def test_joined_recordings_count_on_where_times_begin_anew(tmp_path):
    path = make_video(tmp_path / "a.ts", evenly(20))
    content = path.read_bytes()
    path.write_bytes(content + content)
    whole = [frame.index for frame in read(path)[0]]
    assert whole == list(range(counted_by_opencv(path)))
