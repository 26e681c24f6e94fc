"""Text files are read and written as UTF-8 on every system, whatever its own encoding is."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "headpose"


def opens_text(call: ast.Call) -> bool:
    """Tells calls of pathlib's that open a file as text."""
    if not isinstance(call.func, ast.Attribute):
        return False
    if call.func.attr in ("read_text", "write_text"):
        return True
    mode = call.args[0] if call.args else None
    text = isinstance(mode, ast.Constant) and isinstance(mode.value, str)
    return call.func.attr == "open" and text and set(mode.value) <= set("rwaxt+")


@pytest.mark.parametrize("wing", sorted({p.parent for p in PACKAGE.rglob("*.py")}))
def test_every_text_file_is_opened_with_an_encoding(wing):
    found = []
    for file in wing.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and opens_text(node):
                named = any(keyword.arg == "encoding" for keyword in node.keywords)
                found += [] if named else [f"{file.name} line {node.lineno}"]
    assert found == []
