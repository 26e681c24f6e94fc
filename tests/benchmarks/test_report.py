"""Tables of benchmarks, and what stands around them."""

from collections import Counter
from pathlib import Path

import pytest
import report
import start_up
from benchmark_figures import figures
from variants import DEFAULT, EIGHT_BITS, REFERENCE, VARIANTS, title

from headpose.cli.markdown import replaced, write_between
from headpose.errors import HeadposeError

MARKS = ("<!-- run.py -->", "<!-- end -->")


def test_a_row_has_the_medians_in_the_units_of_its_columns():
    head, line, row = report.variants_table({DEFAULT: figures()}).splitlines()
    assert head.count("|") == line.count("|") == row.count("|")
    assert dict(zip(head.split(" | ")[1:], row.split(" | ")[1:], strict=True)) == {
        "first photo, s": "0.40",
        "1 picture, ms": "11.0",
        "4 pictures, ms": "40.0",
        "1 head, ms": "1.50",
        "32 heads, ms": "20.10",
        "photo, ms": "12.5",
        "video, frames/s": "80.0",
        "peak MB": "200",
        "files MB": "8.7",
        "angles off, mean / max": "0.001 / 0.010",
        "boxes off px, mean / max |": "0.002 / 0.020 |",
    }


def test_what_is_not_known_is_a_dash():
    row = report.variants_table({REFERENCE: {}}).splitlines()[-1]
    assert row == f"| {REFERENCE} | {' | '.join(['-'] * 11)} |"


def test_heads_that_only_one_detector_found_are_told():
    apart = {"heads": 9, "unmatched": 2, "largest": 1.5, "mean": 0.25}
    assert report.difference_cell(apart) == "0.250 / 1.500 (2 unmatched)"


def test_networks_and_steps_are_tables():
    networks = [
        {"network": "a", "input": "8x8x3", "parameters": 1234, "multiply-adds": 5_600_000},
        {"network": "b", "input": "8x8x3", "parameters": None, "multiply-adds": None},
    ]
    assert report.networks_table(networks).splitlines()[2:] == [
        "| a | 8x8x3 | 1,234 | 5.6 |",
        "| b | 8x8x3 | - | - |",
    ]
    steps = dict.fromkeys((*start_up.STEPS, "whole"), 0.25) | {"peak MB": 132.6}
    lines = report.steps_table({"demo": steps, "other": steps}).splitlines()
    assert lines[0] == "| step, ms | `demo` | `other` |"
    rows = [f"| {name} | 250 | 250 |" for name in (*start_up.STEPS, "whole")]
    assert lines[2:] == [*rows, "| peak MB | 133 | 133 |"]


def test_the_front_page_names_ours_first_and_then_the_others():
    results = {name: figures() for name in ("yunet-fsanet", DEFAULT, "litert-float32")}
    lines = report.front_table(results).splitlines()
    assert lines[2:] == [
        "| ours (ONNX Runtime) | 0.40 | 12.5 | 80 | 8.7 |",
        "| YuNet + FSA-Net | 0.40 | 12.5 | 80 | 8.7 |",
    ]


def test_eight_bits_stand_after_float32_in_the_same_program():
    results = {name: figures() for name in (REFERENCE, "openvino-int8", EIGHT_BITS, DEFAULT)}
    lines = report.front_table(results).splitlines()[2:]
    assert [line.split(" | ")[0] for line in lines] == [
        "| ours (ONNX Runtime)",
        "| ours with eight bits (`--precision int8`)",
        "| ours in Keras",
    ]


def test_titles_are_different():
    assert max(Counter(map(title, VARIANTS)).values()) == 1


def test_text_between_marks_is_replaced_and_the_rest_stays(tmp_path):
    page = tmp_path / "README.md"
    page.write_text("before\n<!-- run.py -->\nold\n<!-- end -->\nafter\n")
    for text in ("new\n", "newer"):
        write_between(page, MARKS, text)
        expected = f"before\n<!-- run.py -->\n{text.strip()}\n<!-- end -->\nafter\n"
        assert page.read_text() == expected
    assert list(tmp_path.iterdir()) == [page]


@pytest.mark.parametrize("text", ["", "<!-- run.py -->", "<!-- end -->\n<!-- run.py -->"])
def test_a_page_without_marks_is_left_alone(tmp_path, text):
    page = tmp_path / "README.md"
    page.write_text(text)
    with pytest.raises(HeadposeError, match=r"README.md: has no <!-- run.py --> and <!-- end -->"):
        write_between(page, MARKS, "new")
    assert page.read_text() == text


def test_the_pages_of_the_project_have_their_marks():
    folder = Path(report.__file__).parent
    assert replaced(folder / "README.md", MARKS, "new").count("new\n<!-- end -->") == 1


@pytest.mark.parametrize(
    ("given", "data", "shown"),
    [
        ([], [], "python run.py"),
        (
            ["--calibrate-detector", "/d/scut/val.csv", "--photos", "/d/photos"],
            ["/d/scut/val.csv", "/d/photos"],
            "python run.py --calibrate-detector DATA/scut/val.csv --photos DATA/photos",
        ),
        (
            ["--calibrate-estimator", "../d/h/labels.csv#validation", "--peers", "/p/models/"],
            ["../d/h/labels.csv#validation"],
            "python run.py --calibrate-estimator 'DATA/labels.csv#validation' --peers PEERS/",
        ),
        (["--json", "/home/me/figures.json"], [], "python run.py --json figures.json"),
        (["--clip", "clip.mp4"], ["clip.mp4"], "python run.py --clip clip.mp4"),
    ],
)
def test_a_command_is_shown_without_the_folders_of_this_machine(given, data, shown):
    assert report.command_line(given, data, "/p/models/", "run.py") == shown
