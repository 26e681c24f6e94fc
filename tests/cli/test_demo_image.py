import csv
import json
import os
import sys

import cv2
import numpy as np
import pytest

from headpose.images.pictures import read_image
from headpose.records.columns import FIELDS

# Where the head is in the portrait (512 x 600), read off the picture by eye.
HEAD = (150, 30, 360, 320)
QUICK = ["--detector", "viola-jones", "--device", "cpu"]


@pytest.fixture
def estimator(tiny_estimator):
    return ["--estimator", tiny_estimator]


def test_help_answers_without_tensorflow(run_fresh, tmp_path):
    """A stand-in that cannot be imported takes TensorFlow's and Keras' place."""
    for name in ("tensorflow", "keras"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported')")
    done = run_fresh("demo_image.py", "--help", PYTHONPATH=str(tmp_path))
    assert done.status == 0, done.err
    assert "usage: demo_image.py" in done.out
    for wrong in (["--confidence", "7"], ["--device", "tpu"], ["--json", "-", "--csv", "-"]):
        done = run_fresh("demo_image.py", *wrong, PYTHONPATH=str(tmp_path))
        assert done.status == 2
        assert "imported" not in done.err


def test_without_arguments_the_portrait_is_annotated(run_fresh, tmp_path, portrait):
    done = run_fresh("demo_image.py", "--output", tmp_path / "out", "--json", tmp_path / "h.json")
    assert done.status == 0, done.err
    assert "1 head," in done.out
    (line,) = (tmp_path / "h.json").read_text().splitlines()
    head = json.loads(line)
    angles = {"tilt", "pan", "roll", "azimuth", "elevation", "expected_error"}
    assert set(head) == {"box", *FIELDS}
    assert angles < set(head)
    from headpose.geometry.boxes import iou

    assert iou([head["box"]], [HEAD])[0, 0] > 0.6
    # She faces the camera with her head turned a little.
    assert abs(head["tilt"]) < 20
    assert abs(head["pan"]) < 25
    drawn, plain = read_image(tmp_path / "out" / "grace_hopper.jpg"), read_image(portrait)
    assert drawn.shape == plain.shape
    assert (np.abs(drawn.astype(int) - plain) > 60).mean() > 0.005
    assert done.err == ""


def test_tables_hold_a_row_a_head(run_script, portrait, tmp_path, estimator):
    table = tmp_path / "heads.csv"
    done = run_script(
        "demo_image.py",
        portrait,
        *QUICK,
        *estimator,
        "--csv",
        table,
        "--json",
        "-",
        "--output",
        tmp_path / "out",
    )
    assert done.status == 0, done.err
    (line,) = done.out.splitlines()  # nothing but the table on standard output
    head = json.loads(line)
    with table.open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert float(row["tilt"]) == head["tilt"]
    assert [float(row[k]) for k in ("xmin", "ymin", "xmax", "ymax")] == head["box"]
    assert row["roll"] == ""
    assert head["roll"] is None
    assert "1 head" in done.err


def test_bad_pictures_are_told_and_the_others_done(run_script, portrait, tmp_path, estimator):
    whole = portrait.read_bytes()
    folder = tmp_path / "in"
    (folder / "none").mkdir(parents=True)
    (folder / "empty.jpg").touch()
    (folder / "text.jpg").write_text("I am no picture")
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 3])
    cv2.imwrite(str(folder / "dot.png"), np.zeros((1, 1, 3), np.uint8))
    cv2.imwrite(str(folder / "blank.png"), np.full((300, 400), 200, np.uint8))
    (folder / "good.jpg").write_bytes(whole)
    table = tmp_path / "heads.json"
    done = run_script(
        "demo_image.py",
        folder,
        folder / "none",
        folder / "missing.jpg",
        folder / "*.gif",
        *QUICK,
        *estimator,
        "--json",
        table,
        "--output",
        tmp_path / "out",
    )
    assert done.status == 1
    told = done.err.splitlines()
    for name, cause in [
        ("empty.jpg", "empty"),
        ("text.jpg", "not a picture"),
        ("cut.jpg", "damaged"),
        ("missing.jpg", "no such file"),
        ("none", "no pictures"),
        ("*.gif", "no pictures or videos match"),
    ]:
        assert any(name in line and cause in line for line in told), name
    assert len(told) == 6
    assert {f.name for f in (tmp_path / "out").iterdir()} == {"dot.png", "blank.png", "good.jpg"}
    assert [json.loads(x)["file"] for x in table.read_text().splitlines()] == [
        str(folder / "good.jpg")
    ]
    assert "blank.png: 0 heads" in done.out


def test_a_huge_picture_is_done(run_script, tmp_path, tiny_detector, estimator):
    file = tmp_path / "huge.png"
    cv2.imwrite(str(file), np.zeros((9000, 12000), np.uint8), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    done = run_script(
        "demo_image.py", file, "--detector", tiny_detector, *estimator, "--output", tmp_path
    )
    assert done.status == 0, done.err
    assert "0 heads" in done.out


def test_pictures_of_one_name_are_kept_apart(run_script, portrait, tmp_path, estimator):
    files = []
    for sub in ("a", "b"):
        files.append(tmp_path / sub / "p.jpg")
        files[-1].parent.mkdir()
        files[-1].write_bytes(portrait.read_bytes())
    done = run_script("demo_image.py", *files, *QUICK, *estimator, "--output", tmp_path / "out")
    assert done.status == 0, done.err
    assert {f.name for f in (tmp_path / "out").iterdir()} == {"p.jpg", "p-2.jpg"}


def test_what_is_drawn_does_not_become_a_photo(run_script, portrait, tmp_path, estimator):
    (tmp_path / "p.jpg").write_bytes(portrait.read_bytes())
    output = f"{tmp_path}/sub/.."
    (tmp_path / "sub").mkdir()
    done = run_script("demo_image.py", tmp_path, *QUICK, *estimator, "--output", output)
    assert done.status == 1
    assert "name another --output" in done.err
    assert {f.name for f in tmp_path.iterdir()} == {"p.jpg", "sub"}


def test_an_input_is_never_written_over(run_script, portrait, tmp_path, estimator):
    file = tmp_path / "p.jpg"
    file.write_bytes(portrait.read_bytes())
    done = run_script("demo_image.py", file, *QUICK, *estimator, "--output", tmp_path)
    assert done.status == 0, done.err
    assert file.read_bytes() == portrait.read_bytes()
    assert (tmp_path / "p-2.jpg").exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--detector", "nowhere.keras"], "no such model file"),
        (["--detector", "{text}"], "not a .keras model file"),
        (["--estimator", "{detector}"], "not a pose estimator"),
        (["--detector", "{estimator}"], "not a head detector"),
        (["--output", "{text}"], "cannot write to folder"),
        (["--csv", "{text}/heads.csv"], "cannot write"),
    ],
)
def test_bad_options_are_told_in_a_line(
    run_script, portrait, tmp_path, options, told, tiny_detector, tiny_estimator
):
    text = tmp_path / "text.keras"
    text.write_text("not a model")
    given = [o.format(text=text, detector=tiny_detector, estimator=tiny_estimator) for o in options]
    base = [
        "--detector",
        "viola-jones",
        "--estimator",
        tiny_estimator,
        "--output",
        tmp_path / "out",
    ]
    done = run_script("demo_image.py", portrait, *base, *given)
    assert done.status == 1
    assert told in done.err
    assert len(done.err.splitlines()) == 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="displays are told apart on Linux")
def test_show_without_a_display_is_told(run_script, portrait, monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    done = run_script("demo_image.py", portrait, "--show")
    assert done.status == 1
    assert "--show needs a display" in done.err


@pytest.mark.skipif(os.environ.get("CUDA_VISIBLE_DEVICES") not in (None, "-1"), reason="GPU here")
def test_a_gpu_that_is_not_there_is_told(run_fresh, portrait, tmp_path):
    done = run_fresh("demo_image.py", portrait, "--device", "gpu", "--output", tmp_path)
    if done.status == 0:
        pytest.skip("there is a GPU")
    assert "no GPU" in done.err


def test_interrupting_keeps_what_is_done(run_script, portrait, tmp_path, estimator, monkeypatch):
    from headpose.detection.viola_jones import ViolaJones

    detect, calls = ViolaJones.detect, []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return detect(*arguments)

    monkeypatch.setattr(ViolaJones, "detect", interrupted)
    files = []
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        files.append(tmp_path / name)
        files[-1].write_bytes(portrait.read_bytes())
    table = tmp_path / "heads.csv"
    done = run_script(
        "demo_image.py", *files, *QUICK, *estimator, "--csv", table, "--output", tmp_path / "out"
    )
    assert done.status == 130
    assert "interrupted after 1 of 3 photos" in done.err
    assert len(table.read_text().splitlines()) == 2


def test_photos_show_their_heads(run_script, shared_data, tmp_path):
    """The heads that anyone sees in two of the photos."""
    table = tmp_path / "heads.json"
    done = run_script(
        "demo_image.py", shared_data / "photos", "--json", table, "--output", tmp_path / "out"
    )
    assert done.status == 0, done.err
    heads = [json.loads(x) for x in table.read_text().splitlines()]
    for name, least in [("people_drinking", 2), ("mounted_police", 2), ("rugby_players", 2)]:
        assert sum(name in h["file"] for h in heads) >= least
