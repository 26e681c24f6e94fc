"""AVI puts sound end to end: where that makes it early it is told, and what it cannot hold."""

from fractions import Fraction

import av
import pytest
from videos import card, evenly, make_video

from headpose.errors import HeadposeError
from headpose.video.audio import Sound
from headpose.video.writer import VideoWriter


class Broken:
    """Sound without some of its packets.

    Args:
        sound: What is read.
        start, end: Of what is left out, seconds.
    """

    def __init__(self, sound: Sound, start: float, end: float):
        self.stream, self._sound, self._range = sound.stream, sound, (start, end)

    def until(self, time):
        for packet in self._sound.until(time):
            start, end = self._range
            if not start <= packet.pts * packet.time_base < end:
                yield packet


def write(path, sound) -> None:
    with VideoWriter(path, Fraction(25), Fraction(1, 25), sound=sound) as writer:
        for index, time in enumerate(evenly(50)):
            writer.write(card(index), time, 0.04)


def tone(path) -> tuple[float, float]:
    """Returns when the sound of a video begins, and when the last of it ends."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    return frames[0].time, frames[-1].time + frames[-1].samples / frames[-1].sample_rate


@pytest.fixture(scope="module")
def beeping(tmp_path_factory):
    return make_video(tmp_path_factory.mktemp("v") / "in.mkv", evenly(50), seconds_of_sound=2)


@pytest.mark.parametrize(("suffix", "told"), [(".avi", True), (".mkv", False)])
def test_sound_that_begins_late_is_told(tmp_path, caplog, beeping, suffix, told):
    path = tmp_path / f"a{suffix}"
    with Sound(str(beeping), start=-0.75) as sound:  # which shifts it
        write(path, sound)
    assert tone(path)[0] == pytest.approx(0 if told else 0.75, abs=0.03)
    assert ("early by up to 0.7" in caplog.text) == told


def test_breaks_in_the_sound_are_told(tmp_path, caplog, beeping):
    with Sound(str(beeping)) as sound:
        write(tmp_path / "a.avi", Broken(sound, 0.5, 0.9))
    assert tone(tmp_path / "a.avi")[1] == pytest.approx(1.6, abs=0.05)
    assert "early by up to 0.4" in caplog.text or "early by up to 0.39" in caplog.text


def test_whole_sound_is_not_told(tmp_path, caplog, beeping):
    with Sound(str(beeping)) as sound:
        write(tmp_path / "a.avi", sound)
    assert not caplog.text


def test_sound_of_a_kind_that_avi_cannot_hold_is_told(tmp_path):
    """Transport streams tell in each packet of AAC what other files tell once."""
    path = make_video(tmp_path / "in.ts", evenly(10), seconds_of_sound=1)
    told = r"a \.avi file cannot hold mpeg4 with this sound as aac; try \.mkv"
    with Sound(str(path)) as sound, pytest.raises(HeadposeError, match=told):
        write(tmp_path / "out.avi", sound)
    with Sound(str(path)) as sound:
        write(tmp_path / "out.mkv", sound)
    assert tone(tmp_path / "out.mkv")[1] == pytest.approx(1, abs=0.05)


def test_the_command_tells_it(run_script, tmp_path, beeping):
    with Sound(str(beeping), start=-0.5) as sound:
        write(tmp_path / "late.mkv", sound)
    quick = "--detector", "viola-jones", "--estimator", "fast", "--end", "1"
    given = "video", tmp_path / "late.mkv", "--audio", *quick
    done = run_script(*given, "--output", tmp_path / "out.avi")
    assert done.status == 0, done.err
    assert "out.avi: AVI has no room for breaks before and in the sound" in done.err
    done = run_script(*given, "--output", tmp_path / "out.mp4")
    assert (done.status, done.err) == (0, "")
