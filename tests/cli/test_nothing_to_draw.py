"""What `headpose evaluate-detector` is to draw and cannot is told."""

import cv2
import numpy as np


def test_sets_without_heads_have_no_curve_and_without_errors_no_sheet(run_script, tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.full((90, 120, 3), 90, np.uint8))
    table, plot, worst = (tmp_path / name for name in ("t.csv", "p.png", "w.png"))
    table.write_text("file,xmin,ymin,xmax,ymax\na.png,,,,\n")
    given = ["viola-jones", "--data", table, "--plot", plot, "--worst", worst]
    done = run_script("evaluate-detector", *given)
    assert done.status == 0, done.err
    assert f"no set shows heads, so there is no curve: {plot} is not written" in done.err
    assert "viola-jones: no picture shows an error; no sheet is drawn" in done.out
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png", "t.csv"]
