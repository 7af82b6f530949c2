"""The operations of a call's life as the script takes them: reserve, extend, settle, release. Pure."""

from collections.abc import Sequence
from typing import Any

from gateway.budget import keys, wire
from gateway.budget.batch import Answer, LedgerFault
from gateway.budget.lease import Lease, Order, Refusal, Verdict
from gateway.budget.windows import CandidateCache
from gateway.budget.wire import Operation, Position, Row
from gateway.model import Rollup
from gateway.store.shards import prefix as shard_of

_WANT, _LEAST, _SHARE, _ROWS = 6, 7, 8, 9
_KIND, _P1 = 4, 5


class Operations:
    """Makes them; leases live for `lease_ms`."""

    def __init__(self, *, lease_ms: int) -> None:
        self.specs = wire.Specs(CandidateCache())
        self._lease_ms = lease_ms

    def reserve(self, order: Order, now_ms: int) -> Operation:
        """Hold an order."""
        prefix = shard_of(order.company_id)
        names, rows = self.specs.rows(prefix, order.asks, now_ms)
        op = Operation([], names)
        op.fields = [
            "reserve",
            0,
            order.call_id,
            op.key(keys.tombstone(prefix, order.call_id)),
            self._lease_ms,
            int(order.charged_if_expired),
            order.want_tokens,
            order.least_tokens,
            int(order.share),
            rows,
            wire.rollup(op, order.plan),
            order.who,
        ]
        return op

    def reserve_again(self, order: Order, granted_tokens: int, now_ms: int) -> Operation:
        """Hold so much for a call that is in flight, whatever the limits say."""
        op = self.reserve(order, now_ms)
        op.fields[_WANT] = op.fields[_LEAST] = granted_tokens
        op.fields[_SHARE] = 0
        op.fields[_ROWS] = wire.shadowed(op.fields[_ROWS])
        return op

    def extend(self, order: Order, want_tokens: int, now_ms: int, *, forced: bool = False) -> Operation:
        """Move a lease's deadline and let its hold grow; `forced`, whatever the limits say."""
        names, rows = self.specs.rows(shard_of(order.company_id), order.asks, now_ms)
        rows = wire.shadowed(rows) if forced else rows
        return Operation(["extend", 0, order.call_id, self._lease_ms, want_tokens, rows], names)

    def settle(self, lease: Lease, amounts: Sequence[int], rollup: Rollup) -> Operation:
        """Charge what was used."""
        return self._settle(lease, "s", amounts, rollup)

    def release(self, lease: Lease) -> Operation:
        """Free a hold of which nothing was used."""
        nothing = [0] * len(lease.order.asks)
        return self._settle(lease, "r", nothing, Rollup(ttl_seconds=lease.order.plan.ttl_seconds))

    def together(self, leases: Sequence[Lease], amounts: Sequence[Sequence[int]], rollup: Rollup) -> Operation:
        """Charge calls of the same budgets and windows that the store has not heard of; `rollup` is the sum of all."""
        order = leases[0].order
        prefix = shard_of(order.company_id)
        names, entries = self.specs.entries(prefix, order.asks, leases[0].positions)
        op = Operation(["together", 0], names)
        calls = []
        for lease, each in zip(leases, amounts, strict=True):
            call_id = lease.order.call_id
            tombstone = op.key(keys.tombstone(prefix, call_id))
            calls.append([call_id, tombstone, lease.admitted_ms, lease.order.who, list(each)])
        op.fields += [calls, entries, [sum(each) for each in zip(*amounts, strict=True)], wire.rollup(op, rollup)]
        return op

    def _settle(self, lease: Lease, kind: str, amounts: Sequence[int], rollup: Rollup) -> Operation:
        order = lease.order
        prefix = shard_of(order.company_id)
        names, entries = self.specs.entries(prefix, order.asks, lease.positions)
        op = Operation([], names)
        op.fields = [
            "settle",
            0,
            order.call_id,
            op.key(keys.tombstone(prefix, order.call_id)),
            kind,
            lease.admitted_ms,
            entries,
            list(amounts),
            wire.rollup(op, rollup),
            order.who,
        ]
        # What an expiry may have charged is corrected in the same call.
        wire.declare(op, order.plan)
        return op


def unknown(order: Order, now_ms: int) -> Lease:
    """Give the lease of a reserve whose answer nobody has: the store knows its places, or turns it away later."""
    return Lease(order, now_ms, 0, (Position(0, 0),) * len(order.asks), ())


def local(order: Order, reserve: Operation, granted_tokens: int, now_ms: int) -> Lease:
    """Give a lease that no store knows: its places are worked out as the script would (lua/window.lua)."""
    places = tuple(_place(row, now_ms) for row in reserve.fields[_ROWS])
    return Lease(order, now_ms, granted_tokens, places, (), reserve, is_local=True)


def _place(row: Row, now_ms: int) -> Position:
    first, end, next_first, next_end = row[_P1 : _P1 + 4]
    match row[_KIND]:
        case "r":
            return Position(now_ms // first, 0)
        case "c":
            return Position(first, end) if now_ms < end else Position(next_first, next_end)
        case "f":
            start = now_ms // first * first
            return Position(start, start + first)
        case _:
            return Position(0, 0)


def reaping(prefix: str, call_id: str, names: list[str], rollup_names: list[str]) -> Operation:
    """Charge an expired lease, by what the script said of it."""
    op = Operation(["reap", 0, call_id])
    op.fields += [op.key(keys.tombstone(prefix, call_id)), [op.key(name) if name else 0 for name in names]]
    op.keys += rollup_names
    return op


def admission(order: Order, answer: Answer, op: Operation) -> Lease | Refusal:
    """Read the answer to a reserve."""
    now_ms, fields = answer
    if fields[0] == "finished":
        raise LedgerFault(f"call {order.call_id} has already ended")
    rows: list[list[Any]] = fields[2]
    levels = tuple([wire.level(ask.budget, row) for ask, row in zip(order.asks, rows, strict=True)])
    if fields[0] == "refused":
        verdicts = tuple((Verdict(code), at if at >= 0 else None) for code, at in fields[1])
        return Refusal(order, now_ms, verdicts, levels)
    admitted_ms = fields[3] if fields[0] == "duplicate" else now_ms
    return Lease(order, admitted_ms, fields[1], tuple([wire.position(row) for row in rows]), levels, op)
