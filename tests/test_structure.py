"""The house obeys its rules, and each rule catches what it is for."""

from pathlib import Path

import pytest

from tests import house_rules as rules

ROOT = Path(__file__).parents[1]
NOT_OURS = frozenset({"__pycache__", "data", "build", "dist", "node_modules"})


def _is_ours(path: Path) -> bool:
    parts = path.relative_to(ROOT).parts
    return not any(part in NOT_OURS or (part.startswith(".") and part != ".ci") for part in parts[:-1])


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


@pytest.fixture(scope="module")
def house() -> rules.House:
    """Read every text file of the checkout."""
    files = sorted(path for path in ROOT.rglob("*") if _is_ours(path) and path.is_file())
    texts = {path.relative_to(ROOT).as_posix(): _read(path) for path in files}
    return rules.house_of({path: text for path, text in texts.items() if text is not None})


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_the_house_obeys(rule: rules.Rule, house: rules.House) -> None:
    """No file of this checkout breaks a house rule."""
    if violations := list(rule(house)):
        pytest.fail("\n".join(violations), pytrace=False)


def test_the_house_is_read(house: rules.House) -> None:
    """The rules see the code, the tests, the scripts and the documents."""
    paths = {str(source.path) for source in house}
    assert {"gateway/errors.py", "tests/test_structure.py", "README.md", ".ci/run", "Makefile"} <= paths
    assert not any(path.startswith((".venv/", ".git/")) for path in paths)


def test_reasons_name_files_that_exist(house: rules.House) -> None:
    """The lists of reasoned exceptions hold no file that is gone."""
    assert {*rules.LONG_FILES, *rules.BROAD_HANDLERS} <= {str(source.path) for source in house}


def test_every_rule_has_a_violation_to_catch() -> None:
    """The table below leaves no rule out."""
    assert {rule for rule, _, _ in BROKEN} == set(rules.RULES)


def _function(lines: int) -> str:
    return "def f():\n" + "    x = 1\n" * (lines - 1)


A, T = "gateway/room/a.py", "tests/room/test_a.py"
LUA = "gateway/budget/lua/a.lua"
PANIC = "gateway/tokens/text.py"
SLASH = "/"  # apart from what follows it, or this file would break its own rule
CATCH = "try:\n    pass\nexcept Exception:\n    pass\n"

BROKEN = [
    (rules.files_are_short, A, "x = 1\n" * 301),
    (rules.files_are_short, T, "x = 1\n" * 501),
    (rules.functions_are_short, A, _function(41)),
    (rules.functions_are_short, T, "class C:\n" + "    async " + _function(41).replace("\n", "\n    ")),
    (rules.functions_are_tiny_as_a_rule, A, _function(3) + _function(10) + _function(12)),
    (rules.lua_is_short_and_opens_with_its_contract, LUA, "-- a: does it.\n" * 101),
    (rules.lua_is_short_and_opens_with_its_contract, LUA, "local x = 1\n-- a: does it.\n"),
    (rules.lua_is_short_and_opens_with_its_contract, LUA, "-- a: does it.\nlocal function a(op)\nend\n"),
    (rules.modules_say_what_they_own, A, "x = 1\n"),
    (rules.modules_say_what_they_own, T, "# a comment\n"),
    (rules.names_say_something, "gateway/utils.py", ""),
    (rules.names_say_something, "gateway/helpers/a.py", ""),
    (rules.names_say_something, "gateway/room/http_common.py", ""),
    (rules.names_say_something, "tests/misc.py", ""),
    (rules.names_say_something, "gateway/room/ledger_v2.py", ""),
    (rules.names_say_something, A, "class KeyManager: ..."),
    (rules.names_say_something, T, "class StoreHelper: ..."),
    (rules.nothing_is_unfinished, A, "# TODO: later"),
    (rules.nothing_is_unfinished, A, "raise NotImplementedError"),
    (rules.nothing_is_unfinished, LUA, "-- FIXME"),
    (rules.no_machine_is_named, "README.md", "cd " + SLASH + "home/someone"),
    (rules.no_machine_is_named, "docs/a.md", "(`" + SLASH + "tmp/a`)"),
    (rules.no_machine_is_named, T, 'PATH = "' + SLASH + 'Users/someone"'),
    (rules.everything_is_caught_in_few_places, A, CATCH),
    (rules.everything_is_caught_in_few_places, A, CATCH.replace(" Exception", "")),
    (rules.everything_is_caught_in_few_places, T, CATCH.replace("Exception", "BaseException as e")),
    (rules.everything_is_caught_in_few_places, A, CATCH.replace("Exception", "(ValueError, Exception)")),
    (rules.everything_is_caught_in_few_places, A, "with contextlib.suppress(OSError, Exception): ..."),
    (rules.everything_is_caught_in_few_places, PANIC, CATCH * 2),
    (rules.exceptions_to_rules_are_used, PANIC, "x = 1"),
    (rules.no_globals_are_filled, A, "def f():\n    global x\n    x = 1\n"),
    (rules.tasks_are_kept, A, "asyncio.create_task(f())"),
    (rules.tasks_are_kept, A, "create_task(f())"),
    (rules.tasks_are_kept, A, "_ = asyncio.ensure_future(f())"),
    (rules.tasks_are_kept, T, "asyncio.get_running_loop().create_task(f())"),
    (rules.tasks_are_kept, T, "self._loop.create_task(f())"),
    (rules.rooms_have_tests, A, _function(2)),
    (rules.rooms_have_tests, "gateway/purpose.py", "class Purposes:\n    async " + _function(1) + "        pass\n"),
    (rules.tests_use_real_things, T, "from unittest.mock import patch"),
    (rules.tests_use_real_things, T, "from unittest import mock"),
    (rules.tests_use_real_things, T, "import unittest.mock"),
    (rules.tests_use_real_things, T, "def test_a(mocker): ..."),
    (rules.tests_use_real_things, T, "monkeypatch.setattr(gateway.errors, 'GatewayError', None)"),
]

OBEYED = [
    (rules.files_are_short, {A: "x = 1\n" * 300, T: "x = 1\n" * 500}),
    (rules.functions_are_short, {A: "@decorated\n" + _function(40)}),
    (rules.functions_are_tiny_as_a_rule, {A: _function(3) + _function(9) + _function(40), T: _function(20)}),
    (
        rules.lua_is_short_and_opens_with_its_contract,
        {LUA: "-- a: does it.\n-- in   {'a'}\n-- out  {'ok'}\nlocal function a(op)\nend\n"},
    ),
    (rules.modules_say_what_they_own, {A: '"""Owns a."""', "tests/__init__.py": ""}),
    (rules.names_say_something, {"gateway/room/miscounted.py": "", A: "class Managed: ..."}),
    (rules.nothing_is_unfinished, {A: "TODOS = 1", T: "# TODO"}),
    (rules.no_machine_is_named, {"a.md": "https://a.example/home/x ~/tmp/y ${ROOT}/tmp/x /tmpfs ./tmp/x /data"}),
    (rules.everything_is_caught_in_few_places, {A: CATCH.replace("Exception", "OSError"), PANIC: CATCH}),
    (rules.exceptions_to_rules_are_used, {PANIC: CATCH, A: ""}),
    (rules.tasks_are_kept, {A: "task = asyncio.create_task(f())\ngroup.create_task(f())"}),
    (rules.rooms_have_tests, {A: _function(2), T: "", "gateway/b.py": _function(2), "tests/test_b.py": ""}),
    (rules.rooms_have_tests, {"gateway/room/a.py": "X = 1", "gateway/errors.py": _function(2)}),
    (rules.tests_use_real_things, {T: "monkeypatch.setenv('A', 'b')", A: "from unittest import mock"}),
]


@pytest.mark.parametrize(("rule", "path", "text"), BROKEN)
def test_a_rule_catches(rule: rules.Rule, path: str, text: str) -> None:
    """A file that breaks a rule is named."""
    (violation,) = rule(rules.house_of({path: text}))
    assert violation.startswith(path.split("/", maxsplit=1)[0])


@pytest.mark.parametrize(("rule", "texts"), OBEYED)
def test_a_rule_lets_pass(rule: rules.Rule, texts: dict[str, str]) -> None:
    """What is allowed is not named."""
    assert not list(rule(rules.house_of(texts)))
