"""What shells are offered after `headpose`, by argcomplete's protocol."""

import pytest

pytest.importorskip("argcomplete")
BETWEEN = "\v"  # what stands between the words that are offered


@pytest.mark.parametrize(
    ("typed", "offered", "not_offered"),
    [
        ("headpose ", {"image", "video", "pseudo-labels"}, {"--detector"}),
        ("headpose vi", {"video"}, {"image"}),
        ("headpose image --det", {"--detector", "--detector-size"}, {"--csv", "image"}),
        ("headpose image --backend op", {"opencv", "openvino"}, {"keras"}),
        ("headpose match-datasets --o", {"--overwrite"}, {"image"}),
    ],
)
def test_shells_are_offered_commands_options_and_values(
    run_fresh, tmp_path, monkeypatch, typed, offered, not_offered
):
    told = tmp_path / "told"
    asked = {
        **{"_ARGCOMPLETE": "1", "_ARGCOMPLETE_IFS": BETWEEN},
        **{"_ARGCOMPLETE_STDOUT_FILENAME": str(told), "_ARGCOMPLETE_SUPPRESS_SPACE": "1"},
        **{"COMP_LINE": typed, "COMP_POINT": str(len(typed)), "COMP_TYPE": "9"},
    }
    done = run_fresh("image", **asked)  # what stands behind the command's name is not looked at
    assert done.status == 0, done.err
    words = {word.strip() for word in told.read_text().split(BETWEEN)}
    assert offered <= words
    assert not words & not_offered
