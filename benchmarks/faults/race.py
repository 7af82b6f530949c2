"""Many callers at once on few budgets, companies' and users', through the real gateway.

The rule that matters: what counts is what the far end served. Every call names its bound and the far end reports what
it used, so nothing is left to an estimate, and what stands above a limit was let through by concurrency. Beside it the
naive way (rivals.py): the same callers, calls, store and far end.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from benchmarks.faults.books import Truth, truths
from benchmarks.faults.calls import user_of
from benchmarks.faults.rivals import COMPANY_BUDGET, USER_BUDGET, Rival, checking, raced, rivals, session, through
from benchmarks.faults.site import Site, opened
from benchmarks.faults.topology import StoreKind, store_of
from gateway.budget import Ledger, Rules, script
from gateway.config import Config, load
from gateway.model import Budget, Caller
from gateway.store.connection import Store
from tests.end_to_end.serving import FarEnd

COMPANY_TOKENS, USER_TOKENS = 150_000, 50_000
BUDGETS = (COMPANY_BUDGET, USER_BUDGET)
USABLE = 0.99
"""The part of a budget that has to be usable in the end."""

SAMPLE_SECONDS = 0.01
Level = tuple[int, int]
"""What is used and held."""
Place = tuple[int, str]
"""Whose budget, and which."""


@dataclass(frozen=True)
class Row:
    """One budget in the end, in tokens; `highest` is the most that was used and held at once in some sample.

    `left_above` is what the company has left, which a user's calls meet too.
    """

    company: int
    budget: str
    limit: int
    served: int
    used: int
    held: int
    highest: int
    naive: int
    left_above: int

    @property
    def overshoot(self) -> int:
        """Give what the far end served above the limit."""
        return max(0, self.served - self.limit)

    @property
    def naive_overshoot(self) -> int:
        """Give what it served above the limit to those who check and then add."""
        return max(0, self.naive - self.limit)

    @property
    def usable(self) -> float:
        """Give the part of it that was used, of what could be: nobody can use what their company has spent."""
        return self.used / min(self.limit, self.used + self.left_above)

    @property
    def is_held_to(self) -> bool:
        """Whether it was never passed, was charged what was served, and nearly all of it was usable."""
        is_right = self.used == self.served and self.held == 0
        return is_right and max(self.served, self.highest) <= self.limit and self.usable >= USABLE

    def __str__(self) -> str:
        numbers = (self.limit, self.served, self.overshoot, self.used, self.held, self.highest, self.naive)
        shown = "".join(f"{number:12,}" for number in (*numbers, self.naive_overshoot))
        return f"{self.company:>8}{self.budget:>12}{shown}"


_COLUMNS = ("budget", "limit", "served", "over", "used", "held", "highest", "naive", "over")
HEADER = f"{'company':>8}" + "".join(f"{name:>12}" for name in _COLUMNS)


@dataclass(frozen=True)
class Race:
    """Both races; the answers of the gateway's by kind, and how long it took."""

    store: StoreKind
    workers: int
    callers: int
    rows: Sequence[Row]
    answers: Counter[str]
    samples: int
    seconds: float

    @property
    def title(self) -> str:
        """Give what was raced."""
        return f"{self.store} store, {self.workers} workers, {self.callers:,} callers"

    @property
    def failed(self) -> int:
        """Count the calls that were neither served nor refused by a budget, as where a connection could not be made."""
        return sum(self.answers.values()) - sum(self.answers[told] for told in ("served", "busy", "spent"))

    def __str__(self) -> str:
        told = ", ".join(f"{number:,} {what}" for what, number in self.answers.most_common())
        head = f"{self.title}, {self.seconds:.0f} s: {told}; {self.samples:,} samples"
        return "\n".join([head, HEADER, *map(str, self.rows)])


@dataclass
class _Watch:
    """What a sampler saw."""

    highest: Counter[Place] = field(default_factory=Counter)
    samples: int = 0


async def run(
    *,
    workers: int,
    callers: int,
    store: StoreKind = StoreKind.EMBEDDED,
    companies: int = 1,
    company_tokens: int = COMPANY_TOKENS,
    user_tokens: int = USER_TOKENS,
) -> Race:
    """Race through a gateway of its own, then the naive way, to the same far end; the limits are each company's."""
    every = rivals(companies)
    entries = [rival.sections(company_tokens, user_tokens) for rival in every]
    with (
        store_of(store) as section,
        opened(
            server={"port": 0, "workers": workers},
            store=section,
            ledger={"lease_seconds": 60},
            quotas={"daily": -1, "weekly": -1, "monthly": -1},
            **{name: [one[name] for one in entries] for name in ("companies", "users", "keys")},
        ) as site,
    ):
        return await _run(site, every, store, callers, dict(zip(BUDGETS, (company_tokens, user_tokens), strict=True)))


async def _run(site: Site, every: Sequence[Rival], store: StoreKind, callers: int, limits: dict[str, int]) -> Race:
    began = time.monotonic()
    async with _watching(site, every) as watch, session() as calling:
        answers = await raced(every, callers, through(site.url, calling))
        seconds = time.monotonic() - began
    async with _reading(site, every) as read:  # every answer was settled before its last byte
        levels = await read()
    served = await asyncio.to_thread(_served, site, every)
    await _naively(site, every, callers, limits)
    both = await asyncio.to_thread(_served, site, every)
    rows = [
        Row(
            place[0],
            place[1],
            limits[place[1]],
            served[place],
            *level,
            watch.highest[place],
            both[place] - served[place],
            limits[COMPANY_BUDGET] - levels[place[0], COMPANY_BUDGET][0],
        )
        for place, level in levels.items()
    ]
    return Race(store, site.workers, callers, rows, answers, watch.samples, seconds)


async def _naively(site: Site, every: Sequence[Rival], callers: int, limits: dict[str, int]) -> None:
    store = Store.connect(site.store_url)
    async with session() as calling:
        await raced(every, callers, checking(f"http://127.0.0.1:{site.far_port}", calling, store, limits))
    await store.close()


def _served(site: Site, every: Sequence[Rival]) -> dict[Place, int]:
    """Give what the far end served by budget."""
    by_user = truths(FarEnd(site.far_port).log())
    found: dict[Place, int] = {}
    for rival in every:
        bounded, free = (by_user.get(user, Truth()).tokens for user in (rival.bounded, rival.free))
        found |= {(rival.number, COMPANY_BUDGET): bounded + free, (rival.number, USER_BUDGET): bounded}
    return found


def _budgets(config: Config, rival: Rival) -> list[Budget]:
    rules = Rules(config.quotas, config.ledger.enforcement, config.budgets)
    user = config.users[rival.company, user_of(rival.bounded)]
    standing = rules.standing(Caller(config.keys[0], config.companies[rival.company], user))
    return [budget for budget in standing if budget.name in BUDGETS]


@asynccontextmanager
async def _reading(site: Site, every: Sequence[Rival]) -> AsyncIterator[Callable[[], Awaitable[dict[Place, Level]]]]:
    store, config = Store.connect(site.store_url), load(site.path, {})
    ledger = Ledger(store, script.load(), lease_seconds=60)
    budgets = {rival: _budgets(config, rival) for rival in every}

    async def read() -> dict[Place, Level]:
        read = await asyncio.gather(*(ledger.read(rival.company, own) for rival, own in budgets.items()))
        return {
            (rival.number, level.budget.name): (level.used, level.held)
            for rival, levels in zip(every, read, strict=True)
            for level in levels
        }

    try:
        yield read
    finally:
        await store.close()


@asynccontextmanager
async def _watching(site: Site, every: Sequence[Rival]) -> AsyncIterator[_Watch]:
    """Sample the budgets for the length of the block."""
    watch = _Watch()

    async def sample() -> None:
        async with _reading(site, every) as read:
            while True:
                for place, level in (await read()).items():
                    watch.highest[place] = max(watch.highest[place], sum(level))
                watch.samples += 1
                await asyncio.sleep(SAMPLE_SECONDS)

    sampling = asyncio.create_task(sample())
    try:
        yield watch
    finally:
        sampling.cancel()
        with suppress(asyncio.CancelledError):
            await sampling
