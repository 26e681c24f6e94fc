"""Shards that are done again: where memory was short, or where their tables lost something."""

import archive_sets as sets
from annotate_fakes import annotate

from headpose.images import limits

CONTENTS = {name: content for name, content in sets.pictures().items() if name != sets.DAMAGED}


def test_a_picture_for_which_memory_was_short_is_tried_again(tmp_path, monkeypatch):
    folder = sets.as_folder(tmp_path / "in", CONTENTS)
    free = []
    monkeypatch.setattr(limits, "available_memory", lambda: free.pop() if free else None)
    wanted = annotate([folder], tmp_path / "wanted")
    free[:] = [0, 10**9]  # enough for the first picture
    counts = annotate([folder], tmp_path / "out")
    assert (counts["failures"], counts["pictures"]) == (1, wanted["pictures"] - 1)
    (failure,) = sets.failures_of(tmp_path / "out")
    assert "GB of memory" in failure["reason"]
    assert annotate([folder], tmp_path / "out") == wanted
    assert not sets.failures_of(tmp_path / "out")
