"""The house rules as pure functions: a house (its files as text) in, one line per violation out.

A rule knows no file system: `test_structure.py` gives it the real house, and small houses that break it.
"""

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from pathlib import PurePosixPath
from statistics import median
from typing import TypeVar

WALL_LINES = 500
SOFT_LINES = 300
FUNCTION_LINES = 40
MEDIAN_FUNCTION_LINES = 10
LUA_LINES = 100

# Room for reasons, not for habits: path -> why a file of `gateway/` may have more than 300 lines.
LONG_FILES: Mapping[str, str] = {}

# path -> why one handler there may catch everything: the outermost handler, a worker's top, and a foreign panic.
BROAD_HANDLERS: Mapping[str, str] = {
    "gateway/app/server.py": "the outermost handler: whatever happens, a client is answered",
    "gateway/supervisor/worker.py": "a worker's top: what ends it is in the log before it is gone",
    "gateway/tokens/text.py": "a tiktoken panic is a BaseException",
}

# What has nothing to get wrong: declarations only.
ROOMS_WITHOUT_TESTS = frozenset({"errors"})

_VAGUE_NAME = re.compile(r"(?:^|_)(?:utils?|helpers?|common|misc)(?:_|$)|_v\d+$")
_VAGUE_CLASS = re.compile(r"(?:Manager|Helper)s?$")
_UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX|NotImplementedError)\b")
_MACHINE_PATH = re.compile(r"(?<![\w.~}-])/(?:(?:home|Users)/\w|(?:root|tmp|private|var/folders)/)")
_STARTS_TASK = re.compile(r"(?:^|asyncio\.|loop\.|loop\(\)\.)(?:create_task|ensure_future)$")
_LUA_OPERATION = re.compile(r"^local function \w+\(op\)", re.MULTILINE)
_LUA_CONTRACT = re.compile(r"\bin\b +\{.*\bout\b +\{", re.DOTALL)


Node = TypeVar("Node", bound=ast.AST)
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """A file: its path from the top of the checkout, with slashes, and its text."""

    path: PurePosixPath
    text: str

    @property
    def lines(self) -> int:
        """Count the lines."""
        return len(self.text.splitlines())

    def nodes(self, *kinds: type[Node]) -> Iterator[Node]:
        """Give the syntax nodes of these kinds; none where the file is not Python."""
        if self.path.suffix == ".py":
            yield from (node for node in ast.walk(ast.parse(self.text, str(self.path))) if isinstance(node, kinds))


House = list[Source]
Rule = Callable[[House], Iterator[str]]


def house_of(texts: Mapping[str, str]) -> House:
    """Make a house of paths and texts."""
    return [Source(PurePosixPath(path), text) for path, text in texts.items()]


def _part(house: House, top: str, suffix: str = ".py") -> House:
    return [source for source in house if source.path.parts[0] == top and source.path.suffix == suffix]


def _code(house: House) -> House:
    return _part(house, "gateway") + _part(house, "tests")


def _at(source: Source, node: ast.AST, what: str) -> str:
    return f"{source.path}:{getattr(node, 'lineno', 1)}: {what}"


# ---------------------------------------------------------------- size


def files_are_short(house: House) -> Iterator[str]:
    """Hold files to 500 lines; in `gateway/` to 300, but for reasons given in LONG_FILES."""
    for source in _code(house):
        soft = source.path.parts[0] == "gateway" and str(source.path) not in LONG_FILES
        most = SOFT_LINES if soft else WALL_LINES
        if source.lines > most:
            yield f"{source.path}: {source.lines} lines, {most} are allowed"


def _functions(source: Source) -> Iterator[Function]:
    yield from source.nodes(ast.FunctionDef)
    yield from source.nodes(ast.AsyncFunctionDef)


def _lines_of(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def functions_are_short(house: House) -> Iterator[str]:
    """Hold functions to 40 lines, docstring and all."""
    for source in _code(house):
        for function in _functions(source):
            if (lines := _lines_of(function)) > FUNCTION_LINES:
                yield _at(source, function, f"{function.name} has {lines} lines, {FUNCTION_LINES} are allowed")


def functions_are_tiny_as_a_rule(house: House) -> Iterator[str]:
    """Hold the median function of `gateway/` under 10 lines."""
    lengths = [_lines_of(function) for source in _part(house, "gateway") for function in _functions(source)]
    if lengths and median(lengths) >= MEDIAN_FUNCTION_LINES:
        yield f"gateway: the median function has {median(lengths)} lines, under {MEDIAN_FUNCTION_LINES} are wanted"


def lua_is_short_and_opens_with_its_contract(house: House) -> Iterator[str]:
    """Want a header on each script; before an operation, what it takes (`in {...}`) and answers (`out {...}`)."""
    for source in _part(house, "gateway", ".lua"):
        if source.lines > LUA_LINES:
            yield f"{source.path}: {source.lines} lines, {LUA_LINES} are allowed"
        header = "\n".join(takewhile(lambda line: line.startswith("--"), source.text.splitlines()))
        if not header:
            yield f"{source.path}: opens with code, not with what it is for"
        elif _LUA_OPERATION.search(source.text) and not _LUA_CONTRACT.search(header):
            yield f"{source.path}: its header lacks the contract, `in {{...}}` and `out {{...}}`"


# ---------------------------------------------------------------- names and words


def modules_say_what_they_own(house: House) -> Iterator[str]:
    """Want a docstring in every module that holds anything."""
    for source in _code(house):
        for module in source.nodes(ast.Module):
            if source.text.strip() and ast.get_docstring(module) is None:
                yield f"{source.path}: no module docstring"


def names_say_something(house: House) -> Iterator[str]:
    """Refuse `utils`, `helpers`, `common`, `misc`, `_v2`, Manager and Helper."""
    for source in _code(house):
        for part in (*source.path.parent.parts, source.path.stem):
            if _VAGUE_NAME.search(part):
                yield f"{source.path}: {part} says nothing about what is in it"
        for node in source.nodes(ast.ClassDef):
            if _VAGUE_CLASS.search(node.name):
                yield _at(source, node, f"class {node.name}: name it for what it does")


def nothing_is_unfinished(house: House) -> Iterator[str]:
    """Refuse the marks of what is not done."""
    for source in house:
        if source.path.parts[0] == "gateway":
            for word in _UNFINISHED.findall(source.text):
                yield f"{source.path}: {word}"


def no_machine_is_named(house: House) -> Iterator[str]:
    """Refuse absolute home and temporary paths in any file."""
    for source in house:
        for number, line in enumerate(source.text.splitlines(), 1):
            if _MACHINE_PATH.search(line):
                yield f"{source.path}:{number}: a path of one machine"


# ---------------------------------------------------------------- code


def _is_broad(handled: ast.AST | None) -> bool:
    if isinstance(handled, ast.Tuple):
        return any(_is_broad(element) for element in handled.elts)
    return handled is None or (isinstance(handled, ast.Name) and handled.id in {"Exception", "BaseException"})


def _broad_handlers(source: Source) -> list[ast.AST]:
    handlers: list[ast.AST] = [node for node in source.nodes(ast.ExceptHandler) if _is_broad(node.type)]
    suppressions = [node for node in source.nodes(ast.Call) if ast.unparse(node.func).endswith("suppress")]
    return handlers + [node for node in suppressions if any(_is_broad(argument) for argument in node.args)]


def everything_is_caught_in_few_places(house: House) -> Iterator[str]:
    """Refuse handlers of Exception and BaseException, but for one in each file of BROAD_HANDLERS."""
    for source in _code(house):
        allowed = 1 if str(source.path) in BROAD_HANDLERS else 0
        for node in _broad_handlers(source)[allowed:]:
            yield _at(source, node, "catches everything")


def exceptions_to_rules_are_used(house: House) -> Iterator[str]:
    """Refuse a reason that nothing needs any more."""
    for source in house:
        path = str(source.path)
        if path in LONG_FILES and source.lines <= SOFT_LINES:
            yield f"{path}: no longer needs its place in LONG_FILES"
        if path in BROAD_HANDLERS and not _broad_handlers(source):
            yield f"{path}: no longer needs its place in BROAD_HANDLERS"


def no_globals_are_filled(house: House) -> Iterator[str]:
    """Refuse the `global` statement: state has an owner."""
    for source in _code(house):
        for node in source.nodes(ast.Global):
            yield _at(source, node, "global statement")


def tasks_are_kept(house: House) -> Iterator[str]:
    """Refuse tasks that nobody keeps: the loop holds them weakly, they may vanish (a TaskGroup keeps its own)."""
    for source in _code(house):
        dropped = [node.value for node in source.nodes(ast.Expr)]
        dropped += [node.value for node in source.nodes(ast.Assign) if ast.unparse(node.targets[0]) == "_"]
        for node in dropped:
            if isinstance(node, ast.Call) and _STARTS_TASK.search(ast.unparse(node.func)):
                yield _at(source, node, "the task is dropped")


# ---------------------------------------------------------------- tests


def rooms_have_tests(house: House) -> Iterator[str]:
    """Want `tests/<room>/test_*.py` or `tests/test_<room>.py` for each room with a function in it."""
    tests = {str(source.path) for source in _part(house, "tests")}
    rooms = {source.path.parts[1].removesuffix(".py") for source in _part(house, "gateway") if any(_functions(source))}
    for room in sorted(rooms - ROOMS_WITHOUT_TESTS):
        if not any(re.match(rf"tests/(?:{room}/(?:.+/)?test_\w+|test_{room})\.py$", test) for test in tests):
            yield f"gateway/{room}: no tests/{room}/test_*.py"


def tests_use_real_things(house: House) -> Iterator[str]:
    """Refuse mocks and replaced attributes: tests run real stores, sockets and processes."""
    for source in _part(house, "tests"):
        for node in source.nodes(ast.Import, ast.ImportFrom, ast.arg, ast.Attribute):
            text = ast.unparse(node)
            if re.search(r"^(?:import|from) (?:unittest\.mock|unittest import mock|mock\b)|^mocker\b", text):
                yield _at(source, node, "a mock")
            if re.fullmatch(r"monkeypatch\.(?:setattr|delattr)", text):
                yield _at(source, node, "replaces an attribute")


RULES: tuple[Rule, ...] = (
    files_are_short,
    functions_are_short,
    functions_are_tiny_as_a_rule,
    lua_is_short_and_opens_with_its_contract,
    modules_say_what_they_own,
    names_say_something,
    nothing_is_unfinished,
    no_machine_is_named,
    everything_is_caught_in_few_places,
    exceptions_to_rules_are_used,
    no_globals_are_filled,
    tasks_are_kept,
    rooms_have_tests,
    tests_use_real_things,
)
