"""Nothing that was drawn is taken for an input, no input counts twice, none is written over."""

import csv
import gc
import signal

import cv2
import numpy as np
import pytest

from headpose.cli import surroundings
from headpose.cli.surroundings import Terminated, held_back
from headpose.cli.video_sources import find_sources

QUICK = ("--detector", "viola-jones", "--estimator", "fast")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The working folder: `photos` with a folder `sub`, one of videos, and lists of both."""
    grey = np.full((40, 50, 3), 90, np.uint8)
    for name in ("photos/a.png", "photos/sub/b.png", "more/sub/c.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / name), grey)
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "x.mp4").write_bytes(b"no video")
    (tmp_path / "list.txt").write_text("photos\n")
    (tmp_path / "films.txt").write_text("films\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def contents(folder) -> dict:
    return {path: path.is_file() and path.read_bytes() for path in folder.rglob("*")}


@pytest.mark.parametrize(
    "command",
    [
        "image photos --output photos",
        "image photos --output ./more/../photos",
        "image @list.txt --output photos",
        "image photos/*.png --output photos",
        "image photos/sub more/sub --output photos",
        "video films --output films",
        "video @films.txt --output films",
        "video films/*.mp4 --output films",
        "video photos --output photos",  # a folder of pictures, which a video in it would hide
        "video photos --output photos/drawn.mp4",
    ],
)
def test_nothing_is_drawn_where_inputs_are_looked_for(run_script, here, command):
    before = contents(here)
    done = run_script(*command.split())
    assert done.status == 1
    assert "is searched, and what is drawn there would be taken for an input" in done.err
    assert contents(here) == before


@pytest.mark.parametrize(
    "command", ["image phot*/*.png --output photos", "video fil*/*.mp4 --output films"]
)
def test_a_pattern_that_finds_results_alone_is_told(run_script, here, command):
    before = contents(here)
    done = run_script(*command.split())
    assert done.status == 1
    assert "all that matches is in the folder for results; name another --output" in done.err
    assert contents(here) == before


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("image photos/a.png --output photos", True),
        ("image photos/a.png --output photos/out", False),
        ("image photos/a.png photos/sub/b.png --output photos/sub", True),
        ("video photos --output out/drawn.mp4", False),
    ],
)
def test_drawings_beside_inputs_are_told(run_script, here, command, told):
    done = run_script(*command.split(), *QUICK)
    assert done.status == 0, done.err
    assert ("what is drawn lies beside inputs" in done.err) == told


@pytest.mark.parametrize("name", ["photos", "photos/**", "photos/**/*.png"])
def test_a_second_run_finds_what_the_first_did(run_script, here, name):
    for number in (1, 2):
        given = ("image", name, "--output", "photos/out", *QUICK, "--empty", "--csv")
        done = run_script(*given, f"{number}.csv")
        assert done.status == 0, done.err
        with (here / f"{number}.csv").open(newline="") as file:
            found = {row["file"] for row in csv.DictReader(file)}
        assert found == {"photos/a.png", "photos/sub/b.png"}


@pytest.mark.parametrize(
    "command",
    [
        "image @list.txt --csv list.txt --overwrite --output out",
        "image @list.txt --summary ./list.txt --overwrite --output out",
        "video @list.txt --csv list.txt --overwrite",
        "video @list.txt --stats list.txt --overwrite",
    ],
)
def test_a_list_of_names_is_an_input(run_script, here, command):
    before = contents(here)
    done = run_script(*command.split())
    assert done.status == 1
    assert "list.txt is an input and would be lost" in done.err
    assert contents(here) == before


def test_a_source_that_is_named_in_several_ways_counts_once(here):
    url = "http://127.0.0.1:9/x.mp4"
    names = ["films/x.mp4", str(here / "films" / "x.mp4"), "films", "@films.txt"]
    names += ["photos", "./photos", "photos/", url, url, "0", "0"]
    assert find_sources(names, None).names == ["films/x.mp4", "photos", url, "0"]


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("video films --fps 50 --csv t.csv", "--fps is for folders of pictures"),
        ("video photos --stats -", "only tables of heads go to -"),
        ("evaluate ours t.csv --json -", "only tables of heads go to -"),
        ("annotate --merge --output out --shard 1/2 --workers 2", "leave out --shard, --workers"),
        ("annotate --merge --output=-out --shard 1/2", "leave out --shard"),
        ("annotate photos --output out --shard 1/2 --overwrite", "what other parts of --shard"),
        ("evaluate-detector ours --data t.csv --worst-count 3", "add it"),
        ("evaluate-detector ours --data t.csv --backgrounds-checked-by ours", "add it"),
    ],
)
def test_options_that_would_be_passed_over_are_usage_errors(run_script, here, command, told):
    done = run_script(*command.split())
    assert done.status == 2
    assert told in done.err
    assert not (here / "-").exists()


def test_a_list_may_name_a_folder_of_pictures_for_a_rate(run_script, here):
    given = ("video", "@list.txt", "--fps", "8", *QUICK, "--empty", "--csv", "t.csv")
    done = run_script(*given)
    assert done.status == 0, done.err
    assert (here / "t.csv").is_file()


def test_turned_photos_are_told_from_videos(run_script, here):
    done = run_script("image", "films", "--any-rotation", *QUICK, "--output", "out")
    assert "--any-rotation is for photos; videos are searched as they lie" in done.err


# --------------------------------------------------------------------------------- Ctrl-C


@pytest.fixture
def undisturbed():
    """Keeps garbage collection away: what a signal raises in its callbacks is lost."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def ctrl_c(undisturbed):
    """Has Ctrl-C work where the tests were started in the background, too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("where", ["write_drawing", "rows"])
def test_no_drawing_is_without_its_row(run_script, here, monkeypatch, where):
    from headpose.cli.table_options import Tables
    from headpose.images import drawn_mark

    drawing = where == "write_drawing"
    module, name = (drawn_mark, where) if drawing else (Tables, "write")
    original = getattr(module, name)

    def interrupted(*given):
        signal.raise_signal(signal.SIGINT)
        return original(*given)

    monkeypatch.setattr(module, name, interrupted)
    given = ("image", "photos", "--output", "out", *QUICK, "--empty", "--csv", "t.csv")
    done = run_script(*given)
    assert done.status == 130, done.err
    drawn = [path for path in (here / "out").rglob("*") if path.is_file()]
    assert len((here / "t.csv").read_text().splitlines()) == 1 + len(drawn) == 2


@pytest.mark.usefixtures("ctrl_c")
def test_a_second_signal_waits_no_more(monkeypatch):
    monkeypatch.setattr(surroundings, "ONE_WISH", 0.0)
    reached = []
    with pytest.raises(KeyboardInterrupt), held_back():
        signal.raise_signal(signal.SIGINT)
        reached.append(1)
        signal.raise_signal(signal.SIGINT)
        reached.append(2)
    assert reached == [1]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("undisturbed")
def test_a_signal_that_is_ignored_stays_ignored():
    def end(number, frame):
        raise Terminated

    before = signal.signal(signal.SIGINT, signal.SIG_IGN), signal.signal(signal.SIGTERM, end)
    try:
        with pytest.raises(Terminated), held_back():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGTERM)
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
        assert signal.getsignal(signal.SIGTERM) is end
    finally:
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGTERM, before[1])
