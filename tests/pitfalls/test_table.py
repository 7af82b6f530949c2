"""README.md keeps its word: every test that it names exists, every test of this folder is named."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.providers.shapes import SHAPES

HERE = Path(__file__).parent
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in (HERE / "README.md").read_text("utf-8").splitlines()
    if line.startswith("| ") and not line.startswith("| failure")
]
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)(?:\[([^]`]+)\])?`")
REPORT = re.compile(r"[\w./-]+( PR)?#\d+|GHSA-[\w-]+|higress ai-quota|genai-prices|own")


@cache
def named_in(path: str) -> frozenset[str]:
    """Give the names of a file's tests."""
    tree = ast.parse((HERE.parent / path).read_text("utf-8"))
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(node.name for node in functions if node.name.startswith("test_"))


def test_the_table_is_read() -> None:
    """Each row is a failure, its reports and its tests."""
    assert len(ROWS) > 60
    assert {len(row) for row in ROWS} == {3}
    assert len({row[0] for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:60])
def test_the_tests_of_a_row_exist(row: list[str]) -> None:
    """A failure has a report and at least one test; each of them is in the file that is named."""
    _, reports, tests = row
    named = NAMED.findall(tests)
    assert REPORT.match(reports)
    assert named
    assert NAMED.sub("", tests).strip(", ") == ""
    assert [(path, name) for path, name, _ in named if name not in named_in(path)] == []
    assert {answer for _, _, answer in named if answer} <= {shape.name for shape in SHAPES}


def test_every_test_of_this_folder_is_in_the_table() -> None:
    """What was written against a failure says which."""
    named = {(path, name) for row in ROWS for path, name, _ in NAMED.findall(row[2])}
    files = [f"pitfalls/{path.name}" for path in sorted(HERE.glob("test_*.py")) if path != Path(__file__)]
    assert {(path, name) for path in files for name in named_in(path)} <= named
