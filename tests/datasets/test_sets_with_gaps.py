"""Sets of boxes in which something has no counterpart: told, never taken for nobody."""

import json

import cv2
import pytest

from headpose.datasets.detection_annotations import read_detection_annotations
from headpose.errors import HeadposeError

LINE = "0 0.5 0.5 0.25 0.5\n"  # of a YOLO text: a box in the middle
XML = """<annotation><filename>{}.png</filename><object><name>head</name>
<bndbox><xmin>40</xmin><ymin>30</ymin><xmax>90</xmax><ymax>80</ymax></bndbox></object></annotation>"""


@pytest.fixture
def pictures(tmp_path, noise_picture):
    (tmp_path / "images").mkdir()
    for name in ("a", "b", "the c"):
        cv2.imwrite(str(tmp_path / "images" / f"{name}.png"), noise_picture(160, 120))
    return tmp_path


def heads(found):
    return {picture.path.name: len(picture.boxes) for picture in found}


def test_a_text_without_a_picture_is_told(pictures):
    (pictures / "labels").mkdir()
    for name in ("a.txt", "b.TXT", "gone.txt", "classes.txt"):
        (pictures / "labels" / name).write_text(LINE)
    found, problems = read_detection_annotations(pictures)
    assert heads(found) == {"a.png": 1, "b.png": 1, "the c.png": 0}
    assert problems.by_kind == {"text without a picture": ["gone.txt"]}


def test_pictures_that_share_a_text_are_left_out(pictures, noise_picture):
    (pictures / "labels").mkdir()
    (pictures / "labels" / "a.txt").write_text(LINE)
    cv2.imwrite(str(pictures / "images" / "a.jpg"), noise_picture(160, 120))
    found, problems = read_detection_annotations(pictures)
    assert heads(found) == {"b.png": 0, "the c.png": 0}
    assert problems.by_kind["picture that shares its text with another"] == ["a.jpg", "a.png"]


def test_a_list_that_names_more_than_there_is_is_told(pictures):
    for folder in ("Annotations", "Splits"):
        (pictures / folder).mkdir()
    (pictures / "images").rename(pictures / "JPEGImages")
    for name in ("a", "b", "the c"):
        (pictures / "Annotations" / f"{name}.xml").write_text(XML.format(name))
    (pictures / "Splits" / "val.txt").write_text("a.png\nthe c\nnowhere -1\n\n")
    found, problems = read_detection_annotations(f"{pictures}#val")
    assert heads(found) == {"a.png": 1, "the c.png": 1}
    assert problems.by_kind == {"in val.txt, but without XML": ["nowhere"]}


def coco(pictures, names, category="head"):
    images = [{"id": i, "file_name": name} for i, name in enumerate(names)]
    notes = [{"id": 1, "image_id": 0, "category_id": 1, "bbox": [40, 30, 50, 50]}]
    content = {"images": images, "annotations": notes}
    content["categories"] = [{"id": 1, "name": category}, {"id": 2, "name": "car"}]
    (pictures / "images.json").write_text(json.dumps(content))
    return pictures / "images.json"


def test_two_images_of_one_file_are_refused(pictures):
    table = coco(pictures, ["a.png", "./a.png"])
    with pytest.raises(HeadposeError, match=r"two images have the file 'a\.png'; leave one out"):
        read_detection_annotations(table)
    lines = [json.dumps({"ID": name, "gtboxes": []}) for name in ("a", "./a")]
    (pictures / "images.odgt").write_text("\n".join(lines))
    with pytest.raises(HeadposeError, match=r"line 2 and another are both of a\.jpg"):
        read_detection_annotations(pictures / "images.odgt")


@pytest.mark.parametrize(("category", "told"), [("person", True), ("Head", False)])
def test_a_class_that_is_taken_for_heads_is_told(pictures, caplog, category, told):
    found, _ = read_detection_annotations(coco(pictures, ["a.png", "b.png"], category))
    assert heads(found) == {"a.png": 1, "b.png": 0}
    assert (f"its only class, {category}, is taken for heads" in caplog.text) == told


@pytest.mark.parametrize(
    ("person", "expected"),
    [
        ({"fbox": [40, 30, 50, 80], "hbox": None}, ({"a.jpg": 0}, 1)),
        ({"fbox": [40, 30, 50, 80]}, ({"a.jpg": 0}, 1)),
        ({"hbox": None}, None),
    ],
)
def test_a_person_without_a_head_box_is_no_background(pictures, noise_picture, person, expected):
    cv2.imwrite(str(pictures / "images" / "a.jpg"), noise_picture(160, 120))
    line = json.dumps({"ID": "a", "gtboxes": [{"tag": "person", **person}]})
    (pictures / "images.odgt").write_text(line)
    if expected is None:
        with pytest.raises(HeadposeError, match="a row that cannot be read"):
            read_detection_annotations(pictures / "images.odgt")
        return
    found, _ = read_detection_annotations(pictures / "images.odgt")
    assert (heads(found), len(found[0].ignored)) == expected


def test_a_picture_may_be_called_as_lists_are(pictures):
    (pictures / "labels").mkdir()
    (pictures / "images" / "a.png").rename(pictures / "images" / "train.png")
    for name in ("train.txt", "val.txt", "README.roboflow.txt"):
        (pictures / "labels" / name).write_text(LINE)
    found, problems = read_detection_annotations(pictures)
    assert heads(found) == {"b.png": 0, "the c.png": 0, "train.png": 1}
    assert problems.by_kind == {}


def test_texts_of_no_picture_are_no_set(pictures):
    (pictures / "labels").mkdir()
    (pictures / "labels" / "a.png.txt").write_text(LINE)
    with pytest.raises(HeadposeError, match=r"no text is of a picture \(a\.png\.txt, for one\)"):
        read_detection_annotations(pictures)


def test_one_picture_by_two_names_is_refused(pictures):
    whole = str(pictures / "images" / "a.png")
    with pytest.raises(HeadposeError, match=r"a\.png and .*a\.png are one picture"):
        read_detection_annotations(coco(pictures, ["a.png", whole]))


def test_xml_is_found_whatever_its_case(pictures):
    (pictures / "Annotations" / "below").mkdir(parents=True)
    (pictures / "Splits").mkdir()
    (pictures / "images").rename(pictures / "JPEGImages")
    (pictures / "Annotations" / "a.XML").write_text(XML.format("a"))
    (pictures / "Annotations" / "b.xml").write_text(XML.format("b"))
    (pictures / "Annotations" / "._b.xml").write_text("of another system")
    (pictures / "Annotations" / "below" / "c.xml").write_text(XML.format("the c"))
    found, problems = read_detection_annotations(pictures)
    assert heads(found) == {"a.png": 1, "b.png": 1}
    told = {"XML in a folder below, which is not looked into": ["c.xml"]}
    assert problems.by_kind == told
    (pictures / "Splits" / "val.txt").write_text("a.PNG\nb.xml\n", encoding="utf-8-sig")
    found, problems = read_detection_annotations(f"{pictures}#val")
    assert heads(found) == {"a.png": 1, "b.png": 1}
    assert problems.by_kind == told
