"""Heads that come back: their looks, who is who, and numbers through clips of drawn people."""

import cv2
import numpy as np
import pytest

from headpose.pipeline import Head
from headpose.video.appearance import SMALLEST, appearance
from headpose.video.frames import Frame
from headpose.video.pipeline import FollowedHead
from headpose.video.reidentification import (
    ALIKE,
    ENOUGH,
    FEWEST,
    MAX_HELD,
    Look,
    Reidentifier,
    who,
)

RATE = 10
BLACK, BLOND, SKIN, RED, BLUE = (
    (20, 20, 20),
    (90, 200, 230),
    (150, 170, 220),
    (0, 0, 200),
    (200, 0, 0),
)
ANN, BOB, CAT = (BLACK, SKIN, RED), (BLACK, SKIN, BLUE), (BLOND, SKIN, BLUE)
PLACES = {"left": 60, "middle": 200, "right": 340}  # of the middles of heads


def box_at(x: int, size: int = 40) -> tuple:
    return x - size / 2, 40, x + size / 2, 40 + size


def people(seen: dict[str, tuple], size: int = 40) -> np.ndarray:
    """Draws people by their places: hair, face and clothes of a colour each."""
    picture = np.full((200, 400, 3), 128, np.uint8)
    for place, (hair, skin, clothes) in seen.items():
        x0, y0, x1, y1 = np.rint(box_at(PLACES[place], size)).astype(int)
        chin = y0 + round(0.4 * size)
        cv2.rectangle(picture, (x0 - size, y1), (x1 + size, 199), clothes, cv2.FILLED)
        cv2.rectangle(picture, (x0, y0), (x1 - 1, chin - 1), hair, cv2.FILLED)
        cv2.rectangle(picture, (x0, chin), (x1 - 1, y1 - 1), skin, cv2.FILLED)
    return picture


def looked(person: tuple, sights: int = ENOUGH) -> Look:
    look = Look()
    for _ in range(sights):
        look.add(appearance(people({"middle": person}), box_at(PLACES["middle"])))
    return look


def shown(film, rate: float = RATE, detect_every: int = 1) -> list[dict[str, int]]:
    """Gives frames to a `Reidentifier`; returns the numbers by place, frame by frame.

    Args:
        film: For each frame by place a person and the tracker's number.
        rate: Frames a second.
        detect_every: See `Reidentifier`.
    """
    followed = []
    for i, seen in enumerate(film):
        picture = people({place: person for place, (person, _) in seen.items()})
        heads = [Head(box_at(PLACES[place]), 0.9, 0.0, 0.0) for place in seen]
        tracks = [track for _, track in seen.values()]
        rows = [FollowedHead(t, h, h) for t, h in zip(tracks, heads, strict=True)]
        followed.append((Frame(i, i / rate, 1 / rate, picture), rows))
    result, places = [], {box_at(x): place for place, x in PLACES.items()}
    for frame, heads in Reidentifier(detect_every)(followed):
        assert frame.index == len(result)
        result.append({places[head.head.box]: head.track for head in heads})
    assert [set(r) for r in result] == [set(f) for f in film]
    return result


# ------------------------------------------------------------------------------ appearance


def test_a_vector_has_length_one_and_size_does_not_matter():
    small, large = (
        appearance(people({"middle": ANN}, size), box_at(PLACES["middle"], size))
        for size in (30, 90)
    )
    assert np.linalg.norm(small) == pytest.approx(1, abs=1e-6)
    assert small @ large == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(("other", "shared"), [(ANN, 3), (BOB, 2), (CAT, 1)])
def test_equal_colours_of_a_part_count_a_third(other, shared):
    """Of three parts each adds its Bhattacharyya coefficient: here 1 or 0."""
    first, second = (appearance(people({"middle": p}), box_at(200)) for p in (ANN, other))
    assert first @ second == pytest.approx(shared / 3, abs=1e-6)


@pytest.mark.parametrize(
    "box",
    [
        (190, 40, 210, 40 + SMALLEST - 1),
        (-10, 40, 30, 80),
        (180, 159, 220, 199),
        (390, 40, 430, 80),
        (200, 40, 200, 80),
    ],
    ids=["small", "cut at the left", "no clothes in view", "cut at the right", "empty"],
)
def test_heads_of_which_too_little_is_seen_have_none(box):
    assert appearance(people({"middle": ANN}), box) is None


# ------------------------------------------------------------------------------ who is who


@pytest.mark.parametrize(
    ("lost", "others", "told"),
    [
        ([ANN], [], 0),
        ([BOB, ANN], [], 1),
        ([BOB], [], None),
        ([], [ANN], None),
        ([ANN, ANN], [], None),
        ([ANN], [ANN], None),
        ([ANN, CAT], [BOB], 0),
    ],
    ids=["alone", "the alike", "a stranger", "nobody", "twins", "twin in view", "others in view"],
)
def test_who_it_is_must_be_near_and_clear(lost, others, told):
    assert who(looked(ANN), [looked(p) for p in lost], [looked(p) for p in others]) == told


def test_a_few_sights_tell_nobody():
    assert who(looked(ANN, FEWEST - 1), [looked(ANN)]) is None
    assert who(looked(ANN), [looked(ANN, FEWEST - 1)]) is None
    assert who(looked(ANN, FEWEST), [looked(ANN, FEWEST)]) == 0
    assert who(Look(), [looked(ANN)]) is None


def test_a_twin_seen_too_seldom_is_no_obstacle():
    assert who(looked(ANN), [looked(ANN), looked(ANN, 1)]) == 0


def test_likeness_is_the_cosine_of_means():
    mixed = Look()
    for person in (ANN, CAT):
        mixed.add(appearance(people({"middle": person}), box_at(200)))
    # Both vectors have length 1 and a product of 1/3: their sum is sqrt(8/3) long.
    assert mixed.like(looked(ANN)) == pytest.approx((4 / 3) / np.sqrt(8 / 3), abs=1e-6)
    assert mixed.like(looked(ANN)) < ALIKE


# -------------------------------------------------------------------------- through a clip

STAY, AWAY = [{"left": (ANN, 1)}] * 12, [{}] * 15


def test_who_comes_back_elsewhere_has_the_old_number_from_the_first_frame_on():
    found = shown([*STAY, *AWAY, *[{"right": (ANN, 2)}] * 12])
    assert found[:12] == [{"left": 1}] * 12
    assert found[27:] == [{"right": 1}] * 12


def test_a_newcomer_in_the_old_place_has_a_new_number():
    found = shown([*STAY, *AWAY, *[{"left": (BOB, 2), "right": (ANN, 3)}] * 12])
    assert found[27:] == [{"left": 2, "right": 1}] * 12


def test_who_came_back_can_come_back_again():
    film = [*STAY, *AWAY, *[{"right": (ANN, 2)}] * 12, *AWAY, *[{"middle": (ANN, 3)}] * 12]
    assert shown(film)[-1] == {"middle": 1}


@pytest.mark.parametrize(
    ("frames", "rate", "detect_every", "number"),
    [
        (9, 10, 1, 2),  # the tracker remembers for a second ...
        (15, 10, 1, 1),
        (3, 2, 1, 2),  # ... and at least four detections
        (5, 2, 1, 1),
        (5, 2, 3, 2),
        (13, 2, 3, 1),
        (70, 2, 1, 2),  # after half a minute nobody is known
    ],
)
def test_how_long_somebody_must_and_may_be_away(frames, rate, detect_every, number):
    film = [*STAY, *[{}] * frames, *[{"right": (ANN, 2)}] * 12]
    assert shown(film, rate, detect_every)[-1] == {"right": number}


def test_a_number_stands_once_in_a_frame():
    """Of two who look alike and come together neither can be told; who stayed is no candidate."""
    together = [{"left": (ANN, 2), "right": (ANN, 3)}] * 12
    found = shown([*STAY, *AWAY, *together])
    assert all(len(set(frame.values())) == 2 for frame in found[27:])
    found = shown(
        [*STAY, *[{"left": (ANN, 1)}] * 15, *[{"left": (ANN, 1), "right": (ANN, 2)}] * 12]
    )
    assert found[-1] == {"left": 1, "right": 2}


def test_a_glimpse_has_a_new_number_and_gives_nothing_away():
    glimpse = [{"right": (ANN, 2)}] * (FEWEST - 1)
    found = shown([*STAY, *AWAY, *glimpse, *AWAY, *[{"middle": (ANN, 3)}] * 12])
    assert found[27] == {"right": 2}
    assert found[-1] == {"middle": 1}


def test_frames_wait_no_longer_than_they_may():
    """A head that is never seen well is decided on, though others are awaited in each frame."""
    waiting = []
    cut = (*box_at(PLACES["right"])[:3], 40 + SMALLEST - 1)

    def film():
        for i in range(120):
            waiting.append(i)
            track, box = (1, box_at(PLACES["left"])) if i < 12 else (2, cut)
            heads = [] if 12 <= i < 30 else [Head(box, 0.9, 0.0, 0.0)]
            picture = people({"left": ANN} if i < 12 else {})
            rows = [FollowedHead(track, head, head) for head in heads]
            yield Frame(i, i / RATE, 1 / RATE, picture), rows

    longest = 0
    for frame, _ in Reidentifier()(film()):
        longest = max(longest, waiting[-1] - frame.index)
    assert longest == MAX_HELD


def test_an_empty_video_stays_empty():
    assert list(Reidentifier()([])) == []
