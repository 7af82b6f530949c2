"""The ledger against a model in plain Python: thousands of random steps on a real store, no number may differ."""

import asyncio

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from gateway.budget.lease import Lease, Order, Refusal, Share
from gateway.budget.wire import Ask
from gateway.model import (
    Budget,
    Calendar,
    Enforcement,
    Fixed,
    Increment,
    Lifetime,
    Period,
    Rolling,
    Rollup,
    Scope,
    Unit,
    Window,
)
from gateway.store.connection import Store
from gateway.store.shards import prefix
from tests.budget.clock import ledger_at
from tests.budget.model import Model

COMPANY = "11111111-1111-4111-8111-111111111111"
SHARD = prefix(COMPANY)
LEASE_MS = 60_000
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


def budget(
    name: str,
    window: Window,
    limit: int,
    subject: str = "c:x",
    unit: Unit = Unit.TOKENS,
    enforcement: Enforcement = Enforcement.HARD,
    zone: str = "UTC",
) -> Budget:
    return Budget(name, name, Scope.COMPANY, subject, unit, window, limit, enforcement, zone)


BUDGETS = (
    budget("rolling", Rolling(2), 6_000),
    budget("day", Calendar(Period.DAY), 2_000, "u:1", zone="Europe/Rome"),
    budget("week", Calendar(Period.WEEK), 5_000, "u:1"),
    budget("day", Calendar(Period.DAY), 900, "u:2"),
    budget("minute", Fixed(60), 4, "k:1", Unit.REQUESTS),
    budget("ever", Lifetime(), 20_000),
    budget("flying", Lifetime(), 3, "k:1", Unit.IN_FLIGHT),
    budget("soft", Rolling(30), 2_500, enforcement=Enforcement.SOFT),
    budget("shadow", Calendar(Period.MONTH), 300, enforcement=Enforcement.SHADOW),
    budget("unlimited", Rolling(1), -1),
    budget("weighted", Rolling(7), 5_000, "a:1"),
)


def ask(one: Budget, minimum: int) -> Ask:
    if one.unit is not Unit.TOKENS:
        return Ask(one, 1, 0)
    return Ask(one, minimum, 1_300_000 if one.name == "weighted" else 1_000_000)


class LedgerMachine(RuleBasedStateMachine):
    """Random calls, clocks and limits; after each step every number of the store is the model's."""

    calls = Bundle("calls")

    def __init__(self, url: str) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.model = Model()
        self.held: dict[str, Lease] = {}
        self.rolled_up: dict[str, int] = {}
        self.count = 0
        self.loop.run_until_complete(self.start(url))

    async def start(self, url: str) -> None:
        self.store = Store.connect(url)
        await self.store.on_every_node("FLUSHALL")
        self.ledger, self.clock = await ledger_at(self.store)

    def do(self, coroutine):
        return self.loop.run_until_complete(coroutine)

    async def closed(self, close):
        return await close()

    def plan(self, minimum: int) -> Rollup:
        return Rollup(
            (Increment(f"{SHARD}u:x", "output", minimum, 1_000_000), Increment(f"{SHARD}u:x", "n", 1)),
            ((f"{SHARD}s:x", "0123456789abcdef"),),
            1000,
        )

    def actual(self, used: int) -> Rollup:
        return Rollup((Increment(f"{SHARD}u:x", "output", used), Increment(f"{SHARD}u:x", "n", 1)), (), 1000)

    @rule(
        target=calls,
        chosen=st.sets(st.sampled_from(range(len(BUDGETS))), min_size=1, max_size=6),
        minimum=st.integers(0, 700),
        want=st.integers(1, 3000),
        least=st.sampled_from([1, 1, 16, 3000]),
        share=st.sampled_from(Share),
        charged=st.sampled_from([True, True, True, False]),
    )
    def reserve(self, chosen, minimum, want, least, share, charged):
        self.count += 1
        call = f"call-{self.count}"
        least = min(want, least)
        asks = tuple(ask(BUDGETS[i], minimum) for i in sorted(chosen))
        order = Order(call, COMPANY, asks, want, least, share, self.plan(minimum), "who", charged)
        outcome = self.do(self.ledger.reserve(order))
        if isinstance(outcome, Refusal):
            assert self.model.reserve(call, asks, want, least, share, self.clock.now_ms, LEASE_MS, charged) is None
            self.model.reap(self.clock.now_ms)  # before refusing, the ledger reaps and looks once more
            assert self.model.reserve(call, asks, want, least, share, self.clock.now_ms, LEASE_MS, charged) is None
            assert any(verdict > 0 for verdict, _ in outcome.verdicts)
            return call
        expected = self.model.reserve(call, asks, want, least, share, self.clock.now_ms, LEASE_MS, charged)
        if expected is None:
            self.model.reap(self.clock.now_ms)
            expected = self.model.reserve(call, asks, want, least, share, self.clock.now_ms, LEASE_MS, charged)
        assert outcome.granted_tokens == expected
        self.held[call] = outcome
        for one in asks:
            limit = self.model.limit(one.budget)
            used, held = self.numbers(one.budget)
            if limit >= 0 and one.budget.enforcement is not Enforcement.SHADOW:
                assert used + held <= limit, "P1"
        return call

    def numbers(self, one: Budget) -> tuple[int, int]:
        return self.model.used(one, self.clock.now_ms), self.model.held(one, self.clock.now_ms)

    @rule(call=calls)
    def reserve_again(self, call):
        """Reserve again: it answers as before, or says that the call has ended."""
        if call in self.held and call in self.model.leases:
            again = self.do(self.ledger.reserve(self.held[call].order))
            assert isinstance(again, Lease)
            assert again.granted_tokens == self.model.leases[call].granted
            assert again.admitted_ms == self.model.leases[call].admitted_ms
            assert again.positions == self.held[call].positions

    @rule(call=calls, used=st.integers(0, 4000), late=st.booleans())
    def settle(self, call, used, late):
        if call not in self.held:
            return
        lease = self.held[call]
        amounts = [{Unit.TOKENS: used, Unit.REQUESTS: 1, Unit.IN_FLIGHT: 0}[a.budget.unit] for a in lease.order.asks]
        known = call in self.model.leases or self.is_remembered(call)
        outcome = self.do(self.closed(lambda: self.ledger.settle(lease, amounts, self.actual(used))))
        if known:
            assert outcome == self.model.settle(call, amounts)
            if outcome != "already":
                self.rolled_up[call] = used
        else:
            assert outcome == "doubtful"

    def is_remembered(self, call: str) -> bool:
        return self.do(self.store.execute("EXISTS", f"{SHARD}t:{call}")) == 1

    @rule(call=calls)
    def release(self, call):
        if call in self.model.leases:
            outcome = self.do(self.closed(lambda: self.ledger.release(self.held[call])))
            assert outcome == self.model.settle(call, [0] * len(self.held[call].order.asks))
            self.model.charges[call].how = "released"

    @rule(call=calls, more=st.integers(0, 3000))
    def extend(self, call, more):
        if call not in self.held:
            return
        lease = self.held[call]
        extension = self.do(self.ledger.extend(lease, more))
        if call not in self.model.leases:
            assert extension.gone
            return
        expected = self.model.extend(call, more, self.clock.now_ms, LEASE_MS)
        assert (extension.refused_by is not None) == (expected is None)
        assert extension.granted_tokens == self.model.leases[call].granted

    @rule(by=st.sampled_from([1, 999, MINUTE, 10 * MINUTE, HOUR, 7 * HOUR, DAY, 2 * DAY, 9 * DAY, 40 * DAY]))
    def advance(self, by):
        self.do(self.clock.advance(by))

    @rule(skew=st.sampled_from([0, -HOUR, DAY, -40 * DAY]))
    def skew(self, skew):
        """Set the gateway's clock wrong: that changes nothing."""
        self.clock.skew_ms = skew

    @rule()
    def reap(self):
        assert self.do(self.ledger.reap(SHARD)) == self.model.reap(self.clock.now_ms)

    @rule(place=st.sampled_from(range(len(BUDGETS))), limit=st.one_of(st.none(), st.integers(-1, 9000)))
    def override(self, place, limit):
        one = BUDGETS[place]
        self.do(self.ledger.override(COMPANY, {one: limit}, "ops"))
        if limit is None:
            self.model.limits.pop((one.subject, one.id), None)
        else:
            self.model.limits[one.subject, one.id] = limit

    @invariant()
    def levels_are_the_models(self):
        levels = self.do(self.ledger.read(COMPANY, BUDGETS))
        for level in levels:
            expected = (self.model.limit(level.budget), *self.numbers(level.budget))
            assert (level.limit, level.used, level.held) == expected, level.budget.name

    @invariant()
    def leases_and_deadlines_agree(self):
        leases, deadlines = self.do(self.store.pipeline([("HLEN", f"{SHARD}L"), ("ZCARD", f"{SHARD}D")]))
        assert leases == deadlines == len(self.model.leases)

    @invariant()
    def rollups_are_the_charges(self):
        output, calls = (int(n or 0) for n in self.do(self.store.execute("HMGET", f"{SHARD}u:x", "output", "n")))
        settled = [self.rolled_up[call] for call, charge in self.model.charges.items() if charge.how == "settled"]
        expired = [
            self.held[call].order.plan.increments[0].amount + charge.granted
            for call, charge in self.model.charges.items()
            if charge.how == "expired" and self.held[call].order.charged_if_expired
        ]
        assert (output, calls) == (sum(settled) + sum(expired), len(settled) + len(expired))

    def teardown(self) -> None:
        self.do(self.store.close())
        self.loop.close()


@pytest.mark.parametrize("server", ["valkey", "redis7", "cluster"])
@pytest.mark.timeout(300)
def test_every_step_agrees_with_the_model(server: str, request: pytest.FixtureRequest) -> None:
    """Whatever is reserved, extended, settled, reaped and when: the store's numbers are the model's."""
    url = request.getfixturevalue(f"{server}_url")
    checks = list(HealthCheck)
    run_state_machine_as_test(
        lambda: LedgerMachine(url),
        settings=settings(max_examples=40, stateful_step_count=50, deadline=None, suppress_health_check=checks),
    )
