"""How far one estimator turns heads away from another (benchmarks/int8_heads.py)."""

import cv2
import numpy as np
import pytest
from int8_heads import row_of

from headpose.models.shipped import DEFAULT_ESTIMATOR, FAST_ESTIMATOR

COLUMNS = "file,xmin,ymin,xmax,ymax,tilt,pan,roll,part"


@pytest.fixture
def table(tmp_path, portrait):
    """The portrait's head, cut at four places."""
    picture = cv2.imread(str(portrait))
    lines = [COLUMNS]
    for i in range(4):
        cv2.imwrite(str(tmp_path / f"{i}.png"), picture)
        box = ",".join(str(v + 6 * i) for v in (150, 30, 360, 320))
        lines.append(f"{i}.png,{box},0,0,0,{'a' if i < 3 else 'b'}")
    (tmp_path / "labels.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "labels.csv"


def test_turns_are_told_of_all_heads_and_of_the_sure_ones():
    reference, told = np.zeros((101, 6)), np.zeros((101, 6))
    reference[:, 5] = 3
    reference[-1, 5] = 60  # nearly guessed
    told[0, 1], told[-1, 2] = 4, 20  # about one axis alone: the turn is that angle
    cells = row_of(told, reference)
    # The second largest of 101 values is the 99th percentile.
    assert cells == ["101", f"{24 / 101:.2f}", "4.00", "20.00", "1", "4.00"]


def test_an_estimator_turns_no_head_away_from_itself(run_script, table):
    sets = [f"{table}#a", f"{table}#b"]
    done = run_script(
        *("benchmarks/int8_heads.py", DEFAULT_ESTIMATOR, DEFAULT_ESTIMATOR, FAST_ESTIMATOR),
        *("--data", *sets),
    )
    assert done.status == 0, done.err
    rows = [[c.strip() for c in line.split("|")[1:-1]] for line in done.out.splitlines()[2:]]
    own, fast = (
        [row for row in rows if row[1] == name.name] for name in (DEFAULT_ESTIMATOR, FAST_ESTIMATOR)
    )
    assert [(row[0], row[2]) for row in own] == [*zip([*sets, "all together"], "314", strict=True)]
    assert {cell for row in own for cell in row[3:]} == {"0.00", "0"}
    assert all(0 < float(row[3]) < 10 for row in fast)


def test_a_missing_estimator_is_told(run_script, table):
    done = run_script("benchmarks/int8_heads.py", DEFAULT_ESTIMATOR, "none.onnx", "--data", table)
    assert done.status == 1
    assert "none.onnx" in done.err
