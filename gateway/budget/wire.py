"""The ledger's operations as data: what travels to the script and what comes back. Pure.

An operation is a list `[name, base, ...]` that names its keys by index above `base`; the files in `lua/` say what each
place holds. The batch sets `base`.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

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

_MOST_KNOWN = 16_384
_FOR_EVER_MS = 2**62
MODE = 10
"""Where a budget's row says how it is enforced (lua/prelude.lua)."""
MODES = {Enforcement.HARD: 2, Enforcement.SOFT: 1, Enforcement.SHADOW: 0}

Row = tuple[Any, ...]
"""A budget in an operation: as reserved (lua/prelude.lua), or an entry of a settle (lua/charge.lua)."""


class Operation(msgspec.Struct, gc=False):
    """One operation: its fields (the second is the place of `base`) and the keys it declares."""

    fields: list[Any]
    keys: list[str] = msgspec.field(default_factory=list)

    def key(self, name: str) -> int:
        """Declare a key and give its index."""
        self.keys.append(name)
        return len(self.keys)


class Ask(msgspec.Struct, frozen=True, gc=False):
    """What a call asks of one budget: `minimum` units at once, then `rate_micros` / 10^6 units a completion token."""

    budget: Budget
    minimum: int
    rate_micros: int


class Position(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Where a charge belongs: the bucket or the window's start and end (ms) in which the call was admitted."""

    start: int
    mark: int


class _Rows(NamedTuple):
    """What the rows of every call of the same budgets begin with, at store times from `from_ms` up to `until_ms`.

    Beside each stands whether its budget counts: that comes last, after what the call asks.
    """

    budgets: tuple[Budget, ...]
    prefix: str
    names: tuple[str, ...]
    rows: tuple[tuple[Row, int], ...]
    from_ms: int
    until_ms: int


class _Entries(NamedTuple):
    """What is the same in the entries of every call of the same budgets: state, buckets, id, kind and span of each."""

    budgets: tuple[Budget, ...]
    prefix: str
    names: tuple[str, ...]
    entries: tuple[tuple[int, int, str, str, int], ...]


class Specs:
    """Budgets as the script reads them. What is constant about those of a call is kept: others name the same again.

    Keys are given apart, each once; they have to be an operation's first.
    """

    def __init__(self, cache: CandidateCache) -> None:
        self._cache = cache
        self._rows: dict[tuple[int, ...], _Rows] = {}
        self._entries: dict[tuple[int, ...], _Entries] = {}

    def rows(self, prefix: str, asks: Sequence[Ask], now_ms: int) -> tuple[list[str], list[Row]]:
        """Give the keys and the budgets of an operation."""
        which = tuple([id(ask.budget) for ask in asks])
        known = self._rows.get(which)
        # What is kept holds its budgets, so no others can come to have the same identities meanwhile.
        if known is None or known.prefix != prefix or not known.from_ms <= now_ms < known.until_ms:
            _make_room(self._rows)
            known = self._rows[which] = _rows(prefix, _budgets(asks), self._cache, now_ms)
        pairs = zip(known.rows, asks, strict=True)
        return [*known.names], [(*row, ask.minimum, ask.rate_micros, counts) for (row, counts), ask in pairs]

    def entries(self, prefix: str, asks: Sequence[Ask], positions: Sequence[Position]) -> tuple[list[str], list[Row]]:
        """Give the keys and the entries of a settle: the same budgets, in order, at the place of their admission."""
        which = tuple([id(ask.budget) for ask in asks])
        known = self._entries.get(which)
        if known is None or known.prefix != prefix:
            _make_room(self._entries)
            known = self._entries[which] = _entries(prefix, _budgets(asks))
        pairs = zip(known.entries, positions, strict=True)
        return [*known.names], [
            (state, buckets, name, kind, at.start, at.mark, span) for (state, buckets, name, kind, span), at in pairs
        ]


def shadowed(rows: Sequence[Row]) -> list[Row]:
    """Give rows of budgets that refuse nothing."""
    return [(*row[:MODE], MODES[Enforcement.SHADOW], *row[MODE + 1 :]) for row in rows]


def _budgets(asks: Sequence[Ask]) -> tuple[Budget, ...]:
    return tuple([ask.budget for ask in asks])


def _make_room(known: dict[tuple[int, ...], Any]) -> None:
    if len(known) >= _MOST_KNOWN:
        known.clear()


def _rows(prefix: str, budgets: tuple[Budget, ...], cache: CandidateCache, now_ms: int) -> _Rows:
    places: dict[str, int] = {}
    rows: list[tuple[Row, int]] = []
    from_ms, until_ms = 0, _FOR_EVER_MS
    for budget in budgets:
        kind, shape = _shape(budget)
        if isinstance(budget.window, Calendar):
            found = cache.at(budget.window.period, budget.timezone, now_ms)
            shape = found.start_ms, found.end_ms, found.next_start_ms, found.next_end_ms
            from_ms, until_ms = max(from_ms, found.start_ms), min(until_ms, found.end_ms)
        row = (
            _place(places, keys.state(prefix, budget)),
            _place(places, keys.buckets(prefix, budget)) if isinstance(budget.window, Rolling) else 0,
            _place(places, keys.overrides(prefix, budget.subject)),
            budget.id,
            kind,
            *shape,
            budget.limit,
            MODES[budget.enforcement],
        )
        rows.append((row, 0 if budget.unit is Unit.IN_FLIGHT else 1))
    return _Rows(budgets, prefix, tuple(places), tuple(rows), from_ms, until_ms)


def _entries(prefix: str, budgets: tuple[Budget, ...]) -> _Entries:
    places: dict[str, int] = {}
    entries: list[tuple[int, int, str, str, int]] = []
    for budget in budgets:
        kind, shape = _shape(budget)
        bucket_index = span = 0
        if isinstance(budget.window, Rolling):
            bucket_index, span = _place(places, keys.buckets(prefix, budget)), shape[1]
        entries.append((_place(places, keys.state(prefix, budget)), bucket_index, budget.id, kind, span))
    return _Entries(budgets, prefix, tuple(places), tuple(entries))


def _place(places: dict[str, int], name: str) -> int:
    """Give a key's index, declaring it where it is new."""
    return places.setdefault(name, len(places) + 1)


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
    last, place = "", None
    for one in value.increments:
        if one.key is not last:  # nearly all stand in one hash
            last = one.key
            place = index.get(last)
            if place is None:
                names.append(last)
                place = index[last] = len(names)
        increments.append((place, one.field, one.amount, one.per_token_micros))
    members = []
    for name, member in value.members:
        place = index.get(name)
        if place is None:
            names.append(name)
            place = index[name] = len(names)
        members.append((place, member))
    return [increments, members, value.ttl_seconds]


def declare(op: Operation, value: Rollup) -> None:
    """Declare the keys of a roll-up's increments that an operation does not name yet."""
    last = ""
    for one in value.increments:
        if one.key is not last:
            last = one.key
            if last not in op.keys:
                op.keys.append(last)


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


_decoder = msgspec.msgpack.Decoder(tuple[int, list[list[Any]], list[str]])


def decode(reply: bytes) -> tuple[int, list[list[Any]], list[str]]:
    """Give the store's time (ms), the answers of a batch, in order, and what of it could not be written, in words."""
    return _decoder.decode(reply)
