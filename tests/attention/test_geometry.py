"""Places and directions against scenes whose truth is known."""

import math

import numpy as np
import pytest

from headpose.attention.geometry import (
    CUT_DEVIATION,
    DISTANCE_DEVIATION,
    HEAD_HEIGHT,
    WIDTH_OF_HEIGHT,
    from_rays,
    positions,
    whole_heads,
)
from headpose.geometry.angles import angles_between, direction_vectors

SIZE, FOV = (1920, 1080), 70.0


def seen(place, height=HEAD_HEIGHT):
    """Projects a head: half the picture is tan(35 degrees) wide at a depth of one."""
    x, y, z = place
    scale = SIZE[0] / 2 / math.tan(math.radians(35)) / -z
    u, v = SIZE[0] / 2 + x * scale, SIZE[1] / 2 - y * scale
    half = height * scale / 2
    return u - 0.8 * half, v - half, u + 0.8 * half, v + half


def angles_of_look(place, goal):
    """Azimuth and elevation, relative to the ray, of a head that looks at a goal.

    By a chain of plain rotations about y and x, unlike the code's own way; the two differ by
    a roll about the ray, so this is for heads at the height of the camera, where they agree.
    """
    to_camera = -np.array(place)
    to_goal = np.array(goal) - place
    ray = math.atan2(to_camera[0], to_camera[2])
    azimuth = -(math.atan2(to_goal[0], to_goal[2]) - ray)
    elevation = math.asin(to_goal[1] / np.linalg.norm(to_goal))
    return math.degrees(azimuth), math.degrees(elevation)


@pytest.mark.parametrize("place", [(0, 0, -2), (0.7, 0.3, -1.5), (-1.2, -0.4, -4), (2, 1, -8)])
def test_heads_are_found_where_they_are(place):
    assert positions([seen(place)], SIZE, FOV)[0] == pytest.approx(place, abs=1e-4)


@pytest.mark.parametrize("share", [0.9, 1.1])
def test_a_head_of_another_size_is_off_by_as_much(share):
    place = positions([seen((0.5, 0.2, -3), share * HEAD_HEIGHT)], SIZE, FOV)[0]
    assert place == pytest.approx(np.array([0.5, 0.2, -3]) / share, rel=1e-4)


def clipped(box):
    """What the picture shows of a box."""
    return np.clip(box, 0, np.tile(SIZE, 2))


@pytest.mark.parametrize(
    ("middle", "cut"),
    [
        ((960, 20), (True, False)),
        ((960, 1060), (True, False)),
        ((10, 500), (False, True)),
        ((1910, 500), (False, True)),
        ((960, 500), (False, False)),
        ((10, 20), (True, True)),
        ((1900, 1075), (True, True)),
    ],
)
def test_heads_that_the_border_cuts_are_made_whole(middle, cut):
    sides = np.array([200 * WIDTH_OF_HEIGHT, 200])
    box = np.concatenate([middle - sides / 2, middle + sides / 2])
    whole, deviations = whole_heads(clipped(box)[None], np.array([SIZE]))
    assert whole[0] == pytest.approx([np.nan] * 4 if all(cut) else box, nan_ok=True)
    assert deviations[0] == (CUT_DEVIATION if cut[0] else DISTANCE_DEVIATION)


def test_what_is_seen_of_a_cut_head_is_not_made_smaller():
    box = np.array([[900.0, 0, 940, 120]])
    assert whole_heads(box, np.array([SIZE]))[0] == pytest.approx(box)


def test_a_head_that_fills_the_picture_goes_beyond_both_borders():
    whole, _ = whole_heads(np.array([[400.0, 0, 1500, 1080]]), np.array([SIZE]))
    above, below = -whole[0, 1], whole[0, 3] - 1080
    assert above == pytest.approx(below)
    assert above == pytest.approx((1100 / WIDTH_OF_HEIGHT - 1080) / 2)


@pytest.mark.parametrize("place", [(0, 0, -2), (1.5, 0, -1), (-1, 0.8, -3)])
def test_a_head_that_looks_along_its_ray_looks_into_the_camera(place):
    place = np.array([place], float)
    turned = from_rays(np.array([[0.0, 0.0, 1.0]]), place)
    assert angles_between(turned, -place)[0] == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize(
    ("place", "goal"),
    [((1, 0, -2), (-1, 0, -2)), ((-0.8, 0, -3), (1.5, 0, -1)), ((0.3, 0, -1), (0, 1, -4))],
)
def test_a_head_looks_where_it_looks_from_anywhere_in_the_picture(place, goal):
    direction = direction_vectors(*([a] for a in angles_of_look(place, goal)))
    turned = from_rays(direction, np.array([place], float))
    assert angles_between(turned, np.array([goal], float) - place)[0] == pytest.approx(0, abs=1e-5)


def test_rotations_keep_angles():
    rng = np.random.default_rng(3)
    noses = direction_vectors(rng.uniform(-180, 180, 50), rng.uniform(-80, 80, 50))
    others = direction_vectors(rng.uniform(-180, 180, 50), rng.uniform(-80, 80, 50))
    places = rng.uniform(-1, 1, (50, 3)) - [0, 0, 3]
    before = angles_between(noses, others)
    after = angles_between(from_rays(noses, places), from_rays(others, places))
    assert after == pytest.approx(before, abs=1e-6)
