"""What files say of heads, in whatever way, never passes for background in silence."""

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from test_box_formats import VOC

from headpose.datasets.detection_annotations import read_detection_annotations
from headpose.datasets.negatives import backgrounds
from headpose.errors import HeadposeError

BOX = "10,20,30,50"


@pytest.fixture
def folder(tmp_path, noise_picture):
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), noise_picture(100, 80))
    return tmp_path


def heads(source):
    return {p.path.name: len(p.boxes) for p in read_detection_annotations(source)[0]}


def table(folder, *rows, columns="file,xmin,ymin,xmax,ymax"):
    (folder / "t.csv").write_text("\n".join((columns, *rows)) + "\n")
    return folder / "t.csv"


def coco(folder, notes, categories=("head",), names=("a.png", "b.png")):
    content = {
        "images": [{"id": i, "file_name": name} for i, name in enumerate(names)],
        "categories": [{"id": i, "name": name} for i, name in enumerate(categories)],
        "annotations": [{"category_id": 0, "bbox": [10, 20, 20, 30]} | note for note in notes],
    }
    (folder / "c.json").write_text(json.dumps(content))
    return folder / "c.json"


@pytest.mark.parametrize("row", [f"a.png,{BOX},5", "a.png,10,20", "a.png,1,5,2,30,50"])
def test_a_picture_with_a_row_that_does_not_fit_is_left_out(folder, row):
    found, problems = read_detection_annotations(table(folder, f"a.png,{BOX}", f"b.png,{BOX}", row))
    assert [p.path.name for p in found] == ["b.png"]
    assert problems.by_kind["bad row"] == ["t.csv line 4"]


def test_corners_that_are_exchanged_leave_the_picture_out(folder):
    found, problems = read_detection_annotations(
        table(folder, f"a.png,{BOX}", "a.png,60,50,50,20", f"b.png,{BOX}")
    )
    assert [p.path.name for p in found] == ["b.png"]
    assert problems.by_kind == {"picture with a box whose corners are exchanged": ["a.png"]}


def test_heads_of_other_parts_are_ignored(folder):
    """Persons are in one part, but may stand beside others."""
    rows = [f"a.png,{BOX},train", "a.png,50,20,70,50,test", f"b.png,{BOX},test"]
    source = table(folder, *rows, columns="file,xmin,ymin,xmax,ymax,part")
    (picture,), problems = read_detection_annotations(f"{source}#train")
    np.testing.assert_array_equal(picture.boxes, [(10, 20, 30, 50)])
    np.testing.assert_array_equal(picture.ignored, [(50, 20, 70, 50)])
    assert problems.by_kind == {}
    assert heads(f"{source}#test") == {"a.png": 1, "b.png": 1}


@pytest.mark.parametrize("name", ["./a.png", ".\\a.png", "A.PNG"])
def test_a_picture_may_be_spelled_otherwise_in_another_part(folder, name):
    """As in tables of two programs that were joined."""
    rows = [f"a.png,{BOX},train", f"{name},50,20,70,50,test", f"{name},5,6"]
    source = table(folder, *rows[:2], columns="file,xmin,ymin,xmax,ymax,part")
    (picture,), _ = read_detection_annotations(f"{source}#train")
    np.testing.assert_array_equal(picture.ignored, [(50, 20, 70, 50)])
    source = table(folder, *rows, f"b.png,{BOX},train", columns="file,xmin,ymin,xmax,ymax,part")
    assert heads(f"{source}#train") == {"b.png": 1}


def test_two_files_whose_names_differ_in_case_are_two_pictures(folder, noise_picture):
    cv2.imwrite(str(folder / "A.png"), noise_picture(100, 80, 1))
    if (folder / "a.png").samefile(folder / "A.png"):
        pytest.skip("this file system does not tell them apart")
    rows = [f"a.png,{BOX},train", "A.png,50,20,70,50,test"]
    source = table(folder, *rows, columns="file,xmin,ymin,xmax,ymax,part")
    (picture,), _ = read_detection_annotations(f"{source}#train")
    assert len(picture.ignored) == 0


def test_all_of_a_picture_without_heads_is_background(folder):
    found, _ = read_detection_annotations(table(folder, "a.png,,,,"))
    assert [part.shape for part in backgrounds(found)] == [(80, 100, 3)]


def test_backgrounds_keep_off_what_is_ignored(tmp_path, noise_picture):
    cv2.imwrite(str(tmp_path / "a.png"), noise_picture(400, 260))
    source = table(
        tmp_path,
        "a.png,20,50,60,100,0",
        "a.png,340,50,380,100,1",
        columns="file,xmin,ymin,xmax,ymax,ignore",
    )
    (part,) = backgrounds(read_detection_annotations(source)[0])
    # A third of the boxes' longer sides is free around both.
    assert part.shape[:2] == (142, 400)


@pytest.mark.parametrize(("flag", "count"), [("0", 1), ("false", 1), (None, 1), ("1", 0), (1, 0)])
def test_flags_of_coco_may_be_texts(folder, flag, count):
    for name in ("iscrowd", "ignore"):
        assert heads(coco(folder, [{"image_id": 0, name: flag}]))["a.png"] == count


def test_flags_that_say_nothing_are_told(folder):
    notes = [{"image_id": 0, "iscrowd": "perhaps"}, {"image_id": 1}]
    found, problems = read_detection_annotations(coco(folder, notes))
    assert [p.path.name for p in found] == ["b.png"]
    assert problems.by_kind["bad annotation"] == ["c.json number 0"]


def test_a_class_of_heads_that_is_declared_is_meant(folder, caplog):
    source = coco(folder, [{"image_id": 0}], categories=("person", "head"))
    assert heads(source) == {"a.png": 0, "b.png": 0}
    assert "no box is of head; all are of person" in caplog.text
    assert heads(f"{source}#person") == {"a.png": 1, "b.png": 0}


@pytest.mark.parametrize("kind", [{"category_id": 99}, {"category_id": None}, {}])
def test_annotations_of_no_declared_class_leave_the_picture_out(folder, kind):
    source = coco(folder, [{"image_id": 0}, {"image_id": 1}])
    content = json.loads(source.read_text())
    note = content["annotations"][0]
    del note["category_id"]
    note |= kind
    source.write_text(json.dumps(content))
    found, problems = read_detection_annotations(source)
    assert [p.path.name for p in found] == ["b.png"]
    assert problems.by_kind["bad annotation"] == ["c.json number 0"]
    # Where no class is declared, there may be none.
    source.write_text(json.dumps(content | {"categories": [], "annotations": [note]}))
    if not kind:
        assert heads(source) == {"a.png": 1, "b.png": 0}


@pytest.mark.parametrize("how", ["dangling", "folder", "pipe"])
def test_yolo_texts_that_cannot_be_opened_leave_the_picture_out(folder, how):
    (folder / "labels").mkdir()
    (folder / "images").mkdir()
    for name in ("a.png", "b.png"):
        (folder / name).rename(folder / "images" / name)
    (folder / "labels" / "b.txt").write_text("0 .5 .5 .2 .2\n")
    make = {"dangling": lambda p: p.symlink_to("gone"), "folder": Path.mkdir, "pipe": os.mkfifo}
    make[how](folder / "labels" / "a.txt")
    found, problems = read_detection_annotations(folder)
    assert [p.path.name for p in found] == ["b.png"]
    assert problems.by_kind["text that cannot be opened"] == ["a.png"]


@pytest.mark.parametrize("how", ["dangling", "folder", "pipe", "x-unknown-777", "rot13"])
def test_xml_that_cannot_be_opened_or_decoded_is_told(folder, how):
    (folder / "b.xml").write_text(VOC.format("b.png", "head", 0))
    make = {"dangling": lambda p: p.symlink_to("gone"), "folder": Path.mkdir, "pipe": os.mkfifo}
    text = f'<?xml version="1.0" encoding="{how}"?>' + VOC.format("a.png", "head", 0)
    make.get(how, lambda p: p.write_text(text))(folder / "a.xml")
    found, problems = read_detection_annotations(folder)
    assert [p.path.name for p in found] == ["b.png"]
    assert problems.by_kind == {"bad XML": ["a.xml"]}


def test_xml_in_an_encoding_of_several_bytes_is_read(folder):
    text = '<?xml version="1.0" encoding="gb2312"?>' + VOC.format("头.png", "head", 0)
    (folder / "a.xml").write_bytes(text.encode("gb2312"))
    (folder / "a.png").rename(folder / "头.png")
    assert heads(folder) == {"头.png": 1}


@pytest.mark.parametrize("name", ["n\0.png", "s\ud800.png"])
def test_names_that_no_file_can_have_are_unreadable(folder, name):
    source = coco(folder, [{"image_id": 0}, {"image_id": 1}], names=("a.png", name))
    found, problems = read_detection_annotations(source)
    assert [p.path.name for p in found] == ["a.png"]
    assert problems.by_kind == {"unreadable picture": [name]}


@pytest.mark.parametrize("own", [True, False])
def test_pictures_of_a_json_are_looked_for_beside_it_first(folder, noise_picture, own):
    """A folder of its name may hold drawings of them."""
    (folder / "c").mkdir()
    cv2.imwrite(str(folder / "c" / "a.png"), noise_picture(100, 80))
    if not own:
        (folder / "a.png").unlink()
        (folder / "b.png").rename(folder / "c" / "b.png")
    found, _ = read_detection_annotations(coco(folder, [{"image_id": 0}]))
    assert {p.path.parent for p in found} == {folder if own else folder / "c"}


def test_pictures_of_an_odgt_are_looked_for_beside_it_first(folder, noise_picture):
    (folder / "Images").mkdir()
    for place in (folder, folder / "Images"):
        cv2.imwrite(str(place / "a.jpg"), noise_picture(100, 80))
    person = {"tag": "Person", "fbox": [0, 0, 50, 80], "hbox": [10, 20, 20, 30]}
    lines = [{"ID": "a", "gtboxes": [person | {"head_attr": {"ignore": "0"}}]}, {"ID": "b"}]
    (folder / "t.odgt").write_text("\n".join(map(json.dumps, lines)))
    (picture,), problems = read_detection_annotations(folder / "t.odgt")
    assert (picture.path, len(picture.boxes)) == (folder / "a.jpg", 1)
    assert problems.by_kind == {"bad line": ["t.odgt line 2"]}  # it says nothing of people


def test_xml_with_a_namespace_is_read_and_other_xml_told(folder):
    text = VOC.format("C:\\data\\a.png", "head", "false")
    (folder / "a.xml").write_text(text.replace("<annotation>", '<annotation xmlns="http://x/voc">'))
    (folder / "b.xml").write_text("<project><object/></project>")
    found, problems = read_detection_annotations(folder)
    assert [(p.path.name, len(p.boxes)) for p in found] == [("a.png", 1)]
    assert problems.by_kind == {"bad XML": ["b.xml"]}


def test_names_with_backslashes_are_found(folder):
    assert heads(coco(folder, [{"image_id": 0}], names=(".\\a.png", "b.png"))) == {
        "a.png": 1,
        "b.png": 0,
    }


@pytest.fixture
def yolo(folder):
    (folder / "images").mkdir()
    (folder / "labels").mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.png").rename(folder / "images" / f"{name}.png")
        (folder / "labels" / f"{name}.txt").write_text("0 0.5 0.5 0.25 0.5\n")
    return folder


def test_yolo_folders_that_are_links_are_followed(yolo, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("set")
    for kind in ("images", "labels"):
        (elsewhere / kind).mkdir()
        (elsewhere / kind / "one").symlink_to(yolo / kind)
        (elsewhere / kind / "circle").symlink_to(elsewhere)
    assert heads(elsewhere) == {"a.png": 1, "b.png": 1}


def test_hidden_yolo_folders_are_left_out(yolo):
    """Jupyter leaves copies in such."""
    hidden = yolo / "images" / ".ipynb_checkpoints"
    hidden.mkdir()
    (hidden / "a-checkpoint.png").write_bytes((yolo / "images" / "a.png").read_bytes())
    assert heads(yolo) == {"a.png": 1, "b.png": 1}


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("classes.txt", "\ufeffhead\nhelmet\n"),
        ("data.yaml", "\ufeffnames: [head, helmet]\n"),
        ("data.yaml", "names: [\n  head,\n  helmet\n]\n"),
        ("data.yaml", "names: {0: head, 1: helmet}\n"),
        ("data.yaml", 'path: "C:\\data\\x"\nnames:\n- head\n- helmet\nnc: 2\n'),
    ],
)
def test_names_of_yolo_classes_are_read_as_they_are_written(yolo, file, text):
    (yolo / file).write_text(text, "utf-8")
    (yolo / "labels" / "b.txt").write_text("1 0.5 0.5 0.25 0.5\n")
    assert heads(yolo) == {"a.png": 1, "b.png": 0}


def test_one_name_of_a_class_is_no_list_of_letters(yolo):
    (yolo / "data.yaml").write_text("names: head\n")
    assert heads(yolo) == {"a.png": 1, "b.png": 1}


def test_a_name_that_no_file_can_have_costs_no_other_picture(folder):
    found, problems = read_detection_annotations(
        table(folder, f"a.png,{BOX}", f"{'a' * 300}.jpg,{BOX}", f"x\\{'a' * 300}.jpg,{BOX}")
    )
    assert [p.path.name for p in found] == ["a.png"]
    assert sum(map(len, problems.by_kind.values())) == 2


@pytest.mark.parametrize("text", ["names: [head", "names: 3", "names: {a: head}"])
def test_names_that_cannot_be_read_are_told(yolo, text):
    (yolo / "data.yaml").write_text(text)
    with pytest.raises(HeadposeError, match=r"data\.yaml: the names of its classes cannot be read"):
        read_detection_annotations(yolo)
