"""Opening a video of any kind by its name."""

from headpose.images.listing import is_folder, is_there
from headpose.reporting import logger
from headpose.video.addresses import is_address, without_secrets
from headpose.video.drawn_mark import DRAWING, DrawnVideoError, has_mark
from headpose.video.frames import EVERYTHING, Reading, Source

PLAYLISTS = ("hls", "dash")  # whose own size is known, but not that of what they list


def open_source(name: str, reading: Reading = EVERYTHING, take_drawn: bool = True) -> Source:
    """Opens a video.

    Args:
        name: A number is a camera, unless there is a file or folder of that name; an address
            with "://" a stream, or a file if its length in bytes or seconds is known; a folder,
            its pictures in the order of the numbers in their names; all else is a file.
        reading: What to read, and how.
        take_drawn: Whether a video on which headpose drew is taken, with a warning.

    Raises:
        HeadposeError: If there is no such thing, no video in it, or one that is not taken.
    """
    if is_camera(name):
        from headpose.video.live import Camera

        return Camera(int(name), reading)
    if is_folder(name):
        from headpose.video.picture_folder import PictureFolder

        return PictureFolder(name, reading)
    from headpose.video.file import VideoFile, open_container

    container = open_container(name)
    if has_mark(container):
        shown = without_secrets(name)
        if not take_drawn:
            container.close()
            raise DrawnVideoError(f"{shown}: a {DRAWING}; name the video")
        logger.warning("%s: a %s, which may hide heads; name the video", shown, DRAWING)
    if is_address(name) and _has_no_end(name, container):
        from headpose.video.live import Stream

        return Stream(name, container, reading)
    return VideoFile(name, container, reading)


def _has_no_end(name: str, container) -> bool:
    """Tells whether what an address gives goes on for ever, so that its newest frames count.

    A file may lack a duration: what a browser or a camera wrote while it went on.
    """
    if name.partition("://")[0].lower() == "file" or container.duration is not None:
        return False
    return container.format.name in PLAYLISTS or container.size <= 0


def is_camera(name: str) -> bool:
    """Tells whether a name is a camera's number, and of nothing that exists."""
    return name.isdecimal() and not is_there(name)
