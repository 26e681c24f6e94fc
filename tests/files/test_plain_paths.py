"""The path by which a file's name is known: one for all its spellings, none for two files."""

import os
from pathlib import Path

import pytest

from headpose.files.places import plain_path


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The working folder: `link` leads to `other/deep`, `near` to `sub`."""
    for folder in ("other/deep", "sub"):
        (tmp_path / folder).mkdir(parents=True)
    for file in ("a.jpg", "other/a.jpg", "sub/a.jpg"):
        (tmp_path / file).touch()
    (tmp_path / "link").symlink_to("other/deep")
    (tmp_path / "near").symlink_to("sub")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("a.jpg", "a.jpg"),
        ("./a.jpg", "a.jpg"),
        ("sub//../a.jpg", "a.jpg"),
        ("sub/../sub/../a.jpg", "a.jpg"),
        ("link/../a.jpg", "other/a.jpg"),
        ("link/../../a.jpg", "a.jpg"),
        ("sub/../link/../a.jpg", "other/a.jpg"),
        ("near/../a.jpg", "a.jpg"),
        ("near/a.jpg", "near/a.jpg"),  # a link that is followed has a name of its own
        ("link/../../near/a.jpg", "near/a.jpg"),
    ],
)
def test_a_path_is_of_the_file_that_the_system_opens(here, name, known):
    assert plain_path(name) == plain_path(here / name) == str(here / known)
    assert Path(name).samefile(plain_path(name))


@pytest.mark.parametrize("name", ["", ".", "..", "gone/../b.jpg", f"{'x' * 300}/../b.jpg", "\0/.."])
def test_any_name_has_one(here, name):
    assert plain_path(name) == os.path.abspath(name)  # noqa: PTH100
