"""The ledger: budgets that concurrency cannot overrun. A typed Python face over the script in `lua/`.

P1  At every admission, for every enforced budget, used + held <= limit.
P2  A call that reached an upstream is charged exactly once.
P3  A hold is a lease: a gateway that dies leaves none behind after its lease has run out.
P5  Nothing runs at midnight: the period is part of the stored state.

Every operation is idempotent by its call id, so a reply that is lost is never a call that is charged twice.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from gateway.budget import keys, record, wire
from gateway.budget.away import Away
from gateway.budget.batch import Answer, Batcher, LedgerFault, OnBatch
from gateway.budget.closing import Closing
from gateway.budget.lease import Extension, Lease, Order, Override, Refusal, Report, Reported
from gateway.budget.operations import Operations, admission, local, reaping, unknown
from gateway.budget.record import NoRecord, Record
from gateway.budget.wire import Ask, Operation
from gateway.errors import StoreUnavailable
from gateway.model import Budget, Level, OnFailure, Rollup
from gateway.store.breaker import silent
from gateway.store.connection import Script, Store
from gateway.store.shards import prefix as shard_of

_REAPED_BEFORE_REFUSING = 16
_STALE_TRIES = 3


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
        kept: Record | None = None,
        away: Away | None = None,
    ) -> None:
        self.store = store
        self._batcher = Batcher(store, script, on_batch)
        self._record = kept or NoRecord()
        self._away = away or Away()
        self._operations = Operations(lease_ms=int(lease_seconds * 1000))
        self._specs = self._operations.specs
        self._clock = clock
        self._offset_ms = 0
        self._closing = Closing(
            self._batcher,
            self._record,
            store,
            noted=self._noted,
            on_lost=on_lost,
            on_paid=self._away.paid,
        )

    def now_ms(self) -> int:
        """Give the store's time as well as it is known: the local clock, corrected by the last answer."""
        return int(self._clock() * 1000) + self._offset_ms

    @property
    def goes_on_without_store(self) -> bool:
        """Whether calls may be admitted while the store is away."""
        return self._away.policy is not OnFailure.CLOSED

    async def reserve(self, order: Order) -> Lease | Refusal:
        """Hold an order in every budget or in none. StoreUnavailable: a hold that was made after all is released."""
        prefix, store = shard_of(order.company_id), self.store
        was_asked = store.part_of(prefix).breaker.is_closed or await store.admits(prefix)
        try:
            if not was_asked:
                raise silent()
            answer, op = await self._ask_to_hold(order)
            if answer[1][0] == "refused" and answer[1][3] > 0:
                await self.reap(prefix, _REAPED_BEFORE_REFUSING)
                answer, op = await self._ask_to_hold(order)
        except asyncio.CancelledError:
            self._abandon(order)
            raise
        except StoreUnavailable:
            lease = await self._without_store(order)
            if lease is None:
                if was_asked:
                    self._abandon(order)
                raise
            return lease
        return admission(order, answer, op)

    def _ask_to_hold(self, order: Order) -> Awaitable[tuple[Answer, Operation]]:
        return self._fresh(lambda: self._operations.reserve(order, self.now_ms()), order.company_id)

    def _abandon(self, order: Order) -> None:
        """Release, behind, what may have been held."""
        _ = self.release(unknown(order, self.now_ms()))

    async def _without_store(self, order: Order) -> Lease | None:
        """Give the lease of a call that may go on without the store; None where none may."""
        granted = None if self._record.is_full else self._away.admit(order)
        if granted is None:
            return None
        now_ms = self.now_ms()
        lease = local(order, self._operations.reserve(order, now_ms), granted, now_ms)
        self._write_down(lease)
        is_secured = False
        try:
            is_secured = await self._record.secured() or not self._away.needs_record
        finally:
            if not is_secured:
                _ = self.release(lease)
        return lease if is_secured else None

    def forwarding(self, lease: Lease) -> None:
        """Write down that a call is about to be sent: from now on it is charged, whatever happens."""
        if not lease.is_local:  # such a one is written down before it is given
            self._write_down(lease)

    def _write_down(self, lease: Lease) -> None:
        if self._record.keeps and lease.asked is not None:
            prefix = shard_of(lease.order.company_id)
            self._record.forwarded(lease.order.call_id, record.forwarded(prefix, lease))

    async def extend(self, lease: Lease, want_tokens: int = 0) -> Extension:
        """Move a lease's deadline; with more `want_tokens` than granted, grow the hold in every budget or in none."""
        order = lease.order
        op = self._operations.extend(order, want_tokens, self.now_ms())
        try:
            _, answer = await self._ask(shard_of(order.company_id), op)
        except StoreUnavailable:
            if want_tokens == 0 or not self._away.grow(lease, want_tokens):
                raise
            self._record.grown(order.call_id, want_tokens)
            return Extension(want_tokens)
        if answer[0] == "gone":
            extension = await self.hold_again(lease, max(want_tokens, lease.granted_tokens))
            if want_tokens and not extension.gone:
                self._record.grown(order.call_id, extension.granted_tokens)
            return extension
        if want_tokens:
            self._record.grown(order.call_id, answer[1])
        if answer[0] == "refused":
            place = answer[2] - 1
            return Extension(answer[1], refused_by=wire.level(order.asks[place].budget, answer[3][place]))
        return Extension(answer[1])

    def grown(self, lease: Lease, granted_tokens: int) -> None:
        """Write down how far a call may go, whatever has become of its lease."""
        self._record.grown(lease.order.call_id, granted_tokens)

    async def hold_again(self, lease: Lease, granted_tokens: int) -> Extension:
        """Hold what a call in flight has, though the store has lost it or never knew it, and whatever the limits say.

        `gone`: it has ended, or was charged as it expired.
        """
        order, prefix = lease.order, shard_of(lease.order.company_id)
        (_, answer), _ = await self._fresh(
            lambda: self._operations.reserve_again(order, granted_tokens, self.now_ms()), order.company_id
        )
        if answer[0] == "duplicate":
            op = self._operations.extend(order, granted_tokens, self.now_ms(), forced=True)
            _, answer = await self._ask(prefix, op)
        is_gone = answer[0] in {"finished", "gone"}
        return Extension(lease.granted_tokens if is_gone else granted_tokens, gone=is_gone)

    async def hold_slices_again(self, is_meant: Callable[[str], bool]) -> int:  # noqa: ARG002 - here are none
        """Hold the slices of the homes (ids, whose shards have them) that are meant; gives how many there are."""
        return 0

    def settle(self, lease: Lease, amounts: Sequence[int], rollup: Rollup) -> "asyncio.Future[str]":
        """Charge what was used, one amount per ask, and free the rest; gives a future of what happened.

        That is: settled, corrected, recovered, already, doubtful, lost; or kept, where the record has it and the store
        is away. Else it is tried again, for as long as the store would know a late settle. Cancelling the future takes
        nothing back.
        """
        self._away.settled(lease, amounts)
        return self._closing.close(shard_of(lease.order.company_id), self._operations.settle(lease, amounts, rollup))

    def release(self, lease: Lease) -> "asyncio.Future[str]":
        """Free a hold of a call that used nothing: no request byte was sent, or the upstream refused it."""
        self._away.settled(lease, [0] * len(lease.order.asks))
        return self._closing.close(shard_of(lease.order.company_id), self._operations.release(lease))

    async def close_again(self, call_id: str, prefix: str, op: Operation) -> str:
        """Send a settle that the record has. Raises StoreUnavailable; what is too late to be believed is `doubtful`."""
        return await self._closing.close_again(call_id, prefix, op)

    def strike_out(self, call_id: str, prefix: str) -> None:
        """Have done with a charge of this process: the store has it, as was found out, or it is given up."""
        self._closing.strike_out(call_id, self.store.part_of(prefix).epoch)

    async def drain(self, timeout_seconds: float) -> int:
        """Wait for settles and releases that are still on their way; gives how many did not make it in time."""
        return await self._closing.drain(timeout_seconds)

    async def read(self, company_id: str, budgets: Sequence[Budget]) -> tuple[Level, ...]:
        """Give the numbers that a reserve would use, without writing anything."""
        asks = tuple(Ask(budget, 0, 0) for budget in budgets)
        prefix = shard_of(company_id)

        def operation() -> Operation:
            names, rows = self._specs.rows(prefix, asks, self.now_ms())
            return Operation(["read", 0, rows], names)

        (_, answer), _ = await self._fresh(operation, company_id)
        return tuple(wire.level(budget, row) for budget, row in zip(budgets, answer[1], strict=True))

    async def report(self, report: Report) -> Reported | None:
        """Charge usage consumed elsewhere; None when another report already stands under this id."""
        prefix = shard_of(report.company_id)
        asks = tuple(Ask(budget, 0, 0) for budget in report.budgets)

        def operation() -> Operation:
            names, rows = self._specs.rows(prefix, asks, self.now_ms())
            op = Operation(["report", 0, report.id], names)
            op.fields += [
                op.key(keys.tombstone(prefix, report.id)),
                report.digest,
                report.life_seconds * 1000,
                rows,
                list(report.amounts),
                wire.rollup(op, report.rollup),
                report.who,
            ]
            return op

        (_, answer), _ = await self._fresh(operation, report.company_id)
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
            op.key(keys.changes(prefix)),
        ]
        _, answer = await self._ask(prefix, op)
        return tuple(_override(line) for line in answer[1])

    async def reap(self, prefix: str, most: int = 256) -> int:
        """Charge the expired leases of a shard by their policy; gives how many there were."""
        _, answer = await self._ask(prefix, Operation(["expired", 0, most]))
        waiting = [self._batcher.submit(prefix, reaping(prefix, *row)) for row in answer[1]]
        answers = await asyncio.gather(*waiting)
        return sum(1 for _, one in answers if one[0] == "reaped")

    async def _fresh(self, operation: Callable[[], Operation], company_id: str) -> tuple[Answer, Operation]:
        """Ask again while the candidate windows are stale: the first answer tells the store's time."""
        prefix = shard_of(company_id)
        for _ in range(_STALE_TRIES):
            op = operation()
            answer = self._noted(await self._batcher.submit(prefix, op))
            if answer[1][0] != "stale":
                return answer, op
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
