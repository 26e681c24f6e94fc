"""Where deepgaze's checkpoints are in a folder. Needs no Keras."""

from pathlib import Path

from headpose.convert.tf_checkpoints import checkpoints_in
from headpose.errors import HeadposeError

FOLDERS = {"pitch": ("pitch", "tilt"), "yaw": ("yaw", "pan"), "roll": ("roll",)}
FILES = ("cnn_cccdd_30k.tf", "cnn_cccdd_30k")  # as deepgaze names them


def find_checkpoints(folder: str | Path) -> dict[str, Path]:
    """Finds the checkpoints in the sub-folders `pitch`, `yaw` and, if there, `roll`.

    Older copies of deepgaze call the first two `tilt` and `pan`.

    Returns:
        The checkpoint of each angle: V1's file or V2's prefix.

    Raises:
        HeadposeError: If one is missing or it is not clear which file it is.
    """
    folder, found = Path(folder), {}
    for angle, names in FOLDERS.items():
        homes = [folder / name for name in names if (folder / name).is_dir()]
        if not homes and angle != "roll":
            raise HeadposeError(
                f"{folder}: no folder {' or '.join(names)} with deepgaze's checkpoint in it; "
                "see comparison/README.md for where to get it"
            )
        if homes:
            found[angle] = _checkpoint_in(homes[0])
    return found


def _checkpoint_in(folder: Path) -> Path:
    candidates = checkpoints_in(folder)
    known = [c for c in candidates if c.name in FILES]
    if known:
        return known[0]
    if len(candidates) != 1:
        told = ", ".join(c.name for c in candidates[:5]) or "nothing"
        raise HeadposeError(f"{folder}: must hold one checkpoint, {FILES[0]}; it has {told}")
    return candidates[0]
