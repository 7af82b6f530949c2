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


@dataclass(frozen=True, slots=True)
class Ask:
    """What a call asks of one budget: `minimum` units at once, then `rate_micros` / 10^6 units a completion token."""

    budget: Budget
    minimum: int
    rate_micros: int


@dataclass(frozen=True, slots=True)
class Position:
    """Where a charge belongs: the bucket or the window's start and end (ms) in which the call was admitted."""

    start: int
    mark: int


def kind(budget: Budget) -> str:
    """Give the letter that a budget's window has in the script."""
    match budget.window:
        case Rolling():
            return "r"
        case Calendar():
            return "c"
        case Fixed():
            return "f"
        case Lifetime():
            return "l"


def _places(budget: Budget, cache: CandidateCache, now_ms: int) -> tuple[int, int, int, int]:
    match budget.window:
        case Rolling(days):
            width_ms = bucket_width_ms(days)
            return width_ms, full_buckets(days), 0, 0
        case Calendar(period):
            found = cache.at(period, budget.timezone, now_ms)
            return found.start_ms, found.end_ms, found.next_start_ms, found.next_end_ms
        case Fixed(seconds):
            return seconds * 1000, 0, 0, 0
        case Lifetime():
            return 0, 0, 0, 0


def specs(op: Operation, prefix: str, asks: Sequence[Ask], cache: CandidateCache, now_ms: int) -> list[list[Any]]:
    """Give the budgets of an operation as the script reads them, declaring their keys."""
    rows = []
    for ask in asks:
        budget = ask.budget
        is_rolling = isinstance(budget.window, Rolling)
        rows.append(
            [
                op.key(keys.state(prefix, budget)),
                op.key(keys.buckets(prefix, budget)) if is_rolling else 0,
                op.key(keys.overrides(prefix, budget.subject)),
                budget.id,
                kind(budget),
                *_places(budget, cache, now_ms),
                budget.limit,
                MODES[budget.enforcement],
                ask.minimum,
                ask.rate_micros,
                0 if budget.unit is Unit.IN_FLIGHT else 1,
            ]
        )
    return rows


def entries(op: Operation, prefix: str, asks: Sequence[Ask], positions: Sequence[Position]) -> list[list[Any]]:
    """Give the entries of a settle: the same budgets, in the same order, at the place of their admission."""
    rows = []
    for ask, position in zip(asks, positions, strict=True):
        budget = ask.budget
        span = 0
        bucket_index = 0
        if isinstance(budget.window, Rolling):
            bucket_index = op.key(keys.buckets(prefix, budget))
            span = full_buckets(budget.window.days)
        state_index = op.key(keys.state(prefix, budget))
        rows.append([state_index, bucket_index, budget.id, kind(budget), position.start, position.mark, span])
    return rows


def rollup(op: Operation, value: Rollup) -> list[Any]:
    """Give a roll-up as the script reads it, each of its keys declared once."""
    index: dict[str, int] = {}

    def place(name: str) -> int:
        if name not in index:
            index[name] = op.key(name)
        return index[name]

    increments = [[place(i.key), i.field, i.amount, i.per_token_micros] for i in value.increments]
    members = [[place(name), member] for name, member in value.members]
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
