"""Cells that a spreadsheet would run."""

import ast
from pathlib import Path

import pytest

from gateway.usage.cells import neutral

PACKAGE = Path(__file__).parents[2] / "gateway"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_what_begins_like_a_formula_does_not_remain_one(start: str) -> None:
    """Each of the six starts is quoted; the same character later in the cell is not."""
    assert neutral(f"{start}1") == f"'{start}1"
    assert neutral(f"{start}cmd|' /C calc'!A0") == f"'{start}cmd|' /C calc'!A0"
    assert neutral(start) == f"'{start}"
    assert neutral(f"a{start}1") == f"a{start}1"


@pytest.mark.parametrize("value", ["", "gpt-4o", "'=1", 0, -1, 1.5, True, None])
def test_anything_else_stays_as_it_is(value: object) -> None:
    """Numbers keep their sign, and a text that is harmless is not touched."""
    assert neutral(value) is value


def _imports(source: str) -> set[str]:
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import | ast.ImportFrom)]
    return {alias.name for node in nodes for alias in node.names}


def test_whatever_writes_csv_writes_neutral_cells() -> None:
    """A module with a writer of CSV imports the one function for it, and no other knows which starts matter."""
    sources = {path.relative_to(PACKAGE).as_posix(): path.read_text("utf-8") for path in PACKAGE.rglob("*.py")}
    writers = {name for name, source in sources.items() if "csv" in _imports(source) and "riter(" in source}
    assert {"api/usage/shown.py", "cli/used.py"} <= writers
    assert [name for name in sorted(writers) if "neutral" not in _imports(sources[name])] == []
    assert [name for name, source in sources.items() if '"@", ' in source] == ["usage/cells.py"]
