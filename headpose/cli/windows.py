"""Windows that show pictures, where the machine can open any."""

import os
import subprocess
import sys

from headpose.cli import common as cl
from headpose.errors import HeadposeError

ESCAPE = 27
NO_WINDOW = "--show: no window can be opened here; leave it out"


def check_display(show: bool) -> None:
    """Stops where a window is asked for and there is no display at all.

    Raises:
        HeadposeError: If `show` and there is no display.
    """
    linux = sys.platform.startswith("linux")
    display = not linux or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if show and not display:
        raise HeadposeError("--show needs a display; leave it out and look at the output instead")


def can_show() -> bool:
    """Tells whether a window can be opened, as a display's name may lead nowhere.

    It is tried in a process of its own: where there is no display, the library of windows
    ends the whole process.
    """
    attempt = "import cv2; cv2.namedWindow('headpose'); cv2.destroyAllWindows()"
    tried = subprocess.run([sys.executable, "-c", attempt], capture_output=True, check=False)
    return not tried.returncode


def open_window(name: str) -> "Window | None":
    """Opens a window; where none can be opened it says so and all else goes on."""
    if can_show():
        return Window(name)
    cl.tell(f"{cl.program()}: error: {NO_WINDOW}", sys.stderr)
    return None


class Window:
    """Shows pictures in a window, from the main thread as some systems demand."""

    def __init__(self, name: str):
        self._name, self._picture = name, None

    def offer(self, picture) -> None:
        """Takes a picture to show; may be called from any thread."""
        self._picture = picture

    def ended(self) -> bool:
        """Shows what was offered last; tells whether somebody wants to end."""
        import cv2

        picture, self._picture = self._picture, None
        if picture is None:
            return False
        cv2.imshow(self._name, picture)
        key = cv2.waitKey(1) & 0xFF
        closed = cv2.getWindowProperty(self._name, cv2.WND_PROP_VISIBLE) < 1
        return closed or key in (ESCAPE, ord("q"))

    def show(self, picture) -> None:
        """Shows a picture until a key is pressed."""
        import cv2

        cv2.imshow(self._name, picture)
        cv2.waitKey(0)

    def close(self) -> None:
        import cv2

        cv2.destroyAllWindows()
