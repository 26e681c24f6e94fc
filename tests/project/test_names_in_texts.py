"""Names of the package in docstrings, comments and documents are those of today."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in (ROOT / "headpose").rglob("*.py")
}
TEXTS = sorted(
    path
    for place in ("headpose", "benchmarks", "comparison", "examples", "docs")
    for path in (ROOT / place).rglob("*")
    if path.suffix in (".py", ".md") and "node_modules" not in path.parts
) + sorted(ROOT.glob("*.md"))
NO_MODULES = {"headpose.json"}  # files


def names_in(module: str) -> set[str]:
    """Returns what a module defines or imports, without importing it."""
    tree = ast.parse(PACKAGE[module].read_text(encoding="utf-8"))
    found = {
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }
    found |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name for alias in node.names}
        elif module == "headpose" and isinstance(node, ast.Constant):
            found.add(str(node.value))  # its names are imported when they are asked for
    return found


def is_known(name: str) -> bool:
    """Tells whether a dotted name is a module, or what one holds."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        module = ".".join(parts[:count])
        if module in PACKAGE:
            return count == len(parts) or parts[count] in names_in(module)
    return False


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_names_of_the_package_exist(path):
    told = set(re.findall(r"`(headpose(?:\.\w+)+)", path.read_text(encoding="utf-8")))
    assert [name for name in sorted(told - NO_MODULES) if not is_known(name)] == []
