"""The reader of DirectMHP's JSON."""

import json

import numpy as np
import pytest
from field_sets import kinds, write_direct_mhp, write_picture
from PIL import Image

from headpose.datasets.direct_mhp import read_direct_mhp
from headpose.errors import HeadposeError

ANGLES = (-12.5, 34.0, 7.25)


class TestDirectMHP:
    def test_angles_come_back_over_the_whole_turn(self, tmp_path):
        heads = {
            "a.jpg": [([10, 20, 30, 40], [5.0, -170.0, 3.0]), ([50, 5, 10, 12], [-20.0, 95.0, 0])],
            "b.jpg": [([1, 2, 20, 20], [0.0, 0.0, 0.0])],
        }
        labels = write_direct_mhp(tmp_path, heads)
        for source in (tmp_path, labels):
            pictures, problems = read_direct_mhp(source)
            assert not problems.by_kind
            first, second = pictures
            np.testing.assert_allclose(first.boxes, [[10, 20, 40, 60], [50, 5, 60, 17]])
            np.testing.assert_allclose(first.angles, [[5, -170, 3], [-20, 95, 0]])
            np.testing.assert_allclose(second.angles, [[0, 0, 0]])
            assert first.box_kind == "head"

    def test_what_is_wrong_is_counted(self, tmp_path):
        box = [10, 20, 30, 40]
        heads = {
            "a.jpg": [(box, [0, 0, 0]), ([1, 1, 5, 5], [-999, -999, -999]), (None, [0, 0, 0])],
            "b.jpg": [],
            "sub\\C.jpg": [(box, [0, 0, 0])],
            "lost.jpg": [(box, [0, 0, 0])],
        }
        write_direct_mhp(tmp_path, heads)
        (tmp_path / "images" / "lost.jpg").unlink()
        (tmp_path / "images" / "sub\\C.jpg").unlink()
        write_picture(tmp_path / "images" / "sub" / "c.jpg")
        result = read_direct_mhp(tmp_path)
        assert [p.name for p in result[0]] == ["images/a.jpg", "images/sub/c.jpg"]
        assert kinds(result) == {
            "label without pose": ["a.jpg"],
            "label without rectangle": ["a.jpg"],
            "picture without labels": ["b.jpg"],
            "missing picture": ["lost.jpg"],
            "name differs from the file's in case or slash, found all the same": ["sub\\C.jpg"],
        }

    @pytest.mark.parametrize(
        ("content", "told"),
        [
            ("[1, 2]", "no lists images and annotations"),
            ("{}", "no lists images and annotations"),
            ("{", "not a JSON file"),
            ('{"images": [{"id": 1}], "annotations": []}', "without 'file_name'"),
            (
                '{"images": [{"id": 1, "file_name": "a.jpg"}],'
                ' "annotations": [{"image_id": 1, "bbox": [0, 0, 5, 5]}]}',
                "no annotation has euler_angles",
            ),
        ],
    )
    def test_other_json_is_refused(self, tmp_path, content, told):
        (tmp_path / "labels.json").write_text(content)
        with pytest.raises(HeadposeError, match=told):
            read_direct_mhp(tmp_path)

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            (lambda images: images[1].update(id=1), "two images have the id '1'"),
            (
                lambda images: images[1].update(file_name="a.jpg"),
                "two images have the file 'a.jpg'",
            ),
            (
                lambda images: images[1].update(file_name="./a.jpg"),
                "./a.jpg and a.jpg are one pict",
            ),
        ],
    )
    def test_pictures_that_are_listed_twice_are_refused(self, tmp_path, change, told):
        one = [([1, 2, 20, 20], [0, 0, 0])]
        labels = write_direct_mhp(tmp_path, {"a.jpg": one, "b.jpg": one})
        content = json.loads(labels.read_text())
        change(content["images"])
        labels.write_text(json.dumps(content))
        with pytest.raises(HeadposeError, match=told):
            read_direct_mhp(labels)

    def test_labels_of_another_version_of_a_picture_are_left_out(self, tmp_path):
        """Also those of a picture as it is stored, where it is shown turned."""
        one = [([1, 2, 20, 20], [0, 0, 0])]
        names = ("a.jpg", "b.jpg", "c.jpg", "stored.jpg", "upright.jpg")
        labels = write_direct_mhp(tmp_path, dict.fromkeys(names, one))
        content = json.loads(labels.read_text())
        content["images"][0] |= {"width": 160, "height": 120}
        content["images"][1] |= {"width": 60, "height": 80}
        content["images"][4] |= {"width": 60, "height": 80}
        content["annotations"][2]["image_id"] = "3"  # a text is as good as a number
        labels.write_text(json.dumps(content))
        turned = Image.Exif()
        turned[0x0112] = 6  # shown turned by 90 degrees (EXIF 2.32, 4.6.4)
        for name in names[3:]:
            with Image.open(tmp_path / "images" / name) as picture:
                picture.load()
            picture.save(tmp_path / "images" / name, exif=turned)
        pictures, problems = read_direct_mhp(labels)
        assert [picture.path.name for picture in pictures] == ["c.jpg", "upright.jpg"]
        kind = "picture of another size than the table says"
        assert problems.by_kind == {kind: ["a.jpg", "b.jpg", "stored.jpg"]}

    def test_angles_that_cannot_be_and_radians_are_told(self, tmp_path, caplog):
        angles = np.random.default_rng(0).uniform(-1.5, 1.5, (20, 3)).tolist()
        heads = {f"{i:02d}.jpg": [([1, 2, 20, 20], row)] for i, row in enumerate(angles)}
        heads["x.jpg"] = [([1, 2, 20, 20], [0, 5000, 0])]
        pictures, problems = read_direct_mhp(write_direct_mhp(tmp_path, heads))
        assert len(pictures) == 20
        assert problems.by_kind["angle beyond a whole turn"] == ["x.jpg"]
        assert "are they radians? degrees are wanted" in caplog.text

    def test_of_several_files_one_must_be_named(self, tmp_path):
        for name in ("train.json", "val.json"):
            write_direct_mhp(tmp_path, {"a.jpg": [([1, 2, 9, 9], [0, 0, 0])]}, name)
        with pytest.raises(HeadposeError, match=r"several JSON files \(train.json, val.json\)"):
            read_direct_mhp(tmp_path)
