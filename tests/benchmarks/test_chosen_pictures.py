"""Benchmarks that look at some of many pictures say which they take, and what they leave out."""

import cv2
import numpy as np
import pandas as pd
import pytest
import second_stage
from close_ups import sights_of
from measuring import each_so_many_th, told_choice

from headpose.errors import HeadposeError
from headpose.images.drawn_mark import marked


@pytest.mark.parametrize(
    ("total", "taken", "told"),
    [
        (1, [0], "all 1 photos"),
        (4, [0, 1, 2, 3], "all 4 photos"),
        (7, [0, 1, 2, 3], "4 of 7 photos: in steps of 1 from number 1 to 4"),
        (15, [0, 3, 6, 9], "4 of 15 photos: in steps of 3 from number 1 to 10"),
    ],
)
def test_which_are_taken_is_told(total, taken, told):
    chosen = each_so_many_th(total, 4)
    assert list(chosen) == taken
    assert told_choice(chosen, total, "photos") == told


@pytest.fixture
def table(tmp_path):
    """Twelve rows: number 8 has no face, 9 is upside down, 10 and 11 are outside of theirs."""
    rows = []
    for i in range(12):
        cv2.imwrite(str(tmp_path / f"{i}.png"), np.full((60, 80, 3), 10 * i, np.uint8))
        rows.append([f"{i}.png", 10, 5, 50, 55, 15, 20, 45, 50])
    names = ["file", *(f"{part}{side}" for part in ("", "face_") for side in _SIDES)]
    rows[8][5:] = [None] * 4
    rows[9][6] = 54
    rows[10][1:5] = 200, 5, 250, 55
    rows[11][5:] = 75, 20, 105, 50  # which the picture shows a sixth of
    pd.DataFrame(rows, columns=names).to_csv(tmp_path / "t.csv", index=False)
    return tmp_path / "t.csv"


_SIDES = ("xmin", "ymin", "xmax", "ymax")


def shown(sights: list) -> list[int]:
    """Returns the numbers of pictures, by their grey."""
    return [int(picture[0, 0, 0]) // 10 for picture, _, _ in sights]


def test_close_ups_say_which_photos_they_are_of(table, caplog, capsys):
    assert shown(sights_of(str(table), 4)) == [0, 2, 4, 6]
    assert capsys.readouterr().out.startswith("4 of 10 photos: in steps of 2 from number 1 to 7\n")
    assert "left out: bad box: 2 (8.png, 9.png)" in caplog.text
    _, head, face = sights_of(str(table), 1)[0]
    assert (head.tolist(), face.tolist()) == ([10, 5, 50, 55], [15, 20, 45, 50])


def test_what_is_no_photo_of_the_boxes_is_told(table, tmp_path, caplog):
    (tmp_path / "1.png").write_bytes(marked((tmp_path / "1.png").read_bytes()))
    (tmp_path / "2.png").unlink()
    pd.read_csv(table).assign(width=80, height=[60] * 4 + [120] + [60] * 7).to_csv(table)
    assert shown(sights_of(str(table), 60)) == [0, 3, 5, 6, 7]
    told = ["unreadable or missing picture: 2", "a drawing that headpose made"]
    told += ["picture of another size than the table says: 1 (4.png)"]
    told += ["box outside the picture: 2 (10.png, 11.png)"]
    assert all(what in caplog.text for what in told)


def test_a_table_without_any_photo_is_told(table):
    pd.read_csv(table).iloc[8:].to_csv(table, index=False)
    with pytest.raises(HeadposeError, match="no head and face in a photo"):
        sights_of(str(table), 60)


def test_the_second_stage_says_which_pictures_it_is_timed_on(tmp_path, monkeypatch, capsys):
    for i in range(7):
        cv2.imwrite(str(tmp_path / f"{i}.png"), np.full((40, 40, 3), 10 * i, np.uint8))
    watched = _Watched()
    monkeypatch.setattr(second_stage, "load_detector", lambda _name: watched)
    monkeypatch.setattr("sys.argv", ["", str(tmp_path), "--count", "4", "--repeats", "1"])
    second_stage.main()
    assert {int(picture[0, 0, 0]) // 10 for picture in watched.seen} == {0, 1, 2, 3}
    assert (
        f"{tmp_path}: 4 of 7 pictures: in steps of 1 from number 1 to 4" in capsys.readouterr().out
    )


class _Watched:
    """A detector that finds nothing, and keeps what it is shown."""

    def __init__(self):
        self.seen: list[np.ndarray] = []

    def detect(self, pictures: list) -> list:
        self.seen.extend(pictures)
        return [(np.zeros((0, 4)), np.zeros(0)) for _ in pictures]
