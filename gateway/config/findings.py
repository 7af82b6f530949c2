"""Owns what was found wrong, and where each setting stands in the file.

The rule that matters: a problem never repeats a value, for it may be a secret; the place shows the reader which one.
"""

from dataclasses import dataclass
from typing import NoReturn

from gateway.errors import ConfigError, Problem

Path = tuple[str | int, ...]
"""The way to a setting: keys and list positions, `("keys", 0, "name")`; `()` is the whole file."""


@dataclass(frozen=True, slots=True)
class Place:
    """A line and a column, both from 1."""

    line: int
    column: int


START = Place(1, 1)
SHOWN_CHARACTERS = 100
"""Of a key in a problem's path; names are shorter."""


class Findings:
    """The problems of one file as they are collected, and the places of its keys and values."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.values: dict[Path, Place] = {}
        self.keys: dict[Path, Place] = {}
        self.found: dict[Path, list[Problem]] = {}

    def add(self, path: Path, message: str, place: Place | None = None) -> None:
        """Note a problem with the setting at `path`; without a place of its own it stands at the setting's value."""
        place = place or self._nearest(path)
        problem = Problem(self.file, place.line, place.column, ".".join(map(_shown, path)), message)
        self.found.setdefault(path, []).append(problem)

    def is_covered(self, path: Path) -> bool:
        """Whether a problem is known of this setting or of one that holds it (the whole file aside)."""
        return any(path[:length] in self.found for length in range(1, len(path) + 1))

    def follow_up(self) -> "Findings":
        """Give an empty collection over the same file, for checks that come after these."""
        later = Findings(self.file)
        later.values, later.keys = self.values, self.keys
        return later

    def merge(self, later: "Findings") -> None:
        """Add what a follow-up found, except in entries (`keys.0`) that were wrong before: there it may follow."""
        wrong = {path[:2] for path in self.found}
        self.found |= {path: problems for path, problems in later.found.items() if path[:2] not in wrong}

    def raise_if_any(self) -> None:
        """Raise ConfigError when anything was found."""
        if self.found:
            raise ConfigError([problem for problems in self.found.values() for problem in problems])

    def fail(self, message: str, place: Place = START) -> NoReturn:
        """Raise ConfigError now: nothing that comes after this can be read."""
        # Not chained: the foreign error's words quote the file.
        raise ConfigError([Problem(self.file, place.line, place.column, "", message)]) from None

    def _nearest(self, path: Path) -> Place:
        known = (self.values[path[:n]] for n in range(len(path), -1, -1) if path[:n] in self.values)
        return next(known, START)


def _shown(part: str | int) -> str:
    """Write a key on one line of a terminal, whatever it holds."""
    text = str(part)[:SHOWN_CHARACTERS]
    return text if text.isprintable() else ascii(text)[1:-1]
