"""What is written appears whole or not at all, and never where it would destroy something."""

import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from headpose.errors import HeadposeError
from headpose.files import (
    atomic_write,
    check_outputs,
    check_readable,
    growing_table,
    writable_folder,
)


def write(path, text="new\n"):
    with atomic_write(path) as temporary:
        temporary.write_text(text)


def files(folder: Path) -> set[str]:
    return {f.name for f in folder.iterdir()}


def test_a_link_is_followed_and_stays(tmp_path):
    (tmp_path / "real.csv").write_text("old\n")
    (tmp_path / "link.csv").symlink_to("real.csv")
    write(tmp_path / "link.csv")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text() == "new\n"


def test_a_link_to_nothing_makes_what_it_names(tmp_path):
    (tmp_path / "link.csv").symlink_to("later.csv")
    write(tmp_path / "link.csv")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "later.csv").read_text() == "new\n"


@pytest.mark.parametrize("opened", [atomic_write, growing_table])
def test_a_pipe_is_written_straight(tmp_path, opened):
    pipe, got = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()))
    reader.start()
    with opened(pipe) as place:
        if opened is atomic_write:
            place.write_text("new\n")
        else:
            place.write("new\n")
    reader.join(10)
    assert got == ["new\n"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert files(tmp_path) == {"pipe"}


def test_a_device_stays_a_device():
    write("/dev/null")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_permissions_stay(tmp_path):
    (tmp_path / "t.csv").touch(mode=0o600)
    write(tmp_path / "t.csv")
    assert stat.S_IMODE((tmp_path / "t.csv").stat().st_mode) == 0o600


@pytest.mark.parametrize("letter", ["a", "ж"])
@pytest.mark.parametrize("opened", [atomic_write, growing_table])
def test_the_longest_names_can_be_written(tmp_path, letter, opened):
    stem = letter * (251 // len(letter.encode()))
    path = tmp_path / f"{stem}.csv"
    with opened(path) as place:
        place.write_text("new\n") if opened is atomic_write else place.write("new\n")
    assert path.read_text() == "new\n"
    assert len(files(tmp_path)) == 1


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (lambda p: p.mkdir(), "it is a folder; name a file in it"),
        (lambda p: p.symlink_to(p.name), "too many levels of symbolic links"),
    ],
)
@pytest.mark.parametrize("opened", [atomic_write, growing_table])
def test_what_cannot_be_written_is_one_sentence(tmp_path, made, told, opened):
    path = tmp_path / "t.csv"
    made(path)
    with pytest.raises(HeadposeError, match=told), opened(path):
        pass
    with pytest.raises(HeadposeError, match=told):
        check_outputs([path])


@pytest.mark.parametrize("name", ["a" * 256, "nul\0byte", "t.csv/deeper"])
def test_names_that_no_file_can_have(tmp_path, name):
    (tmp_path / "t.csv").touch()
    with pytest.raises(HeadposeError, match="cannot write"):
        write(tmp_path / name)
    with pytest.raises(HeadposeError, match="cannot write"):
        check_outputs([tmp_path / name])
    assert files(tmp_path) == {"t.csv"}


def test_a_folder_that_is_missing_is_made_and_told(tmp_path, caplog):
    caplog.set_level("INFO", "headpose")
    write(tmp_path / "a" / "b" / "t.csv")
    assert (tmp_path / "a" / "b" / "t.csv").exists()
    assert "made folder" in caplog.text


def test_a_block_that_fails_leaves_what_was_there(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("old\n")
    with pytest.raises(KeyError), atomic_write(path) as temporary:
        temporary.write_text("half")
        raise KeyError
    assert path.read_text() == "old\n"
    assert files(tmp_path) == {"t.csv"}


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_a_disk_that_fails_is_told_with_the_files_own_name(tmp_path, number):
    path = tmp_path / "t.csv"
    with pytest.raises(HeadposeError) as told, atomic_write(path):
        raise OSError(number, os.strerror(number))
    assert str(path) in str(told.value)
    assert ".part-" not in str(told.value)


def test_errors_name_the_file_not_its_temporary(tmp_path):
    path = tmp_path / "t.csv"
    with pytest.raises(HeadposeError) as told, atomic_write(path) as temporary:
        raise HeadposeError(f"cannot write {temporary}: full")
    assert str(told.value) == f"cannot write {path}: full"


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path):
    code = (
        "import os, sys; from headpose.files import atomic_write\n"
        "with atomic_write(sys.argv[1]) as t:\n"
        "    t.write_text('half'); os.kill(os.getpid(), 9)"
    )
    path = tmp_path / "t.csv"
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert done.returncode == -9
    (left,) = tmp_path.iterdir()
    write(tmp_path / "u.csv")
    assert left.exists()  # it may be of a process elsewhere that still works
    os.utime(left, (0, 0))
    code = (
        "import sys; from headpose.files import atomic_write\n"
        "with atomic_write(sys.argv[1]) as t: t.write_text('whole')"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    assert files(tmp_path) == {"t.csv", "u.csv"}


# ---------------------------------------------------------------------------- growing tables


def rows_then_killed(path: Path) -> None:
    code = (
        "import os, sys; from headpose.files import growing_table\n"
        "with growing_table(sys.argv[1], 1) as t:\n"
        "    t.write('head\\n'); t.write('one\\n'); t.write('two\\n'); t.write('thr')\n"
        "    os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert done.returncode == -9


def test_rows_outlive_a_kill_and_the_next_run(tmp_path, caplog):
    path = tmp_path / "heads.csv"
    rows_then_killed(path)
    assert (tmp_path / "heads.unfinished.csv").read_text() == "head\none\ntwo\n"
    rows_then_killed(path)
    with growing_table(path, 1) as table:
        table.write("head\nnew\n")
    assert path.read_text() == "head\nnew\n"
    for number in (1, 2):
        kept = tmp_path / f"heads.unfinished-{number}.csv"
        assert kept.read_text() == "head\none\ntwo\n"
    assert "heads.unfinished-2.csv" in caplog.text
    assert len(files(tmp_path)) == 3


def test_rows_outlive_an_error_and_an_older_table_stays(tmp_path, caplog):
    path = tmp_path / "heads.csv"
    path.write_text("old\n")
    with pytest.raises(HeadposeError), growing_table(path, 1) as table:
        table.write("head\none\n")
        raise HeadposeError("the camera is gone")
    assert path.read_text() == "old\n"
    assert (tmp_path / "heads.unfinished.csv").read_text() == "head\none\n"
    assert "heads.unfinished.csv" in caplog.text


@pytest.mark.parametrize(("header", "text"), [(1, "head\n"), (0, "")])
def test_a_table_without_rows_leaves_nothing(tmp_path, header, text):
    with pytest.raises(HeadposeError), growing_table(tmp_path / "t.csv", header) as table:
        table.write(text)
        raise HeadposeError("no")
    assert files(tmp_path) == set()


def test_two_writers_of_one_table_are_told(tmp_path):
    path = tmp_path / "t.csv"
    with growing_table(path) as table:
        table.write("one\n")
        with pytest.raises(HeadposeError, match="another process writes it"), growing_table(path):
            pass
        table.write("two\n")
    assert path.read_text() == "one\ntwo\n"
    assert files(tmp_path) == {"t.csv"}


def test_tables_take_every_name_in_utf_8(tmp_path):
    with growing_table(tmp_path / "t.csv") as table:
        table.write("фото.jpg caf\udce9.jpg\n")
    assert (tmp_path / "t.csv").read_bytes() == "фото.jpg caf\\udce9.jpg\n".encode()


# ------------------------------------------------------------------------------------- checks


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


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_places_that_are_not_writable_are_refused_before_the_work(tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(HeadposeError, match="permission denied"):
        check_outputs([tmp_path / "closed" / "t.csv"])


def test_a_folder_that_is_a_file_is_told(tmp_path):
    (tmp_path / "f").touch()
    with pytest.raises(HeadposeError, match="choose another"):
        writable_folder(tmp_path / "f")
    with pytest.raises(HeadposeError, match="cannot write"):
        check_outputs([tmp_path / "f" / "t.csv"])


def test_what_another_process_put_there_meanwhile_stays(tmp_path):
    for number, stands in enumerate(("a.png", "a-2.png"), 1):
        with atomic_write(tmp_path / "a.png", replace=False) as temporary:
            temporary.write_text(f"ours {number}")
            (tmp_path / stands).write_text(f"theirs {number}")
    found = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert found == {
        "a.png": "theirs 1",
        "a-2.png": "theirs 2",  # ours of the first time was there; the other program replaced it
        "a-3.png": "ours 2",
    }


def test_a_file_system_without_hard_links_keeps_what_stands_there(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    (tmp_path / "a.png").write_text("theirs")
    with atomic_write(tmp_path / "a.png", replace=False) as temporary:
        temporary.write_text("ours")
    assert files(tmp_path) == {"a.png", "a-2.png"}
    assert (tmp_path / "a-2.png").read_text() == "ours"


# ------------------------------------------------------------------------- inputs


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
