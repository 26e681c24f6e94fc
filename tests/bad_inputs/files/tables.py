"""Tables, spaces, lists of sources and data sets that are none."""

from pathlib import Path

TABLE = "file,xmin,ymin,xmax,ymax,tilt,pan,roll\n"
TABLES = {
    "nowhere.csv": "a missing table",
    "empty.csv": "an empty table",
    "head-only.csv": "a table without rows",
    "binary.csv": "bytes",
    "other-columns.csv": "other columns",
    "twice.csv": "a column twice",
    "words.csv": "words for numbers",
    "nan.csv": "NaN and infinity for numbers",
    "no-pictures.csv": "pictures that are missing",
    "turned-box.csv": "boxes with their right left of their left",
    "latin.csv": "Latin-1 letters",
    "empty-folder": "an empty folder",
    "good.csv#nowhere": "a part that does not exist",
}


def write_tables(folder: Path) -> None:
    row = "good.png,{},{},{},{},{},{},0\n"
    write = {
        "empty.csv": b"",
        "head-only.csv": TABLE.encode(),
        "binary.csv": bytes(range(256)) * 9,
        "other-columns.csv": b"a,b,c\n1,2,3\n",
        "twice.csv": b"file,xmin,xmin,ymax,tilt,pan\ngood.png,1,2,3,4,5\n",
        "words.csv": (TABLE + row.format(*["many"] * 6)).encode(),
        "nan.csv": (TABLE + row.format("nan", "inf", 5, 5, "nan", "nan")).encode(),
        "no-pictures.csv": (TABLE + "lost.png,5,5,40,40,1,2,3\n").encode(),
        "turned-box.csv": (TABLE + row.format(40, 40, 5, 5, 1, 2)).encode(),
        "latin.csv": "file,größe\nä.png,1\n".encode("latin1"),
    }
    for name, data in write.items():
        (folder / name).write_bytes(data)
    header = "file,head,track,frame,time,width,height,xmin,ymin,xmax,ymax,score,tilt,pan,roll"
    rows = "good.png,1,,,,64,48,5,5,40,40,0.9,1,2,3"
    (folder / "heads.csv").write_text(f"{header}\n{rows}\n")
    (folder / "odd.yaml").write_text("options: [a\n")
    (folder / "words.yaml").write_text("options:\n  nonsense: [1, 2]\n")
    (folder / "odd.toml").write_text("[[train\n")
    (folder / "other.toml").write_text("[dinner]\npath = 3\n")
    (folder / "text.mat").write_text("I am no MATLAB file")
    (folder / "empty.mat").touch()
    (folder / "half.mat").write_bytes(b"MATLAB 5.0".ljust(124) + b"\0\x01IM" + b"\x0e\0\0\0\xff")
    (folder / "text.sqlite").write_text("I am no database")
    (folder / "empty.sqlite").touch()
    (folder / "text.mp4").write_text("I am no video")
    (folder / "empty.mp4").touch()
