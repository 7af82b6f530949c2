"""The ledger with slices: budgets marked `sliced` are taken from memory, all others from the store as ever.

The one rule that matters: a call is admitted by all its budgets or by none. What it took of a slice is given back in
the same turn of the loop in which another budget refuses. Budgets that span companies live in one shard of their own,
where no call's other budgets are: slices are the only way to have both.
"""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from gateway.budget import keys
from gateway.budget.carried import Carried
from gateway.budget.holding import Holding, Part, SlicedLease
from gateway.budget.lease import Extension, Lease, Order, Refusal, Verdict
from gateway.budget.ledger import Ledger
from gateway.budget.shelf import Plain
from gateway.budget.stock import Grant, Stock
from gateway.model import Budget, Level, Rollup
from gateway.store.connection import Script, Store

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
        **settings: Any,
    ) -> None:
        super().__init__(store, script, lease_seconds=lease_seconds, **settings)
        self._plain = Plain(
            super().reserve, super().extend, super().settle, super().release, super().forwarding, super().read
        )
        self._lease_seconds = lease_seconds
        self._monotonic = monotonic
        self._stocks: dict[tuple[str, str, str], Stock] = {}
        self._awake: set[Stock] = set()
        self._carried = Carried()
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
            stock = self._stock(order.company_id, ask.budget)
            grant = await stock.take(ask, granted, order.least_tokens, order.share)
            if isinstance(grant, Refusal):
                holding.close()
                return await self._refused(order, place, grant)
            holding.parts.append(Part(place, ask, stock, grant.taking))
            self._wake(stock)
            granted = min(granted, grant.tokens)
        inner = await self._inner(order, granted)
        if isinstance(inner, Refusal):
            holding.close()
            return self._refused_by_others(order, inner)
        holding.trim(inner.granted_tokens if inner else granted)
        return self._lease(order, inner, holding)

    async def _inner(self, order: Order, granted: int) -> Lease | Refusal | None:
        asks = tuple(ask for ask in order.asks if not ask.budget.sliced)
        return await self._plain.reserve(replace(order, asks=asks, want_tokens=granted)) if asks else None

    def _lease(self, order: Order, inner: Lease | None, holding: Holding) -> SlicedLease:
        positions = {part.place: part.taking.parts[0][0].lease.positions[0] for part in holding.parts}
        levels = {part.place: part.stock.level() for part in holding.parts}
        if inner:
            positions |= zip(_unsliced(order), inner.positions, strict=True)
            levels |= zip(_unsliced(order), inner.levels, strict=not inner.is_local)
        places, is_local = range(len(order.asks)), inner is not None and inner.is_local
        return SlicedLease(
            order,
            inner.admitted_ms if inner else self.now_ms(),
            holding.granted_tokens,
            tuple(positions[place] for place in places),
            () if is_local else tuple(levels[place] for place in places),
            is_local=is_local,
            inner=inner,
            holding=holding,
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
                rows[place] = (Verdict.ROOM, None), self._stock(order.company_id, ask.budget).level()
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
        is_gone = lease.inner is not None and (await super().extend(lease.inner)).gone
        return Extension(holding.granted_tokens, gone=is_gone)

    async def hold_again(self, lease: Lease, granted_tokens: int) -> Extension:
        """Hold what a call in flight has, and the slices that it took from."""
        if not isinstance(lease, SlicedLease):
            return await super().hold_again(lease, granted_tokens)
        await asyncio.gather(*(part.stock.renewed() for part in lease.holding.parts))
        return await super().hold_again(lease.inner, granted_tokens) if lease.inner else Extension(granted_tokens)

    def forwarding(self, lease: Lease) -> None:
        """Write down that a call is about to be sent; its slices were, when they were leased."""
        if not isinstance(lease, SlicedLease):
            super().forwarding(lease)
        elif lease.inner:
            super().forwarding(lease.inner)

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
        if lease.inner is None:
            return Extension(granted)
        extension = await self._plain.extend(lease.inner, granted)
        is_grown = extension.refused_by is None and not extension.gone
        return extension if is_grown else Extension(have, extension.refused_by, extension.gone)

    def settle(self, lease: Lease, amounts: Sequence[int], rollup: Rollup) -> "asyncio.Future[str]":
        """Charge what was used: to the slices at once, to the other budgets as ever."""
        if not isinstance(lease, SlicedLease):
            return super().settle(lease, amounts, rollup)
        is_first = not lease.holding.is_closed
        lease.holding.close(amounts)
        if lease.inner is not None:
            return super().settle(lease.inner, [amounts[place] for place in _unsliced(lease.order)], rollup)
        if is_first:
            self._carried.add(lease.order.company_id, rollup)
            self._schedule()
        return _done("settled" if is_first else "already")

    def release(self, lease: Lease) -> "asyncio.Future[str]":
        """Free a hold of a call that used nothing."""
        if not isinstance(lease, SlicedLease):
            return super().release(lease)
        lease.holding.close()
        return super().release(lease.inner) if lease.inner is not None else _done("settled")

    # ---------------------------------------------------------------- numbers

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
        return tuple(self._seen(company_id, found[place]) for place in range(len(budgets)))

    def _seen(self, company_id: str, level: Level) -> Level:
        stock = self._stocks.get(_name(company_id, level.budget)) if level.budget.sliced else None
        return stock.seen(level) if stock else level

    # ---------------------------------------------------------------- the course of time

    def beat(self) -> None:
        """Do what is due: give back, renew, and send what charges add to the roll-ups."""
        for stock in tuple(self._awake):
            if not stock.beat():
                self._awake.discard(stock)
        self._send_carried()

    async def drain(self, timeout_seconds: float) -> int:
        """Give every slice back and wait for settles and releases; gives how many did not make it in time."""
        deadline = time.monotonic() + timeout_seconds
        await asyncio.gather(*(stock.settled(timeout_seconds) for stock in tuple(self._awake)))
        self._send_carried()
        return await super().drain(max(0.0, deadline - time.monotonic()))

    def _send_carried(self) -> None:
        for company_id, rollup in self._carried.all():
            order = Order(f"slice-{os.urandom(12).hex()}", company_id, (), 0, 0, who="slice")
            _ = super().settle(Lease(order, self.now_ms(), 0, (), ()), [], rollup)

    def _stock(self, company_id: str, budget: Budget) -> Stock:
        name = _name(company_id, budget)
        stock = self._stocks.get(name)
        if stock is None:
            stock = Stock(self._plain, budget, name[0], lease_seconds=self._lease_seconds, monotonic=self._monotonic)
            self._stocks[name] = stock
        elif stock.budget is not budget:
            stock.follow(budget)
        return stock

    def _wake(self, stock: Stock) -> None:
        self._awake.add(stock)
        self._schedule()

    def _schedule(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(BEAT_SECONDS, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        self.beat()
        if self._awake:
            self._schedule()


def _name(company_id: str, budget: Budget) -> tuple[str, str, str]:
    return keys.home(budget, company_id), budget.subject, budget.id


def _unsliced(order: Order) -> list[int]:
    return [place for place, ask in enumerate(order.asks) if not ask.budget.sliced]


def _done(word: str) -> "asyncio.Future[str]":
    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    future.set_result(word)
    return future
