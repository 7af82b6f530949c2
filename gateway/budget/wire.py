"""The ledger's operations as data: what travels to the script and what comes back. Pure.

An operation is a list `[name, base, ...]` that names its keys by index above `base`; the files in `lua/` say what each
place holds. The batch sets `base`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from gateway.budget import keys
from gateway.budget.windows import CandidateCache, bucket_width_ms, full_buckets
from gateway.model import (
    Budget,
    Calendar,
    Enforcement,
    Fixed,
    Level,
    Lifetime,
    Rolling,
    Rollup,
    Unit,
)

_MOST_KNOWN = 65_536
MODES = {Enforcement.HARD: 2, Enforcement.SOFT: 1, Enforcement.SHADOW: 0}


@dataclass(slots=True)
class Operation:
    """One operation: its fields (the second is the place of `base`) and the keys it declares."""

    fields: list[Any]
    keys: list[str] = field(default_factory=list)

    def key(self, name: str) -> int:
        """Declare a key and give its index."""
        self.keys.append(name)
        return len(self.keys)


class Ask(msgspec.Struct, frozen=True, gc=False):
    """What a call asks of one budget: `minimum` units at once, then `rate_micros` / 10^6 units a completion token."""

    budget: Budget
    minimum: int
    rate_micros: int


class Position(msgspec.Struct, frozen=True, gc=False):
    """Where a charge belongs: the bucket or the window's start and end (ms) in which the call was admitted."""

    start: int
    mark: int


@dataclass(frozen=True, slots=True)
class _Constants:
    """What never changes about one budget in the script's eyes."""

    budget: Budget
    prefix: str
    state: str
    buckets: str
    overrides: str
    kind: str
    places: tuple[int, int, int, int]
    mode: int
    counts: int


class Specs:
    """Budgets as the script reads them. What is constant about each is kept: a call names the same few again."""

    def __init__(self, cache: CandidateCache) -> None:
        self._cache = cache
        self._known: dict[int, _Constants] = {}

    def rows(self, op: Operation, prefix: str, asks: Sequence[Ask], now_ms: int) -> list[list[Any]]:
        """Give the budgets of an operation, declaring their keys."""
        names = op.keys
        rows: list[list[Any]] = []
        for ask in asks:
            known, budget = self._constants(prefix, ask.budget), ask.budget
            names.append(known.state)
            state_index, bucket_index = len(names), 0
            if known.buckets:
                names.append(known.buckets)
                bucket_index = len(names)
            names.append(known.overrides)
            # A window of the calendar moves on; all others are where they were.
            places = known.places if known.kind != "c" else self._candidates(budget, now_ms)
            row = [state_index, bucket_index, len(names), budget.id, known.kind, *places]
            rows.append([*row, budget.limit, known.mode, ask.minimum, ask.rate_micros, known.counts])
        return rows

    def entries(
        self, op: Operation, prefix: str, asks: Sequence[Ask], positions: Sequence[Position]
    ) -> list[list[Any]]:
        """Give the entries of a settle: the same budgets, in the same order, at the place of their admission."""
        names = op.keys
        rows: list[list[Any]] = []
        for ask, at in zip(asks, positions, strict=True):
            known = self._constants(prefix, ask.budget)
            bucket_index = span = 0
            if known.buckets:
                names.append(known.buckets)
                bucket_index, span = len(names), known.places[1]
            names.append(known.state)
            rows.append([len(names), bucket_index, known.budget.id, known.kind, at.start, at.mark, span])
        return rows

    def _constants(self, prefix: str, budget: Budget) -> _Constants:
        known = self._known.get(id(budget))
        # What is kept holds its budget, so no other can come to have the same identity meanwhile.
        if known is None or known.budget is not budget or known.prefix != prefix:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            known = self._known[id(budget)] = _constants(prefix, budget)
        return known

    def _candidates(self, budget: Budget, now_ms: int) -> tuple[int, int, int, int]:
        assert isinstance(budget.window, Calendar)
        found = self._cache.at(budget.window.period, budget.timezone, now_ms)
        return found.start_ms, found.end_ms, found.next_start_ms, found.next_end_ms


def _constants(prefix: str, budget: Budget) -> _Constants:
    return _Constants(
        budget,
        prefix,
        keys.state(prefix, budget),
        keys.buckets(prefix, budget) if isinstance(budget.window, Rolling) else "",
        keys.overrides(prefix, budget.subject),
        *_shape(budget),
        MODES[budget.enforcement],
        0 if budget.unit is Unit.IN_FLIGHT else 1,
    )


def _shape(budget: Budget) -> tuple[str, tuple[int, int, int, int]]:
    """Give the letter that a budget's window has in the script, and its places; a calendar's depend on the time."""
    match budget.window:
        case Rolling(days):
            return "r", (bucket_width_ms(days), full_buckets(days), 0, 0)
        case Calendar():
            return "c", (0, 0, 0, 0)
        case Fixed(seconds):
            return "f", (seconds * 1000, 0, 0, 0)
        case Lifetime():
            return "l", (0, 0, 0, 0)


def rollup(op: Operation, value: Rollup) -> list[Any]:
    """Give a roll-up as the script reads it, each of its keys declared once."""
    index: dict[str, int] = {}
    names = op.keys
    increments = []
    for one in value.increments:
        place = index.get(one.key)
        if place is None:
            names.append(one.key)
            place = index[one.key] = len(names)
        increments.append((place, one.field, one.amount, one.per_token_micros))
    members = []
    for name, member in value.members:
        place = index.get(name)
        if place is None:
            names.append(name)
            place = index[name] = len(names)
        members.append((place, member))
    return [increments, members, value.ttl_seconds]


def level(budget: Budget, row: Sequence[int]) -> Level:
    """Read one budget's numbers: {limit, used, held, start, mark, resets at, 1 where the limit is an override}."""
    limit, used, held, _, _, resets_at_ms, is_override = row
    return Level(budget, limit, used, held, resets_at_ms if resets_at_ms >= 0 else None, is_override == 1)


def position(row: Sequence[int]) -> Position:
    """Read where a charge admitted at these numbers belongs."""
    return Position(row[3], row[4])


def encode(operations: Sequence[Operation]) -> tuple[list[str], bytes]:
    """Give the keys and the packed argument of a batch; the shard's three shared keys come before these."""
    names: list[str] = []
    for op in operations:
        op.fields[1] = 3 + len(names)
        names.extend(op.keys)
    return names, msgspec.msgpack.encode([op.fields for op in operations])


_decoder = msgspec.msgpack.Decoder(tuple[int, list[list[Any]]])


def decode(reply: bytes) -> tuple[int, list[list[Any]]]:
    """Give the store's time (ms) and the answers of a batch, in order."""
    return _decoder.decode(reply)
