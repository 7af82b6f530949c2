"""Paths as tables: literal ones match the raw path exactly, templates segment by segment. Pure.

A `{segment}` is decoded once and must then fit its own pattern, which knows no percent sign, semicolon, backslash or
NUL: an empty, a dot and a doubly encoded segment match nothing (a path must mean one thing to all: CVE-2019-9901).
Text before the brace matches exactly, as a literal path does.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

_PATTERNS = {
    "token": re.compile(rb"[A-Za-z0-9._~-]+"),
    "model": re.compile(rb"[A-Za-z0-9._:@-]+(/[A-Za-z0-9._:@-]+)*"),
    "format": re.compile(rb"json|xml|csv|jsv"),
    "suffix": re.compile(rb"(\.(json|xml|csv|jsv))?"),
}
# What a client names: any text but what some server cuts a path at.
_PATTERNS |= dict.fromkeys(("tenant", "id", "type", "from", "to"), re.compile(rb"[^\x00-\x1f%;/\\\x7f-\xff]+"))
_DOTS = {b".", b".."}


@dataclass(frozen=True, slots=True)
class Template:
    """A path with `{name}` segments, or `text{name}text` ones; a last `{name...}` takes all that is left."""

    segments: tuple[str, ...]

    @classmethod
    def of(cls, path: str) -> "Template":
        """Read a template as it is written in the table."""
        return cls(tuple(path.split("/")))

    def match(self, raw: Sequence[str]) -> dict[str, str] | None:
        """Give the values of the segments, or None."""
        is_open = "...}" in self.segments[-1]
        if len(raw) < len(self.segments) or (len(raw) > len(self.segments) and not is_open):
            return None
        values: dict[str, str] = {}
        for place, wanted in enumerate(self.segments):
            literal, brace, rest = wanted.partition("{")
            if not raw[place].startswith(literal) or not (brace or raw[place] == literal):
                return None
            if brace:
                name, _, suffix = rest.partition("}")
                last = len(raw) if name.endswith("...") else place + 1
                value = _value(
                    name.strip("."), "/".join((raw[place].removeprefix(literal), *raw[place + 1 : last])), suffix
                )
                if value is None:
                    return None
                values[name.strip(".")] = value
        return values


def is_template(path: str) -> bool:
    """Say whether a path of the table has segments to fill."""
    return "{" in path


def _value(name: str, raw: str, suffix: str) -> str | None:
    if not raw.endswith(suffix):
        return None
    decoded = unquote_to_bytes(raw.removesuffix(suffix))
    if not _PATTERNS[name].fullmatch(decoded) or _DOTS & set(decoded.split(b"/")):
        return None
    return decoded.decode("ascii")


Found = tuple[str, Mapping[str, str]]
"""The path as the table writes it, and the values of its segments."""


class Paths:
    """Finds a raw path among those of the table."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._literal = frozenset(path for path in paths if not is_template(path))
        self._templates = tuple((path, Template.of(path)) for path in paths if is_template(path))

    def find(self, raw_path: str) -> Found | None:
        """Match a request target without its query."""
        if raw_path in self._literal:
            return raw_path, {}
        raw = raw_path.split("/")
        for path, template in self._templates:
            values = template.match(raw)
            if values is not None:
                return path, values
        return None
