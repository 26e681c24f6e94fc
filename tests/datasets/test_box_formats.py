import json

import cv2
import numpy as np
import pytest

from headpose.datasets.detection_annotations import read_detection_annotations
from headpose.errors import HeadposeError


def save(folder, noise_picture, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        cv2.imwrite(str(folder / name), noise_picture(100, 80))


def boxes_of(pictures):
    return {p.path.name: p.boxes.tolist() for p in pictures}


@pytest.fixture
def yolo(tmp_path, noise_picture):
    """As Ultralytics and Roboflow lay it out."""
    save(tmp_path / "images", noise_picture, "a.png", "b.png", "empty.png", "none.png")
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_text("1 0.5 0.5 0.2 0.5\n0 0.1 0.1 0.2 0.2\n")
    (tmp_path / "labels" / "b.txt").write_text("\ufeff1 0.25 0.5 0.5 1.0\n\n", "utf-8")
    (tmp_path / "labels" / "empty.txt").write_text("")
    (tmp_path / "data.yaml").write_text("nc: 2\nnames: ['person', 'head']\n")
    return tmp_path


def test_yolo_texts_give_boxes_in_pixels_and_pictures_without_heads(yolo):
    pictures, problems = read_detection_annotations(yolo)
    found = boxes_of(pictures)
    np.testing.assert_allclose(found["a.png"], [(40, 20, 60, 60)], atol=1e-4)
    np.testing.assert_allclose(found["b.png"], [(0, 0, 50, 80)], atol=1e-4)
    assert found["empty.png"] == found["none.png"] == []
    assert problems.by_kind == {}


def test_only_the_first_pictures_are_read_where_few_are_wanted(yolo):
    (yolo / "images" / "b.png").write_bytes(b"damaged")
    (yolo / "images" / "none.png").write_bytes(b"damaged, but looked at by nobody")
    pictures, problems = read_detection_annotations(yolo, 2)
    assert [picture.path.name for picture in pictures] == ["a.png", "empty.png"]
    assert problems.by_kind == {"unreadable picture": ["b.png"]}
    assert len(read_detection_annotations(yolo, 9)[0]) == 2


def test_a_line_that_cannot_be_read_is_perhaps_a_head(yolo):
    (yolo / "labels" / "a.txt").write_text("1 0,5 0,5 0,2 0,5\n")
    (yolo / "labels" / "none.txt").write_text("0 0.1 0.1 0.2 0.2\n1 0.5\n")
    pictures, problems = read_detection_annotations(yolo)
    assert set(boxes_of(pictures)) == {"b.png", "empty.png"}
    assert problems.by_kind["bad row"] == ["a.txt line 1", "none.txt line 2"]


@pytest.mark.parametrize(
    "names",
    [
        "names:\n- person\n- head\n",
        "names:\n  0: person\n  1: head # the one\nnc: 2\n",
        "train: x\nnames: [person, 'head']",
    ],
)
def test_names_of_classes_in_yaml_are_read(yolo, names):
    (yolo / "data.yaml").write_text(names)
    assert len(boxes_of(read_detection_annotations(yolo)[0])["a.png"]) == 1


def test_classes_are_chosen_by_name(yolo):
    assert len(boxes_of(read_detection_annotations(f"{yolo}#person+head")[0])["a.png"]) == 2
    (yolo / "data.yaml").unlink()
    assert len(boxes_of(read_detection_annotations(f"{yolo}#0")[0])["a.png"]) == 1
    with pytest.raises(HeadposeError, match="which class is the head"):
        read_detection_annotations(yolo)
    with pytest.raises(HeadposeError, match="no part or class 'hat'"):
        read_detection_annotations(f"{yolo}#hat")


@pytest.mark.parametrize("layout", ["split", "beside"])
def test_other_layouts_of_yolo(tmp_path, noise_picture, layout):
    images = tmp_path / "images" / "train" if layout == "split" else tmp_path
    labels = tmp_path / "labels" / "train" if layout == "split" else tmp_path
    save(images, noise_picture, "a.png")
    labels.mkdir(parents=True, exist_ok=True)
    (labels / "a.txt").write_text("0 0.5 0.5 0.2 0.5\n")
    (picture,) = read_detection_annotations(images)[0]
    assert picture.boxes.shape == (1, 4)


def coco(tmp_path, noise_picture, **changes):
    save(tmp_path / "val2017", noise_picture, "a.png", "b.png")
    content = {
        "images": [{"id": 7, "file_name": "a.png"}, {"id": 9, "file_name": "b.png"}],
        "annotations": [
            {"image_id": 7, "category_id": 2, "bbox": [10, 20, 30, 40]},
            {"image_id": 7, "category_id": 2, "bbox": [50, 20, 30, 40], "iscrowd": 1},
            {"image_id": 7, "category_id": 1, "bbox": [1, 2, 3, 4]},
            {"image_id": 8, "category_id": 2, "bbox": [1, 2, 3, 4]},
        ],
        "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "Head"}],
    }
    (tmp_path / "annotations").mkdir()
    path = tmp_path / "annotations" / "instances_val2017.json"
    path.write_text(json.dumps(content | changes))
    return path


def test_coco_files_are_read(tmp_path, noise_picture):
    (first, second), problems = read_detection_annotations(coco(tmp_path, noise_picture))
    np.testing.assert_array_equal(first.boxes, [(10, 20, 40, 60)])
    np.testing.assert_array_equal(first.ignored, [(50, 20, 80, 60)])
    assert len(second.boxes) == 0
    assert problems.by_kind == {"bad annotation": ["instances_val2017.json number 3"]}


def test_a_bad_annotation_of_a_known_picture_leaves_that_out(tmp_path, noise_picture):
    notes = [
        {"image_id": "7", "category_id": "2", "bbox": [10, 20, 30, 40]},  # ids as texts
        {"image_id": 9, "category_id": 2, "bbox": [10, None, 30, 40]},
        {"image_id": float("inf"), "category_id": 2, "bbox": [10, 20, 30, 40]},
        {"image_id": 7.7, "category_id": [2], "bbox": [10, 20, 30, 40]},
        {"image_id": True, "category_id": {}, "bbox": [10, 20, 30, 40]},
        3,
    ]
    (first,), problems = read_detection_annotations(
        coco(tmp_path, noise_picture, annotations=notes)
    )
    assert first.path.name == "a.png"
    assert len(first.boxes) == 1
    bad = [f"instances_val2017.json number {number}" for number in range(1, 6)]
    assert problems.by_kind["bad annotation"] == bad


@pytest.mark.parametrize("told", [8, None, "a.png"])
def test_annotations_of_no_image_are_refused(tmp_path, noise_picture, told):
    """Their heads would pass for background."""
    notes = [{"image_id": told, "category_id": 2, "bbox": [10, 20, 30, 40]}]
    with pytest.raises(HeadposeError, match="no annotation is of one of its images"):
        read_detection_annotations(coco(tmp_path, noise_picture, annotations=notes))


@pytest.mark.parametrize(("size", "left"), [((100, 80), 1), ((0, 0), 1), ((200, 160), 0)])
def test_sizes_that_coco_tells_are_those_of_the_pictures(tmp_path, noise_picture, size, left):
    images = [{"id": 7, "file_name": "a.png", "width": size[0], "height": size[1]}]
    images.append({"id": 9, "file_name": "b.png"})
    pictures, problems = read_detection_annotations(coco(tmp_path, noise_picture, images=images))
    assert sum(picture.path.name == "a.png" for picture in pictures) == left
    assert ("picture of another size than the table says" in problems.by_kind) == (not left)


@pytest.mark.parametrize(
    ("images", "told"),
    [
        ([(7, "a.png"), (7, "b.png")], "two images have the id '7'"),
        ([(7, "a.png"), (8, "a.png")], "two images have the file 'a.png'"),
    ],
)
def test_images_that_are_there_twice_are_refused(tmp_path, noise_picture, images, told):
    named = [{"id": number, "file_name": name} for number, name in images]
    with pytest.raises(HeadposeError, match=told):
        read_detection_annotations(coco(tmp_path, noise_picture, images=named))


@pytest.mark.parametrize(
    "text",
    ["[]", "{", '{"images": [], "annotations": {}}', '{"images": [{}], "annotations": []}', "3"],
)
def test_other_json_is_told(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(HeadposeError, match="not a COCO file"):
        read_detection_annotations(tmp_path / "x.json")


def test_crowdhuman_s_lines_are_read(tmp_path, noise_picture):
    save(tmp_path / "Images", noise_picture, "1,a.jpg", "2,b.jpg")
    person = {"tag": "person", "fbox": [0, 0, 50, 80], "extra": {}}
    people = [
        person | {"hbox": [10, 20, 20, 30], "head_attr": {"ignore": 0, "unsure": 0}},
        person | {"hbox": [40, 20, 20, 30], "head_attr": {"ignore": 1}},
        person | {"hbox": [60, 20, 20, 30], "extra": {"ignore": 1}},
        person | {"hbox": [70, 50, 20, 30], "head_attr": {"unsure": 1}},
        {"tag": "mask", "fbox": [0, 60, 90, 20], "extra": {"ignore": 1}},
    ]
    noted = {"ID": "1,a", "gtboxes": people}, {"ID": "2,b", "gtboxes": []}
    lines = [*map(json.dumps, noted), "{", "[]"]
    path = tmp_path / "annotation_val.odgt"
    path.write_text("\n".join(lines))
    (first, second), problems = read_detection_annotations(path)
    np.testing.assert_array_equal(first.boxes, [(10, 20, 30, 50)])
    assert len(first.ignored) == 4
    assert len(second.boxes) == 0
    assert problems.by_kind["bad line"] == [f"{path.name} line 3", f"{path.name} line 4"]
    path.write_text("\n".join([lines[0], *lines[:2]]))
    with pytest.raises(HeadposeError, match=r"line 2 and another are both of 1,a\.jpg"):
        read_detection_annotations(path)


VOC = """<annotation><filename>{}</filename><object><name>{}</name><difficult>{}</difficult>
<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30</xmax><ymax>40</ymax></bndbox></object></annotation>"""


def test_hollywoodheads_splits_and_difficult_heads(tmp_path, noise_picture):
    save(tmp_path / "JPEGImages", noise_picture, "mov_1.jpeg", "mov_2.jpeg")
    (tmp_path / "Annotations").mkdir()
    (tmp_path / "Splits").mkdir()
    for i in (1, 2):
        text = VOC.format(f"mov_{i}", "head", i - 1)
        (tmp_path / "Annotations" / f"mov_{i}.xml").write_text(text)
    (tmp_path / "Splits" / "val.txt").write_text("mov_2\n")
    (picture,) = read_detection_annotations(f"{tmp_path}#val")[0]
    assert picture.path.name == "mov_2.jpeg"
    assert (len(picture.boxes), len(picture.ignored)) == (0, 1)
    assert len(read_detection_annotations(f"{tmp_path}#head")[0]) == 2
    with pytest.raises(HeadposeError, match="no part or class 'train'"):
        read_detection_annotations(f"{tmp_path}#train")


def test_a_folder_without_boxes_is_told(tmp_path, noise_picture):
    save(tmp_path, noise_picture, "a.png")
    with pytest.raises(HeadposeError, match="no VOC XML and no YOLO text"):
        read_detection_annotations(tmp_path)


@pytest.mark.parametrize("layout", ["images/{}/{}", "{}/images/{}"])
def test_a_part_of_yolo_is_a_folder_of_its_pictures(layout, tmp_path, noise_picture):
    for part, count in (("train", 2), ("val", 1)):
        for i in range(count):
            picture = tmp_path / layout.format(part, f"{part}{i}.png")
            picture.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(picture), noise_picture(100, 100))
            text = tmp_path / layout.format(part, f"{part}{i}.txt").replace("images", "labels")
            text.parent.mkdir(parents=True, exist_ok=True)
            text.write_text("0 .5 .5 .2 .2\n")
    (tmp_path / "classes.txt").write_text("head\n")
    found, problems = read_detection_annotations(f"{tmp_path}#val")
    assert [item.path.name for item in found] == ["val0.png"]
    np.testing.assert_allclose(found[0].boxes, [(40, 40, 60, 60)], atol=1e-4)
    assert not problems.notes
    with (tmp_path / "classes.txt").open("a") as file:
        file.write("val\n")  # as COCO has a class "train"
    with pytest.raises(HeadposeError, match="'val' is one of its classes and of its parts"):
        read_detection_annotations(f"{tmp_path}#val")
    if layout.startswith("images"):
        for source, count in ((tmp_path, 3), (f"{tmp_path}#head", 3)):
            found, problems = read_detection_annotations(str(source))
            assert len(found) == count
        _, problems = read_detection_annotations(tmp_path)
        assert problems.notes == [
            f"all its parts are taken (train, val); {tmp_path.name}#train takes one"
        ]
