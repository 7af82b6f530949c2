"""Configurations that are nearly right: the example's settings moved, removed, swapped and renamed, at any depth."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

from gateway.config.load import parse
from gateway.config.schema import Document
from gateway.config.section import Section, bare_type, entry_type
from gateway.errors import ConfigError
from tests.cli.configs import SECRET, TEXT
from tests.cli.running import EXAMPLE

_TREES = tuple(yaml.safe_load(text) for text in (TEXT, EXAMPLE.read_text("utf-8")))
_ODD = (
    None,
    "",
    "${NOBODY}",
    "${NOBODY:-x}",
    "$",
    "$$",
    "-1",
    "0",
    "1_000",
    "1e9",
    "true",
    "no",
    "*",
    "a b",
    "2030-01-31",
    "Europe/Rome",
    "http://169.254.169.254/",
    "\u2028",
    "\U0001f600" * 30,
    "11111111-1111-4111-8111-111111111111",
    [],
    {},
    [[]],
    {"a": {"b": {}}},
)


def _sections(kind: type[Section], found: set[str]) -> set[str]:
    """Give the names of all settings of a section and of those inside."""
    for name, field in kind.model_fields.items():
        found.add(field.alias or name)
        inner = bare_type(field.annotation)
        inner = inner if isinstance(inner, type) else bare_type(entry_type(inner))
        if isinstance(inner, type) and issubclass(inner, Section):
            _sections(inner, found)
    return found


_NAMES = sorted(_sections(Document, set()))


def _places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for name, value in inner:
        found += _places(value, (*path, name))
    return found


def _at(tree: Any, path: tuple[Any, ...]) -> Any:
    for part in path:
        tree = tree[part]
    return tree


@st.composite
def _changed(draw: st.DrawFn) -> bytes:
    """Give a file with up to six changes, in block style or in one line."""
    tree = deepcopy(draw(st.sampled_from(_TREES)))
    for _ in range(draw(st.integers(0, 6))):
        places = _places(tree)
        if not places:
            break
        path = draw(st.sampled_from(places))
        around, name = _at(tree, path[:-1]), path[-1]
        match draw(st.sampled_from(("replace", "copy", "remove", "rename", "add"))):
            case "replace":
                around[name] = draw(st.sampled_from(_ODD) | st.integers(-(2**65), 2**65) | st.text(max_size=8))
            case "copy":
                copied = _at(tree, draw(st.sampled_from(places)))
                if SECRET not in str(copied):  # as somebody's name, it would be shown
                    around[name] = deepcopy(copied)
            case "remove":
                del around[name]
            case "rename" if isinstance(around, dict):
                around[draw(st.sampled_from(_NAMES))] = around.pop(name)
            case _ if isinstance(around, dict):
                around[draw(st.sampled_from(_NAMES))] = draw(st.sampled_from(_ODD))
            case _:
                around.append(deepcopy(around[name]))
    return yaml.safe_dump(tree, allow_unicode=draw(st.booleans()), default_flow_style=draw(st.booleans())).encode()


CASES = _changed()


def tree(case: bytes) -> None:
    """Check that a file is taken, or refused with a line for everything; neither shows a secret."""
    lines = case.count(b"\n") + 1
    try:
        config = parse(case, Path("config.yaml"), {})
    except ConfigError as error:
        problems, told = error.problems, str(error)
    else:
        problems, told = [], repr(config)
    assert all(1 <= problem.line <= lines and problem.column >= 1 and problem.message for problem in problems)
    assert SECRET not in told
