"""The benchmark of waiting threads, through its command line."""

import thread_waits
from videos import evenly, make_video


def test_all_ways_take_turns_in_two_tables(run_script, tmp_path):
    clip = make_video(tmp_path / "clip.mp4", evenly(3))
    given = ["--clip", clip, "--calls", 2, "--rounds", 1]
    done = run_script("benchmarks/thread_waits.py", *given)
    assert done.status == 0, done.err
    for title in ("nothing else runs:", "another program has a core:"):
        table = done.out.partition(title)[2].strip().splitlines()
        assert table[0].startswith(
            "| threads wait | detection, ms | head, ms | both, ms | 32 heads, ms | video"
        )
        rows = [line.split("|")[1:-1] for line in table[2 : 2 + len(thread_waits.WAYS)]]
        assert {row[0].strip() for row in rows} == set(thread_waits.WAYS)
        assert all(float(value) > 0 for row in rows for value in row[1:])


def test_what_cannot_be_read_is_told(run_script, tmp_path):
    done = run_script("benchmarks/thread_waits.py", "--detector", tmp_path / "no.onnx")
    assert "no such" in done.err or "no.onnx" in done.err
