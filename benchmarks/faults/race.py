"""Many callers at once on one company budget and one user's, through the real gateway with several workers.

The rule that matters: what counts is what the far end served. Every call names its bound and the far end reports what
it used, so nothing is left to an estimate, and what stands above a limit was let through by concurrency. Beside it the
naive way, which reads a counter, compares, calls and adds: the same callers, calls and far end.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from aiohttp import ClientSession, ClientTimeout, TCPConnector

from benchmarks.faults.books import truths
from benchmarks.faults.calls import PROMPT, user_of
from benchmarks.faults.site import COMPANY, KEY, SECRET, Site, opened
from gateway.budget import Ledger, Rules, script
from gateway.config import load
from gateway.model import Budget, Caller
from gateway.store.connection import Store
from gateway.store.embedded import embedded
from tests.end_to_end.serving import FarEnd

COMPANY_TOKENS, USER_TOKENS = 150_000, 50_000
BUDGETS = ("company", "user-daily")
BOUNDED, FREE = 1, 2
"""The user with a budget of its own, and the one who only meets the company's; half of the callers each."""

PROMPT_TOKENS = 25
PAUSE_SECONDS = (0.1, 1.0)
SAMPLE_SECONDS = 0.01
STORE_CALLS = 32
"""As many at once as the connections of a store's client take without a wait."""
SPENT = frozenset({"budget_exceeded", "request_exceeds_budget"})


@dataclass(frozen=True, slots=True)
class Wish:
    """A call as it is wanted: for whom, how many completion tokens, and whether streamed."""

    user: int
    tokens: int
    is_stream: bool

    def body(self) -> dict[str, object]:
        """Give what is posted."""
        messages = [{"role": "user", "content": PROMPT.format(number=self.user)}]
        model = f"gpt-4o/m:tokens-{self.tokens}.delay-1.usage-always"
        return {"model": model, "messages": messages, "max_tokens": self.tokens, "stream": self.is_stream}


Attempt = Callable[[Wish], Awaitable[str]]
"""What comes of it: `served`, `busy` (come back), `spent`, else what went wrong."""


@dataclass(frozen=True)
class Row:
    """One budget in the end, in tokens; `highest` is the most that was used and held at once in some sample."""

    budget: str
    limit: int
    served: int
    used: int
    held: int
    highest: int
    naive: int

    @property
    def overshoot(self) -> int:
        """Give what the far end served above the limit."""
        return max(0, self.served - self.limit)

    @property
    def naive_overshoot(self) -> int:
        """Give what it served above the limit to those who check and then add."""
        return max(0, self.naive - self.limit)

    def __str__(self) -> str:
        numbers = (self.limit, self.served, self.overshoot, self.used, self.held, self.highest, self.naive)
        return f"{self.budget:>12}" + "".join(f"{number:12,}" for number in (*numbers, self.naive_overshoot))


_COLUMNS = ("budget", "limit", "served", "over", "used", "held", "highest", "naive", "over")
HEADER = "".join(f"{name:>12}" for name in _COLUMNS)


@dataclass(frozen=True)
class Race:
    """Both races; the answers of the gateway's by kind, and how long it took."""

    workers: int
    callers: int
    rows: Sequence[Row]
    answers: Counter[str]
    samples: int
    seconds: float

    def __str__(self) -> str:
        told = ", ".join(f"{number:,} {what}" for what, number in self.answers.most_common())
        title = (
            f"{self.workers} workers, {self.callers:,} callers, {self.seconds:.0f} s: {told}; {self.samples:,} samples"
        )
        return "\n".join([title, HEADER, *map(str, self.rows)])


@dataclass
class _Watch:
    """What a sampler saw."""

    highest: dict[str, int] = field(default_factory=dict)
    samples: int = 0


async def run(
    *, workers: int, callers: int, company_tokens: int = COMPANY_TOKENS, user_tokens: int = USER_TOKENS
) -> Race:
    """Race through a gateway of its own, then the naive way, to the same far end."""
    limits = dict(zip(BUDGETS, (company_tokens, user_tokens), strict=True))
    company = {"id": COMPANY, "name": "acme", "budget": {"tokens": company_tokens, "window_days": 30}}
    bounded = {"id": user_of(BOUNDED), "name": "bounded", "company": "acme", "quotas": {"daily": user_tokens}}
    with opened(
        server={"port": 0, "workers": workers},
        ledger={"lease_seconds": 60},
        companies=[company],
        users=[bounded],
        quotas={"daily": -1, "weekly": -1, "monthly": -1},
    ) as site:
        began = time.monotonic()
        async with _watching(site) as watch, _session() as session:
            answers = await _raced(callers, _through(site.url, session))
            seconds = time.monotonic() - began
        levels = await _levels(site)
        served = await asyncio.to_thread(_served, site)
        await _naively(site, callers, limits)
        both = await asyncio.to_thread(_served, site)
    rows = [
        Row(name, limits[name], served[name], *levels[name], watch.highest[name], both[name] - served[name])
        for name in BUDGETS
    ]
    return Race(workers, callers, rows, answers, watch.samples, seconds)


async def _raced(callers: int, attempt: Attempt) -> Counter[str]:
    """Let all begin at once and call until each is told that the budget is spent."""
    answers: Counter[str] = Counter()

    async def call_until_spent(number: int) -> None:
        dice, user = Random(number), (BOUNDED, FREE)[number % 2]
        told = ""
        while told != "spent":
            told = await attempt(Wish(user, dice.randint(20, 200), is_stream=dice.random() < 0.5))
            answers[told] += 1
            if told == "busy":
                await asyncio.sleep(dice.uniform(*PAUSE_SECONDS))

    await asyncio.gather(*map(call_until_spent, range(callers)))
    return answers


def _through(url: str, session: ClientSession) -> Attempt:
    """Call through the gateway; one that refuses says whether to come back."""

    async def attempt(wish: Wish) -> str:
        own = {"Authorization": f"Bearer {KEY}", "X-Gateway-User": user_of(wish.user)}
        async with session.post(f"{url}/v1/chat/completions", json=wish.body(), headers=own) as answer:
            content = await answer.read()
            if answer.status == 200:
                return "served"
            code = json.loads(content)["error"]["code"]
            return "busy" if code == "rate_limited" else "spent" if code in SPENT else f"{answer.status} {code}"

    return attempt


async def _naively(site: Site, callers: int, limits: Mapping[str, int]) -> None:
    """Race without reservations: each reads the counters, calls the far end itself, and adds what it used."""
    with TemporaryDirectory() as directory:
        async with embedded(Path(directory)) as server, _session() as session:
            store = Store.connect(server.url)
            await _raced(callers, _checking(f"http://127.0.0.1:{site.far_port}", session, store, limits))
            await store.close()


def _checking(url: str, session: ClientSession, store: Store, limits: Mapping[str, int]) -> Attempt:
    at_once = asyncio.Semaphore(STORE_CALLS)

    async def ask(*command: str | int) -> int:
        async with at_once:
            return int(await store.execute(*command) or 0)

    async def attempt(wish: Wish) -> str:
        names = ["company", "user-daily"] if wish.user == BOUNDED else ["company"]
        for name in names:
            if await ask("GET", name) + PROMPT_TOKENS + wish.tokens > limits[name]:
                return "spent"
        own = {"Authorization": f"Bearer {SECRET}"}
        async with session.post(f"{url}/v1/chat/completions", json=wish.body(), headers=own) as answer:
            await answer.read()
        for name in names:
            await ask("INCRBY", name, PROMPT_TOKENS + wish.tokens)
        return "served"

    return attempt


def _session() -> ClientSession:
    return ClientSession(connector=TCPConnector(limit=0), timeout=ClientTimeout(120))


def _served(site: Site) -> dict[str, int]:
    """Give what the far end served, for the company and for the bounded user."""
    by_user = truths(FarEnd(site.far_port).log())
    return {"company": sum(truth.tokens for truth in by_user.values()), "user-daily": by_user[BOUNDED].tokens}


def _budgets(site: Site) -> list[Budget]:
    config = load(site.path, {})
    rules = Rules(config.quotas, config.ledger.enforcement, config.budgets)
    user = config.users[COMPANY, user_of(BOUNDED)]
    standing = rules.standing(Caller(config.keys[0], config.companies[COMPANY], user))
    return [budget for budget in standing if budget.name in BUDGETS]


@asynccontextmanager
async def _reading(site: Site) -> AsyncIterator[Callable[[], Awaitable[dict[str, tuple[int, int]]]]]:
    store = Store.connect(site.store_url)
    ledger, budgets = Ledger(store, script.load(), lease_seconds=60), _budgets(site)

    async def read() -> dict[str, tuple[int, int]]:
        return {level.budget.name: (level.used, level.held) for level in await ledger.read(COMPANY, budgets)}

    yield read
    await store.close()


async def _levels(site: Site) -> dict[str, tuple[int, int]]:
    """Give what is used and held by budget; every answer was settled before its last byte."""
    async with _reading(site) as read:
        return await read()


@asynccontextmanager
async def _watching(site: Site) -> AsyncIterator[_Watch]:
    """Sample the budgets for the length of the block."""
    watch = _Watch()

    async def sample() -> None:
        async with _reading(site) as read:
            while True:
                for name, level in (await read()).items():
                    watch.highest[name] = max(watch.highest.get(name, 0), sum(level))
                watch.samples += 1
                await asyncio.sleep(SAMPLE_SECONDS)

    sampling = asyncio.create_task(sample())
    try:
        yield watch
    finally:
        sampling.cancel()
        with suppress(asyncio.CancelledError):
            await sampling
