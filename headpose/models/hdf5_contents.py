"""Looks into an HDF5 file of weights before they are read: it may be a stranger's.

HDF5 knows links to other files, arrays whose bytes lie in any file, and arrays that claim
more than the file holds.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import h5py

MAX_GROUPS = 20_000  # ten for each layer of the largest network that is opened


def refusal(file: "h5py.File", size: int) -> str | None:
    """Says what keeps weights from being read; None if nothing does.

    Args:
        file: The open file.
        size: Its bytes.
    """
    import h5py

    total, groups = 0, 0
    pending: list[h5py.Group] = [file]
    while pending:
        group = pending.pop()
        groups += 1
        if groups > MAX_GROUPS:
            return "its weights have more groups than any model of ours"
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                return "its weights point to other places or files"
            item = group[name]
            if isinstance(item, h5py.Group):
                pending.append(item)
            elif not isinstance(item, h5py.Dataset):
                continue  # a named type, of which no weights are read
            elif item.external or item.is_virtual:
                return "its weights lie in other files"
            else:
                total += (item.size or 0) * item.dtype.itemsize
    # Packed inside HDF5, zeros could be anything; ours are not packed there.
    if total > 2 * size + 1_000_000:
        return f"its weights claim {total / 1e9:.1f} GB, more than the file holds"
    return None
