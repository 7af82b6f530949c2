"""A hold: what one call has set aside. It is grown and kept alive while the answer flows, and closed exactly once."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

import structlog
from msgspec import structs

from gateway.budget import Extension, Lease, Ledger, charges, held_for
from gateway.budget.windows import leaves_at_ms
from gateway.model import Level, Rollup, Tariff, Unit, Usage
from gateway.pipeline.beyond import Beyond

log = structlog.get_logger("holds")

Charged = Callable[[int, Usage, list[int]], Rollup]
"""(admitted ms, usage, amount per budget) -> what the charge adds to the roll-ups."""

SETTLE_WAIT_SECONDS = 1.0
BEATS_AT_ONCE = 32
"""So many heartbeats the store gets at once: a call that comes meanwhile waits for these, not for those of all."""


class Hold:
    """One call's lease. As a context it settles what nobody settled: for all that it holds, never for less.

    `granted_tokens` is the completion that is set aside so far.
    """

    def __init__(self, holds: "Holds", lease: Lease, tariff: Tariff, prompt_tokens: int, charged: Charged) -> None:
        self.lease = lease
        self.granted_tokens = lease.granted_tokens
        self.usage: Usage | None = None
        self.overrun_tokens = 0
        self._holds = holds
        self._tariff = tariff
        self._prompt_tokens = prompt_tokens
        self._charged = charged
        self._beyond: Beyond | None = None
        self._closing: asyncio.Future[str] | None = None
        self._afterwards: list[Callable[[], None]] = []
        self._charged_amounts: list[int] | None = None
        self._closed_levels: tuple[Level, ...] | None = None

    @property
    def levels(self) -> tuple[Level, ...]:
        """Give every budget's numbers: as admitted while the hold is open, with what it came to once it is closed."""
        if self._charged_amounts is None or not self.lease.levels:  # without the store, nobody knows them
            return self.lease.levels
        if self._closed_levels is None:
            self._closed_levels = self._levels_after(self._charged_amounts)
        return self._closed_levels

    def _levels_after(self, amounts: list[int]) -> tuple[Level, ...]:
        lease, granted = self.lease, self.lease.granted_tokens
        closed = []
        for level, ask, position, amount in zip(lease.levels, lease.order.asks, lease.positions, amounts, strict=True):
            held = max(0, level.held - held_for(ask, granted))
            resets_at_ms = level.resets_at_ms
            if resets_at_ms is None and amount:
                # The first charge of a rolling window has given it something that will leave it.
                resets_at_ms = leaves_at_ms(ask.budget.window, position.start)
            closed.append(Level(level.budget, level.limit, level.used + amount, held, resets_at_ms, level.is_override))
        return tuple(closed)

    async def __aenter__(self) -> Self:
        self._holds.add(self)
        self._holds.ledger.forwarding(self.lease)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._holds.remove(self)
        self.settle(self.all_of_it())
        await self.closed()

    @property
    def is_closed(self) -> bool:
        """Whether it is settled or released, be it only on the way to the store."""
        return self._closing is not None

    def all_of_it(self) -> Usage:
        """Give the usage of a call of which nothing is known but that it was sent: the prompt and all that is held."""
        return Usage(self._prompt_tokens, self.granted_tokens, estimated=True)

    async def grow_to(self, want_tokens: int) -> Extension:
        """Set aside `want_tokens` of completion in all, or as much of it as the hard budgets grant."""
        extension = await (self._grow_beyond(want_tokens) if self._beyond else self._grow(want_tokens))
        self.granted_tokens = max(self.granted_tokens, extension.granted_tokens)
        return extension

    async def _grow(self, want_tokens: int) -> Extension:
        lease = self._lease_now()
        extension = await self._holds.ledger.extend(lease, want_tokens)
        if not extension.gone or self.is_closed:
            return extension
        self._beyond = Beyond(self._holds.ledger, lease)
        return await self._grow_beyond(want_tokens)

    async def _grow_beyond(self, want_tokens: int) -> Extension:
        assert self._beyond is not None
        extension = await self._beyond.grow_to(want_tokens)
        if self.is_closed:  # meanwhile
            self._beyond.release()
        return extension

    def _lease_now(self) -> Lease:
        """Give the lease as far as it has grown."""
        if self.lease.granted_tokens == self.granted_tokens:
            return self.lease
        return structs.replace(self.lease, granted_tokens=self.granted_tokens)

    async def keep_alive(self) -> None:
        """Move the lease's deadline."""
        if self._beyond is not None:
            await self._beyond.keep_alive()
            return
        extension = await self._holds.ledger.extend(self._lease_now())
        if extension.gone and self._closing is None:
            log.warning("lease_lost", call=self.lease.order.call_id)

    async def hold_again(self) -> None:
        """Have the store hold what this call has, which it may have lost. Raises StoreUnavailable."""
        if self._closing is None:
            if self._beyond is not None:
                await self._beyond.keep_alive()
            extension = await self._holds.ledger.hold_again(self.lease, self.granted_tokens)
            if extension.gone and self._closing is None:
                log.warning("lease_lost", call=self.lease.order.call_id)

    def settle(self, usage: Usage) -> None:
        """Charge a usage, once; the charge goes on behind, whatever becomes of the caller."""
        if self._closing is None:
            self.usage = usage
            asks = self.lease.order.asks
            amounts = charges(asks, usage, self._tariff)
            over = [
                amount - held_for(ask, self.granted_tokens)
                for ask, amount in zip(asks, amounts, strict=True)
                if ask.budget.unit is Unit.TOKENS
            ]
            self.overrun_tokens = max([0, *over])
            self._charged_amounts = amounts
            rollup = self._charged(self.lease.admitted_ms, usage, amounts)
            self._closing = self._holds.ledger.settle(self.lease, amounts, rollup)
            self._end()

    def release(self) -> None:
        """Give everything back: nothing was sent, or the provider refused."""
        if self._closing is None:
            self._charged_amounts = [0] * len(self.lease.order.asks)
            self._closing = self._holds.ledger.release(self.lease)
            self._end()

    def when_closed(self, action: Callable[[], None]) -> None:
        """Do something once the charge is decided: now, if it is."""
        if self.is_closed:
            action()
        else:
            self._afterwards.append(action)

    def _end(self) -> None:
        if self._beyond is not None:
            self._beyond.release()
        for action in self._afterwards:
            action()
        self._afterwards.clear()

    async def closed(self) -> None:
        """Wait for the charge to be in the store, at most a second: then it goes on behind."""
        closing = self._closing
        if closing is None or closing.done():
            return
        loop = asyncio.get_running_loop()
        # A future of its own: who waits may be cancelled, the charge may not. (`asyncio.wait` for one, and cheaper.)
        waiter: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(SETTLE_WAIT_SECONDS, _let_go, waiter)

        def closed(_: asyncio.Future[str]) -> None:
            _let_go(waiter)

        closing.add_done_callback(closed)
        try:
            await waiter
        finally:
            timer.cancel()
            closing.remove_done_callback(closed)


def _let_go(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


class Holds:
    """All holds of this process, kept alive by one heartbeat."""

    def __init__(self, ledger: Ledger, *, every_seconds: float) -> None:
        self.ledger = ledger
        self._every_seconds = every_seconds
        self._open: set[Hold] = set()

    @property
    def count(self) -> int:
        """How many are open."""
        return len(self._open)

    def all(self) -> tuple[Hold, ...]:
        """Give those that are open."""
        return tuple(self._open)

    def add(self, hold: Hold) -> None:
        """Keep a hold alive."""
        self._open.add(hold)

    def remove(self, hold: Hold) -> None:
        """Let it end."""
        self._open.discard(hold)

    async def keep_beating(self) -> None:
        """Move every lease's deadline, three times in a lease's life, for ever."""
        while True:
            await asyncio.sleep(self._every_seconds)
            failed = await self._beat()
            if failed:
                log.warning("heartbeat_failed", holds=len(failed), reason=str(failed[0]))

    async def _beat(self) -> list[Exception]:
        """Move every deadline once, a few after the other; gives what went wrong."""
        waiting, failed = self.all(), []
        for at in range(0, len(waiting), BEATS_AT_ONCE):
            some = [hold for hold in waiting[at : at + BEATS_AT_ONCE] if hold in self._open]
            outcomes = await asyncio.gather(*(hold.keep_alive() for hold in some), return_exceptions=True)
            failed += [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        return failed
