"""Owns YAML: from text to nested dicts and lists of text, with the place of every key and value.

The rule that matters: nothing here guesses a type. Every scalar stays the text that was written (`no`, `12:30`, `010`),
only an empty one, `~` and `null` are None; what a text means is decided by the setting it stands for. There is no
constructor at all, so no tag can build anything.
"""

import re
from collections.abc import Mapping

import yaml
from yaml.composer import Composer
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

from gateway.config.expand import ExpansionError, expand
from gateway.config.findings import Findings, Path, Place

MAX_DEPTH = 32
"""Levels of nesting; ours has seven."""
MAX_NODES = 250_000
"""Keys and values after aliases are followed: more than a file of the largest size holds, far less than a bomb."""

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_TAGS = frozenset(
    {BaseResolver.DEFAULT_SCALAR_TAG, BaseResolver.DEFAULT_SEQUENCE_TAG, BaseResolver.DEFAULT_MAPPING_TAG}
)
_TOO_MUCH = f"nested deeper than {MAX_DEPTH} levels, or aliases that expand to more than {MAX_NODES:,} values"
# What PyYAML quotes may be a secret that began with `*`, `&` or `!`; a single character or a token name is not:
# the first group. Whole quotations, from left to right: what stands between two of them is words.
_QUOTED = re.compile(r"((['\"])(?:.|<[a-z ]+>)\2)|(['\"]).*?\3")
_TAB = r"character '\t' that cannot start any token"

Value = str | None | list["Value"] | dict[str, "Value"]


class _Loader(Reader, Scanner, Parser, Composer, BaseResolver):
    """PyYAML up to its nodes, without implicit types and without a constructor."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        BaseResolver.__init__(self)
        self.depth = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise yaml.MarkedYAMLError(problem=_TOO_MUCH, problem_mark=self.get_mark())
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def read_tree(text: str, env: Mapping[str, str], findings: Findings) -> Value:
    """Parse `text`, expand the environment in its values, note what is wrong; raises ConfigError if it is no YAML."""
    try:
        loader = _Loader(text)
    except ReaderError as error:
        before = text[: error.position]
        place = Place(before.count("\n") + 1, len(before) - before.rfind("\n"))
        findings.fail("holds a character that YAML does not allow", place)
    node = _compose(loader, findings)
    return None if node is None else _TreeReader(env, findings).read(node, ())


def _compose(loader: _Loader, findings: Findings) -> Node | None:
    try:
        return loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        findings.fail(f"is not valid YAML: {_words(error)}", _place(error.problem_mark or error.context_mark))
    except (ValueError, OverflowError):
        # PyYAML lets chr() and int() fail on escapes like "\UFFFFFFFF" and on long version numbers.
        findings.fail("is not valid YAML: an escape or directive holds an impossible number", _place(loader.get_mark()))


def _words(error: yaml.MarkedYAMLError) -> str:
    """Give PyYAML's words without what they quote of the file; reading may fail lines after the mistake."""
    words = ", ".join(part for part in (error.context, error.problem) if part)
    began, failed = error.context_mark, error.problem_mark
    if failed is not None and _TAB in words:
        words = words.replace(_TAB, f"a tab; {'indent' if _is_indented(failed) else 'separate'} with spaces")
    words = _QUOTED.sub(lambda quoted: quoted[1] or "...", words)
    if began is None or failed is None or began.line == failed.line:
        return words
    return f"{words}; it began in line {began.line + 1}"


def _is_indented(mark: yaml.Mark) -> bool:
    """Whether nothing but white space stands before the mark in its line."""
    return not (mark.buffer or "")[mark.pointer - mark.column : mark.pointer].strip()


class _TreeReader:
    """Walks the nodes once, counting them."""

    def __init__(self, env: Mapping[str, str], findings: Findings) -> None:
        self._env = env
        self._findings = findings
        self._nodes = 0

    def read(self, node: Node, path: Path) -> Value:
        self._nodes += 1
        place = _place(node.start_mark)
        if self._nodes > MAX_NODES or len(path) > MAX_DEPTH:
            self._findings.fail(_TOO_MUCH, place)
        self._findings.values[path] = place
        if node.tag not in _TAGS:
            self._findings.add(path, "must not have a YAML tag (`!...`)")
            return None
        if isinstance(node, SequenceNode):
            return [self.read(child, (*path, index)) for index, child in enumerate(node.value)]
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        return self._scalar(node, path) if isinstance(node, ScalarNode) else None

    def _mapping(self, node: MappingNode, path: Path) -> Value:
        values: dict[str, Value] = {}
        for key_node, value_node in node.value:
            key, place = self._key(key_node), _place(key_node.start_mark)
            if key is None:
                self._findings.add(path, "has a key that is not text", place)
            elif key in values:
                first = self._findings.keys[*path, key]
                self._findings.add((*path, key), f"stands here twice (first in line {first.line})", place)
            else:
                self._findings.keys[*path, key] = place
                values[key] = self.read(value_node, (*path, key))
        return values

    def _key(self, node: Node) -> str | None:
        if not isinstance(node, ScalarNode) or _is_null(node) or node.tag not in _TAGS or not _is_text(node.value):
            return None
        return str(node.value)

    def _scalar(self, node: ScalarNode, path: Path) -> str | None:
        if _is_null(node):
            return None
        try:
            text = expand(node.value, self._env)
        except ExpansionError as error:
            self._findings.add(path, str(error))
            return None
        if not _is_text(text):
            self._findings.add(path, "holds half of a character (a lone surrogate)")
            return None
        return text


def _is_null(node: ScalarNode) -> bool:
    return node.style is None and node.value in _NULLS


def _is_text(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _place(mark: yaml.Mark | None) -> Place:
    return Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
