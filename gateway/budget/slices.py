"""A slice: a lease on a part of a budget that one gateway spends in its own memory. Pure: time is passed in.

The one rule that matters: what is free, taken and spent of a slice never adds up to more than the store holds for it,
so that no gateway can admit what the store has not set aside. A slice is good for its window and for most of its lease,
by this machine's monotonic clock counted from before the store was asked.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from gateway.budget.lease import Lease
from gateway.budget.windows import bucket_width_ms
from gateway.budget.wire import Position
from gateway.model import Calendar, Fixed, Rolling, Window

SAFE_PART = 0.9
"""Of a lease: what is left is for clocks that run at different speeds, and for settling."""
AHEAD_PART = 4
"""Of a slice: how far the record is ahead of what is spent, so that few calls write, and a lost tail costs nothing."""
_FOR_EVER = float("inf")


def ends_ms(window: Window, position: Position) -> int | None:
    """Give the store's instant at which a charge would no longer belong to `position`; None: never."""
    match window:
        case Rolling(days):
            return (position.start + 1) * bucket_width_ms(days)
        case Calendar() | Fixed():
            return position.mark
        case _:
            return None


@dataclass(slots=True, eq=False)
class Slice:
    """`size` units of a budget that the store holds for this gateway; `asked_at` is monotonic seconds.

    `is_open`: calls may still take from it. One that is not open is settled once nothing of it is taken. `marked`: what
    the record has it charged if this process dies.
    """

    lease: Lease
    size: int
    asked_at: float
    lease_seconds: float
    is_open: bool = True
    spent: int = 0
    taken: int = 0
    takers: int = 0
    marked: int = 0
    born_at: float = field(init=False)
    window_until: float = field(init=False)

    def __post_init__(self) -> None:
        """Work out when its window ends, at the latest that the store's clock may show."""
        (position,) = self.lease.positions
        end_ms = ends_ms(self.lease.order.asks[0].budget.window, position)
        self.born_at = self.asked_at
        left_ms = _FOR_EVER if end_ms is None else end_ms - self.lease.admitted_ms
        self.window_until = self.asked_at + left_ms / 1000

    @property
    def good_until(self) -> float:
        """Give the monotonic instant from which nothing may be taken."""
        return min(self.asked_at + SAFE_PART * self.lease_seconds, self.window_until)

    @property
    def rest(self) -> int:
        """Give what is neither taken nor spent."""
        return max(0, self.size - self.spent - self.taken)

    def is_good(self, now: float) -> bool:
        """Whether anything may be taken now."""
        return self.is_open and now < self.good_until

    def next_mark(self) -> int | None:
        """Give what is to be written down now: what is spent and taken, and a part ahead; None: that stands already."""
        gone = self.spent + self.taken
        return None if gone <= self.marked else max(gone, min(self.size, gone + self.size // AHEAD_PART))

    def free(self, now: float) -> int:
        """Give what may be taken now."""
        return self.rest if self.is_good(now) else 0

    def is_due(self, now: float) -> bool:
        """Whether its lease should be renewed: a third of it has passed."""
        return now - self.asked_at >= self.lease_seconds / 3


class Taking(msgspec.Struct, eq=False):
    """What one call has taken of a budget: parts of slices, at least one, in order."""

    parts: list[tuple[Slice, int]] = msgspec.field(default_factory=list)

    @property
    def units(self) -> int:
        """Give how much it is in all."""
        return sum([amount for _, amount in self.parts])

    @property
    def window_until(self) -> float:
        """Give the monotonic instant at which the window it was admitted in ends."""
        return self.parts[0][0].window_until

    def add(self, one: Slice, amount: int) -> None:
        """Take more, from one slice."""
        one.taken += amount
        one.takers += 1
        self.parts.append((one, amount))

    def trim(self, units: int) -> None:
        """Give back what is above `units`, the newest first; a part of nothing stays, so that a charge has a place."""
        excess = self.units - units
        for place in range(len(self.parts) - 1, -1, -1):
            one, amount = self.parts[place]
            back = min(max(0, excess), amount)
            one.taken -= back
            excess -= back
            self.parts[place] = (one, amount - back)

    def close(self, amount: int, others: Iterable[Slice] = ()) -> list[Slice]:
        """Charge `amount` to what was taken and give the rest back; gives the slices that this call has left.

        More than was taken is covered by what else is free in its slices, then in `others` of the same window; the
        rest is debt, which the first slice tells the store when it is settled.
        """
        left = amount
        for one, taken in self.parts:
            charged = min(left, taken)
            one.taken -= taken
            one.takers -= 1
            one.spent += charged
            left -= charged
        touched = [one for one, _ in self.parts]
        place = touched[0].lease.positions
        for one in (*touched, *(other for other in others if other.lease.positions == place)):
            covered = min(left, one.rest)
            one.spent += covered
            left -= covered
        touched[0].spent += left
        self.parts.clear()
        return list(dict.fromkeys(touched))


def take_from(slices: Iterable[Slice], units: int, now: float) -> Taking | None:
    """Take `units` from several slices in order, or nothing from any; a taking of nothing has a slice, too."""
    taking, left = Taking(), units
    free = [(one, one.free(now)) for one in slices if one.is_good(now)]
    if not free or sum([amount for _, amount in free]) < units:
        return None
    for one, amount in free:
        part = min(left, amount)
        if part or not taking.parts:
            taking.add(one, part)
            left -= part
    return taking
