"""The ledger with slices: budgets marked `sliced` are taken from memory, all others from the store as ever.

The one rule that matters: a call is admitted by all its budgets or by none. What it took of a slice is given back in
the same turn of the loop in which another budget refuses. Budgets that span companies live in one shard of their own,
where no call's other budgets are: slices are the only way to have both. A call whose other budgets are known to be
unlimited is not asked for at all: its charge is written down and follows.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import structs

from gateway.budget import keys
from gateway.budget.batch import Answer
from gateway.budget.behind import Behind, Charge
from gateway.budget.holding import Holding, Part, SlicedLease
from gateway.budget.known import Counted, Known
from gateway.budget.lease import Extension, Lease, Order, Override, Refusal, Verdict
from gateway.budget.ledger import Ledger
from gateway.budget.shelf import Plain
from gateway.budget.stock import Grant, Stock
from gateway.budget.stocks import Stocks
from gateway.budget.told import Told, Untold
from gateway.model import Budget, Level, Rollup
from gateway.store.connection import Script, Store
from gateway.store.shards import prefix as shard_of

BEAT_SECONDS = 1.0


class SlicedLedger(Ledger):
    """A ledger that spends the budgets marked `sliced` from memory. `settings` are the ledger's own."""

    def __init__(
        self,
        store: Store,
        script: Script,
        *,
        lease_seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
        told: Told | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(store, script, lease_seconds=lease_seconds, **settings)
        self._plain = Plain(
            super().reserve,
            super().extend,
            super().settle,
            super().release,
            super().forwarding,
            self._record.grown,
            super().read,
        )
        self._monotonic = monotonic
        self._stocks = Stocks(self._plain, lease_seconds=lease_seconds, monotonic=monotonic, told=told or Untold())
        self._known = Known(store, lease_seconds=lease_seconds, monotonic=monotonic)
        self._behind = Behind(self._closing, self._operations)
        self._heard: tuple[int, float] | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def reserve(self, order: Order) -> Lease | Refusal:
        """Hold an order in every budget or in none. Raises StoreUnavailable where memory does not suffice."""
        if not any(ask.budget.sliced for ask in order.asks):
            return await super().reserve(order)
        holding, outcome = Holding(), None
        try:
            outcome = await self._held(order, holding)
        finally:
            if not isinstance(outcome, Lease):
                holding.close()
        return outcome

    async def _held(self, order: Order, holding: Holding) -> Lease | Refusal:
        granted = order.want_tokens
        for place, ask in enumerate(order.asks):
            if not ask.budget.sliced:
                continue
            stock = self._stocks.of(order.company_id, ask.budget)
            grant = await stock.take(ask, granted, order.least_tokens, order.share)
            if isinstance(grant, Refusal):
                holding.close()
                return await self._refused(order, place, grant)
            holding.parts.append(Part(place, ask, stock, grant.taking))
            self._wake(stock)
            granted = min(granted, grant.tokens)
        asks = tuple([ask for ask in order.asks if not ask.budget.sliced])
        others = structs.replace(order, asks=asks, want_tokens=granted)
        # What the store has not heard of may only be in what outlives this process.
        counted = self._known.of(order.company_id, asks) if self._record.is_sound else None
        inner = await self._reserved(others) if counted is None else self._uncounted(others, counted)
        if isinstance(inner, Refusal):
            holding.close()
            return self._refused_by_others(order, inner)
        holding.trim(inner.granted_tokens)
        return self._lease(order, inner, holding, is_behind=counted is not None)

    async def _reserved(self, others: Order) -> Lease | Refusal:
        """Ask the store about the budgets that are not sliced, and remember those that limit nothing."""
        asked_at = self._monotonic()
        inner = await self._plain.reserve(others)
        if isinstance(inner, Lease):
            self._known.note(inner, asked_at)
            self._schedule()
        return inner

    def _uncounted(self, others: Order, counted: Counted) -> Lease:
        """Give the lease of a call that the store has not heard of: what is written down of it is as if it had."""
        now_ms = self._store_ms()
        asked = self._operations.reserve(others, now_ms) if self._record.keeps else None
        return Lease(others, now_ms, others.want_tokens, counted.positions, counted.levels, asked)

    def _lease(self, order: Order, inner: Lease, holding: Holding, *, is_behind: bool) -> SlicedLease:
        positions = {part.place: part.taking.parts[0][0].lease.positions[0] for part in holding.parts}
        levels = {part.place: part.stock.level() for part in holding.parts}
        positions |= zip(_unsliced(order), inner.positions, strict=True)
        levels |= zip(_unsliced(order), inner.levels, strict=not inner.is_local)
        return SlicedLease(
            order,
            inner.admitted_ms,
            holding.granted_tokens,
            tuple([positions[place] for place in range(len(order.asks))]),
            () if inner.is_local else tuple([levels[place] for place in range(len(order.asks))]),
            is_local=inner.is_local,
            inner=inner,
            holding=holding,
            is_behind=is_behind,
        )

    async def _refused(self, order: Order, place: int, refusal: Refusal) -> Refusal:
        """Give the refusal of one sliced budget as one of the whole order."""
        levels = list(await self.read(order.company_id, [ask.budget for ask in order.asks]))
        levels[place] = refusal.levels[0]
        verdicts: list[tuple[Verdict, int | None]] = [(Verdict.ROOM, None)] * len(order.asks)
        verdicts[place] = refusal.verdicts[0]
        return Refusal(order, refusal.now_ms, tuple(verdicts), tuple(levels))

    def _refused_by_others(self, order: Order, refusal: Refusal) -> Refusal:
        """Give a refusal by the budgets that are not sliced as one of the whole order."""
        rows = dict(zip(_unsliced(order), zip(refusal.verdicts, refusal.levels, strict=True), strict=True))
        for place, ask in enumerate(order.asks):
            if ask.budget.sliced:
                rows[place] = (Verdict.ROOM, None), self._stocks.of(order.company_id, ask.budget).level()
        ordered = [rows[place] for place in range(len(order.asks))]
        verdicts, levels = tuple(verdict for verdict, _ in ordered), tuple(level for _, level in ordered)
        return Refusal(order, refusal.now_ms, verdicts, levels)

    # ---------------------------------------------------------------- a call's life

    async def extend(self, lease: Lease, want_tokens: int = 0) -> Extension:
        """Keep a lease alive, and with more `want_tokens` grow it in every budget or in none."""
        if not isinstance(lease, SlicedLease):
            return await super().extend(lease, want_tokens)
        holding = lease.holding
        if want_tokens > holding.granted_tokens and not holding.is_closed:
            return await self._grown(lease, want_tokens)
        is_gone = not lease.is_behind and (await super().extend(lease.grown_inner)).gone
        return Extension(holding.granted_tokens, gone=is_gone)

    async def hold_again(self, lease: Lease, granted_tokens: int) -> Extension:
        """Hold what a call in flight has beside its slices, which are held again for all calls at once."""
        if isinstance(lease, SlicedLease) and lease.is_behind:
            return Extension(granted_tokens)
        return await super().hold_again(lease.inner if isinstance(lease, SlicedLease) else lease, granted_tokens)

    async def hold_slices_again(self, is_meant: Callable[[str], bool]) -> int:
        """Hold all slices of these homes, those too that no call has taken from. Raises StoreUnavailable."""
        return await self._stocks.hold_again(is_meant)

    def forwarding(self, lease: Lease) -> None:
        """Write down that a call is about to be sent; its slices were, when they were leased."""
        super().forwarding(lease.inner if isinstance(lease, SlicedLease) else lease)

    async def _grown(self, lease: SlicedLease, want_tokens: int) -> Extension:
        holding, more = lease.holding, Holding()
        have = holding.granted_tokens
        try:
            extension = await self._more(lease, want_tokens, more)
            if extension.granted_tokens > have and not holding.is_closed:
                more.is_closed = True
                for part, other in zip(holding.parts, more.parts, strict=True):
                    part.taking.parts += other.taking.parts
                holding.trim(extension.granted_tokens)
            return extension
        finally:
            more.close()

    async def _more(self, lease: SlicedLease, want_tokens: int, more: Holding) -> Extension:
        have, granted = lease.holding.granted_tokens, want_tokens
        for part in lease.holding.parts:
            grant = await part.stock.grow(part.taking, part.ask, have, granted)
            if not isinstance(grant, Grant):
                return Extension(have, refused_by=grant.levels[0])
            more.parts.append(Part(part.place, part.ask, part.stock, grant.taking))
            self._wake(part.stock)
            granted = min(granted, grant.tokens)
        if lease.is_behind:
            self._record.grown(lease.order.call_id, granted)
            return Extension(granted)
        extension = await self._plain.extend(lease.grown_inner, granted)
        is_grown = extension.refused_by is None and not extension.gone
        return extension if is_grown else Extension(have, extension.refused_by, extension.gone)

    def settle(self, lease: Lease, amounts: Sequence[int], rollup: Rollup) -> "asyncio.Future[str]":
        """Charge what was used: to the slices at once, to the other budgets as ever, or soon if none can refuse."""
        if not isinstance(lease, SlicedLease):
            return super().settle(lease, amounts, rollup)
        is_first = not lease.holding.is_closed
        lease.holding.close(amounts)
        rest = [amounts[place] for place in _unsliced(lease.order)]
        if not lease.is_behind:
            return super().settle(lease.inner, rest, rollup)
        if is_first:
            op = self._operations.settle(lease.inner, rest, rollup)
            charge = Charge(lease.inner, rest, rollup, op)
            self._behind.settle(shard_of(lease.order.company_id), charge, self._store_ms())
        return _done("settled" if is_first else "already")

    def release(self, lease: Lease) -> "asyncio.Future[str]":
        """Free a hold of a call that used nothing."""
        if not isinstance(lease, SlicedLease):
            return super().release(lease)
        is_first = not lease.holding.is_closed
        lease.holding.close()
        if not lease.is_behind:
            return super().release(lease.inner)
        return super().release(lease.inner) if is_first else _done("already")

    async def read(self, company_id: str, budgets: Sequence[Budget]) -> tuple[Level, ...]:
        """Give every budget's numbers, from the shards that they live in; what this gateway spent counts as used."""
        homes: dict[str, list[int]] = {}
        for place, budget in enumerate(budgets):
            homes.setdefault(keys.home(budget, company_id), []).append(place)
        if list(homes) in ([], [company_id]):
            homes = {company_id: list(range(len(budgets)))}
        reads = (self._plain.read(home, [budgets[place] for place in places]) for home, places in homes.items())
        found: dict[int, Level] = {}
        for places, levels in zip(homes.values(), await asyncio.gather(*reads), strict=True):
            found |= zip(places, levels, strict=True)
        return tuple(self._stocks.seen(company_id, found[place]) for place in range(len(budgets)))

    async def override(
        self, company_id: str, limits: Mapping[Budget, int | None], who: str
    ) -> tuple[Override | None, ...]:
        """Set limits of one subject in the store; here they apply at once, elsewhere within a second."""
        try:
            return await super().override(company_id, limits, who)
        finally:
            self._known.forget(shard_of(company_id))

    # ---------------------------------------------------------------- the course of time

    def beat(self) -> None:
        """Do what is due: give back, renew, look whether limits were set in the store."""
        self._stocks.beat()
        self._known.beat()

    async def drain(self, timeout_seconds: float) -> int:
        """Give every slice back and wait for settles and releases; gives how many did not make it in time."""
        deadline = time.monotonic() + timeout_seconds
        await self._stocks.settled(timeout_seconds)
        self._behind.flush()
        return await super().drain(max(0.0, deadline - time.monotonic()))

    def _store_ms(self) -> int:
        """Give the store's time by what it last said, and by a clock that nobody sets."""
        if self._heard is None:
            return self.now_ms()
        at_ms, heard_at = self._heard
        return at_ms + int((self._monotonic() - heard_at) * 1000)

    def _noted(self, answer: Answer) -> Answer:
        self._heard = answer[0], self._monotonic()
        return super()._noted(answer)

    def _wake(self, stock: Stock) -> None:
        self._stocks.wake(stock)
        self._schedule()

    def _schedule(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(BEAT_SECONDS, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        self.beat()
        if self._stocks or self._known:
            self._schedule()


def _unsliced(order: Order) -> list[int]:
    return [place for place, ask in enumerate(order.asks) if not ask.budget.sliced]


def _done(word: str) -> "asyncio.Future[str]":
    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    future.set_result(word)
    return future
