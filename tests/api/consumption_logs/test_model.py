"""Thousands of random calls against a model in plain Python: every field of every log is equal.

The calls go through the ledger to the roll-ups of a real store, whose clock stands where a test puts it; the logs come
over HTTP, by each of the three ways and with random ranges.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import count, groupby
from random import Random
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from gateway.budget import Ask, Lease, Ledger, Order
from gateway.model import (
    MICROS,
    UNLIMITED,
    Agent,
    Budget,
    Caller,
    Endpoint,
    Enforcement,
    Rolling,
    Route,
    Scope,
    Unit,
    Usage,
    User,
)
from gateway.store.shards import prefix
from gateway.usage import Charge
from tests.api.consumption_logs import model
from tests.api.consumption_logs.conftest import EVE_KEY, RIVALS_AGENT, SALES, UNKNOWN, Site
from tests.api.consumption_logs.model import Made
from tests.budget.clock import Clock, ledger_at
from tests.edge import BOSS_KEY, EVE
from tests.gateways import ACME, ADA, ADA_KEY, ADMIN_KEY, BACKEND_KEY, BOB, BOB_KEY, HELPDESK, OTHER, OTHER_KEY

pytestmark = pytest.mark.asyncio(loop_scope="module")

FIRST, LAST = date(2027, 11, 28), date(2028, 3, 4)
"""A turn of the year and a leap day are between them."""
EXAMPLES, CALLS, DAYS = 25, 120, 12
TIMES = (time(0), time(12), time(23, 59, 59, 999_000))
LEASE_MS = 60_000
UNLISTED_AGENT = "33333333-3333-4333-8333-333333333377"
BUDGET = Budget("all", "all", Scope.COMPANY, "c:all", Unit.TOKENS, Rolling(30), UNLIMITED, Enforcement.SHADOW)

USERS = {ACME: (ADA, BOB, UNKNOWN, None), OTHER: (EVE, ADA, None)}
AGENTS = {ACME: (HELPDESK, SALES, UNLISTED_AGENT, None), OTHER: (RIVALS_AGENT, None)}
ENDS = ("settled", "settled", "settled", "settled", "released", "expired", "late")


@dataclass(frozen=True)
class Drawn:
    """A random call; `end` is what becomes of its lease."""

    day: date
    at: time
    company: str
    user: str | None
    agent: str | None
    provider: str
    purpose: str
    endpoint: Endpoint
    session: str | None
    imported: int
    prompt: int
    completion: int
    end: str


def draw(dice: Random, number: int) -> list[Drawn]:
    """Draw calls of two companies on some days."""
    chosen = dice.sample(list(model.days(FIRST, LAST)), DAYS)
    return [_draw(dice, dice.choice((ACME, ACME, OTHER)), dice.choice(chosen)) for _ in range(number)]


def _draw(dice: Random, company: str, day: date) -> Drawn:
    return Drawn(
        day=day,
        at=dice.choice(TIMES),
        company=company,
        user=dice.choice(USERS[company]),
        agent=dice.choice(AGENTS[company]),
        provider=dice.choice(("far", "own")),
        purpose=dice.choice(("QA", "DT", "IE")),
        endpoint=dice.choice(list(Endpoint)),
        session=dice.choice((None, "a", "b", "c", "é\n|")),
        imported=dice.choice((0, 1, dice.randrange(10**9))),
        prompt=dice.choice((0, 1, dice.randrange(10**9))),
        completion=dice.choice((0, 1, dice.randrange(10**6))),
        end=dice.choice(ENDS),
    )


def draw_range(dice: Random) -> tuple[date, date]:
    """Draw two days, not always in order, and not always among those with calls."""
    days = list(model.days(FIRST - timedelta(days=40), LAST + timedelta(days=40)))
    return dice.choice(days), dice.choice(days)


class Rig:
    """The gateway under a ledger whose clock stands still; hypothesis would print all of a dataclass."""

    def __init__(self, site: Site, ledger: Ledger, clock: Clock) -> None:
        self.site = site
        self.ledger = ledger
        self.clock = clock
        self.made: list[Made] = []
        self.ids = count()

    def charge(self, call: Drawn) -> Charge:
        """Give what names a call's charge."""
        config = self.site.edge.client.app.gateway.config
        provider = config.providers[call.provider]
        key = next(key for key in config.keys if key.company_id == call.company)
        user = agent = None
        if call.user:
            user = config.users.get((call.company, call.user)) or User(call.user, call.user, call.company)
        if call.agent:
            agent = config.agents.get(call.agent) or Agent(call.agent, "long gone", call.company)
        return Charge(
            caller=Caller(key, config.companies[call.company], user, agent),
            purpose=config.purposes[call.purpose],
            route=Route(provider, provider.models[0], "gpt-x"),
            endpoint=call.endpoint,
            model="gpt-x",
            session=call.session,
            imported_chars=call.imported,
        )

    async def make(self, calls: Sequence[Drawn]) -> None:
        """Carry calls out, those of an instant at the same time."""
        moments = groupby(sorted(calls, key=lambda call: (call.day, call.at)), lambda call: (call.day, call.at))
        for (day, at), together in moments:
            same = list(together)
            await self.clock.move_to(int(datetime.combine(day, at, UTC).timestamp() * 1000))
            leases = await asyncio.gather(*(self.reserve(call) for call in same))
            await self.end(leases, same, {"settled", "released"})
            if any(call.end in {"expired", "late"} for call in same):
                await self.clock.advance(LEASE_MS)
                for company in (ACME, OTHER):
                    await self.ledger.reap(prefix(company))
                await self.end(leases, same, {"late"})
        self.made += [self.remembered(call) for call in calls if call.end != "released"]

    async def reserve(self, call: Drawn) -> Lease:
        """Hold a call; what it would be charged if it expired is what was estimated: twice the truth."""
        plan = self.site.edge.client.app.gateway.rollups.plan(
            self.charge(call),
            self.clock.now_ms,
            prompt_tokens=2 * call.prompt,
            weighted_prompt_tokens=2 * call.prompt,
            output_weight_micros=MICROS,
        )
        ask = Ask(BUDGET, 2 * call.prompt, MICROS)
        order = Order(f"call-{next(self.ids)}", call.company, (ask,), 2 * call.completion, 0, plan=plan)
        lease = await self.ledger.reserve(order)
        assert isinstance(lease, Lease)
        assert lease.granted_tokens == 2 * call.completion
        return lease

    async def end(self, leases: Sequence[Lease], calls: Sequence[Drawn], ends: set[str]) -> None:
        """Settle or release those whose end it is."""
        closing = []
        for lease, call in zip(leases, calls, strict=True):
            if call.end not in ends:
                continue
            if call.end == "released":
                closing.append(self.ledger.release(lease))
            else:
                tokens = call.prompt + call.completion
                usage = Usage(call.prompt, call.completion)
                rollups = self.site.edge.client.app.gateway.rollups
                added = rollups.charged(self.charge(call), lease.admitted_ms, usage, tokens)
                closing.append(self.ledger.settle(lease, [tokens], added))
        outcomes = set(await asyncio.gather(*closing))
        assert outcomes <= {"settled", "corrected"} or "released" in ends

    def remembered(self, call: Drawn) -> Made:
        """Give a call as the model has it."""
        config = self.site.edge.client.app.gateway.config
        key = next(key for key in config.keys if key.company_id == call.company)
        user = config.users.get((call.company, call.user or ""))
        agent = config.agents.get(call.agent or "")
        times = 2 if call.end == "expired" else 1
        return Made(
            day=call.day,
            tenant=config.companies[call.company].name,
            user=(call.user, user.name if user else None) if call.user else None,
            agent=(call.agent, agent.name if agent else None) if call.agent else None,
            provider=call.provider,
            model="gpt-x",
            hint=key.hint,
            chargeable=call.provider == "far",
            endpoint=call.endpoint.value,
            purpose=call.purpose,
            session=call.session,
            imported=call.imported,
            prompt=times * call.prompt,
            completion=times * call.completion,
        )

    async def compare(self, whose: str, key: str, of: str, made: Sequence[Made], first: date, last: date) -> None:
        """Hold the logs of a range to the model's, by day and by month."""
        for kind in ("Daily", "Monthly"):
            path = f"{whose}ConsumptionLogs/{key}/{of}/{kind}/{first:%Y%m%d}/{last:%Y%m%d}"
            expected = model.logs(made, kind, first, last)
            told = await self.site.get(path)
            if told.body["resultCode"] in {-12, -51}:  # neither configured nor ever seen
                assert not expected
                continue
            found = told.logs
            assert len({log.pop("consumptionLogID") for log in found}) == len(found)
            assert sorted(found, key=_order) == sorted(expected, key=_order), path


def _order(log: dict[str, Any]) -> tuple[str, ...]:
    return log["tenantName"], log["from"], log["userID"] or "", log["memoriID"] or ""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def rig(site: Site) -> AsyncIterator[Rig]:
    """Put the gateway under a ledger with a clock of its own."""
    app = site.edge.client.app
    before = app.gateway
    ledger, clock = await ledger_at(before.store)
    app.gateway = replace(before, ledger=ledger)
    yield Rig(site, ledger, clock)
    app.gateway = before


@settings(max_examples=EXAMPLES, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
async def test_every_field_of_every_log_is_the_models(rig: Rig, seed: int) -> None:
    """Tenants, users and agents, days and months; whatever became of the calls' leases."""
    dice = Random(seed)
    await rig.clock.store.execute("FLUSHALL")
    rig.made.clear()
    await rig.make(draw(dice, CALLS))
    await rig.clock.move_to(int(datetime.combine(LAST, time(23), UTC).timestamp() * 1000))
    for first, last in (draw_range(dice), (FIRST, LAST)):
        for tenant, key in (("acme", BACKEND_KEY), ("other", OTHER_KEY)):
            await rig.compare("Tenant", key, tenant, [one for one in rig.made if one.tenant == tenant], first, last)
        for user, key in ((ADA, ADA_KEY), (BOB, BOB_KEY), (UNKNOWN, BOSS_KEY), (UNKNOWN, ADMIN_KEY), (EVE, EVE_KEY)):
            home = "other" if user == EVE else "acme"
            of_user = [one for one in rig.made if one.user and one.user[0] == user and one.tenant == home]
            await rig.compare("User", key, user, of_user, first, last)
        for agent, key in ((HELPDESK, BACKEND_KEY), (UNLISTED_AGENT, ADMIN_KEY), (RIVALS_AGENT, ADMIN_KEY)):
            of_agent = [one for one in rig.made if one.agent and one.agent[0] == agent]
            await rig.compare("Memori", key, agent, of_agent, first, last)
