"""The ledger: budgets that concurrency cannot overrun. A typed Python face over the script in `lua/`.

P1  At every admission, for every enforced budget, used + held <= limit.
P2  A call that reached an upstream is charged exactly once.
P3  A hold is a lease: a gateway that dies leaves none behind after its lease has run out.
P5  Nothing runs at midnight: the period is part of the stored state.

Every operation is idempotent by its call id, so a reply that is lost is never a call that is charged twice.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import structlog

from gateway.budget import keys, wire
from gateway.budget.batch import Answer, Batcher, LedgerFault, OnBatch
from gateway.budget.lease import Extension, Lease, Order, Override, Refusal, Report, Reported, Verdict
from gateway.budget.windows import CandidateCache
from gateway.budget.wire import Ask, Operation, Position
from gateway.errors import StoreUnavailable
from gateway.model import Budget, Level, Rollup
from gateway.store.connection import Script, Store
from gateway.store.shards import prefix as shard_of

_REAPED_BEFORE_REFUSING = 16
_STALE_TRIES = 3
_CLOSING_LIFE_SECONDS = 15 * 60
_CLOSING_PAUSE_SECONDS = 0.25
_CLOSING_PAUSE_MOST_SECONDS = 5.0
_NOT_CHARGED = {"doubtful", "lost"}

log = structlog.get_logger("ledger")


class Ledger:
    """Reserve, extend, settle, release, read, override, reap: all against one store, micro-batched."""

    def __init__(
        self,
        store: Store,
        script: Script,
        *,
        lease_seconds: float,
        clock: Callable[[], float] = time.time,
        on_batch: OnBatch | None = None,
        on_lost: Callable[[], None] | None = None,
    ) -> None:
        self._batcher = Batcher(store, script, on_batch)
        self._on_lost = on_lost
        self._lease_ms = int(lease_seconds * 1000)
        self._windows = CandidateCache()
        self._clock = clock
        self._offset_ms = 0
        self._specs = wire.Specs(self._windows)
        self._closing: set[asyncio.Future[Any]] = set()

    def now_ms(self) -> int:
        """Give the store's time as well as it is known: the local clock, corrected by the last answer."""
        return int(self._clock() * 1000) + self._offset_ms

    async def reserve(self, order: Order) -> Lease | Refusal:
        """Hold an order in every budget or in none. StoreUnavailable: a hold that was made after all is released."""
        answer = await self._ask_to_hold(order)
        if answer[1][0] == "refused" and answer[1][3] > 0:
            await self.reap(shard_of(order.company_id), _REAPED_BEFORE_REFUSING)
            answer = await self._ask_to_hold(order)
        return _admission(order, answer)

    async def _ask_to_hold(self, order: Order) -> Answer:
        try:
            return await self._fresh(partial(self._reservation, order), order.company_id)
        except (asyncio.CancelledError, StoreUnavailable):
            _ = self._close(order, lambda: self._release_of(self._unknown(order)))  # goes on behind
            raise

    def _reservation(self, order: Order) -> Operation:
        prefix = shard_of(order.company_id)
        op = Operation(["reserve", 0, order.call_id])
        op.fields += [
            op.key(keys.tombstone(prefix, order.call_id)),
            self._lease_ms,
            int(order.charged_if_expired),
            order.want_tokens,
            order.least_tokens,
            int(order.share),
            self._specs.rows(op, prefix, order.asks, self.now_ms()),
            wire.rollup(op, order.plan),
            order.who,
        ]
        return op

    async def extend(self, lease: Lease, want_tokens: int = 0) -> Extension:
        """Move a lease's deadline; with more `want_tokens` than granted, grow the hold in every budget or in none."""
        order = lease.order
        prefix = shard_of(order.company_id)
        op = Operation(["extend", 0, order.call_id, self._lease_ms, want_tokens])
        op.fields.append(self._specs.rows(op, prefix, order.asks, self.now_ms()))
        _, answer = await self._ask(prefix, op)
        if answer[0] == "gone":
            return Extension(lease.granted_tokens, gone=True)
        if answer[0] == "refused":
            place = answer[2] - 1
            return Extension(answer[1], refused_by=wire.level(order.asks[place].budget, answer[3][place]))
        return Extension(answer[1])

    def settle(self, lease: Lease, amounts: Sequence[int], rollup: Rollup) -> "asyncio.Future[str]":
        """Charge what was used, one amount per ask, and free the rest; gives a future of what happened.

        That is: settled, corrected, recovered, already, doubtful; or lost. While the store is away it is tried again,
        for as long as the store would know a late settle. Cancelling the future takes nothing back.
        """
        return self._close(lease.order, lambda: self._settlement(lease, "s", amounts, rollup))

    def release(self, lease: Lease) -> "asyncio.Future[str]":
        """Free a hold of a call that used nothing: no request byte was sent, or the upstream refused it."""
        return self._close(lease.order, lambda: self._release_of(lease))

    def _settlement(self, lease: Lease, kind: str, amounts: Sequence[int], rollup: Rollup) -> Operation:
        order = lease.order
        prefix = shard_of(order.company_id)
        op = Operation(["settle", 0, order.call_id])
        op.fields += [
            op.key(keys.tombstone(prefix, order.call_id)),
            kind,
            lease.admitted_ms,
            self._specs.entries(op, prefix, order.asks, lease.positions),
            list(amounts),
            wire.rollup(op, rollup),
            order.who,
        ]
        # What an expiry may have charged is corrected in the same call.
        op.keys += dict.fromkeys(increment.key for increment in order.plan.increments)
        return op

    def _release_of(self, lease: Lease) -> Operation:
        nothing = [0] * len(lease.order.asks)
        return self._settlement(lease, "r", nothing, Rollup(ttl_seconds=lease.order.plan.ttl_seconds))

    def _unknown(self, order: Order) -> Lease:
        """Give the lease of a reserve whose answer nobody has: the store knows its places, or turns it away later."""
        return Lease(order, self.now_ms(), 0, (Position(0, 0),) * len(order.asks), ())

    def _close(self, order: Order, operation: Callable[[], Operation]) -> "asyncio.Future[str]":
        outcome: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        prefix = shard_of(order.company_id)
        first = self._batcher.submit(prefix, operation())
        self._closing.add(first)

        def answered(first: "asyncio.Future[Answer]") -> None:
            self._closing.discard(first)
            if isinstance(first.exception(), StoreUnavailable):
                again = asyncio.get_running_loop().create_task(self._keep_closing(prefix, operation))
                self._closing.add(again)
                again.add_done_callback(closed)
            else:
                closed(first)

        def closed(last: "asyncio.Future[Any]") -> None:
            self._closing.discard(last)
            self._tell(order.call_id, last, outcome)

        first.add_done_callback(answered)
        return outcome

    def _tell(self, call_id: str, last: "asyncio.Future[Answer]", outcome: "asyncio.Future[str]") -> None:
        """Say what became of a charge; loudly of one that did not arrive."""
        failure = asyncio.CancelledError("cancelled") if last.cancelled() else last.exception()
        word = "" if failure else self._noted(last.result())[1][0]
        if failure or word in _NOT_CHARGED:
            log.error("charge_failed", call=call_id, reason=str(failure or word))
            if self._on_lost is not None:
                self._on_lost()
        if outcome.done():
            return
        if last.cancelled():
            outcome.cancel()
        elif failure:
            outcome.set_exception(failure)
            outcome.exception()  # told above; who waits for it still gets it
        else:
            outcome.set_result(word)

    async def _keep_closing(self, prefix: str, operation: Callable[[], Operation]) -> Answer:
        deadline = time.monotonic() + _CLOSING_LIFE_SECONDS
        pause_seconds = _CLOSING_PAUSE_SECONDS
        while True:
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, _CLOSING_PAUSE_MOST_SECONDS)
            try:
                return await self._batcher.submit(prefix, operation())
            except StoreUnavailable:
                if time.monotonic() > deadline:
                    return self.now_ms(), ["lost"]

    async def drain(self, timeout_seconds: float) -> int:
        """Wait for settles and releases that are still on their way; gives how many did not make it in time."""
        deadline = time.monotonic() + timeout_seconds
        while self._closing and (left_seconds := deadline - time.monotonic()) > 0:
            await asyncio.wait(self._closing, timeout=left_seconds)  # one that failed is tried again
        return len(self._closing)

    async def read(self, company_id: str, budgets: Sequence[Budget]) -> tuple[Level, ...]:
        """Give the numbers that a reserve would use, without writing anything."""
        asks = tuple(Ask(budget, 0, 0) for budget in budgets)
        prefix = shard_of(company_id)

        def operation() -> Operation:
            op = Operation(["read", 0])
            op.fields.append(self._specs.rows(op, prefix, asks, self.now_ms()))
            return op

        _, answer = await self._fresh(operation, company_id)
        return tuple(wire.level(budget, row) for budget, row in zip(budgets, answer[1], strict=True))

    async def report(self, report: Report) -> Reported | None:
        """Charge usage consumed elsewhere; None when another report already stands under this id."""
        prefix = shard_of(report.company_id)
        asks = tuple(Ask(budget, 0, 0) for budget in report.budgets)

        def operation() -> Operation:
            op = Operation(["report", 0, report.id])
            op.fields += [
                op.key(keys.tombstone(prefix, report.id)),
                report.digest,
                report.life_seconds * 1000,
                self._specs.rows(op, prefix, asks, self.now_ms()),
                list(report.amounts),
                wire.rollup(op, report.rollup),
                report.who,
            ]
            return op

        _, answer = await self._fresh(operation, report.company_id)
        if answer[0] == "conflict":
            return None
        levels = tuple(wire.level(budget, row) for budget, row in zip(report.budgets, answer[1], strict=True))
        return Reported(levels, is_new=answer[0] == "reported")

    async def override(
        self, company_id: str, limits: Mapping[Budget, int | None], who: str
    ) -> tuple[Override | None, ...]:
        """Set limits of one subject in the store, all or none, and record it; None clears: the file's applies.

        Gives what stood there before, in the order of `limits`. Raises ValueError unless they are of one subject.
        """
        (subject,) = {budget.subject for budget in limits}
        prefix = shard_of(company_id)
        op = Operation(["override", 0])
        op.fields += [
            op.key(keys.overrides(prefix, subject)),
            subject,
            who,
            [[budget.id, "" if limit is None else limit] for budget, limit in limits.items()],
        ]
        _, answer = await self._ask(prefix, op)
        return tuple(_override(line) for line in answer[1])

    async def reap(self, prefix: str, most: int = 256) -> int:
        """Charge the expired leases of a shard by their policy; gives how many there were."""
        _, answer = await self._ask(prefix, Operation(["expired", 0, most]))
        waiting = [self._batcher.submit(prefix, _reaping(prefix, *row)) for row in answer[1]]
        answers = await asyncio.gather(*waiting)
        return sum(1 for _, one in answers if one[0] == "reaped")

    async def _fresh(self, operation: Callable[[], Operation], company_id: str) -> Answer:
        """Ask again while the candidate windows are stale: the first answer tells the store's time."""
        prefix = shard_of(company_id)
        for _ in range(_STALE_TRIES):
            answer = await self._ask(prefix, operation())
            if answer[1][0] != "stale":
                return answer
        raise LedgerFault("the store's clock does not stand still: no calendar window holds it")

    async def _ask(self, prefix: str, op: Operation) -> Answer:
        return self._noted(await self._batcher.submit(prefix, op))

    def _noted(self, answer: Answer) -> Answer:
        self._offset_ms = answer[0] - int(self._clock() * 1000)
        return answer


def _override(line: str) -> Override | None:
    if not line:
        return None
    limit, set_at_ms, who = line.split(":", 2)
    return Override(int(limit), int(set_at_ms), who)


def _reaping(prefix: str, call_id: str, names: list[str], rollup_names: list[str]) -> Operation:
    op = Operation(["reap", 0, call_id])
    op.fields += [op.key(keys.tombstone(prefix, call_id)), [op.key(name) if name else 0 for name in names]]
    op.keys += rollup_names
    return op


def _admission(order: Order, answer: Answer) -> Lease | Refusal:
    now_ms, fields = answer
    if fields[0] == "finished":
        raise LedgerFault(f"call {order.call_id} has already ended")
    rows: list[list[Any]] = fields[2]
    levels = tuple(wire.level(ask.budget, row) for ask, row in zip(order.asks, rows, strict=True))
    if fields[0] == "refused":
        verdicts = tuple((Verdict(code), at if at >= 0 else None) for code, at in fields[1])
        return Refusal(order, now_ms, verdicts, levels)
    admitted_ms = fields[3] if fields[0] == "duplicate" else now_ms
    return Lease(order, admitted_ms, fields[1], tuple(wire.position(row) for row in rows), levels)
