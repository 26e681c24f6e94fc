#!/usr/bin/env python3
"""Runs the commands that print the figures of the documents, and says what differs from them.

A document marks its figures so, with the command that prints them:

    <!-- printed by: headpose trust DATA/scut_head/val_pose.csv -->

    | limit | heads | share |
    ...
    <!-- end of printed -->

Words in capitals stand for folders that only some machines have: DATA and PEERS. A command
that names one which is not given (--data, --peers) is left out, and told; so are those marked
`by hand:` instead, which take hours or a machine that does nothing else.
"""

import dataclasses
import itertools
import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from pathlib import Path

from measuring import ROOT, cl

from headpose.errors import HeadposeError

DOCUMENTS = ("*.md", "docs/*.md", "models/*.md", "benchmarks/*.md", "comparison/*.md")
BLOCK = re.compile(
    r"^<!-- (printed by|by hand): (?P<command>.+?) -->\n(?P<text>.*?)^<!-- end of printed -->$",
    re.MULTILINE | re.DOTALL,
)
BEGIN = re.compile(r"^<!-- (printed by|by hand): ", re.MULTILINE)
FOLDERS = ("DATA", "PEERS")
RULE = re.compile(r"\|[\s:|-]+\|")
NUMBER = re.compile(r"[-−+]?\d[\d,]*(?:\.\d+)?")


@dataclasses.dataclass(frozen=True)
class Figures:
    """Figures in a document.

    Attributes:
        document: Where they stand.
        line: Of the mark, from 1.
        command: What prints them, as it is typed.
        text: What stands between the marks.
        by_hand: Whether they are only listed.
    """

    document: Path
    line: int
    command: str
    text: str
    by_hand: bool

    @property
    def place(self) -> str:
        return f"{self.document.relative_to(ROOT)}:{self.line}"


def find_figures(documents: list[Path] | None = None) -> list[Figures]:
    """Returns all marked figures, in the order of documents.

    Raises:
        HeadposeError: If a mark has no end.
    """
    files = documents or sorted({f for pattern in DOCUMENTS for f in ROOT.glob(pattern)})
    found = []
    for file in files:
        text = file.read_text(encoding="utf-8")
        blocks = list(BLOCK.finditer(text))
        if len(blocks) != len(BEGIN.findall(text)):
            raise HeadposeError(f"{file}: figures without <!-- end of printed -->")
        for block in blocks:
            line = text.count("\n", 0, block.start()) + 1
            by_hand = block[1] == "by hand"
            found.append(Figures(file, line, block["command"], block["text"], by_hand))
    return found


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of a Markdown table.

    Attributes:
        cells: Without marks of bold text or code.
        heads: Of the columns; none where the table has no heads.
    """

    cells: list[str]
    heads: list[str]

    @property
    def name(self) -> str:
        """The first cell."""
        return self.cells[0] or "(no name)"

    def told_as(self, heads: list[str]) -> list[str] | None:
        """Returns the cells under other heads, in their order; None if one is missing."""
        named = dict(zip(self.heads, self.cells, strict=False))
        return [named[head] for head in heads] if heads and set(heads) <= set(named) else None


def rows(text: str) -> list[Row]:
    """Returns all rows of the Markdown tables in a text, heads and rules left out."""
    lines = [line.strip() for line in text.splitlines()] + [""]
    found, heads = [], []
    for line, following in itertools.pairwise(lines):
        cells = [cell.strip(" *`") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not line.startswith("|"):
            heads = []
        elif RULE.fullmatch(following):
            heads = cells
        elif not RULE.fullmatch(line):
            found.append(Row(cells, heads))
    return found


def differences(stated: str, printed: str, tolerance: float = 0.0) -> list[str]:
    """Says which rows of tables in a document a command does not print.

    Rows are told apart by their first cell and by how much of them agrees. What is printed and
    not stated is no difference: documents may show some of the rows, and some of the columns.

    Args:
        stated: What a document has.
        printed: What the command said.
        tolerance: Numbers may differ by this share of the stated one.

    Returns:
        A sentence for each row; where a document has no table, for each number of its that
        is not printed.
    """
    wanted, had = rows(stated), rows(printed)
    if not wanted:
        told = set(NUMBER.findall(printed))
        missing = [number for number in NUMBER.findall(stated) if number not in told]
        return [f"{number} is not printed" for number in dict.fromkeys(missing)]
    result = []
    for row in wanted:
        alike = [other for other in had if other.cells[:1] == row.cells[:1]]
        if not alike:
            result.append(f"{row.name}: no such row is printed")
            continue
        off = min((_off(row, other, tolerance) for other in alike), key=len)
        result += [f"{row.name}: {', '.join(off)}"] if off else []
    return result


def _off(row: Row, other: Row, tolerance: float) -> list[str]:
    """Says which cells differ."""
    cells = other.cells if len(row.cells) == len(other.cells) else other.told_as(row.heads)
    if cells is None:
        return [f"{len(row.cells)} cells, {len(other.cells)} printed"]
    return [
        f"{stated} is now {printed}"
        for stated, printed in zip(row.cells, cells, strict=True)
        if not _same(stated, printed, tolerance)
    ]


def _same(stated: str, printed: str, tolerance: float) -> bool:
    if stated == printed:
        return True
    both = [NUMBER.findall(cell) for cell in (stated, printed)]
    if not tolerance or len(both[0]) != len(both[1]) or not both[0]:
        return False
    if NUMBER.sub("", stated) != NUMBER.sub("", printed):
        return False
    values = [[float(n.replace(",", "").replace("−", "-")) for n in numbers] for numbers in both]
    return all(abs(a - b) <= tolerance * abs(a) + 1e-12 for a, b in zip(*values, strict=True))


def run(figures: Figures, folders: dict[str, str]) -> str:
    """Runs a command in the repository and returns what it prints.

    Raises:
        HeadposeError: If it fails, with the last line of what it says.
    """
    words = [
        re.sub(r"\b(DATA|PEERS)\b", lambda found: folders[found[0]], word)
        for word in shlex.split(figures.command)
    ]
    words = {
        "python": [sys.executable, *words[1:]],
        "headpose": [sys.executable, "-m", "headpose", *words[1:]],
    }.get(words[0], words)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        words, cwd=ROOT, capture_output=True, text=True, env=environment, check=False
    )
    if done.returncode:
        told = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise HeadposeError(f"status {done.returncode}: {told}")
    text = done.stdout
    for name, place in folders.items():  # as documents call them
        text = text.replace(place, name)
    return text


def judge(figures: Figures, folders: dict[str, str], printed: dict, tolerance: float) -> str:
    """Compares figures with what their command prints; prints the verdict and returns it.

    Args:
        figures: Which.
        folders: What `FOLDERS` stand for, as far as it is given.
        printed: What commands printed so far: several documents may show a part each.
        tolerance: See `differences`.
    """
    named = [name for name in FOLDERS if re.search(rf"\b{name}\b", figures.command)]
    missing = [name for name in named if name not in folders]
    sentences = []
    if figures.by_hand or missing:
        why = "by hand" if figures.by_hand else f"{' and '.join(missing)} not given"
        verdict, told = "left out", f"left out ({why})"
    else:
        try:
            if figures.command not in printed:
                printed[figures.command] = run(figures, folders)
            sentences = differences(figures.text, printed[figures.command], tolerance)
            verdict, told = ("differ", "differs") if sentences else ("agree", "agrees")
        except HeadposeError as error:
            verdict, told, sentences = "fail", "fails", [str(error)]
    print("\n    ".join([f"{figures.place}: {told}: {figures.command}", *sentences]), flush=True)
    return verdict


def main() -> int:
    parser = cl.parser(__doc__)
    add = parser.add_argument
    add("documents", nargs="*", type=Path, metavar="DOCUMENT", help="only these (default: all)")
    add("--data", metavar="FOLDER", help="what DATA stands for")
    add("--peers", metavar="FOLDER", help="what PEERS stands for")
    add("--only", metavar="WORDS", default="", help="only commands that have these words")
    add("--tolerance", type=cl.in_range(0, 1), default=0.0, metavar="SHARE", help="by which "
        "numbers may differ (default: not at all)")  # fmt: skip
    add("--list", action="store_true", help="list figures and commands, run nothing")
    arguments = parser.parse_args()
    given = {"DATA": arguments.data, "PEERS": arguments.peers}
    folders = {name: str(Path(place).resolve()) for name, place in given.items() if place}
    found = find_figures([document.resolve() for document in arguments.documents])
    chosen = [figures for figures in found if arguments.only in figures.command]
    if arguments.list:
        for figures in chosen:
            print(f"{figures.place}: {'by hand: ' * figures.by_hand}{figures.command}")
        return 0
    printed: dict[str, str] = {}
    counts = Counter(judge(each, folders, printed, arguments.tolerance) for each in chosen)
    print(", ".join(f"{counts[what]} {what}" for what in ("agree", "differ", "fail", "left out")))
    return 1 if counts["differ"] or counts["fail"] else 0


if __name__ == "__main__":
    cl.run(main)
