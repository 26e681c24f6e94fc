"""Videos that are laid in any of eight ways, and those whose beginning is hidden."""

import itertools
import struct

import av
import cv2
import numpy as np
import pytest
from videos import card, evenly, make_video, number_of

from headpose.video.opening import open_source

WIDTH, HEIGHT = 160, 120


def upright(index: int) -> np.ndarray:
    """Red at the top left, blue at the bottom left: every way to lay it looks different."""
    return card(index, (WIDTH, HEIGHT))


def lay(path, matrix):
    """Writes the display matrix of an MP4's track header, ISO/IEC 14496-12, 8.3.2."""
    content = bytearray(path.read_bytes())
    place = content.find(b"tkhd") + 4 + 4 + 5 * 4 + 8 + 8
    a, b, c, d = (value << 16 for value in matrix)
    struct.pack_into(">9i", content, place, a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(content)


EIGHT = [
    *((x, 0, 0, y) for x, y in itertools.product((1, -1), repeat=2)),
    *((0, x, y, 0) for x, y in itertools.product((1, -1), repeat=2)),
]


@pytest.mark.parametrize("matrix", EIGHT)
def test_a_display_matrix_is_undone(tmp_path, matrix):
    """A stored place (x, y) is seen at (a x + c y, b x + d y); stored is what undoes that."""
    a, b, c, d = matrix

    def stored(index: int) -> np.ndarray:
        seen = upright(index)
        high, wide = (HEIGHT, WIDTH) if a else (WIDTH, HEIGHT)
        y, x = np.mgrid[0:high, 0:wide]
        u, v = a * x + c * y, b * x + d * y
        return seen[v - v.min(), u - u.min()]

    path = make_video(tmp_path / "clip.mp4", evenly(3), stored)
    lay(path, matrix)
    with open_source(str(path)) as source:
        frames = [frame.picture for frame in source]
    assert frames[0].shape == (HEIGHT, WIDTH, 3)
    for index, picture in enumerate(frames):
        assert np.abs(picture.astype(int) - upright(index)).mean() < 6


def test_frames_that_an_edit_list_hides_are_not_counted(tmp_path):
    """As a trim without encoding leaves them: packets from the key frame on, time from later."""
    whole = make_video(tmp_path / "whole.mp4", evenly(30, 10))
    trimmed = tmp_path / "trimmed.mp4"
    with av.open(str(whole)) as source, av.open(str(trimmed), "w") as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        offset = int(1.5 / stream.time_base)
        for packet in source.demux(stream):
            if packet.dts is not None:
                packet.pts, packet.dts = packet.pts - offset, packet.dts - offset
                packet.stream = copy
                target.mux(packet)
    capture, shown = cv2.VideoCapture(str(trimmed)), []
    while (read := capture.read())[0]:
        shown.append(number_of(read[1]))
    with open_source(str(trimmed)) as video:
        frames = [(f.index, round(f.time, 3), number_of(f.picture)) for f in video]
    assert frames == [(i, round(i / 10, 3), number) for i, number in enumerate(shown)]
    assert frames[0][:2] == (0, 0.0)
