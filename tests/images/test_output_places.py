import errno
import os
from pathlib import Path

import pytest

from headpose.errors import HeadposeError
from headpose.files import atomic_write, numbered
from headpose.images.listing import find_inputs
from headpose.images.output_places import check_not_searched, drawn_beside, output_places
from headpose.images.picture_names import find_pictures


def tree(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


@pytest.mark.parametrize(
    ("pattern", "skipped", "found"),
    [
        ("p/**", "p/out", ["p/a.jpg", "p/sub/b.jpg"]),
        ("p/**/*.jpg", "p/out", ["p/a.jpg", "p/sub/b.jpg"]),
        ("p/*/*.jpg", "p/out", ["p/sub/b.jpg"]),
        ("p/out/*.jpg", "p/out", ["p/out/a.jpg"]),  # the pattern's own folder
        ("p/**", "elsewhere", ["p/a.jpg", "p/out/a.jpg", "p/sub/b.jpg"]),
    ],
)
def test_patterns_leave_out_what_is_written(pattern, skipped, found, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tree(tmp_path, "p/a.jpg", "p/sub/b.jpg", "p/out/a.jpg")
    files = find_inputs([pattern], skip=[Path(skipped)]).files
    assert [str(file) for file in files] == found


def test_a_link_is_where_its_name_is(tmp_path, monkeypatch):
    """A pattern looks there, not where the link leads."""
    monkeypatch.chdir(tmp_path)
    tree(tmp_path, "p/out/a.jpg", "store/b.jpg")
    for name, target in (("p/a.jpg", "out/a.jpg"), ("p/b.jpg", "../store/b.jpg")):
        (tmp_path / name).symlink_to(target)
    files = find_inputs(["p/**"], skip=[Path("p/out")]).files
    assert [str(file) for file in files] == ["p/a.jpg", "p/b.jpg"]
    assert drawn_beside(files, [Path("p/c.jpg")])
    assert drawn_beside(files, [Path("store/c.jpg"), Path("p/out/c.jpg")]) is None


def test_a_pattern_finds_what_a_folder_does(tmp_path, monkeypatch):
    """Links to files beside them, too; of a link to a folder that goes in a circle, nothing."""
    monkeypatch.chdir(tmp_path)
    tree(tmp_path, "p/a.jpg")
    (tmp_path / "p" / "b.jpg").symlink_to("a.jpg")
    (tmp_path / "p" / "c.jpg").hardlink_to("p/a.jpg")
    (tmp_path / "p" / "round").symlink_to(".")
    (tmp_path / "p" / "q").mkdir()
    (tmp_path / "p" / "q" / "d.jpg").touch()
    (tmp_path / "p" / "r").symlink_to("q")
    names = ["p/a.jpg", "p/b.jpg", "p/c.jpg"]
    below = ["p/q/d.jpg", "p/r/d.jpg"]
    for pattern, expected in (
        ("p", names + below),
        ("p/**/*.jpg", names + below),
        ("p/*.jpg", names),
        ("p/*/*.jpg", below),
    ):
        assert [file.as_posix() for file in find_inputs([pattern]).files] == expected


def test_lines_of_a_list_are_seen_from_its_folder_with_their_spaces(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d" / "sub").mkdir(parents=True)
    for name in (" a.jpg", "a.jpg", "sub/b.jpg", "c.jpg"):
        (tmp_path / "d" / name).touch()
    (tmp_path / "c.jpg").touch()
    (tmp_path / "d" / "list.txt").write_text(" a.jpg\nsub/*.jpg\n c.jpg \ngone.jpg\n")
    found = find_inputs(["@d/list.txt"])
    assert [str(file) for file in found.files] == ["d/ a.jpg", "d/sub/b.jpg", "c.jpg"]
    assert [problem.partition(":")[0] for problem in found.problems] == ["gone.jpg"]


@pytest.mark.parametrize(
    ("roots", "refused"),
    [
        (["p"], False),
        (["p/out"], True),
        (["p/out/sub"], False),  # what is drawn goes above it
        (["p/out/sub", "p"], True),  # with two folders, their names come before
        (["p/link"], True),
    ],
)
def test_nothing_is_drawn_where_inputs_are_looked_for(roots, refused, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tree(tmp_path, "p/a.jpg", "p/out/a.jpg", "p/out/sub/a.jpg")
    (tmp_path / "p" / "link").symlink_to("out")
    files = [(root, Path(root, "a.jpg"), "a") for root in roots]
    above = {root: Path(root) for root in roots}
    if not refused:
        assert len(output_places(files, above, Path("p/out"), ".jpg")) == len(roots)
        return
    with pytest.raises(HeadposeError, match="is searched, and what is drawn there"):
        output_places(files, above, Path("p/out"), ".jpg")


def test_a_link_to_itself_is_no_place_for_inputs(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    check_not_searched(tmp_path, [tmp_path / "loop"], [tmp_path / "a.jpg"])


def test_numbers_fit_names_that_are_as_long_as_they_may_be(tmp_path):
    stem = "ä" * 125
    assert numbered(tmp_path, "a", ".jpg").name == "a.jpg"
    assert numbered(tmp_path, "a", ".jpg", 2).name == "a-2.jpg"
    name = numbered(tmp_path, stem, ".jpg", 12).name
    assert name == f"{'ä' * 124}-12.jpg"
    assert len(os.fsencode(name)) == 255
    file = tmp_path / f"{stem}.jpg"
    places = [(str(file), file, stem)]
    (tmp_path / "out").mkdir()
    for _ in range(3):
        (place,) = output_places(places, {}, tmp_path / "out", ".jpg", False).values()
        with atomic_write(place, replace=False) as temporary:
            temporary.write_text("drawn")
    assert len(list((tmp_path / "out").iterdir())) == 3
    for _ in range(2):  # where another process is faster
        with atomic_write(tmp_path / "out" / f"{stem}x.jpg", replace=False) as temporary:
            temporary.write_text("drawn")
    assert len(list((tmp_path / "out").iterdir())) == 5


def test_a_folder_is_never_drawn_over(tmp_path):
    (tmp_path / "a.jpg").mkdir()
    file = Path("a.jpg")
    (place,) = output_places([("a.jpg", file, "a")], {}, tmp_path, ".jpg", True).values()
    assert place.name == "a-2.jpg"


def test_pictures_of_folders_are_those_that_people_see(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tree(tmp_path, "p/2.jpg", "p/1.jpg", "p/._1.jpg", "p/.hidden.jpg", "p/folder.jpg/3.jpg")
    found, problems = find_pictures(["p", "./p/1.jpg", str(tmp_path / "p" / "2.jpg"), "p/*.jpg"])
    assert [str(file) for file in found] == ["p/1.jpg", "p/2.jpg"]
    assert not problems


@pytest.mark.parametrize(("replace", "name"), [(False, "a-2.jpg"), (True, "a.jpg")])
def test_it_is_known_where_a_file_went(tmp_path, replace, name):
    placed = []
    with atomic_write(tmp_path / "a.jpg", replace, placed) as temporary:
        temporary.write_bytes(b"mine")
        (tmp_path / "a.jpg").write_bytes(b"theirs")
        assert not placed
    assert placed == [tmp_path / name]
    assert placed[0].read_bytes() == b"mine"


def test_a_pattern_that_leads_back_finds_the_files_here(tmp_path, monkeypatch):
    tree(tmp_path, "one/a.jpg", "two/b.jpg", "two/sub/c.jpg")
    monkeypatch.chdir(tmp_path / "two")
    for pattern, expected in (
        ("../*/*.jpg", ["../one/a.jpg", "../two/b.jpg"]),
        ("../**/*.jpg", ["../one/a.jpg", "../two/b.jpg", "../two/sub/c.jpg"]),
        ("sub/../*.jpg", ["sub/../b.jpg"]),
    ):
        assert [file.as_posix() for file in find_inputs([pattern]).files] == expected


def test_what_is_named_itself_is_named_though_its_folder_was_before(tmp_path, monkeypatch):
    tree(tmp_path, "a.jpg", "out/b.jpg")
    monkeypatch.chdir(tmp_path)
    found = find_inputs([".", "out/b.jpg"])
    assert [str(file) for file in found.files] == ["a.jpg", "out/b.jpg"]
    assert [found.only_found(file) for file in found.files] == [True, False]
    assert set(found.roots) == set(found.files)  # whose place is as before


def test_no_place_is_beside_the_output_folder(tmp_path):
    """Of a pattern whose wildcard is a link, with .. behind it."""
    name, root = "w/ext/../../pics/a.jpg", Path("w")
    places = output_places(
        [(name, Path(name), "a")], {name: root}, tmp_path / "o", ".jpg", overwrite=True
    )
    assert places[name] == tmp_path / "o" / "ext" / "pics" / "a.jpg"


def test_a_pattern_over_links_that_lead_back_comes_to_an_end(tmp_path, monkeypatch):
    tree(tmp_path, "p/a.jpg", "p/q/b.jpg", "p/.hidden/c.jpg", "p/q/**.jpg")
    for name in ("p/up", "p/q/up", "p/q/again"):
        (tmp_path / name).symlink_to("..")
    monkeypatch.chdir(tmp_path)
    for pattern, expected in (
        ("p/**/*.jpg", ["p/a.jpg", "p/q/**.jpg", "p/q/b.jpg"]),
        ("p/**", ["p/a.jpg", "p/q/**.jpg", "p/q/b.jpg"]),
        ("**/q/**/b.jpg", ["p/q/b.jpg"]),
        ("p/**/**/a.jpg", ["p/a.jpg"]),
        ("**/*.jpg", ["p/a.jpg", "p/q/**.jpg", "p/q/b.jpg"]),
    ):
        assert [file.as_posix() for file in find_inputs([pattern]).files] == expected


@pytest.mark.parametrize(
    "pattern", ["p/**/*.jpg", "p/*/*.jpg", "p/no/*.jpg", "**/no/*", "p/**", "p/*/b.jpg"]
)
def test_a_pattern_tells_of_folders_that_cannot_be_read(tmp_path, monkeypatch, pattern):
    tree(tmp_path, "p/a.jpg", "p/no/b.jpg", "p/ok/no-folder.jpg", "p/.hidden/c.jpg")
    (tmp_path / "p" / "loop").symlink_to("loop")
    monkeypatch.chdir(tmp_path)
    scandir, lstat = os.scandir, os.lstat

    def refuses(folder="."):
        if os.fsdecode(folder).rstrip("/").endswith("p/no"):
            raise PermissionError(errno.EACCES, "Permission denied", folder)
        return scandir(folder)

    def looks(path, *more, **options):
        if os.fsdecode(path).endswith("p/no/b.jpg"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return lstat(path, *more, **options)

    monkeypatch.setattr(os, "scandir", refuses)
    monkeypatch.setattr(os, "lstat", looks)
    found = find_inputs([pattern])
    assert [line.replace("/:", ":") for line in found.problems][:1] == ["p/no: permission denied"]
    assert not any("loop" in line for line in found.problems)
    assert "p/no/b.jpg" not in {file.as_posix() for file in found.files}


def test_a_disk_that_does_not_answer_is_told(tmp_path, monkeypatch):
    """Such as a mount whose server is gone: what it is, stat does not tell."""
    tree(tmp_path, "p/a.jpg", "p/net/b.jpg")
    monkeypatch.chdir(tmp_path)
    scandir, isdir = os.scandir, os.path.isdir

    def dead(folder="."):
        if os.fsdecode(folder).rstrip("/").endswith("p/net"):
            raise OSError(errno.ENOTCONN, "Transport endpoint is not connected", folder)
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", dead)
    monkeypatch.setattr(os.path, "isdir", lambda p: isdir(p) and not str(p).endswith("p/net"))
    for name in ("p", "p/**/*.jpg"):
        found = find_inputs([name])
        assert [file.as_posix() for file in found.files] == ["p/a.jpg"]
        assert found.problems == ["p/net: transport endpoint is not connected"]


def test_a_link_in_a_circle_keeps_no_other_file_from_being_found(tmp_path, monkeypatch):
    tree(tmp_path, "p/a.jpg", "p/z/b.jpg")
    (tmp_path / "p" / "loop").symlink_to("loop")
    monkeypatch.chdir(tmp_path)
    for name in ("p", "p/**/*.jpg"):
        found = find_inputs([name])
        assert [file.as_posix() for file in found.files] == ["p/a.jpg", "p/z/b.jpg"]
        assert not found.problems
