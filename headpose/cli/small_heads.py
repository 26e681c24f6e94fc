"""Which photos have many heads that are nearly too small to be found, and what finds more."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # its imports are slow
    from headpose.pipeline import Head

# Square root of a box's area, pixels at the size at which a photo is searched: of smaller heads
# the model card's table by size tells that many are missed.
SMALL = 16
MANY = 10  # so many small ones, if they are half of all, are a crowd and no doubtful finds
CLOSER = 1.5  # times the size at which to search
TILES = 3  # of them beside each other


class SmallHeads:
    """Notes photos, to say in one line what finds more heads in them.

    Args:
        searched: Long side to which photos are scaled; None where it cannot be chosen, or they
            are searched in tiles already. Then nothing is said.
    """

    def __init__(self, searched: int | None):
        self._searched = searched
        self._photos: list[tuple[str, int]] = []

    def note(self, file: str, size: tuple[int, int], heads: "Sequence[Head]") -> None:
        """Takes a photo.

        Args:
            file: Its name.
            size: Width and height, pixels.
            heads: What was found.
        """
        if self._searched is None:
            return
        scale = self._searched / max(size)
        areas = [(x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in (head.box for head in heads)]
        small = sum(area * scale**2 < SMALL**2 for area in areas)
        if small >= max(MANY, len(heads) / 2):
            self._photos.append((file, max(size)))

    def advice(self) -> str | None:
        """Returns the line; None without such photos."""
        if self._searched is None or not self._photos:
            return None
        file, longest = min(self._photos, key=lambda photo: photo[1])
        more = len(self._photos) - 1
        others = f" and {more} more photo{'s' if more > 1 else ''}" if more else ""
        return (
            f"{file}{others}: most heads are under {SMALL} pixels at the size that is searched, "
            f"and others may be missed; --detector-size {round(CLOSER * self._searched)} or "
            f"--tiles {-(-longest // TILES)} finds more and takes longer"
        )


def searched_size(detector) -> int | None:
    """Returns the long side to which a detector scales pictures; None where none is chosen."""
    return None if getattr(detector, "fixed_size", None) else getattr(detector, "size", None)
