"""Labels matched with detections."""

import dataclasses

import numpy as np
import pytest
from labelled_faces import FACE, HEAD, detected, labelled, moved

from headpose.datasets import cleaning, head_matching
from headpose.datasets.cleaning import Recipe


def clean_one(picture, detections):
    pixels = np.zeros((150, 200, 3), np.uint8)
    return cleaning.clean_picture("aflw-00000", picture, pixels, detections, Recipe(size=16))


@pytest.mark.parametrize(
    ("head", "matches"),
    [
        (HEAD, True),
        (FACE, True),
        (moved(HEAD, 6), True),
        (moved(HEAD, scale=1.4), True),
        (moved(HEAD, 25), False),
        (moved(HEAD, 0, 30), False),
        (moved(HEAD, scale=2.5), False),
        (moved(HEAD, scale=0.4), False),
        ([0, 0, 0, 0], False),
    ],
)
def test_a_face_is_matched_with_a_head_around_it(head, matches):
    record, crops = clean_one(labelled(FACE), detected(head))
    assert len(crops) == len(record.rows) == matches
    assert (record.annotated, record.detected) == (1, 1)
    assert [k for k, _ in record.problems] == [] if matches else ["head without a detection"]


def test_matching_is_one_to_one_and_finds_the_best_sum():
    other = moved(FACE, 30)
    heads = [moved(HEAD, 12), moved(HEAD, 30), HEAD, moved(HEAD, 100)]
    record, _ = clean_one(labelled([FACE, other]), detected(*heads))
    chosen = [[row[c] for c in ("xmin", "ymin", "xmax", "ymax")] for row in record.rows]
    np.testing.assert_allclose(chosen, [heads[2], heads[1]], atol=0.01)
    assert record.detected == 4


def test_two_faces_and_one_detection_leave_one_face_over():
    record, _ = clean_one(labelled([FACE, moved(FACE, 9)]), detected(HEAD))
    assert len(record.rows) == 1
    assert record.rows[0]["xmin"] == pytest.approx(HEAD[0], abs=0.01)
    assert record.problems == [("head without a detection", "a.jpg")]


def test_no_detection_is_no_match():
    record, crops = clean_one(labelled(FACE), detected())
    assert not record.rows
    assert crops.shape == (0, 16, 16)


@pytest.mark.parametrize(("heads", "rows"), [([], 0), ([HEAD], 1), ([HEAD, moved(HEAD, 60)], 0)])
def test_the_only_head_without_a_rectangle_is_the_only_detection(heads, rows):
    record, _ = clean_one(labelled([np.nan] * 4), detected(*heads))
    assert len(record.rows) == rows
    assert ("several detections and no rectangle to choose by", "a.jpg") in record.problems or (
        len(heads) < 2
    )


@pytest.mark.parametrize(
    ("face", "kind", "kept"),
    [
        ([-5, 10, 15, 30], "rectangle over the border, kept", 1),
        ([190, 140, 230, 180], "rectangle over the border, kept", 1),
        ([210, 10, 230, 30], "rectangle outside the picture", 0),
        ([-30, -30, -5, -5], "rectangle outside the picture", 0),
    ],
)
@pytest.mark.parametrize("by_label", [True, False])
def test_rectangles_at_the_border(face, kind, kept, by_label):
    found = None if by_label else detected(head_matching.grown([face])[0])
    record, crops = clean_one(labelled(face), found)
    assert len(record.rows) == len(crops) == record.annotated == kept
    assert record.problems == [(kind, "a.jpg")]


PROFILE = [40.0, 40.0, 55.0, 60.0]  # drawn around the face alone: 15 wide, 20 high


@pytest.mark.parametrize(
    ("pan", "head", "matches"),
    [
        (90, [38, 32, 70, 66], True),  # turned to the image's left: the rest lies right
        (90, [10, 32, 42, 66], False),
        (-90, [25, 32, 57, 66], True),
        (-90, [53, 32, 85, 66], False),
        (0, [52, 32, 84, 66], False),  # covers a fifth of the face
        (45, [39, 32, 65, 66], True),
    ],
)
def test_a_profile_reaches_back_from_its_face(pan, head, matches):
    record, _ = clean_one(labelled(PROFILE, [[0, pan, np.nan]]), detected(head))
    assert len(record.rows) == matches


def test_a_profile_scores_as_well_as_a_front_view():
    front = head_matching.match_scores([FACE], [HEAD], pans=[0])[0, 0]
    behind = moved(HEAD, 0.55 * 20)
    assert front == pytest.approx(1, abs=0.01)
    # At the end of the way the face is less covered by nothing: the same head, further right.
    with_pan = head_matching.match_scores([FACE], [behind], pans=[90])[0, 0]
    without = head_matching.match_scores([FACE], [behind])[0, 0]
    covered = (60 - behind[0]) / 20 if behind[0] > 40 else 1
    assert with_pan == pytest.approx(covered, abs=0.01)
    assert without < with_pan - 0.2


@pytest.mark.parametrize(
    ("heads", "chosen"),
    [
        # Holds the centre, however much larger than the face's head.
        ([moved(HEAD, 14, 4, 1.9)], 0),
        # Of two that hold it, the surest of a plausible size.
        ([moved(HEAD, 14, 4, 1.9), moved(HEAD, 3)], 0),
        ([moved(HEAD, scale=4), moved(HEAD, 3)], 1),
        # None holds it.
        ([moved(HEAD, 40), moved(HEAD, 0, 50)], None),
        ([], None),
    ],
)
def test_of_one_person_the_annotated_centre_decides(heads, chosen):
    alone = dataclasses.replace(labelled(FACE), alone=True)
    record, _ = clean_one(alone, detected(*heads))
    assert len(record.rows) == (chosen is not None)
    if chosen is not None:
        assert record.rows[0]["xmin"] == pytest.approx(heads[chosen][0], abs=0.01)


def test_boxes_of_heads_are_not_grown():
    whole = dataclasses.replace(labelled(HEAD), box_kind="head")
    record, _ = clean_one(whole, None)
    assert record.rows[0]["ymin"] == pytest.approx(HEAD[1], abs=0.01)
    record, _ = clean_one(whole, detected(HEAD))
    assert len(record.rows) == 1


def test_the_label_of_a_head_goes_with_its_detection():
    faces, angles = [FACE, moved(FACE, 80)], [[1, 2, 3], [4, 5, np.nan]]
    right = head_matching.grown([faces[1]])[0]
    record, _ = clean_one(labelled(faces, angles), detected(right, HEAD))
    told = [(r["tilt"], r["pan"], r["roll"], round(r["score"], 2)) for r in record.rows]
    assert told == [(1, 2, 3, 0.5), (4, 5, None, 0.9)]
