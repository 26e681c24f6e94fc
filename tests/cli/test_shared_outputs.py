"""Commands whose output folder another process works in say so, and change nothing there."""

import cv2
import numpy as np
import pytest
from drawn_heads import spot_heads
from pose_sets import contents, make_aflw

from headpose.files import sole_user

pytest.importorskip("fcntl", reason="locks are those of Unix")
CROPS = ("--detector", "labelled", "--splits-tilt", "2", "--splits-pan", "2", "--size", "16")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Heads in drawn pictures, a published data set, and pictures."""
    folder = tmp_path_factory.mktemp("made")
    for name in ("heads", "aflw", "pictures"):
        (folder / name).mkdir()
    spot_heads(folder / "heads", 4, 2)
    seen = folder / "seen.csv"
    seen.write_text(
        "file,xmin,ymin,xmax,ymax,tilt,pan,azimuth,elevation\na.png,1,1,20,20,5,30,30,5\n"
    )
    cv2.imwrite(str(folder / "pictures" / "a.png"), np.full((40, 40, 3), 9, np.uint8))
    return {
        "heads": str(folder / "heads" / "heads.csv"),
        "aflw": str(make_aflw(folder / "aflw")),
        "pictures": str(folder / "pictures"),
        "seen": str(seen),
    }


@pytest.fixture
def told(run_script, tmp_path):
    """Runs a command on a folder that is taken; to another opened file this is another process."""

    def run(command: str, *options):
        folder = tmp_path / "out"
        folder.mkdir()
        (folder / "mine.txt").write_text("dear")
        with sole_user(folder):
            done = run_script(command, *options)
            assert contents(folder).keys() == {"mine.txt", ".lock"}
        assert done.status == 1, done.err
        assert f"{folder}: another process works there; wait for its end" in done.err
        assert contents(folder) == {"mine.txt": b"dear"}

    return run


@pytest.mark.parametrize(
    "command",
    [
        "train {heads}#train --validation {heads}#test --device cpu --output {out}",
        "train-detector {heads} --validation {heads} --device cpu --output {out}",
        "annotate {pictures} --detector viola-jones --output {out}",
        "clean aflw {aflw} --detector labelled --output {out}",
        "attend {seen} --no-figures --output {out}",
        "clean-aflw {aflw} --detector labelled --output {out}",
    ],
)
def test_another_process_in_the_folder_is_told(told, made, tmp_path, command):
    told(*command.format(**made, out=tmp_path / "out").split())


def test_another_process_in_the_matched_folder_is_told(told, made, run_script, tmp_path):
    crops = tmp_path / "crops"
    assert run_script("clean", "aflw", made["aflw"], *CROPS, "--output", crops).status == 0
    told("match-datasets", crops, crops, tmp_path / "out")


@pytest.mark.parametrize("overwrite", [False, True])
def test_results_of_a_process_that_ended_meanwhile_stay(
    made, run_script, tmp_path, monkeypatch, overwrite
):
    from headpose.cli import cleaning

    crops, read_all = tmp_path / "crops", cleaning._read_all
    command = ["clean", "aflw", made["aflw"], *CROPS, "--output", crops]

    def another_first(*given):
        with monkeypatch.context() as usual:
            usual.setattr(cleaning, "_read_all", read_all)
            assert run_script(*command).status == 0
        before.update(contents(crops))
        return read_all(*given)

    before: dict[str, bytes] = {}
    monkeypatch.setattr(cleaning, "_read_all", another_first)
    done = run_script(*command, "--limit", "4", *["--overwrite"] * overwrite)
    if overwrite:
        assert done.status == 0, done.err
        assert contents(crops) != before
    else:
        assert done.status == 1
        assert f"{crops} has results; use --overwrite or another folder" in done.err
        assert contents(crops) == before
