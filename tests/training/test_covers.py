import numpy as np
import pytest

from headpose.geometry.crops import squares
from headpose.training import covers


@pytest.mark.parametrize("border", ["left", "right", "top", "bottom"])
def test_border_cuts_are_as_the_picture_would_give_them(border):
    """A cut head: its visible box's square, moved inside the picture, as inference cuts."""
    height, width = 111.0, 89.0  # of a head about (500, 500); crops have a side of 100
    box = np.array([500 - width / 2, 500 - height / 2, 500 + width / 2, 500 + height / 2])
    found = set()
    for seed in range(60):
        centre, side = covers.border_cut(np.random.default_rng(seed))
        direction = np.argmax(np.abs(centre)), np.sign(centre[np.argmax(np.abs(centre))])
        if (
            direction
            != {"left": (0, 1), "right": (0, -1), "top": (1, 1), "bottom": (1, -1)}[border]
        ):
            continue
        # What is lost follows from the crop's edge, which lies on the picture's border, or,
        # where the square fits inside, from its side: 0.9 times what is left of the height.
        axis, sign = direction
        edge = 500 + 100 * (centre[axis] - sign * side / 2)
        if axis == 1 and side > width / height + 1e-6:
            edge = 500 + sign * ((1 - side) * height - height / 2)
        seen = box.copy()
        seen[axis if sign > 0 else axis + 2] = edge
        picture = (1000 - edge, 1000) if axis == 0 else (1000, 1000 - edge)
        if sign > 0:
            moved = seen - (np.array([edge, 0] * 2) if axis == 0 else np.array([0, edge] * 2))
        else:
            moved, picture = seen, ((edge, 1000) if axis == 0 else (1000, edge))
        square = squares([moved], "long", 0.9, tuple(round(v) for v in picture))[0]
        middle = (square[:2] + square[2:]) / 2
        if sign > 0:
            middle = middle + (np.array([edge, 0]) if axis == 0 else np.array([0, edge]))
        np.testing.assert_allclose(middle, 500 + 100 * centre, atol=2.5)
        assert square[2] - square[0] == pytest.approx(100 * side, abs=2)
        found.add(seed)
    assert len(found) >= 3


@pytest.mark.parametrize("nose", [None, (0.0, 0.0, 1.0), (-0.9, 0.1, 0.4), (0.2, 0.0, -0.97)])
def test_covers_hide_a_part_and_depend_on_the_draw_alone(nose):
    nose = None if nose is None else np.array(nose)
    crop = np.full((64, 64), 130, np.uint8)
    crop[::2] = 90
    hidden = []
    for seed in range(60):
        drawn = covers.cover(np.random.default_rng(seed), crop, nose, 30.0)
        again = covers.cover(np.random.default_rng(seed), crop, nose, 30.0)
        np.testing.assert_array_equal(drawn, again)
        hidden.append((drawn != crop).mean())
    assert (crop[::2] == 90).all()  # the crop itself stays
    assert np.mean(hidden) == pytest.approx(0.25, abs=0.15)
    assert max(hidden) < 0.85
