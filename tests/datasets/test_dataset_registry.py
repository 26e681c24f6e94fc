"""Published data sets by their names."""

import pytest
from field_sets import write_biwi_frame, write_pair, write_picture

from headpose.datasets.registry import read_dataset
from headpose.errors import HeadposeError

ANGLES = (-12.5, 34.0, 7.25)


class TestRegistry:
    def test_half_a_data_set_is_told(self, tmp_path):
        write_pair(tmp_path, "image00002", ANGLES)
        _, problems = read_dataset("aflw2000", tmp_path)
        assert problems.notes == ["fewer pictures than the whole set: 1 of 1,969"]
        assert not problems.by_kind

    def test_a_folder_of_another_set_is_recognized(self, tmp_path):
        write_picture(tmp_path / "Person01" / "person01146+0+0.jpg")
        with pytest.raises(HeadposeError, match=r"not aflw2000.*looks like pointing04"):
            read_dataset("aflw2000", tmp_path)
        with pytest.raises(HeadposeError, match=r"not BIWI.*looks like pointing04"):
            read_dataset("biwi", tmp_path)

    def test_the_test_sequences_of_biwi(self, tmp_path):
        for sequence in ("03", "18"):
            (tmp_path / sequence).mkdir()
            write_biwi_frame(tmp_path / sequence, 3, ANGLES)
        pictures, _ = read_dataset("biwi-30", tmp_path)
        assert [p.subject for p in pictures] == ["18"]

    def test_unknown_names_and_folders(self, tmp_path):
        with pytest.raises(HeadposeError, match=r"aflw3000: no such data set.*aflw2000"):
            read_dataset("aflw3000", tmp_path)
        with pytest.raises(HeadposeError, match="no such folder"):
            read_dataset("biwi", tmp_path / "nowhere")
