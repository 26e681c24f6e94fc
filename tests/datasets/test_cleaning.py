import numpy as np
import pytest
from labelled_faces import FACE, HEAD, Fixed

from headpose.datasets import cleaning
from headpose.datasets.cleaning import Recipe
from headpose.datasets.pose_annotations import PoseAnnotation
from headpose.geometry.crops import head_crops
from headpose.images.drawn_mark import marked
from headpose.images.pictures import read_image, write_image


def test_pictures_go_to_the_detector_in_batches_and_bad_ones_do_not(tmp_path, aflw):
    (tmp_path / "crops").mkdir()
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    names = sorted((aflw / "data/flickr/0").iterdir())[:5]
    write_image(tmp_path / "drawn.jpg", read_image(names[0]), marked)
    paths = [*names[:2], tmp_path / "bad.jpg", tmp_path / "gone.jpg", *names[2:4]]
    paths += [tmp_path / "drawn.jpg", names[4]]
    items = [
        (f"aflw-{i:05d}", PoseAnnotation(p, p.name, np.array([FACE]), np.zeros((1, 3)), "aflw"))
        for i, p in enumerate(paths)
    ]
    detector = Fixed(HEAD)
    batches = list(cleaning.clean(items, detector, None, Recipe(), tmp_path, batch_size=3))
    assert [len(b) for b in batches] == [3, 3, 2]
    assert detector.batches == [2, 2, 1]
    assert batches[2][0].problems == [("drawing that headpose made of a photo", "drawn.jpg")]
    records = [r for b in batches for r in b]
    assert [r.key for r in records] == [key for key, _ in items]
    assert [r.problems for r in records][2:4] == [
        [("unreadable picture", "bad.jpg")],
        [("missing picture", "gone.jpg")],
    ]
    crop = read_image(names[4])
    expected = head_crops(crop, [HEAD])[0]
    written = read_image(tmp_path / records[-1].rows[0]["file"])[:, :, 0]
    np.testing.assert_array_equal(written, expected)


@pytest.mark.parametrize(
    ("alone", "unsure", "scores"),
    [(True, 0.3, [0.4]), (True, 0.45, []), (True, None, []), (False, 0.3, [])],
)
def test_of_one_person_an_unsure_detection_counts_where_no_sure_one_fits(
    tmp_path, alone, unsure, scores
):
    (tmp_path / "crops").mkdir()
    write_image(tmp_path / "a.png", np.zeros((300, 400, 3), np.uint8))
    elsewhere = [HEAD[0] + 200, HEAD[1], HEAD[2] + 200, HEAD[3]]

    class Unsure:
        def detect(self, pictures, confidence):
            boxes, found = np.array([elsewhere, HEAD], np.float32), np.array([0.9, 0.4])
            return [(boxes[found > confidence], found[found > confidence])] * len(pictures)

    labelled = PoseAnnotation(
        tmp_path / "a.png", "a.png", np.array([FACE]), np.zeros((1, 3)), "p", alone=alone
    )
    batches = cleaning.clean([("p-0", labelled)], Unsure(), 0.5, Recipe(), tmp_path, unsure=unsure)
    record = next(batches)[0]
    assert [row["score"] for row in record.rows] == scores
    assert record.detected == 1 + len(scores)
