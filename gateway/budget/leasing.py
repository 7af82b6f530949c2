"""Leasing slices of one budget from the store, and writing down what is charged for them if this process dies."""

import os
from collections.abc import Callable

from msgspec import structs

from gateway.budget.amounts import held_for
from gateway.budget.lease import Order, Refusal, Share
from gateway.budget.shelf import Plain, Shelf
from gateway.budget.slices import AHEAD_PART, Slice
from gateway.budget.wire import Ask

SLICE_ID = "slice-"
"""What ids of slices begin with: in events, such a one stands for all the calls that spent it."""


class Leasing:
    """Asks for slices. `home` is the id whose shard holds the budget."""

    def __init__(
        self, plain: Plain, shelf: Shelf, home: str, *, lease_seconds: float, monotonic: Callable[[], float]
    ) -> None:
        self._plain = plain
        self._shelf = shelf
        self._home = home
        self._who = f"{home}|-|-"
        self._lease_seconds = lease_seconds
        self._monotonic = monotonic

    async def for_one(self, ask: Ask, want: int, least: int, share: Share) -> Slice | Refusal:
        """Lease what one call asks: if this process dies, all of it is charged."""
        outcome = await self._leased(ask, want, least, share)
        if isinstance(outcome, Slice):
            outcome.marked = outcome.size
            self._plain.forwarding(outcome.lease)
        return outcome

    async def for_many(self, ask: Ask, want: int, share: Share) -> Slice | Refusal:
        """Lease what calls will share: only so much is charged as they have taken, or soon will (`Shelf.mark`)."""
        outcome = await self._leased(ask, want, 1, share)
        if isinstance(outcome, Slice):
            outcome.marked = outcome.size // AHEAD_PART
            self._plain.forwarding(structs.replace(outcome.lease, granted_tokens=outcome.marked))
        return outcome

    async def _leased(self, ask: Ask, want: int, least: int, share: Share) -> Slice | Refusal:
        asked_at = self._monotonic()
        order = Order(f"{SLICE_ID}{os.urandom(12).hex()}", self._home, (ask,), want, least, share, who=self._who)
        outcome = await self._plain.reserve(order)
        if outcome.levels:
            self._shelf.told = outcome.levels[0]
        if isinstance(outcome, Refusal):
            return outcome
        return Slice(outcome, held_for(ask, outcome.granted_tokens), asked_at, self._lease_seconds)
