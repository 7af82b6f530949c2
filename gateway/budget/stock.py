"""A gateway's stock of one budget: its slices, refilled before they run dry and given back when nobody takes.

The one rule that matters: a refusal is the store's word. What memory cannot serve is asked of the store for this very
call, so that near the end of a budget a stock has no slices left and works as if there were none.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, NamedTuple

import structlog

from gateway.budget.amounts import held_for
from gateway.budget.batch import LedgerFault
from gateway.budget.lease import Refusal, Share, Verdict
from gateway.budget.leasing import Leasing
from gateway.budget.pace import Pace
from gateway.budget.shelf import Plain, Shelf
from gateway.budget.slices import Slice, Taking, take_from
from gateway.budget.told import Told
from gateway.budget.wire import Ask
from gateway.errors import StoreUnavailable
from gateway.model import MICROS, UNLIMITED, Budget, Enforcement, Level, Rolling

HORIZON_SECONDS = 1.5
"""What a slice should last for, at the rate of the last second."""
MOST_UNITS = 9 * 10**9
"""Of one slice: in millionths still an integer that the script counts exactly."""
_PART, _PART_LEAST = 8, 256
_WAIT_SECONDS = 1.0

log = structlog.get_logger("slices")


class Grant(NamedTuple):
    """What a call got of a stock: what is held for it, and the completion tokens that it may produce."""

    taking: Taking
    tokens: int


class Stock:
    """The slices that this gateway has of one budget. `home` is the id whose shard holds the budget."""

    def __init__(
        self,
        plain: Plain,
        budget: Budget,
        home: str,
        *,
        lease_seconds: float,
        monotonic: Callable[[], float],
        told: Told,
    ) -> None:
        self.budget = budget
        self._plain = plain
        self._home = home
        self._told = told
        self._monotonic = monotonic
        self._leased = _leased(budget)
        self._shelf = Shelf(plain, self._leased)
        self._leasing = Leasing(plain, self._shelf, home, lease_seconds=lease_seconds, monotonic=monotonic)
        self._working: set[asyncio.Task[None]] = set()
        self._refilling: asyncio.Task[None] | None = None
        self._waiting_units = 0
        self._pace = Pace(monotonic())

    # ---------------------------------------------------------------- taking

    async def take(self, ask: Ask, want: int, least: int, share: Share) -> Grant | Refusal:
        """Take what a call asks, from memory if there is enough, else of the store. Raises StoreUnavailable."""
        grant = self._from_memory(ask, want, least, share)
        units = held_for(ask, want)
        if grant is None and self._is_hot(units):
            await self._refilled(units)
            grant = self._from_memory(ask, want, least, share)
        outcome = grant or await self._directly(ask, want, least, share)
        if isinstance(outcome, Grant):
            self._pace.add(outcome.taking.units, self._monotonic())
            self._refill_early(outcome.taking.units)
        return outcome

    async def grow(self, taking: Taking, ask: Ask, have: int, want: int) -> Grant | Refusal:
        """Take more for a call that has `have` completion tokens and wants `want`; what is taken is another taking.

        In a window that has passed nothing stands in the way, and nothing more is held.
        """
        missing = held_for(ask, want) - taking.units
        is_past = not isinstance(self.budget.window, Rolling) and self._monotonic() >= taking.window_until
        if is_past or missing <= 0:
            return Grant(Taking(), want)
        more = self._taken(missing, self._monotonic())
        if more is None and self._is_hot(missing):
            await self._refilled(missing)
            more = self._taken(missing, self._monotonic())
        if more is None:
            outcome = await self._directly(Ask(ask.budget, 0, ask.rate_micros), want - have, 1, Share.NO)
            if isinstance(outcome, Refusal):
                return Grant(Taking(), want) if self.budget.enforcement is Enforcement.SOFT else outcome
            return Grant(outcome.taking, have + outcome.tokens)
        self._pace.add(missing, self._monotonic())
        self._refill_early(missing)
        return Grant(more, want)

    def close(self, taking: Taking, amount: int) -> None:
        """Charge a call's amount to what it took, and have the rest of it back."""
        if taking.parts:
            left = taking.close(amount, self._shelf.open)
            self._shelf.mark(one for one in left if self._shelf.end_if_done(one) is None)
            self._shelf.mark(self._shelf.open)  # they may cover what went beyond what was taken

    def _from_memory(self, ask: Ask, want: int, least: int, share: Share) -> Grant | None:
        now = self._monotonic()
        tokens = self._fair(ask, want, share, now)
        if tokens < want and share is Share.OR_REFUSE:
            return None
        tokens = min(want, max(tokens, least))
        taking = self._taken(held_for(ask, tokens), now)
        return Grant(taking, tokens if self._caps else want) if taking else None

    def _taken(self, units: int, now: float) -> Taking | None:
        taking = take_from(self._shelf.open, units, now)
        if taking is not None:
            self._shelf.mark(one for one, _ in taking.parts)
        return taking

    async def _directly(self, ask: Ask, want: int, least: int, share: Share) -> Grant | Refusal:
        """Ask the store for this call alone; before it is refused, what lies here unused is tried and given back."""
        self._told.asked(self.budget.name)
        own_ask = Ask(self._leased, ask.minimum, ask.rate_micros)
        outcome = await self._leasing.for_one(own_ask, want, least, share)
        if isinstance(outcome, Refusal):
            rest = self._rest(ask, want, least, share)
            if rest is not None:
                return rest
            if given_back := self._shelf.give_back_unused():
                await asyncio.wait(given_back, timeout=_WAIT_SECONDS)
                outcome = await self._leasing.for_one(own_ask, want, least, share)
        if isinstance(outcome, Refusal):
            if outcome.verdicts[0][0] is Verdict.BUSY:
                self._told.refused(self.budget.name)
            return Refusal(outcome.order, outcome.now_ms, outcome.verdicts, (self.level(),))
        taking = Taking()
        taking.add(outcome, outcome.size)
        self._shelf.keep_for_one(outcome)
        return Grant(taking, outcome.lease.granted_tokens if self._caps else want)

    def _rest(self, ask: Ask, want: int, least: int, share: Share) -> Grant | None:
        """Take the last of what is here for a shortened answer, where one is allowed."""
        now = self._monotonic()
        room = self._shelf.free(now) - ask.minimum
        if room < 0 or (share is Share.OR_REFUSE and ask.rate_micros):
            return None
        tokens = min(want, room * MICROS // ask.rate_micros) if ask.rate_micros else want
        taking = self._taken(held_for(ask, tokens), now) if tokens >= least else None
        return Grant(taking, tokens if self._caps else want) if taking else None

    @property
    def _caps(self) -> bool:
        """Whether answers are shortened to what is granted."""
        return self.budget.enforcement is Enforcement.HARD

    def _fair(self, ask: Ask, want: int, share: Share, now: float) -> int:
        """Give the completion tokens that leave most of what remains to others, as the script does."""
        if share is Share.NO or not ask.rate_micros or not self._is_limited:
            return want
        room = (self._shelf.told.remaining or 0) + self._shelf.free(now) - ask.minimum
        tokens = max(0, room * MICROS // ask.rate_micros)
        return min(want, tokens, max(_PART_LEAST, tokens // _PART))

    # ---------------------------------------------------------------- refilling

    @property
    def _is_limited(self) -> bool:
        return self._shelf.told.limit != UNLIMITED and self.budget.enforcement is not Enforcement.SHADOW

    def _target(self) -> int:
        """Give the size of the next slice: enough for a while, and at most an eighth of what remains."""
        wanted = int(self._pace.units_a_second(self._monotonic()) * HORIZON_SECONDS)
        most = (self._shelf.told.remaining or 0) // _PART if self._is_limited else MOST_UNITS
        return min(wanted, most, MOST_UNITS)

    def _is_hot(self, units: int) -> bool:
        """Whether a slice would serve some more calls like this one."""
        return self._target() >= 2 * max(1, units)

    def _refill_early(self, units: int) -> None:
        if self._refilling is None and self._is_hot(units) and 2 * self._shelf.free(self._monotonic()) < self._target():
            self._refilling = self._work(self._refill())

    async def _refilled(self, units: int) -> None:
        """Wait for the one refill that is under way, for those who wait together."""
        self._waiting_units += units
        try:
            if self._refilling is None:
                self._refilling = self._work(self._refill())
            await asyncio.wait({self._refilling})
        finally:
            self._waiting_units -= units

    async def _refill(self) -> None:
        await asyncio.sleep(0)  # those who ask in this turn of the loop are counted
        try:
            want = min(MOST_UNITS, self._target() + self._waiting_units)
            share = Share.YES if self._is_limited else Share.NO
            outcome = await self._leasing.for_many(Ask(self._leased, 0, MICROS), want, share)
            if isinstance(outcome, Slice):
                self._told.refilled(self.budget.name)
                self._shelf.open.append(outcome)
                # Another limit may have come to apply meanwhile, or the store may have gone away.
                if outcome.lease.order.asks[0].budget is not self._leased or outcome.lease.is_local:
                    self._shelf.retire(outcome)
        finally:
            self._refilling = None

    # ---------------------------------------------------------------- the course of time

    def follow(self, budget: Budget) -> None:
        """Take another configuration's word on this budget: slices under another limit are given back."""
        if budget != self.budget:
            self.budget, self._leased = budget, _leased(budget)
            self._shelf.give_back()

    def level(self) -> Level:
        """Give the budget's numbers as the store last told them, with what was spent here since."""
        return self.seen(self._shelf.told)

    def seen(self, level: Level) -> Level:
        """Give the store's numbers with what was spent here since."""
        return self._shelf.seen(level, self.budget)

    def beat(self) -> bool:
        """Give back what is old or idle, renew leases, look at the store's numbers; says whether anything is left."""
        now, shelf = self._monotonic(), self._shelf
        is_idle = self._pace.is_idle(now)
        if is_idle:
            shelf.give_back()
        shelf.give_back_old(now)
        for one in shelf.due(now):
            _ = self._work(shelf.renew(one, now))
        if shelf.open:
            _ = self._work(self._look())
        return bool(shelf or self._working or not is_idle)

    def counts(self) -> tuple[int, int]:
        """Give how many slices are here, and what no call has taken of them."""
        return self._shelf.count, self._shelf.free(self._monotonic())

    async def hold_again(self) -> int:
        """Have the store hold all that is here, which it may have lost; gives how many. Raises StoreUnavailable."""
        return await self._shelf.hold_again(self._monotonic())

    async def settled(self, timeout_seconds: float) -> None:
        """Give everything back, after what is under way: only what calls still have taken stays."""
        if self._working:
            await asyncio.wait(self._working, timeout=timeout_seconds)
        self._shelf.give_back()

    async def _look(self) -> None:
        (level,) = await self._plain.read(self._home, (self._leased,))
        self._shelf.told = level
        if self._is_limited and level.used + level.held > level.limit:
            self._shelf.give_back()

    def _work(self, coroutine: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(self._quietly(coroutine))
        self._working.add(task)
        task.add_done_callback(self._working.discard)
        return task

    async def _quietly(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Do what can as well fail: a call that needs it asks the store itself, and is told."""
        try:
            await coroutine
        except (StoreUnavailable, LedgerFault) as exc:
            log.warning("slice_failed", budget=self.budget.name, reason=str(exc))


def _leased(budget: Budget) -> Budget:
    """Give the budget as slices see it: what is held for a soft one must be there, too."""
    if budget.enforcement is Enforcement.SOFT:
        return replace(budget, enforcement=Enforcement.HARD)
    return budget
