"""Out-of-plane turns of training pictures: the head is taken for a ball and turned a little.

Photos of heads turned by 30 to 60 degrees whose angles are known well are rare. As 300W-LP
was made by turning a fitted face model (Zhu et al. 2016, "Face Alignment Across Large
Poses: A 3D Solution"), heads of other angles are made here from those that are labelled,
with the crudest model: a ball of the head's size, whose texture is what the picture shows.
What comes into sight from behind is filled with the ball's rim, so that turns must be
small; around the ball, the picture is pulled along smoothly.
"""

import numpy as np

from headpose.geometry.angles import rotation_matrices

# Half axes of the ball in sides of the crop, which is 0.9 of the head box's height.
HALF_WIDTH, HALF_HEIGHT = 0.46, 0.56
FADES_AT = 1.6  # radii of the ball from which the picture stays as it is
# Degrees from the viewer up to which heads are turned. Of profiles the ball shows too little:
# learned from them too, the slope of pan on Pointing'04 fell from .89 to .85.
FACING = 50.0
# A face has more depth than a ball across and less along: turned by so much, the ball shows
# these shares of it, as FSA-Net and WHENet read HELEN (`benchmarks/out_of_plane_turns.py`).
PAN_SHOWN, TILT_SHOWN = 0.8, 0.64


def of_ball(pan: float, tilt: float) -> np.ndarray:
    """Returns how the ball is turned (3, 3) for a head to look as if turned by so much."""
    return rotation(pan / PAN_SHOWN, tilt / TILT_SHOWN)


def rotation(pan: float, tilt: float) -> np.ndarray:
    """Returns the rotation (3, 3) that adds so much pan and tilt in degrees to a frontal head.

    Axes are those of `headpose.geometry.angles`: x right, y up, z toward the viewer.
    """
    return rotation_matrices((tilt, pan, 0.0))[0]


def source_places(places: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """Returns where the turned picture shows what the picture before showed.

    Args:
        places: (..., 2) in the turned picture: x right and y down from the head's centre,
            in sides of the crop.
        turn: (3, 3) by which the ball is turned.

    Returns:
        (..., 2) in the picture as it was.
    """
    scale = np.array([HALF_WIDTH, -HALF_HEIGHT])
    ball = places / scale  # y up
    radius = np.sqrt((ball**2).sum(axis=-1))
    inside = np.sqrt(np.clip(1 - radius**2, 0, None))
    # A point p of the turned ball was at turn.T p before.
    before = np.concatenate([ball, inside[..., None]], axis=-1) @ turn
    rim = np.maximum(np.linalg.norm(before[..., :2], axis=-1, keepdims=True), 1e-6)
    hidden = before[..., 2:] < 0
    moved = before[..., :2] / np.where(hidden & (rim < 1), rim, 1.0) - ball
    fade = np.clip((FADES_AT - radius) / (FADES_AT - 1), 0, 1)
    return (ball + moved * fade[..., None]) * scale
