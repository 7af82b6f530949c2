"""The race: many callers, several users of one company, streams and not, on a budget that is far too small."""

import asyncio
import random
from dataclasses import dataclass, field

from gateway.model import Caller, User
from tests.gateways import ACME, BACKEND_KEY, Client

USERS = [f"44444444-4444-4444-8444-{number:012d}" for number in range(8)]
PROMPT = "Tell me something about the weather in the mountains, please. " * 30
PAUSE_SECONDS = 0.01
PATIENCE = 2000


@dataclass
class Race:
    """What happened: answers by code, and the highest `used + held` that a sampler saw, by budget."""

    answers: dict[str, int] = field(default_factory=dict)
    highest: dict[str, int] = field(default_factory=dict)
    samples: int = 0

    def note(self, code: str) -> None:
        self.answers[code] = self.answers.get(code, 0) + 1


async def run(client: Client, callers: int, *, bounded: float, seed: int = 1) -> Race:
    """Let callers call until each is told that the budget is spent; that part of the calls names its own bound."""
    race = Race()
    sampler = asyncio.ensure_future(_sample(client, race))
    chance = random.Random(seed)
    seeds = [chance.random() for _ in range(callers)]
    await asyncio.gather(*(_call_until_spent(client, race, random.Random(seed), bounded) for seed in seeds))
    sampler.cancel()
    await asyncio.gather(sampler, return_exceptions=True)
    return race


async def _call_until_spent(client: Client, race: Race, chance: random.Random, bounded: float) -> None:
    for _ in range(PATIENCE):
        code, budget = await _call(client, chance, bounded)
        race.note(code)
        if code in {"budget_exceeded", "request_exceeds_budget"} and budget == "company":
            return
        if code == "rate_limited":
            await asyncio.sleep(PAUSE_SECONDS * chance.random())


async def _call(client: Client, chance: random.Random, bounded: float) -> tuple[str, str]:
    tokens = chance.randint(20, 200)
    stream = chance.random() < 0.5
    headers = {"Authorization": f"Bearer {BACKEND_KEY}", "X-Gateway-User": chance.choice(USERS)}
    messages = [{"role": "user", "content": PROMPT[: chance.randint(100, len(PROMPT))]}]
    body = {"messages": messages, "stream": stream, "max_tokens": tokens if chance.random() < bounded else None}
    async with client.chat(f"m:tokens-{tokens}", headers=headers, **body) as answer:
        if answer.status != 200:
            error = (await answer.json())["error"]
            return error["code"], error["budget"]["name"]
        await answer.read()
        return ("stream" if stream else "whole"), ""


async def _sample(client: Client, race: Race) -> None:
    gateway = client.app.gateway
    company = gateway.config.companies[ACME]
    key = next(key for key in gateway.config.keys if key.name == "backend")
    users = [User(user, user, ACME) for user in USERS]
    while True:
        for user in users:
            budgets = gateway.rules.all_of(Caller(key, company, user))
            for level in await gateway.ledger.read(ACME, budgets):
                name = level.budget.name
                race.highest[name] = max(race.highest.get(name, 0), level.used + level.held)
            race.samples += 1
        await asyncio.sleep(0)
