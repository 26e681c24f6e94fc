"""Exports for which a disk has no room, whatever the libraries that write say of it."""

import collections
import errno
import os

import pytest

from headpose.errors import HeadposeError
from headpose.export import quiet as module
from headpose.export.quiet import quiet

Usage = collections.namedtuple("Usage", "free")


@pytest.mark.parametrize(
    ("free", "raised", "told"),
    [
        (10**9, RuntimeError("odd"), r"m\.keras: cannot be written \(odd\)$"),
        (100, RuntimeError("odd"), r"cannot write .*m\.xml: no space left on device; make room"),
        (
            10**9,
            OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
            r"cannot write .*m\.xml: no space",
        ),
        (10**9, RuntimeError("{{node}} /x; No space left on device"), r"cannot write .*m\.xml: no"),
    ],
)
def test_a_full_disk_is_told(tmp_path, monkeypatch, free, raised, told):
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: Usage(free))
    with (
        pytest.raises(HeadposeError, match=told),
        quiet("m.keras: cannot be written", tmp_path / "m.xml"),
    ):
        raise raised


def test_a_model_that_cannot_be_run_is_no_full_disk(monkeypatch):
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: Usage(0))
    with pytest.raises(HeadposeError, match=r"cannot be run \(odd\)"), quiet("m: cannot be run"):
        raise RuntimeError("odd")
