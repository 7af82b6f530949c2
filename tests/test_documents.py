"""docs/security-tests.md names tests that exist, and its siblings' tables name nothing twice."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/security-tests.md").read_text("utf-8")
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
ROW = re.compile(r"^\| (?!threat|---)(.+) \|$", re.MULTILINE)


@pytest.mark.parametrize(("path", "name"), sorted(set(NAMED.findall(PAGE))))
def test_a_test_that_is_named_exists(path: str, name: str) -> None:
    """A row stands for something that is run."""
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    assert name in {function.name for function in functions}


@pytest.mark.parametrize("row", ROW.findall(PAGE))
def test_a_threat_has_a_rule_and_a_test(row: str) -> None:
    """No row is a promise alone."""
    threat, rule, tests = row.split(" | ")
    assert threat
    assert rule
    assert NAMED.findall(tests)
