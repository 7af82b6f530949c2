"""A small company that is busy on several days, on a store whose clock the test moves: charged as calls are."""

from dataclasses import dataclass
from pathlib import Path

from gateway.budget import Ledger, Order, Rules, Target, asks, charges, script, weighted_tokens
from gateway.budget.lease import Lease, Report
from gateway.config import Config
from gateway.model import Caller, Endpoint, Price, Purpose, Rates, Tariff, Unit, Usage, User
from gateway.providers import Routes
from gateway.reconcile import Reconciled, looking, reconcile
from gateway.reconcile.looking import Scripts
from gateway.store.connection import Script, Store
from gateway.store.shards import prefix
from gateway.usage import Charge, Rollups
from tests.budget.clock import Clock
from tests.cli.configs import configured

ACME = "11111111-1111-4111-8111-111111111111"
ADA = "33333333-3333-4333-8333-333333333333"
BOB = "44444444-4444-4444-8444-444444444444"
EVE = "66666666-6666-4666-8666-666666666666"
DESK = "55555555-5555-4555-8555-555555555555"
SHARD = prefix(ACME)
START_MS = 1_795_219_200_000  # 2026-11-21T00:00Z, a Saturday
HOUR, DAY = 3_600_000, 86_400_000
TEXT = f"""
providers:
  paid:
    dialect: openai
    base_url: "https://paid.example/v1"
    api_key: something-secret
    models: {{large: {{}}, small: {{}}}}
purposes: {{QA: {{}}}}
companies: [{{id: {ACME}, name: acme, budget: {{tokens: 100000000, window_days: 7}}, timezone: UTC}}]
users:
  - {{id: {ADA}, name: ada, company: acme}}
  - {{id: {BOB}, name: bob, company: acme}}
agents: [{{id: {DESK}, name: desk, company: acme}}]
keys:
  - {{name: laptop, key: a-key-that-is-long-1, company: acme, user: ada, agent: desk}}
  - {{name: shared, key: a-key-that-is-long-2, company: acme}}
budgets:
  - {{name: asked, scope: user, unit: requests, window: {{calendar: day}}, limit: 100000}}
  - {{name: spent, scope: company, unit: usd, window: {{calendar: day}}, limit: 100000}}
  - {{name: large-only, scope: company, window: {{calendar: week}}, limit: 10000000, match: {{model: large}}}}
  - {{name: by-desk, scope: agent, window: {{rolling_days: 2}}, limit: 10000000}}
  - {{name: by-key, scope: key, window: {{rolling_days: 1}}, limit: 10000000}}
  - {{name: at-once, scope: key, unit: in_flight, limit: 100}}
"""
TARIFF_PRICE = Price(Rates(input=2_000_000, output=8_000_000))


_CLOCK = "cjson.decode(redis.call('GET', 'clock'))"
_EVENT_ID = f"(function() local c = {_CLOCK} return string.format('%d-*', c[1] * 1000 + c[2] / 1000) end)()"


def stopped(one: Script) -> Script:
    """Give a script that reads its time from the test's clock, and numbers its events by it as a server would."""
    return Script(one.text.replace("redis.call('TIME')", _CLOCK).replace(" '*',", f" {_EVENT_ID},"))


@dataclass
class Office:
    """The company at work: its ledger, its rules, and a count of its calls."""

    config: Config
    store: Store
    ledger: Ledger
    clock: Clock
    scripts: Scripts
    count: int = 0

    def caller(self, name: str) -> Caller:
        """Give `ada` (laptop, through desk), `bob`, `eve` (whom the file does not list), or `nobody`."""
        company, agent = self.config.companies[ACME], self.config.agents[DESK]
        laptop, shared = self.config.keys
        if name == "ada":
            return Caller(laptop, company, self.config.users[ACME, ADA], agent)
        users = {"bob": self.config.users[ACME, BOB], "eve": User(EVE, EVE, ACME), "nobody": None}
        return Caller(shared, company, users[name])

    async def hold(self, name: str, prompt: int, want: int, model: str = "large") -> tuple[Lease, Charge]:
        """Reserve what a call needs."""
        self.count += 1
        caller, route = self.caller(name), Routes(self.config.providers).find(model, ())
        charge = Charge(caller, Purpose("QA"), route, Endpoint.CHAT, model)
        rules = Rules(self.config.quotas, self.config.ledger.enforcement, self.config.budgets)
        tariff = Tariff(self.config.ledger.weights, TARIFF_PRICE)
        asked = asks(rules.of(caller, Target("paid", model, "QA")), prompt, tariff)
        weighted = next(ask.minimum for ask in asked if ask.budget.unit is Unit.TOKENS)
        plan = self.rollups.plan(
            charge,
            self.clock.now_ms,
            prompt_tokens=prompt,
            weighted_prompt_tokens=weighted,
            output_weight_micros=tariff.weights.output,
        )
        user = caller.user.id if caller.user else "-"
        who = f"{ACME}|{user}|{caller.key.name}"
        lease = await self.ledger.reserve(Order(f"call-{self.count}", ACME, asked, want, 1, plan=plan, who=who))
        assert isinstance(lease, Lease), lease
        return lease, charge

    async def settle(self, lease: Lease, charge: Charge, usage: Usage) -> str:
        """Settle as a call does."""
        tariff = Tariff(self.config.ledger.weights, TARIFF_PRICE)
        weighted = weighted_tokens(usage, tariff.weights)
        rollup = self.rollups.charged(charge, lease.admitted_ms, usage, weighted)
        return await self.ledger.settle(lease, charges(lease.order.asks, usage, tariff), rollup)

    async def call(self, name: str, tokens: int, model: str = "large") -> None:
        """Make a call of so many tokens."""
        lease, charge = await self.hold(name, tokens // 2, tokens, model)
        await self.settle(lease, charge, Usage(tokens // 2, tokens - tokens // 2))

    async def report(self, tokens: int) -> None:
        """Report usage from outside."""
        self.count += 1
        company, key = self.config.companies[ACME], self.config.keys[1]
        rules = Rules(self.config.quotas, self.config.ledger.enforcement, ())
        rollup = self.rollups.reported(key, ACME, self.clock.now_ms, tokens)
        budgets = (rules.company_budget(company),)
        who = f"{ACME}|{BOB}|{key.name}"
        await self.ledger.report(Report(f"r-{self.count}", "d", 900, ACME, budgets, (tokens,), rollup, who))

    @property
    def rollups(self) -> Rollups:
        """Give what names the increments."""
        return Rollups(self.config.credits, ttl_seconds=400 * 86_400)

    async def look(self, *, repairs: bool = False, calls: tuple[str, ...] = ()) -> Reconciled:
        """Reconcile the company."""
        companies = tuple(self.config.companies.values())
        return await reconcile(
            self.store, self.config, companies, who="ops", repairs=repairs, calls=calls, scripts=self.scripts
        )


async def office(store: Store, directory: Path, now_ms: int = START_MS) -> Office:
    """Open the company at an instant."""
    clock = Clock(store, now_ms)
    await clock.move_to(now_ms)
    ledger = Ledger(store, stopped(script.load()), lease_seconds=60, clock=clock.local)
    loaded = looking.load()
    scripts = Scripts(*(stopped(one) for one in (loaded.look, loaded.mend, loaded.restore, loaded.deadlines)))
    return Office(configured(directory, TEXT), store, ledger, clock, scripts)


async def busy_days(one: Office) -> None:
    """Work for three days in every way a call can go: settled, reported, released, expired, corrected, still open."""
    for day in range(3):
        for name, tokens in (("ada", 100), ("bob", 70), ("eve", 30), ("nobody", 11), ("ada", 41)):
            await one.call(name, tokens * (day + 1), "large" if tokens != 41 else "small")
            await one.clock.advance(3 * HOUR)
        await one.report(500)
        lease, _ = await one.hold("bob", 10, 10)
        await one.ledger.release(lease)
        await one.hold("ada", 10, 90)
        late, charge = await one.hold("bob", 20, 60)
        await one.clock.advance(HOUR)
        await one.ledger.reap(SHARD)
        await one.settle(late, charge, Usage(20, 25))
        await one.clock.move_to(START_MS + (day + 1) * DAY)
    await one.call("ada", 1_000)
    await one.clock.advance(2 * HOUR)
    await one.call("bob", 400)
    await one.hold("ada", 50, 50)
