"""SIGTERM at a known call of a command, in this process: what is done is kept, and nothing half.

`test_signals.py` does the same to whole processes, at whatever moment.
"""

import itertools
import os
import pkgutil
import signal
import zipfile

import cv2
import pytest
from demo_videos import rows_of
from drawn_heads import spot_heads
from pose_sets import contents, make_aflw
from small_models import saved, small_detector
from sweep_fakes import fake_trial
from videos import evenly, frames_of, make_video

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows has no SIGTERM to handle")
LEARN = ("--epochs", "3", "--steps", "2", "--batch-size", "4", "--device", "cpu")
FAMILY = ("--architecture", "patacchiola", "--conv-blocks", "3", "--filters", "4")
CROPS = ("--detector", "labelled", "--splits-tilt", "2", "--splits-pan", "2", "--size", "16")


@pytest.fixture
def end_at(monkeypatch):
    """Has SIGTERM come after the `count`-th call of a function, named by its module or class."""
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def prepare(name: str, count: int = 1) -> None:
        place, _, attribute = name.rpartition(".")
        owner = pkgutil.resolve_name(place)
        real, calls = getattr(owner, attribute), itertools.count(1)

        def ended(*arguments, **options):
            result = real(*arguments, **options)
            if next(calls) == count:
                # Without the command's own handler it would end the tests.
                assert callable(signal.getsignal(signal.SIGTERM))
                os.kill(os.getpid(), signal.SIGTERM)
            return result

        monkeypatch.setattr(owner, attribute, ended)

    yield prepare
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def ended(run_script, end_at, tmp_path):
    """Runs a command that is ended at a call; nothing hidden may stay."""

    def run(name: str, count: int, command: str, *options):
        end_at(name, count)
        done = run_script(command, *options)
        assert done.status == 143, done.err
        assert "Traceback" not in done.err
        assert done.err.splitlines()[-1].startswith(f"headpose {command}: ")
        # Locks that several processes share stay.
        assert not [path for path in tmp_path.rglob(".*") if path.name != ".lock"]
        return done

    return run


@pytest.fixture
def heads(tmp_path):
    return spot_heads(tmp_path, 8, 4)


def is_whole(path):
    with zipfile.ZipFile(path) as archive:
        return archive.testzip() is None


def test_train_keeps_the_epochs_that_ended(ended, heads, tmp_path):
    run = tmp_path / "run"
    data = (f"{heads}#train", "--validation", f"{heads}#test")
    given = (*data, "--output", run, "--save", tmp_path / "s.keras", *FAMILY, *LEARN)
    ended("headpose.training.pose.measure", 2, "train", *given)
    assert len(rows_of(run / "log.csv")) == 1
    assert is_whole(run / "best.keras")
    assert not (tmp_path / "s.keras").exists()
    assert not (tmp_path / "models.csv").exists()


def test_train_detector_leaves_nothing_half(ended, heads, tmp_path):
    """Its loop is that of train; here it has measured what it begins with."""
    run, small = tmp_path / "run", saved(small_detector(), tmp_path / "small.keras")
    given = (heads, "--validation", heads, "--output", run, "--start", small, "--size", "64")
    ended("headpose.training.detection.measure", 1, "train-detector", *given, *LEARN)
    assert [path.name for path in run.iterdir()] == ["arguments.json"]


@pytest.mark.parametrize(
    ("name", "command", "options"),
    [
        ("headpose.baselines.evaluation.evaluate", "evaluate", ("ours", "{heads}", "{again}")),
        ("headpose.baselines.predictors.ask", "compare", ("{heads}",)),
    ],
)
def test_figures_are_written_whole_or_not(ended, heads, tmp_path, name, command, options):
    figures, again = tmp_path / "figures.json", heads.with_name("again.csv")
    again.write_bytes(heads.read_bytes())
    given = [option.format(heads=heads, again=again) for option in options]
    done = ended(name, len(given) - 1 or 1, command, *given, "--json", figures)
    assert not figures.exists()
    assert ("12 heads" in done.out) == (command == "evaluate")  # of the first set


def test_evaluate_detector_keeps_the_sheets_of_sets_that_ended(ended, heads, tmp_path):
    other = heads.with_name("other.csv")
    other.write_bytes(heads.read_bytes())
    given = ("viola-jones", "--data", heads, other, "--worst", tmp_path / "worst.png")
    ended(
        "headpose.cli.evaluate_detector.search",
        2,
        "evaluate-detector",
        *(*given, "--json", tmp_path / "f.json"),
    )
    (sheet,) = tmp_path.glob("worst*")
    assert cv2.imread(str(sheet)) is not None
    assert not (tmp_path / "f.json").exists()


@pytest.mark.parametrize("there", [b"", b"dear"])
def test_convert_leaves_no_half_of_a_model(ended, tmp_path, monkeypatch, there):
    """The model is small and its tensors are none; it is saved as it would be."""
    import keras

    from headpose.cli import convert
    from headpose.convert import ssd512_weights
    from headpose.detection import networks

    small = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    monkeypatch.setattr(convert, "read", lambda *_: ([], None, []))
    monkeypatch.setattr(ssd512_weights, "lay", lambda *_: None)
    monkeypatch.setattr(networks, "build_ssd512", lambda *_: small)
    target = tmp_path / "own.keras"
    target.write_bytes(there)
    given = (tmp_path / "a.mat", "--output", target, "--overwrite")
    ended("keras.Model.save", 1, "convert", *given)
    assert target.read_bytes() == there


def test_sweep_keeps_the_trials_that_ended(ended, heads, tmp_path, monkeypatch):
    monkeypatch.setattr("headpose.training.sweep.trials.run_trial", fake_trial)
    space, run = tmp_path / "space.yaml", tmp_path / "run"
    space.write_text("options: {filters: [4, 8, 16]}\nfixed: {architecture: patacchiola}\n")
    given = (f"{heads}#train", "--validation", f"{heads}#test", "--space", space)
    ended("headpose.cli.sweep.tell", 1, "sweep", *given, "--output", run)
    assert "complete" in {row["state"] for row in rows_of(run / "models.csv")}


def test_clean_keeps_the_pictures_that_are_done(run_script, ended, tmp_path):
    (tmp_path / "set").mkdir()
    aflw = make_aflw(tmp_path / "set")
    whole = run_script("clean", "aflw", aflw, *CROPS, "--output", tmp_path / "whole")
    assert whole.status == 0, whole.err
    given = ("aflw", aflw, *CROPS, "--output", tmp_path / "part")
    done = ended("headpose.datasets.cleaning.write_crop", 9, "clean", *given)
    assert "start the same command again to go on" in done.err
    assert run_script("clean", *given).status == 0
    assert contents(tmp_path / "part") == contents(tmp_path / "whole")


def test_match_datasets_goes_on(run_script, ended, tmp_path):
    (tmp_path / "set").mkdir()
    aflw = make_aflw(tmp_path / "set")
    crops = run_script("clean", "aflw", aflw, *CROPS, "--output", tmp_path / "crops")
    assert crops.status == 0, crops.err
    given = (tmp_path / "crops", tmp_path / "crops", tmp_path / "both")
    ended("shutil.copyfile", 7, "match-datasets", *given)
    assert not (tmp_path / "both" / "summary.json").exists()
    assert run_script("match-datasets", *given).status == 0
    assert len(list((tmp_path / "both").rglob("*.png"))) == len(
        list((tmp_path / "crops").rglob("*.png"))
    )


def test_video_keeps_the_frames_that_are_done(ended, tmp_path, portrait):
    picture = cv2.resize(cv2.imread(str(portrait)), (128, 150))
    clip = make_video(tmp_path / "clip.mp4", evenly(40), lambda _: picture, "mpeg4")
    given = (clip, "--detector", "viola-jones", "--detector-size", "128")
    outputs = ("--output", tmp_path / "o.mp4", "--csv", tmp_path / "h.csv")
    ended("headpose.detection.viola_jones.ViolaJones.detect", 9, "video", *given, *outputs)
    frames = len(frames_of(tmp_path / "o.mp4"))
    assert 0 < frames < 40
    rows = rows_of(tmp_path / "h.csv")
    assert {int(row["frame"]) for row in rows} <= set(range(frames))
    assert rows
    assert None not in rows[-1].values()
