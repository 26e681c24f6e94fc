"""The video demo through its command line, mostly with a detector of coloured patches."""

import json
from pathlib import Path
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest
from demo_videos import no_leftovers, rows_of, walk
from videos import evenly, frames_of, make_video, patches

from headpose.pipeline import HeadPosePipeline
from headpose.pose.estimator import PoseEstimator
from headpose.records.columns import VIDEO_FIELDS
from headpose.video.frames import Frame
from headpose.video.pipeline import VideoPipeline, video_confidence


def length(path: Path) -> float:
    with av.open(str(path)) as container:
        return container.duration / 1e6


def test_help_answers_without_tensorflow(run_fresh, tmp_path):
    """A stand-in that cannot be imported takes TensorFlow's and Keras' place."""
    for name in ("tensorflow", "keras"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported')")
    done = run_fresh("demo_video.py", "--help", PYTHONPATH=str(tmp_path))
    assert done.status == 0, done.err
    assert "--detect-every" in done.out
    done = run_fresh("demo_video.py", "nowhere.mp4", PYTHONPATH=str(tmp_path))
    assert done.err == "demo_video.py: error: nowhere.mp4: no such file or folder\n"


@pytest.mark.parametrize(
    "wrong",
    [
        ["--every", "0"],
        ["--start", "-1"],
        ["--start", "2", "--end", "1"],
        ["--csv", "-", "--json", "-"],
        ["--csv", "a", "--output", "a"],
        ["--fps", "10"],
        ["--csv", "a", "--audio"],
        ["--csv", "a", "--codec", "mpeg4"],
        ["--min-cutoff", "0"],
    ],
)
def test_options_that_contradict_each_other_are_usage_errors(run_script, wrong):
    assert run_script("demo_video.py", "clip.mp4", *wrong).status == 2


def test_a_video_gives_a_video_and_tables(demo, clip, tmp_path):
    out = tmp_path / "new" / "out.mp4"
    done = demo(clip, "--output", out, "--csv", tmp_path / "h.csv", "--json", tmp_path / "h.json")
    assert done.status == 0, done.err
    assert done.err == f"{out}: made folder {out.parent}\n"
    assert "20 frames, 40 heads, 2 different" in done.out
    rows = rows_of(tmp_path / "h.csv")
    assert tuple(rows[0]) == VIDEO_FIELDS
    assert [int(r["frame"]) for r in rows] == [i for i in range(20) for _ in range(2)]
    assert [float(r["time"]) for r in rows[::2]] == pytest.approx(evenly(20), abs=1e-4)
    assert {r["track"] for r in rows} == {"1", "2"}
    for row in rows:
        box = [float(row[k]) for k in ("xmin", "ymin", "xmax", "ymax")]
        true = walk(int(row["frame"]))
        assert np.abs(true - box).max(axis=1).min() <= 2
        assert row["smooth_tilt"] != ""
        assert (row["roll"], row["smooth_roll"]) == ("", "")  # this estimator does not tell
    lines = [json.loads(x) for x in (tmp_path / "h.json").read_text().splitlines()]
    assert [line["track"] for line in lines] == [int(r["track"]) for r in rows]
    assert [line["smooth_pan"] for line in lines] == [float(r["smooth_pan"]) for r in rows]
    drawn, plain = frames_of(out), frames_of(clip)
    assert [t for t, _ in drawn] == pytest.approx([t for t, _ in plain], abs=1e-3)
    assert length(out) == pytest.approx(length(clip), abs=1e-3)
    for (_, picture), (_, before) in zip(drawn, plain, strict=True):
        assert picture.shape == before.shape
        assert (np.abs(picture.astype(int) - before) > 60).mean() > 0.01
    assert no_leftovers(tmp_path)
    assert no_leftovers(tmp_path / "new")


def test_smoothed_values_start_equal_and_then_follow(demo, clip, tmp_path):
    demo(clip, "--csv", tmp_path / "a.csv")
    demo(clip, "--csv", tmp_path / "b.csv", "--no-smooth")
    smooth, rough = rows_of(tmp_path / "a.csv"), rows_of(tmp_path / "b.csv")
    assert [r["pan"] for r in smooth] == [r["pan"] for r in rough]
    assert smooth[0]["pan"] == smooth[0]["smooth_pan"]
    assert any(r["pan"] != r["smooth_pan"] for r in smooth)
    assert all(r["pan"] == r["smooth_pan"] for r in rough)


def test_without_outputs_a_video_goes_to_the_folder_output(demo, clip, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert demo(clip).status == 0
    assert len(frames_of(tmp_path / "output" / "clip.mp4")) == 20


def test_a_table_on_standard_output_stands_alone(demo, clip):
    done = demo(clip, "--json", "-")
    assert len([json.loads(line) for line in done.out.splitlines()]) == 40
    assert "20 frames" in done.err


def test_a_mirrored_video_has_mirrored_boxes(demo, clip, tmp_path):
    ends = []
    for name, options in [("a.csv", []), ("b.csv", ["--flip"])]:
        demo(clip, "--csv", tmp_path / name, *options)
        ends.append(
            [
                (int(r["frame"]), float(r["xmin"]), float(r["xmax"]))
                for r in rows_of(tmp_path / name)
            ]
        )
    mirrored = sorted((frame, 320 - right, 320 - left) for frame, left, right in ends[1])
    assert np.array(mirrored) == pytest.approx(np.array(sorted(ends[0])), abs=1.5)


@pytest.mark.parametrize(
    ("options", "frames", "seconds"),
    [
        (["--every", 4], 5, 0.8),
        (["--start", 0.4], 10, 0.4),
        (["--end", 0.4, "--every", 3], 4, 0.4),
    ],
)
def test_a_part_of_a_video_lasts_as_long_as_it_should(
    demo, clip, tmp_path, options, frames, seconds
):
    out = tmp_path / "out.mkv"
    assert demo(clip, "--output", out, *options).status == 0
    found = frames_of(out)
    assert len(found) == frames
    assert found[0][0] == pytest.approx(0, abs=1e-3)
    assert length(out) == pytest.approx(seconds, abs=2e-3)


def test_sound_is_kept(demo, tmp_path):
    clip = make_video(
        tmp_path / "clip.mp4", evenly(25), lambda i: patches(walk(i)), seconds_of_sound=1.5
    )
    assert demo(clip, "--output", tmp_path / "a.mp4").status == 0
    assert demo(clip, "--output", tmp_path / "b.mp4", "--audio").status == 0
    with av.open(str(tmp_path / "a.mp4")) as plain, av.open(str(tmp_path / "b.mp4")) as sounding:
        assert not plain.streams.audio
        samples = sum(f.samples for f in sounding.decode(audio=0))
    assert samples / 48_000 == pytest.approx(1.5, abs=0.06)


def test_sound_that_is_not_there_is_told(demo, clip, tmp_path):
    done = demo(clip, "--output", tmp_path / "a.mp4", "--audio")
    assert done.status == 0
    assert "no sound that can be copied" in done.err


def test_a_folder_becomes_a_video(demo, tmp_path):
    (tmp_path / "frames").mkdir()
    for i in range(12):
        cv2.imwrite(str(tmp_path / "frames" / f"{i}.png"), patches(walk(i)))
    done = demo(tmp_path / "frames", "--output", tmp_path / "a.mp4", "--fps", 8)
    assert done.status == 0, done.err
    assert [t for t, _ in frames_of(tmp_path / "a.mp4")] == pytest.approx(evenly(12, 8), abs=1e-3)
    assert length(tmp_path / "a.mp4") == pytest.approx(1.5, abs=1e-3)


def test_between_detections_boxes_follow_what_is_seen(demo, detector, tmp_path, noise_picture):
    """The patches carry a texture, by which they are followed."""
    texture = noise_picture(40, 45, 3) // 3

    def draw(i):
        picture = patches(walk(i)[:1])
        x0, y0, x1, y1 = walk(i)[0].astype(int)
        picture[y0:y1, x0:x1] = cv2.subtract(picture[y0:y1, x0:x1], texture)
        return picture

    clip = make_video(tmp_path / "clip.mp4", evenly(21), draw)
    done = demo(clip, "--csv", tmp_path / "h.csv", "--detect-every", 5)
    assert done.status == 0, done.err
    assert sum(count for count, _ in detector.calls) == 5
    rows = rows_of(tmp_path / "h.csv")
    assert len(rows) == 21
    assert {r["track"] for r in rows} == {"1"}
    for row in rows:
        box = [float(row[k]) for k in ("xmin", "ymin", "xmax", "ymax")]
        assert box == pytest.approx(walk(int(row["frame"]))[0], abs=4)


def test_heads_end_at_a_cut_though_they_are_not_detected_in_each_frame(demo, detector, tmp_path):
    def draw(i):
        return patches(walk(0)[:1]) if i < 7 else np.zeros_like(patches([]))

    clip = make_video(tmp_path / "clip.mp4", evenly(20), draw)
    done = demo(clip, "--csv", tmp_path / "h.csv", "--detect-every", 6)
    assert done.status == 0, done.err
    seen = [int(row["frame"]) for row in rows_of(tmp_path / "h.csv") if row["track"]]
    assert seen == [*range(7)]
    # Of frames 0, 6, 12 and 18; and of those from the cut to the next turn.
    assert sum(count for count, _ in detector.calls) == 4 + 5


def test_heads_are_found_at_a_cut_from_a_scene_without_any(demo, detector, tmp_path):
    def draw(i):
        return patches(walk(0)[:1]) if i >= 13 else np.zeros_like(patches([]))

    clip = make_video(tmp_path / "clip.mp4", evenly(30), draw)
    done = demo(clip, "--csv", tmp_path / "h.csv", "--detect-every", 10)
    assert done.status == 0, done.err
    rows = [row for row in rows_of(tmp_path / "h.csv") if row["track"]]
    assert [int(row["frame"]) for row in rows] == [*range(13, 30)]
    assert sum(count for count, _ in detector.calls) == 3 + 1


@pytest.mark.parametrize("gone", [[3], [5, 6], [13], [13, 14], [20, 21]])
@pytest.mark.parametrize("whole", [True, False])
def test_heads_are_there_again_after_something_hides_them(demo, detector, tmp_path, gone, whole):
    """A flash, or what passes before the only head; the second is at a turn of detection."""

    def draw(i):
        picture = patches(walk(0)[:1])
        if i in gone:
            picture[(...,) if whole else np.s_[20:90, 10:80]] = 255
        return picture

    clip = make_video(tmp_path / "clip.mp4", evenly(40), draw)
    done = demo(clip, "--csv", tmp_path / "h.csv", "--detect-every", 10)
    assert done.status == 0, done.err
    rows = [row for row in rows_of(tmp_path / "h.csv") if row["track"]]
    assert [int(row["frame"]) for row in rows] == [i for i in range(40) if i not in gone]
    assert {row["track"] for row in rows} == {"1"}
    # At their turns, and where they are gone, and in the frame after that.
    extra = len({*gone, gone[-1] + 1} - {0, 10, 20, 30})
    assert sum(count for count, _ in detector.calls) == 4 + extra


def test_a_head_is_hidden_from_the_frame_in_which_it_appears(demo, tmp_path):
    """Right after a detection: the next one, a second later, is the first to find it."""

    def draw(i):
        return patches(walk(0)[:1] if i >= 26 else [])

    clip = make_video(tmp_path / "clip.mp4", evenly(60, 25), draw)
    out = tmp_path / "out.mkv"
    done = demo(clip, "--blur", "--draw", "none", "--detect-every", 25, "--output", out)
    assert done.status == 0, done.err
    assert "who is in view between two detections alone is not hidden" in done.err
    x, y = (int(value) for value in walk(0)[0][:2] + 2)
    corners, before = (
        np.array([picture[y, x] for _, picture in frames_of(path)], int) for path in (out, clip)
    )
    same = np.abs(corners - before).max(axis=1) < 20
    assert np.flatnonzero(same).tolist() == [*range(26)]


def test_frames_of_a_file_are_detected_several_at_once(demo, detector, clip, tmp_path):
    demo(clip, "--csv", tmp_path / "h.csv")
    assert [count for count, _ in detector.calls] == [1, 4, 4, 4, 4, 3]
    # Below the threshold, heads are still of use where one is followed.
    assert [least for _, least in detector.calls] == pytest.approx([0.2] * 6)


def test_statistics_leave_the_first_frame_out(detector, tiny_estimator, monkeypatch):
    """A clock that the detector moves on: the first call takes long."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr("headpose.video.pipeline.time.perf_counter", lambda: clock.now)
    detect = detector.detect

    def slow(pictures, confidence=None):
        clock.now += 9.0 if not detector.calls else 0.01 * len(pictures)
        return detect(pictures, confidence)

    monkeypatch.setattr(detector, "detect", slow)
    follow = VideoPipeline(HeadPosePipeline(detector, PoseEstimator.load(tiny_estimator)))
    frames = [Frame(i, i / 25, 0.04, patches(walk(i))) for i in range(9)]
    assert len(list(follow(frames))) == 9
    follow.statistics.finish()
    report = follow.statistics.report()
    assert (report["frames"], report["heads"], report["tracks"]) == (9, 18, 2)
    assert report["detection ms a frame"] == pytest.approx(10)
    assert report["frames a second"] == pytest.approx(100)
    assert report["estimation ms a head"] == 0


def test_statistics_are_written(demo, clip, tmp_path):
    assert demo(clip, "--stats", tmp_path / "s.json", "--detect-every", 2).status == 0
    report = json.loads((tmp_path / "s.json").read_text())
    assert (report["frames"], report["heads"], report["tracks"]) == (20, 40, 2)
    assert report["frames a second"] > 0
    # Every other frame is detected, so that a frame costs half a detection.
    ratio = report["detection ms a frame"] / report["detection ms a detected frame"]
    assert ratio == pytest.approx(9 / 19, rel=0.02)
    assert report["problems"] == []
    assert not (tmp_path / "output").exists()


def test_a_single_frame_has_counts_and_no_means(demo, tmp_path):
    clip = make_video(tmp_path / "clip.mp4", [0.0], lambda i: patches(walk(i)))
    done = demo(clip, "--stats", tmp_path / "s.json")
    assert done.status == 0, done.err
    report = json.loads((tmp_path / "s.json").read_text())
    assert (report["frames"], report["heads"]) == (1, 2)
    assert report["frames a second"] is None


@pytest.mark.parametrize(
    ("size", "own", "given", "expected"),
    [((512, 512), 0.2, None, 0.65), ((512, 512), 0.2, 0.3, 0.3), (None, 0.5, None, 0.5)],
)
def test_ssd512_has_its_own_threshold_for_videos(size, own, given, expected):
    detector = SimpleNamespace(fixed_size=size, confidence=own)
    assert video_confidence(HeadPosePipeline(detector, None, given)) == expected


def test_two_people_keep_their_numbers(run_script, shared_data, tmp_path):
    """She leans her head to the left of the picture, as he does; both stay where they are."""
    clip = shared_data / "video" / "head-pose-face-detection-female-and-male.mp4"
    done = run_script("demo_video.py", clip, "--csv", tmp_path / "h.csv")
    assert done.status == 0, done.err
    rows = rows_of(tmp_path / "h.csv")
    assert len(rows) == 2 * 56
    for track in ("1", "2"):
        own = [r for r in rows if r["track"] == track]
        assert len(own) == 56
        middles = [(float(r["xmin"]) + float(r["xmax"])) / 2 for r in own]
        assert max(middles) < 240 or min(middles) > 240


def test_a_turning_head_turns_the_other_way_in_the_mirror(run_script, shared_data, tmp_path):
    clip = shared_data / "video" / "head-pose-face-detection-female.mp4"
    pans = []
    for name, options in [("a.csv", []), ("b.csv", ["--flip"])]:
        assert run_script("demo_video.py", clip, "--csv", tmp_path / name, *options).status == 0
        pans.append([float(r["pan"]) for r in rows_of(tmp_path / name)])
    # From the picture's left to its right and back.
    assert pans[0][0] > 30
    assert min(pans[0]) < -15
    assert pans[0][-1] > 5
    assert np.corrcoef(pans[0], -np.array(pans[1]))[0, 1] > 0.98
