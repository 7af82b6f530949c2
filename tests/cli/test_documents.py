"""What users read says what the program does: endpoints, error codes, commands, promises, the short configuration."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import errors
from gateway.app.table import TABLE
from gateway.cli.border import COMMANDS
from gateway.errors import GatewayError
from tests.cli.configs import configured
from tests.cli.running import ROOT

DOCUMENTS = [
    "README.md",
    "CHANGELOG.md",
    "THREAT_MODEL.md",
    *(f"docs/{path.name}" for path in (ROOT / "docs").iterdir()),
]


def _text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


ENDPOINTS = _text("docs/endpoints.md")
ROWS = {(int(status), code) for status, code in re.findall(r"^\| (\d{3}) \| `(\w+)` \|", ENDPOINTS, re.MULTILINE)}


def test_every_path_is_documented_with_its_methods() -> None:
    """docs/endpoints.md has a row for each entry of the endpoint table, and for no other."""
    rows = re.findall(r"^\| `(/\S*)` \| ([A-Z, ]+) \|", ENDPOINTS, re.MULTILINE)
    assert dict(rows) == {path: ", ".join(TABLE[path].methods) for path in TABLE}


def _leaves(kind: type[GatewayError] = GatewayError) -> Iterator[type[GatewayError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _leaves(child)


def test_every_kind_of_error_is_documented_with_its_status() -> None:
    """Each error of gateway/errors.py has its row."""
    kinds = [kind for kind in _leaves() if kind.__module__ == errors.__name__]
    assert {(kind.status, kind.code) for kind in kinds} <= ROWS


def _codes() -> Iterator[str]:
    """Give the codes that the program gives an error where it makes it."""
    kinds = {kind.__name__ for kind in _leaves()}
    for path in sorted((ROOT / "gateway").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in kinds:
                words = [word.value for word in node.keywords if word.arg == "code"]
                yield from (str(word.value) for word in words if isinstance(word, ast.Constant))


def test_every_code_of_an_error_is_documented() -> None:
    """A code that stands anywhere in the program has a row, and every row's code stands somewhere."""
    documented = {code for _, code in ROWS}
    assert set(_codes()) <= documented
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "gateway").rglob("*.py"))
    assert [code for code in documented if f'"{code}"' not in sources] == []


def test_the_readme_lists_the_commands() -> None:
    """README.md has a row for each command, in the order of the help, and for no other."""
    assert tuple(re.findall(r"^\| `gateway (\w+)` \|", _text("README.md"), re.MULTILINE)) == COMMANDS


def test_a_test_stands_behind_each_promise() -> None:
    """The tests that README.md names for its five promises are there."""
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", _text("README.md"))
    assert len(named) == 5
    for name, function in named:
        assert f"def {function}(" in _text(name) if function else (ROOT / name).exists()


def test_the_short_configuration_of_the_readme_is_valid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a newcomer copies from README.md is accepted."""
    found = re.search(r"```yaml\n(.+?)```", _text("README.md"), re.DOTALL)
    assert found is not None
    text = found[1].replace("${OPENAI_API_KEY}", "sk-anything").replace("${ADA_KEY}", "a-key-of-sixteen-chars")
    config = configured(tmp_path, text)
    assert [key.name for key in config.keys] == ["ada-laptop"]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name: str) -> None:
    """Every relative link of a document names a file."""
    for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", _text(name)):
        assert (ROOT / name).parent.joinpath(target).exists(), target
