import pytest

from headpose.commandline import Failure
from headpose.tables import SourceName


@pytest.mark.parametrize(
    ("text", "path", "part", "share"),
    [
        ("a.csv", "a.csv", "", 1),
        ("a.csv#test", "a.csv", "test", 1),
        ("a.csv@0.4", "a.csv", "", 0.4),
        ("a.csv#test@2", "a.csv", "test", 2),
        ("here/b@c#d.csv", "here/b@c#d.csv", "", 1),  # exists as it stands
        ("here/b@c#d.csv@0.5", "here/b@c#d.csv", "", 0.5),
    ],
)
def test_names_of_sources(tmp_path, monkeypatch, text, path, part, share):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "b@c#d.csv").touch()
    source = SourceName.parse(text)
    assert (str(source.path), source.part, source.share) == (path, part, share)
    assert source.with_part("train").part == (part or "train")


@pytest.mark.parametrize("text", ["a.csv@many", "a.csv@0", "a.csv@-1", "a.csv@inf", "a.csv@"])
def test_shares_must_be_positive(text):
    with pytest.raises(Failure, match="positive number"):
        SourceName.parse(text)
