"""Opening a video of any kind by its name."""

from headpose.images.listing import is_folder, is_there
from headpose.video.addresses import is_address
from headpose.video.frames import EVERYTHING, Reading, Source

PLAYLISTS = ("hls", "dash")  # whose own size is known, but not that of what they list


def open_source(name: str, reading: Reading = EVERYTHING) -> Source:
    """Opens a video.

    Args:
        name: A number is a camera, unless there is a file or folder of that name; an address
            with "://" a stream, or a file if its length in bytes or seconds is known; a folder,
            its pictures in the order of the numbers in their names; all else is a file.
        reading: What to read, and how.

    Raises:
        HeadposeError: If there is no such thing, or no video in it.
    """
    if is_camera(name):
        from headpose.video.live import Camera

        return Camera(int(name), reading)
    if is_folder(name):
        from headpose.video.picture_folder import PictureFolder

        return PictureFolder(name, reading)
    from headpose.video.file import VideoFile, open_container

    container = open_container(name)
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
