"""What one call holds of sliced budgets, beside what the store holds for it: closed once, all of it."""

from collections.abc import Sequence

import msgspec
from msgspec import structs

from gateway.budget.amounts import held_for
from gateway.budget.lease import Lease
from gateway.budget.slices import Taking
from gateway.budget.stock import Stock
from gateway.budget.wire import Ask


class Part(msgspec.Struct, eq=False):
    """What a call has of one sliced budget; `place` is that of its ask in the order."""

    place: int
    ask: Ask
    stock: Stock
    taking: Taking


class Holding(msgspec.Struct, eq=False):
    """All that a call has of sliced budgets."""

    parts: list[Part] = msgspec.field(default_factory=list)
    granted_tokens: int = 0
    is_closed: bool = False

    def trim(self, tokens: int) -> None:
        """Keep what is held for so many completion tokens."""
        self.granted_tokens = tokens
        for part in self.parts:
            part.taking.trim(held_for(part.ask, tokens))

    def close(self, amounts: Sequence[int] | None = None) -> None:
        """Charge one amount per ask of the order, or nothing; the rest is free again."""
        if not self.is_closed:
            self.is_closed = True
            for part in self.parts:
                part.stock.close(part.taking, amounts[part.place] if amounts else 0)


class SlicedLease(Lease, frozen=True, gc=True, kw_only=True):
    """A lease some of whose budgets are held in slices; `inner` is of its other budgets.

    `is_behind`: none of these can refuse, so the store holds nothing for this call, and hears of it when it is charged.
    """

    inner: Lease
    holding: Holding
    is_behind: bool = False

    @property
    def grown_inner(self) -> Lease:
        """Give `inner` as far as it has grown: one that the store has lost is held so far again."""
        return structs.replace(self.inner, granted_tokens=self.holding.granted_tokens)
