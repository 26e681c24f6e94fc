import pytest

from headpose.datasets.label_tables import SourceName
from headpose.datasets.measured_sources import check_no_picture, each_once
from headpose.errors import HeadposeError


def test_what_is_measured_on_counts_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link.csv").symlink_to("a.csv")
    each_once(["a.csv", "a.csv#train", "a.csv#val", "b.csv"])
    for again in ("./a.csv", str(tmp_path / "a.csv"), "link.csv"):
        with pytest.raises(HeadposeError, match="given twice, its heads would count twice"):
            each_once(["a.csv", again])


@pytest.mark.parametrize("names", [["a.csv", "./a.csv#train"], ["a.csv#train", "b.csv", "a.csv"]])
def test_a_table_and_a_part_of_it_are_not_told_together(names, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(HeadposeError, match="given whole and in part"):
        each_once(names, together=True)
    assert len(each_once(["a.csv#train", "b.csv", "a.csv#val"], together=True)) == 3


def test_no_output_replaces_a_picture_that_a_table_names(tmp_path):
    (tmp_path / "t.csv").write_text("file,part\nphoto.png,train\n")
    (tmp_path / "odd.csv").write_text("a,b\n1,2\n")
    for name in ("photo.png", "other.png"):
        (tmp_path / name).write_bytes(b"dear")
    sources = [SourceName(tmp_path / name) for name in ("odd.csv", "none.csv", "t.csv")]
    check_no_picture([None, tmp_path / "other.png", tmp_path / "new.png"], sources)
    with pytest.raises(HeadposeError, match=r"photo\.png is an input and would be lost"):
        check_no_picture([None, tmp_path / "photo.png"], sources)
