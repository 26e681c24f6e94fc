"""Pictures and videos that are missing or none."""

from collections.abc import Iterator

from bad_inputs.case import QUICK, Case
from bad_inputs.files.pictures import PICTURES


def cases() -> Iterator[Case]:
    others = {"nowhere.jpg": "a missing file", "": "an empty name", "*.nothing": "no match"}
    others |= {"empty-folder": "an empty folder", "pipe": "a named pipe", "loop": "a looping link"}
    others |= {"/dev/zero": "an endless device", "{long}.jpg": "a name of 300 letters"}
    others |= {"gone": "a link to nothing", "@nowhere": "a missing list", "@nothing": "no list"}
    others |= {"@pipe": "a list that is a pipe", "@binary.csv": "a list of bytes"}
    for name, what in (PICTURES | others).items():
        yield Case("image", what, (name, *QUICK, "--output", "out"))
    videos = {"text.mp4": "text", "empty.mp4": "an empty file", "nowhere.mp4": "a missing file"}
    videos |= {"": "an empty name", "empty-folder": "an empty folder", "99": "no such camera"}
    videos |= {"pipe": "a named pipe", "/dev/zero": "an endless device"}
    videos |= {"{long}.mp4": "a name of 300 letters"}
    videos |= {"loop": "a looping link", "http://127.0.0.1:9/x": "an address without answer"}
    videos |= {"rtsp://user:secret@127.0.0.1:9/x": "a camera without answer", "gone": "a dead link"}
    for name, what in videos.items():
        yield Case("video", what, (name, *QUICK, "--csv", "new.csv"))
    for name, what in {"text": "text", "nowhere": "a missing file", "pipe": "a pipe"}.items():
        yield Case("annotate", what, (name, *QUICK, "--output", "out"))
