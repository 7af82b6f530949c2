"""Several gateways with slices on one store, whose clocks stand still until a test moves them."""

from dataclasses import dataclass, field
from itertools import count
from typing import Any

from gateway.budget import Ask, Lease, Ledger, Order, Refusal, Share
from gateway.budget.keys import INSTALLATION
from gateway.budget.sliced import SlicedLedger
from gateway.model import Budget, Enforcement, Rollup, Scope, Unit, Window
from gateway.store.connection import Store
from gateway.store.shards import prefix
from tests.budget.clock import START_MS, Clock, stoppable
from tests.budget.orders import COMPANY, MONTH_LONG, ONE

HOME = prefix(INSTALLATION)
LEASE_SECONDS = 60


def spanning(
    limit: int,
    window: Window = MONTH_LONG,
    *,
    unit: Unit = Unit.TOKENS,
    enforcement: Enforcement = Enforcement.HARD,
    zone: str = "UTC",
) -> Budget:
    """Give a budget of the whole installation."""
    return Budget("all", "all", Scope.INSTALLATION, "i:all", unit, window, limit, enforcement, zone, sliced=True)


def of_company(limit: int, window: Window = MONTH_LONG, company: str = COMPANY) -> Budget:
    """Give a sliced budget of a company."""
    name = f"c:{company}"
    return Budget("own", "own", Scope.COMPANY, name, Unit.TOKENS, window, limit, Enforcement.HARD, sliced=True)


def order(
    call: str, *budgets: Budget, company: str = COMPANY, prompt: int = 0, want: int = 0, least: int = 0, share=Share.NO
) -> Order:
    """Give an order that asks the same of every token budget, and one of each other."""
    asks = tuple(Ask(one, prompt, ONE) if one.unit is Unit.TOKENS else Ask(one, 1, 0) for one in budgets)
    return Order(call, company, asks, want, least, share, Rollup(), "tester")


@dataclass
class Gateways:
    """The store, its clock, and the gateways beside one plain ledger that only looks."""

    store: Store
    clock: Clock
    all: list[SlicedLedger] = field(default_factory=list)

    def one(self, **settings: Any) -> SlicedLedger:
        """Give another gateway."""
        ledger = SlicedLedger(
            self.store,
            stoppable(),
            lease_seconds=LEASE_SECONDS,
            clock=self.clock.local,
            monotonic=lambda: self.clock.now_ms / 1000,
            **settings,
        )
        self.all.append(ledger)
        return ledger

    def plain(self) -> Ledger:
        """Give a ledger without slices: what it reads is what the store has."""
        return Ledger(self.store, stoppable(), lease_seconds=LEASE_SECONDS, clock=self.clock.local)

    async def numbers(self, budget: Budget, company: str = COMPANY) -> tuple[int, int]:
        """Give (used, held) in the store."""
        home = INSTALLATION if budget.scope.spans_companies else company
        (level,) = await self.plain().read(home, [budget])
        return level.used, level.held


async def gateways_at(store: Store, now_ms: int = START_MS) -> Gateways:
    """Give them at an instant."""
    clock = Clock(store, now_ms)
    await clock.move_to(now_ms)
    return Gateways(store, clock)


async def hold(ledger: Ledger, asked: Order) -> Lease:
    """Reserve what must be admitted."""
    lease = await ledger.reserve(asked)
    assert isinstance(lease, Lease), lease
    return lease


async def refused(ledger: Ledger, asked: Order) -> Refusal:
    """Reserve what must be refused."""
    refusal = await ledger.reserve(asked)
    assert isinstance(refusal, Refusal), refusal
    return refusal


WARMED = count()


async def warm(ledger: Ledger, budget: Budget, calls: int = 8, tokens: int = 100) -> None:
    """Make calls, one after the other, so that the next ones are taken from memory; all are settled."""
    for _ in range(calls):
        lease = await hold(ledger, order(f"warm-{next(WARMED)}", budget, prompt=tokens))
        await ledger.settle(lease, [tokens], Rollup())
