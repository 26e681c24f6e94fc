import cv2
import numpy as np
import pytest

from headpose.datasets.detection_annotations import read_detection_annotations
from headpose.errors import HeadposeError

VOC = """<annotation><filename>{name}</filename>{objects}</annotation>"""
OBJECT = """<object><name>head</name><bndbox><xmin>{}</xmin><ymin>{}</ymin>
<xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"""


@pytest.fixture
def folder(tmp_path, noise_picture):
    for name in ("a.png", "b.png", "c.png"):
        (tmp_path / "pictures").mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / "pictures" / name), noise_picture(100, 80))
    return tmp_path


def write(folder, *rows, header="file,width,height,xmin,ymin,xmax,ymax"):
    (folder / "pictures.csv").write_text("\n".join([header, *rows]) + "\n")
    return folder / "pictures.csv"


def test_a_csv_gives_the_boxes_of_each_picture(folder):
    table = write(folder, "a.png,100,80,1,2,30,40", "b.png,100,80,5,5,50,50", "a.png,,,2,2,9,9.5")
    pictures, problems = read_detection_annotations(table)
    assert [p.path.name for p in pictures] == ["a.png", "b.png"]
    np.testing.assert_array_equal(pictures[0].boxes, [(1, 2, 30, 40), (2, 2, 9, 9.5)])
    assert problems.by_kind == {}


@pytest.mark.parametrize(
    ("row", "kind", "name"),
    [
        ("z.png,100,80,1,2,30,40", "missing picture", "z.png"),
        ("b.png,100,80,200,2,300,40", "box without area inside the picture", "b.png"),
        ("b.png,100,80,20,40,20,60", "box without area inside the picture", "b.png"),
        ("b.png,100,80,30,40,20,60", "picture with a box whose corners are exchanged", "b.png"),
        ("text.png,100,80,1,2,30,40", "unreadable picture", "text.png"),
        ("cut.png,100,80,1,2,30,40", "unreadable picture", "cut.png"),
        ("b.png,100,80,1,2,30,40,9", "bad row", "pictures.csv line 3"),
    ],
)
def test_faults_are_told_by_name_and_the_rest_is_used(folder, row, kind, name):
    (folder / "pictures" / "text.png").write_text("no picture")
    whole = (folder / "pictures" / "a.png").read_bytes()
    (folder / "pictures" / "cut.png").write_bytes(whole[: len(whole) // 2])
    pictures, problems = read_detection_annotations(write(folder, "a.png,100,80,1,2,30,40", row))
    assert [p.path.name for p in pictures] == ["a.png"]
    assert len(pictures[0].boxes) == 1
    assert problems.by_kind == {kind: [name]}
    assert problems.lines() == [f"{kind}: 1 ({name})"]


@pytest.mark.parametrize("corners", ["x,2,3,4", "1,2,,4", "nan,1,2,3"])
def test_a_picture_with_a_row_that_cannot_be_read_is_left_out(folder, corners):
    """A head that is not known would pass for background."""
    table = write(folder, "a.png,,,1,2,30,40", "b.png,,,1,2,30,40", f"b.png,,,{corners}")
    pictures, problems = read_detection_annotations(table)
    assert [p.path.name for p in pictures] == ["a.png"]
    assert problems.by_kind == {
        "bad row": ["pictures.csv line 4"],
        "picture with a row that cannot be read": ["b.png"],
    }


@pytest.mark.parametrize("size", ["200,160", "100,81.5", "80,100"])
def test_a_picture_of_another_size_than_the_table_says_is_left_out(folder, size):
    table = write(folder, "a.png,100,80,1,2,30,40", f"b.png,{size},1,2,30,40")
    pictures, problems = read_detection_annotations(table)
    assert [p.path.name for p in pictures] == ["a.png"]
    assert problems.by_kind == {"picture of another size than the table says": ["b.png"]}


@pytest.mark.parametrize("size", ["29,38", "0,0", "-1,-1", "20,30"])
def test_other_sizes_are_not_taken_for_the_pictures(folder, size):
    """The box's own, none, and that of something smaller than the box."""
    pictures, problems = read_detection_annotations(write(folder, f"a.png,{size},1,2,30,40"))
    assert len(pictures[0].boxes) == 1
    assert problems.by_kind == {}


def test_a_box_that_is_there_twice_counts_once(folder):
    rows = ["a.png,,,1,2,30,40", "a.png,,,1,2,30,40", "a.png,,,5,2,30,40"]
    (picture,), problems = read_detection_annotations(write(folder, *rows))
    np.testing.assert_array_equal(picture.boxes, [(1, 2, 30, 40), (5, 2, 30, 40)])
    assert problems.by_kind == {"box that is there twice": ["a.png"]}


def test_a_picture_by_two_names_is_one(folder):
    here = folder / "pictures"
    rows = ["a.png,,,1,2,30,40", f"{here}/a.png,,,50,2,90,40", "./a.png,,,10,50,30,70"]
    (picture,), problems = read_detection_annotations(write(folder, *rows))
    assert len(picture.boxes) == 3
    assert problems.by_kind == {}


def test_rows_without_a_box_name_pictures_without_heads(folder):
    pictures, problems = read_detection_annotations(write(folder, "a.png,1,1,,,,", "b.png,,,,,,"))
    assert [p.boxes.shape for p in pictures] == [(0, 4), (0, 4)]
    assert problems.by_kind == {}


def test_ignored_boxes_and_tags_are_kept_apart(folder):
    table = write(
        folder,
        "a.png,1,2,30,40,0,front,helmet",
        "a.png,50,2,80,40,1,,",
        "a.png,5,50,30,70,,back,",
        header="file,xmin,ymin,xmax,ymax,ignore,view,headgear",
    )
    (picture,), _ = read_detection_annotations(table)
    np.testing.assert_array_equal(picture.boxes, [(1, 2, 30, 40), (5, 50, 30, 70)])
    np.testing.assert_array_equal(picture.ignored, [(50, 2, 80, 40)])
    assert picture.tags == {"view": ("front", "back"), "headgear": ("helmet", "")}


def test_boxes_are_cut_to_the_picture(folder):
    pictures, _ = read_detection_annotations(write(folder, "a.png,,,-5,-5,130,40"))
    np.testing.assert_array_equal(pictures[0].boxes, [(0, 0, 100, 40)])


def test_a_head_s_box_counts_before_a_face_s(folder):
    header = "file,xmin,ymin,xmax,ymax,head_xmin,head_ymin,head_xmax,head_ymax"
    table = write(folder, "a.png,5,5,9,9,1,2,30,40", header=header)
    np.testing.assert_array_equal(read_detection_annotations(table)[0][0].boxes, [(1, 2, 30, 40)])


def test_a_part_is_chosen_by_its_column(folder):
    table = write(
        folder, "a.png,x,1,2,30,40", "b.png,y,1,2,30,40", header="file,part,xmin,ymin,xmax,ymax"
    )
    pictures, _ = read_detection_annotations(f"{table}#y")
    assert [p.path.name for p in pictures] == ["b.png"]


@pytest.mark.parametrize("nested", [True, False])
def test_voc_folders_are_read(folder, nested, noise_picture):
    """HollywoodHeads names pictures without a suffix, in JPEGImages beside Annotations."""
    labels = folder / "Annotations" if nested else folder
    images = folder / "JPEGImages" if nested else folder
    for f in {labels, images}:
        f.mkdir(exist_ok=True)
    cv2.imwrite(str(images / "mov_1.jpeg"), noise_picture(100, 80))
    cv2.imwrite(str(images / "mov_2.jpg"), noise_picture(100, 80))
    boxes = OBJECT.format(1, 2, 30, 40) + OBJECT.format(50, 10, 70, 30)
    name = "mov_1" if nested else "mov_1.jpeg"
    (labels / "mov_1.xml").write_text(VOC.format(name=name, objects=boxes))
    (labels / "mov_2.xml").write_text(VOC.format(name="mov_2.jpg", objects=""))
    (labels / "mov_3.xml").write_text("<annotation>")
    pictures, problems = read_detection_annotations(folder)
    assert [p.path.name for p in pictures] == ["mov_1.jpeg", "mov_2.jpg"]
    assert len(pictures[1].boxes) == 0
    np.testing.assert_array_equal(pictures[0].boxes, [(1, 2, 30, 40), (50, 10, 70, 30)])
    assert set(problems.by_kind) == {"bad XML"}


def test_what_voc_tells_and_cannot_be_of_its_pictures(folder):
    """Outlines without a box, sizes of other pictures, and files of one picture."""
    outline = "<object><name>head</name><polygon><x1>3</x1></polygon></object>"
    size = "<size><width>{}</width><height>{}</height></size>"
    box = OBJECT.format(1, 2, 30, 40)
    pictures = folder / "pictures"
    (pictures / "a.xml").write_text(VOC.format(name="a.png", objects=box + outline))
    wrong, none = size.format(200, 160) + box, size.format(0, 0) + box
    (pictures / "b.xml").write_text(VOC.format(name="b.png", objects=wrong))
    (pictures / "c.xml").write_text(VOC.format(name="c.png", objects=none))
    found, problems = read_detection_annotations(pictures)
    assert [p.path.name for p in found] == ["c.png"]
    assert problems.by_kind == {
        "bad box": ["a.xml"],
        "picture with a row that cannot be read": ["a.png"],
        "picture of another size than the table says": ["b.png"],
    }
    (pictures / "d.xml").write_text(VOC.format(name="c.png", objects=box))
    with pytest.raises(HeadposeError, match=r"d\.xml and another file are both of c\.png"):
        read_detection_annotations(pictures)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("file,left,top\na.png,1,2\n", "no column xmin"),
        ("file,xmin,ymin,xmax,ymax\n", "no usable picture"),
        ("file,xmin,ymin,xmax,ymax\nz.png,1,2,3,4\n", r"missing picture: 1 \(z.png\)"),
    ],
)
def test_tables_without_use_are_told(folder, content, told):
    (folder / "pictures.csv").write_text(content)
    with pytest.raises(HeadposeError, match=told):
        read_detection_annotations(folder / "pictures.csv")


def test_a_missing_source_is_told(tmp_path):
    with pytest.raises(HeadposeError, match="no such file or folder"):
        read_detection_annotations(tmp_path / "none.csv")
