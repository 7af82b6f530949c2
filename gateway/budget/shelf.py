"""The slices that a gateway has of one budget: those to take from, those that calls are leaving, and the last numbers.

The one rule that matters: a slice is detached before its settle is awaited, so that nobody takes from what is closed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from msgspec import structs

from gateway.budget.batch import LedgerFault
from gateway.budget.lease import Extension, Lease, Order, Refusal
from gateway.budget.slices import Slice
from gateway.model import Budget, Level, Rollup
from gateway.store.border import StoreFull

OLDEST_SECONDS = 10.0
"""After which a slice is given back, so that what it spent is soon seen as used."""

log = structlog.get_logger("slices")


@dataclass(frozen=True, slots=True)
class Plain:
    """The ledger's own operations, which know nothing of slices."""

    reserve: Callable[[Order], Awaitable[Lease | Refusal]]
    extend: Callable[[Lease, int], Coroutine[Any, Any, Extension]]
    settle: Callable[[Lease, Sequence[int], Rollup], "asyncio.Future[str]"]
    release: Callable[[Lease], "asyncio.Future[str]"]
    forwarding: Callable[[Lease], None]
    grown: Callable[[str, int], None]
    read: Callable[[str, Sequence[Budget]], Awaitable[tuple[Level, ...]]]


class Shelf:
    """Slices of one budget. `open`: calls may take from them, in this order; `told`: the store's last numbers."""

    def __init__(self, plain: Plain, budget: Budget) -> None:
        self.open: list[Slice] = []
        self.told = Level(budget, 0, 0, 0, None)
        self._plain = plain
        self._leaving: set[Slice] = set()
        self._renewing: set[Slice] = set()

    def __bool__(self) -> bool:
        return bool(self.open or self._leaving)

    @property
    def count(self) -> int:
        """Give how many there are, those that calls are leaving too."""
        return len(self.open) + len(self._leaving)

    def free(self, now: float) -> int:
        """Give what may be taken of all together."""
        return sum([one.free(now) for one in self.open])

    def keep_for_one(self, one: Slice) -> None:
        """Take in a slice that is all taken by one call, and is settled when that ends."""
        one.is_open = False
        self._leaving.add(one)

    def mark(self, slices: Iterable[Slice]) -> None:
        """Write down how far slices are spent: so much is charged if this process dies."""
        for one in slices:
            mark = one.next_mark()
            if mark is not None:
                one.marked = mark
                self._plain.grown(one.lease.order.call_id, mark)

    def give_back_unused(self) -> "list[asyncio.Future[str]]":
        """Give back what no call has taken anything of."""
        ended = [self.retire(one) for one in tuple(self.open) if not one.takers]
        return [one for one in ended if one is not None]

    def give_back(self) -> None:
        """Let nobody take from what is here; it goes back to the store."""
        for one in tuple(self.open):
            self.retire(one)

    def give_back_old(self, now: float) -> None:
        """Give back what nobody may take from any more, and what has been here for long."""
        for one in tuple(self.open):
            if not one.is_good(now) or now - one.born_at > OLDEST_SECONDS:
                self.retire(one)

    def due(self, now: float) -> list[Slice]:
        """Give those whose lease should be renewed, and is not being renewed."""
        return [one for one in (*self.open, *self._leaving) if one.is_due(now) and one not in self._renewing]

    def retire(self, one: Slice) -> "asyncio.Future[str] | None":
        """Let nobody take from a slice any more; it is settled now, or when the last call has left it."""
        one.is_open = False
        if one in self.open:
            self.open.remove(one)
            self._leaving.add(one)
        return self.end_if_done(one)

    def end_if_done(self, one: Slice) -> "asyncio.Future[str] | None":
        """Settle a slice that no call has anything of, if nobody may take from it or nothing is left."""
        if one.takers or (one.is_open and one.rest):
            return None
        if one in self.open:
            self.open.remove(one)
        elif one not in self._leaving:
            return None
        # Detached before the settle is awaited: nobody can take from it any more.
        one.is_open = False
        self._leaving.discard(one)
        used, held = self.told.used + one.spent, max(0, self.told.held - one.size)
        self.told = structs.replace(self.told, used=used, held=held)
        return self._plain.settle(one.lease, [one.spent], Rollup()) if one.spent else self._plain.release(one.lease)

    async def renew(self, one: Slice, asked_at: float) -> None:
        """Move the deadline of a slice's lease; `asked_at` is now. Raises StoreUnavailable."""
        self._renewing.add(one)
        try:
            extension = await self._plain.extend(one.lease, 0)
        finally:
            self._renewing.discard(one)
        if extension.gone:
            self.retire(one)
        else:
            one.asked_at = asked_at

    async def hold_again(self, now: float) -> int:
        """Have the store hold all that is here, which it may have lost, until there is nothing that it was not told of.

        Gives how many slices. Raises StoreUnavailable.
        """
        done: set[Slice] = set()
        while waiting := {*self.open, *self._leaving} - done:
            await asyncio.gather(*(self._held_again(one, now) for one in waiting))
            done |= waiting
        return len(done)

    async def _held_again(self, one: Slice, asked_at: float) -> None:
        """Renew a slice; of one that the store does not hold, nobody takes any more."""
        try:
            await self.renew(one, asked_at)
        except (LedgerFault, StoreFull) as fault:
            log.error("slice_not_renewed", slice=one.lease.order.call_id, reason=str(fault))  # noqa: TRY400 - the reason is all there is
            self.retire(one)

    def seen(self, level: Level, budget: Budget) -> Level:
        """Tell of the store's numbers what this gateway has spent of what it holds: other gateways' stays `held`."""
        spent = sum(min(one.spent, one.size) for one in (*self.open, *self._leaving))
        held = max(0, level.held - spent)
        return structs.replace(level, budget=budget, used=level.used + spent, held=held)
