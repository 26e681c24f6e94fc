"""Which encoder each kind of video file gets, and what it is told."""

import contextlib
from pathlib import Path

from headpose.errors import HeadposeError

# Encoders and what they are told: the quality of a good recording, at a speed that leaves
# the processor to the networks.
SETTINGS = {
    "libx264": {"preset": "veryfast", "crf": "20"},
    "mpeg4": {"qmin": "2", "qmax": "5", "b": "20000000"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "crf": "31", "row-mt": "1"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8", "crf": "10", "b": "4000000"},
}
# Which of them each kind of file gets: the first that this FFmpeg has.
ENCODERS = {
    ".mp4": ("libx264", "mpeg4"),
    ".m4v": ("libx264", "mpeg4"),
    ".mov": ("libx264", "mpeg4"),
    ".mkv": ("libx264", "mpeg4"),
    ".webm": ("libvpx-vp9", "libvpx"),
    ".avi": ("mpeg4",),
}


def encoder_for(path: Path, codec: str | None = None) -> str:
    """Returns the name of the encoder for a file.

    Args:
        path: The file.
        codec: FFmpeg's name of an encoder; None takes one by the suffix.

    Raises:
        HeadposeError: If there is no such encoder, or the suffix is not known.
    """
    import av

    names = ENCODERS.get(path.suffix.lower())
    if names is None:
        raise HeadposeError(f"{path}: cannot write this kind of video; take {', '.join(ENCODERS)}")
    for name in (codec,) if codec else names:
        with contextlib.suppress(ValueError):  # no such encoder
            if av.Codec(name, "w").type == "video":
                return name
    there = ", ".join(name for name in SETTINGS if name in av.codecs_available)
    wanted = codec or " or ".join(names)
    raise HeadposeError(
        f"{path}: this FFmpeg has no video encoder {wanted}; it has {there or 'none'}"
    )
