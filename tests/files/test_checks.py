"""Refused before any work: outputs that would destroy an input, inputs that cannot be read."""

import os

import pytest

from headpose.errors import HeadposeError
from headpose.files import (
    check_outputs,
    check_readable,
)


def test_inputs_and_twins_are_refused_under_any_name(tmp_path):
    photo = tmp_path / "p.jpg"
    photo.touch()
    (tmp_path / "link.csv").symlink_to(photo)
    os.link(photo, tmp_path / "hard.csv")
    for name in ("p.jpg", "link.csv", "hard.csv", "./p.jpg"):
        with pytest.raises(HeadposeError, match="is an input"):
            check_outputs([tmp_path / name], inputs=[photo])
    with pytest.raises(HeadposeError, match="same place"):
        check_outputs([tmp_path / "t.csv", f"{tmp_path}/x/../t.csv"])
    with pytest.raises(HeadposeError, match="standard output"):
        check_outputs(["-", "-"])
    check_outputs([photo], overwrite=False)  # what is empty has nothing to lose
    photo.write_bytes(b"mine")
    with pytest.raises(HeadposeError, match="--overwrite"):
        check_outputs([photo], overwrite=False)
    with pytest.raises(HeadposeError, match="it is a folder"):
        check_outputs([""])
    check_outputs([None, "-", tmp_path / "new" / "t.csv", photo])
    assert not (tmp_path / "new").exists()


def test_a_text_is_not_called_as_something_else(tmp_path):
    for name in ("t.csv.gz", "t.XLSX", "t.parquet"):
        with pytest.raises(HeadposeError, match="will be text, not"):
            check_outputs([tmp_path / name], texts=[tmp_path / name])
        check_outputs([tmp_path / name])
    check_outputs([tmp_path / "t.csv"], texts=[tmp_path / "t.csv"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_places_that_are_not_writable_are_refused_before_the_work(tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(HeadposeError, match="permission denied"):
        check_outputs([tmp_path / "closed" / "t.csv"])


def test_what_opening_would_wait_for_is_refused(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path, told in (
        (pipe, "no regular file"),
        ("/dev/zero", "no regular"),
        (tmp_path, "folder"),
    ):
        with pytest.raises(HeadposeError, match=told):
            check_readable(path)
    check_readable(tmp_path / "missing")  # whoever opens it says so
    read, write = os.pipe()  # as of <(...) in a shell
    try:
        check_readable(f"/dev/fd/{read}")
    finally:
        os.close(read)
        os.close(write)


def test_messages_are_one_line_that_steers_no_terminal():
    error = HeadposeError("a\nb\x1b[2J\u202ec\u3000d é")
    assert str(error) == "a\\nb\\x1b[2J\\u202ec\u3000d é"


def test_a_text_replaces_no_picture_and_nothing_in_a_folder_that_is_read(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0\0\x10JFIF")
    (tmp_path / "old.json").write_text("{}")
    data = tmp_path / "data"
    data.mkdir()
    (data / "labels.csv").write_text("file,tilt,pan\n")
    with pytest.raises(HeadposeError, match="no text file"):
        check_outputs([tmp_path / "photo.jpg"], texts=[tmp_path / "photo.jpg"])
    with pytest.raises(HeadposeError, match="folder that is read"):
        check_outputs([data / "labels.csv"], [data])
    check_outputs([tmp_path / "photo.jpg"])  # an output that is a picture may replace one
    check_outputs([tmp_path / "old.json", data / "new.json"], [data], texts=[tmp_path / "old.json"])
