"""Who races: companies with a budget each, callers of theirs, and the two ways to make a call.

The rule that matters: both ways ask the same far end for the same, each with its bound, and the far end reports what it
used. One goes through the gateway; the other reads a counter in the same store, compares, calls, and adds.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from random import Random

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

from benchmarks.faults.calls import PROMPT, user_of
from benchmarks.faults.site import COMPANY, KEY, SECRET
from gateway.errors import StoreUnavailable
from gateway.store.connection import Store
from gateway.store.shards import prefix
from gateway.store.slots import SLOTS, slot_of_key

COMPANY_BUDGET, USER_BUDGET = "company", "user-daily"
PROMPT_TOKENS = 25
TOKENS = (20, 200)
"""How many a call wants."""
PAUSE_SECONDS = (0.1, 1.0)
PATIENCE_SECONDS = 600.0
STORE_CALLS = 32
"""As many at once as the connections of a store's client take without a wait."""
SPENT = frozenset({"budget_exceeded", "request_exceeds_budget"})
_THIRDS = 3


@dataclass(frozen=True, slots=True)
class Rival:
    """A company in the race, with two users: `bounded` has a budget of its own, `free` only meets the company's."""

    number: int
    company: str

    @property
    def bounded(self) -> int:
        """Give the number by which the far end knows the user with a budget."""
        return 2 * self.number + 1

    @property
    def free(self) -> int:
        """Give the other's."""
        return 2 * self.number + 2

    @property
    def key(self) -> str:
        """Give the key of its backend."""
        return f"{KEY}-{self.number}"

    def counters(self, user: int) -> dict[str, str]:
        """Give the naive counters that a user's call meets, by budget."""
        mine = {COMPANY_BUDGET: f"naive:{self.company}"}
        return mine | ({USER_BUDGET: f"naive:{self.company}:{user}"} if user == self.bounded else {})

    def sections(self, company_tokens: int, user_tokens: int) -> dict[str, dict[str, object]]:
        """Give its entries in the configuration's lists."""
        name = f"company-{self.number}"
        budget = {"tokens": company_tokens, "window_days": 30}
        quotas = {"daily": user_tokens}
        return {
            "companies": {"id": self.company, "name": name, "budget": budget},
            "users": {"id": user_of(self.bounded), "name": f"bounded-{self.number}", "company": name, "quotas": quotas},
            "keys": {"name": f"backend-{self.number}", "key": self.key, "company": name, "acts_for_users": True},
        }


def rivals(companies: int) -> Sequence[Rival]:
    """Give so many; several of them live by turns in each third of a cluster's slots, one server's each."""
    if companies == 1:
        return [Rival(0, COMPANY)]
    ids = (f"{number:08d}-1111-4111-8111-111111111111" for number in count(1))
    return [Rival(number, _next_in(number % _THIRDS, ids)) for number in range(companies)]


def _next_in(third: int, ids: Iterator[str]) -> str:
    return next(company for company in ids if _third(company) == third)


def _third(company: str) -> int:
    return slot_of_key(prefix(company)) * _THIRDS // SLOTS


@dataclass(frozen=True, slots=True)
class Wish:
    """A call as it is wanted: by whom, for whom, how many completion tokens, and whether streamed."""

    rival: Rival
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


async def raced(every: Sequence[Rival], callers: int, attempt: Attempt) -> Counter[str]:
    """Let all begin at once and call until each is told that there is not even one token left; gives what was told.

    Who is told that its wish is too large asks for half of it, so that what is left in the end is not a matter of luck.
    """
    answers: Counter[str] = Counter()

    async def call_until_spent(number: int) -> None:
        turn, place = divmod(number, len(every))
        dice, rival = Random(number), every[place]
        user, wanted = (rival.bounded, rival.free)[turn % 2], dice.randint(*TOKENS)
        while wanted:
            wish = Wish(rival, user, wanted, is_stream=dice.random() < 0.5)
            try:
                told = await attempt(wish)
            except (ClientError, TimeoutError, StoreUnavailable) as error:  # a machine that has too much to do
                told = type(error).__name__
            answers[told] += 1
            if told == "spent":
                wanted //= 2
            elif told == "served":
                wanted = dice.randint(*TOKENS)
            else:
                await asyncio.sleep(dice.uniform(*PAUSE_SECONDS))

    await asyncio.gather(*map(call_until_spent, range(callers)))
    return answers


def through(url: str, session: ClientSession) -> Attempt:
    """Call through the gateway; one that refuses says whether to come back."""

    async def attempt(wish: Wish) -> str:
        own = {"Authorization": f"Bearer {wish.rival.key}", "X-Gateway-User": user_of(wish.user)}
        async with session.post(f"{url}/v1/chat/completions", json=wish.body(), headers=own) as answer:
            content = await answer.read()
            if answer.status == 200:
                return "served"
            code = json.loads(content)["error"]["code"]
            return "busy" if code == "rate_limited" else "spent" if code in SPENT else f"{answer.status} {code}"

    return attempt


def checking(url: str, session: ClientSession, store: Store, limits: Mapping[str, int]) -> Attempt:
    """Call without reservations: read the counters, call the far end at `url` itself, add what it used."""
    at_once = asyncio.Semaphore(STORE_CALLS)

    async def ask(*command: str | int) -> int:
        async with at_once:
            return int(await store.execute(*command) or 0)

    async def attempt(wish: Wish) -> str:
        counters, cost = wish.rival.counters(wish.user), PROMPT_TOKENS + wish.tokens
        for budget, key in counters.items():
            if await ask("GET", key) + cost > limits[budget]:
                return "spent"
        own = {"Authorization": f"Bearer {SECRET}"}
        async with session.post(f"{url}/v1/chat/completions", json=wish.body(), headers=own) as answer:
            await answer.read()
        for key in counters.values():
            await ask("INCRBY", key, cost)
        return "served"

    return attempt


def session() -> ClientSession:
    """Give a client that opens as many connections as there are calls."""
    return ClientSession(connector=TCPConnector(limit=0), timeout=ClientTimeout(PATIENCE_SECONDS))
