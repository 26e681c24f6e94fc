"""Errors that a person can put right, and what foreign errors say in a few words."""


class HeadposeError(Exception):
    """Something a person can put right; its text is one line that says how.

    All errors that this library raises on purpose are of this class or of one of its kinds:
    a program that uses it need not catch more.
    """


class PictureError(HeadposeError):
    """A picture that cannot be read; the text names the file and the cause."""


def reason(error: Exception) -> str:
    """Says in a few words why the operating system, or FFmpeg, refused."""
    return (getattr(error, "strerror", None) or str(error)).lower()


def first_line(error: BaseException, most: int | None = 120) -> str:
    """Returns the first line of what an error of a foreign program says, else its class.

    Args:
        error: The error.
        most: Characters at most; None for all.
    """
    lines = str(error).strip().splitlines()
    return lines[0][:most] if lines else type(error).__name__
