"""Calls that the store hears of when they are over: their budgets are sliced or limit nothing, and none is lost."""

import asyncio
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from gateway.budget import Ledger, Order, Verdict
from gateway.budget.keys import state
from gateway.budget.wire import Ask
from gateway.errors import StoreUnavailable
from gateway.journal import Journal
from gateway.model import Budget, Calendar, Enforcement, Increment, Lifetime, Period, Rollup, Scope, Unit
from gateway.pipeline.hold import Holds
from gateway.pipeline.recovery import Recovery
from gateway.store.connection import Store
from tests.budget.gateways import HOME, Gateways, gateways_at, hold, of_company, order, refused, spanning, warm
from tests.budget.orders import COMPANY, DAY, MINUTE, SHARD
from tests.store.servers import until

OWN = of_company(10_000_000)
NAMES = count()
CHARGE = Rollup((Increment(f"{SHARD}u:x", "tokens", 70), Increment(f"{SHARD}u:x", "requests", 1)), (), 1000)


def quota(limit: int = -1, period: Period = Period.DAY, unit: Unit = Unit.TOKENS) -> Budget:
    """Give a user's quota."""
    window = Lifetime() if unit is Unit.IN_FLIGHT else Calendar(period)
    name = f"user-{period}-{unit}"
    return Budget(name, name, Scope.USER, f"u:{COMPANY}:ada", unit, window, limit, Enforcement.HARD)


QUOTAS = quota(), quota(period=Period.WEEK), quota(period=Period.MONTH)


@pytest.fixture
async def gateways(store):
    """Give gateways on an empty store."""
    made = await gateways_at(store)
    yield made
    for each in made.all:
        await each.drain(5)


def sound(gateways: Gateways, directory: Path) -> Ledger:
    """Give a gateway whose journal outlives it: what the store has not heard of has to stand somewhere."""
    return gateways.one(kept=Journal(directory / f"journal-{next(NAMES)}", "store"))


async def scripts_run(gateways: Gateways) -> int:
    """Give the scripts that the store has run since its statistics were reset."""
    stats = await gateways.store.execute("INFO", "commandstats")
    return int(stats.get("cmdstat_evalsha", {"calls": 0})["calls"])


async def calls(ledger: Ledger, times: int, *budgets: Budget, tokens: int = 70, name: str = "call") -> None:
    """Make calls, one after the other, that hold 100 each and take fewer."""
    for number in range(times):
        lease = await hold(ledger, order(f"{name}-{number}", *budgets, prompt=100))
        await ledger.settle(lease, [tokens] * len(budgets), CHARGE)


async def looked(gateways: Gateways) -> None:
    """Let a second pass and every gateway look at what was set in the store."""
    await gateways.clock.advance(1000)
    for each in gateways.all:
        each.beat()
        await until(lambda each=each: each._known._looking is None)


async def hot(gateways: Gateways, ledger: Ledger, *budgets: Budget) -> None:
    """Make a gateway know what there is to know about budgets, and lease a slice."""
    name = next(NAMES)
    await calls(ledger, 3, *budgets, name=f"first-{name}")
    await looked(gateways)
    await calls(ledger, 10, *budgets, name=f"then-{name}")
    ledger._behind.flush()
    await ledger._closing.drain(5)


# ---------------------------------------------------------------- what the store is asked


async def test_a_call_of_sliced_and_unlimited_budgets_asks_nothing(gateways, tmp_path):
    """A thousand of them cost the store a fiftieth of its calls; each is charged under its own id, everywhere."""
    ledger = sound(gateways, tmp_path)
    await hot(gateways, ledger, OWN, *QUOTAS)
    await gateways.store.execute("CONFIG", "RESETSTAT")
    for _ in range(10):
        await calls(ledger, 100, OWN, *QUOTAS, name=f"call-{gateways.clock.now_ms}")
        await gateways.clock.advance(20)
    assert await scripts_run(gateways) <= 2 * 1000 * 0.02
    assert await ledger.drain(5) == 0
    for one in (OWN, *QUOTAS):
        assert await gateways.numbers(one) == (1013 * 70, 0)
    roll_up = await gateways.store.execute("HGETALL", f"{SHARD}u:x")
    assert roll_up == {b"tokens": b"%d" % (1013 * 70), b"requests": b"1013"}
    events = [fields for _, fields in await gateways.store.execute("XRANGE", f"{SHARD}E", "-", "+")]
    mine = {event[b"call"] for event in events if event[b"who"] == b"tester"}
    assert len(mine) == 1013


@pytest.mark.parametrize("other", [quota(10**9), quota(unit=Unit.IN_FLIGHT)])
async def test_what_may_refuse_or_is_in_flight_is_asked(gateways, other, tmp_path):
    """A limited quota is held in the store, call by call; so are calls in flight, which only the store can count."""
    ledger = sound(gateways, tmp_path)
    await hot(gateways, ledger, OWN, other)
    lease = await hold(ledger, order("call", OWN, other, prompt=100))
    assert (await gateways.numbers(other))[1] == (1 if other.unit is Unit.IN_FLIGHT else 100)
    await ledger.release(lease)


async def test_a_quota_that_refuses_leaves_the_slice_as_it_was(gateways, tmp_path):
    """All or none: what was taken of the slice is back, and the refusal names the quota."""
    ledger, small = sound(gateways, tmp_path), quota(2_000)
    await hot(gateways, ledger, OWN, small)
    refusal = await refused(ledger, order("large", OWN, small, prompt=1_500))
    assert [verdict for verdict, _ in refusal.verdicts] == [Verdict.ROOM, Verdict.SPENT]
    await ledger.drain(5)
    assert await gateways.numbers(OWN) == (13 * 70, 0)


async def test_an_unlimited_company_needs_no_call_either(gateways, tmp_path):
    """A company without a limit that is sliced is only counted."""
    ledger, free = sound(gateways, tmp_path), of_company(-1)
    await hot(gateways, ledger, free)
    await gateways.store.execute("CONFIG", "RESETSTAT")
    await calls(ledger, 200, free)
    assert await scripts_run(gateways) <= 8
    await ledger.drain(5)
    assert await gateways.numbers(free) == (213 * 70, 0)


async def test_charges_of_which_one_is_known_are_told_apart(gateways, tmp_path):
    """One of them was sent already, by whoever took a journal over: it counts once, and so does each other."""
    ledger = sound(gateways, tmp_path)
    await hot(gateways, ledger, OWN, *QUOTAS)
    await calls(ledger, 20, OWN, *QUOTAS)
    waiting = ledger._behind._waiting[SHARD]
    await ledger._closing.close_again("call", SHARD, waiting[7].op)
    await ledger.drain(5)
    for one in (OWN, *QUOTAS):
        assert await gateways.numbers(one) == (33 * 70, 0)
    assert int(await gateways.store.execute("HGET", f"{SHARD}u:x", "requests")) == 33
    assert ledger._record.open_calls == 0


async def test_charges_sent_twice_are_made_once(gateways, tmp_path):
    """The answer to all of them together was lost: each is sent again, and is known."""
    ledger = sound(gateways, tmp_path)
    await hot(gateways, ledger, OWN, *QUOTAS)
    await calls(ledger, 20, OWN, *QUOTAS)
    waiting = list(ledger._behind._waiting[SHARD])
    for _ in range(2):
        ledger._behind._waiting[SHARD] = waiting
        ledger._behind.flush()
        await ledger._closing.drain(5)
    await ledger.drain(5)
    for one in (OWN, *QUOTAS):
        assert await gateways.numbers(one) == (33 * 70, 0)


async def test_calls_of_two_users_count_each_for_its_own(gateways, tmp_path):
    """What is sent together is of the same budgets: another user's is apart."""
    ledger = sound(gateways, tmp_path)
    ada, bob = quota(), replace(quota(), subject=f"u:{COMPANY}:bob")
    for one in (ada, bob):
        await hot(gateways, ledger, OWN, one)
    for number in range(10):
        await calls(ledger, 1, OWN, (ada, bob)[number % 2], tokens=10 + number % 2, name=f"call-{number}")
    await ledger.drain(5)
    assert await gateways.numbers(ada) == (13 * 70 + 50, 0)
    assert await gateways.numbers(bob) == (13 * 70 + 55, 0)
    assert await gateways.numbers(OWN) == (26 * 70 + 105, 0)


# ---------------------------------------------------------------- limits that are set meanwhile


async def test_a_limit_set_in_the_store_holds_at_once_here_and_a_second_later_elsewhere(gateways, tmp_path):
    """A user who is blocked is refused, though its quota was known to limit nothing; and let go on when that ends."""
    here, there = sound(gateways, tmp_path), sound(gateways, tmp_path)
    for each in (here, there):
        await hot(gateways, each, OWN, *QUOTAS)
    await here.override(COMPANY, {QUOTAS[0]: 0}, "ops")
    refusal = await refused(here, order("here", OWN, *QUOTAS, prompt=1))
    assert refusal.verdicts[1][0] is Verdict.SPENT
    await looked(gateways)
    await refused(there, order("there", OWN, *QUOTAS, prompt=1))
    await here.override(COMPANY, {QUOTAS[0]: None}, "ops")
    await hold(there, order("again", OWN, *QUOTAS, prompt=1))


async def test_what_was_asked_before_the_first_look_is_not_believed(gateways, tmp_path):
    """A limit may have been set in between, which no later look would show."""
    known = sound(gateways, tmp_path)._known
    lease = await hold(gateways.plain(), order("call", *QUOTAS, prompt=1))
    assert known.of(COMPANY, lease.order.asks) is None
    await until(lambda: known._looking is None)
    looked_at = gateways.clock.now_ms / 1000
    known.note(lease, looked_at - 0.001)
    assert known.of(COMPANY, lease.order.asks) is None
    known.note(lease, looked_at)
    counted = known.of(COMPANY, lease.order.asks)
    assert counted is not None
    assert counted.positions == lease.positions


async def test_another_limit_in_the_file_holds_for_the_next_call(gateways, tmp_path):
    """A reload makes other budgets of it, of which nothing is known."""
    ledger = sound(gateways, tmp_path)
    await hot(gateways, ledger, OWN, QUOTAS[0])
    refusal = await refused(ledger, order("call", OWN, quota(900), prompt=1))
    assert refusal.levels[1].limit == 900
    refusal = await refused(ledger, order("call", of_company(900), QUOTAS[0], prompt=1))
    assert refusal.levels[0].limit == 900


# ---------------------------------------------------------------- the course of time


async def test_a_charge_belongs_to_the_day_of_its_call(gateways, tmp_path):
    """Admitted before midnight and settled after it: it counts on the day before, and the next call on its own."""
    await gateways.clock.advance(DAY - 5_000)
    ledger = sound(gateways, tmp_path)
    await hot(gateways, ledger, OWN, QUOTAS[0])
    before = await hold(ledger, order("before", OWN, QUOTAS[0], prompt=100))
    await gateways.clock.advance(6_000)
    after = await hold(ledger, order("after", OWN, QUOTAS[0], prompt=100))
    assert [before.positions[1].mark, after.positions[1].start] == [after.positions[1].start] * 2
    await ledger.settle(before, [50, 50], CHARGE)
    await ledger.settle(after, [7, 7], CHARGE)
    await ledger.drain(5)
    assert await gateways.numbers(QUOTAS[0]) == (7, 0)
    assert await gateways.numbers(OWN) == (13 * 70 + 57, 0)


async def test_a_call_of_hours_is_charged(gateways, tmp_path):
    """The store has never heard of it, and would not believe a time so long ago: it is charged all the same."""
    ledger = sound(gateways, tmp_path)
    await hot(gateways, ledger, OWN, QUOTAS[0])
    lease = await hold(ledger, order("long", OWN, QUOTAS[0], prompt=100))
    ledger.forwarding(lease)
    await gateways.clock.advance(2 * 60 * MINUTE)
    await ledger.settle(lease, [40, 40], CHARGE)
    await ledger.drain(5)
    assert await gateways.numbers(QUOTAS[0]) == (13 * 70 + 40, 0)


async def test_without_a_sound_journal_the_store_is_told_before(gateways):
    """What only this process knew would be lost with it."""
    ledger = gateways.one(kept=Journal(None, "store"))
    await hot(gateways, ledger, OWN, QUOTAS[0])
    lease = await hold(ledger, order("call", OWN, QUOTAS[0], prompt=10))
    assert (await gateways.numbers(QUOTAS[0]))[1] == 10
    await ledger.release(lease)


async def test_what_is_known_ends_with_a_lease(gateways, tmp_path):
    """Without any look, the store is asked again when most of a lease has passed."""
    ledger = sound(gateways, tmp_path)
    await hot(gateways, ledger, OWN, QUOTAS[0])
    await gateways.clock.advance(54_000)
    await hold(ledger, order("call", OWN, QUOTAS[0], prompt=10))
    assert (await gateways.numbers(QUOTAS[0]))[1] == 10


async def test_a_stream_grows_without_the_store(gateways, tmp_path):
    """Its slices grow; released, it leaves nothing."""
    ledger = sound(gateways, tmp_path)
    await hot(gateways, ledger, OWN, QUOTAS[0])
    await gateways.store.execute("CONFIG", "RESETSTAT")
    asks = Ask(OWN, 10, 1_000_000), Ask(QUOTAS[0], 10, 1_000_000)
    lease = await hold(ledger, Order("stream", COMPANY, asks, 20, 1))
    assert (await ledger.extend(lease, 50)).granted_tokens == 50
    assert not (await ledger.extend(lease)).gone
    assert not (await ledger.hold_again(lease, 50)).gone
    await ledger.release(lease)
    await ledger.drain(5)
    assert await gateways.numbers(OWN) == (13 * 70, 0)
    assert await gateways.numbers(QUOTAS[0]) == (13 * 70, 0)


# ---------------------------------------------------------------- deaths


class Office:
    """A gateway with a journal, and what brings it to the store."""

    def __init__(self, gateways: Gateways, directory: Path) -> None:
        self.journal = Journal(directory, "store")
        self.ledger = gateways.one(kept=self.journal)
        holds = Holds(self.ledger, every_seconds=60)
        self.recovery = Recovery(gateways.store, self.ledger, self.journal, holds, on_replayed=lambda: None)
        (part,) = gateways.store.parts()
        self.breaker = part.breaker
        self.breaker.close()

    async def recovered(self) -> None:
        """Bring to the store what it does not have, of the dead too."""
        self.breaker.recover()
        running = asyncio.ensure_future(self.recovery.run())
        await until(lambda: self.breaker.is_closed)
        running.cancel()
        await asyncio.wait({running})


async def test_a_death_costs_a_part_of_a_slice_at_most(gateways, tmp_path):
    """What was spent is charged from the journal at once, the rest of the slice is free; each call counts once."""
    dead = Office(gateways, tmp_path)
    await hot(gateways, dead.ledger, OWN, *QUOTAS)
    await dead.ledger.drain(5)
    await calls(dead.ledger, 40, OWN, *QUOTAS, name="spent")
    plan = Rollup((Increment(f"{SHARD}u:x", "tokens", 100),), (), 1000)
    asks = tuple(Ask(one, 100, 0) for one in (OWN, *QUOTAS))
    lease = await hold(dead.ledger, Order("in flight", COMPANY, asks, 0, 0, plan=plan, who="tester"))
    dead.ledger.forwarding(lease)
    await until(lambda: not dead.ledger._stocks.of(COMPANY, OWN)._working)
    held = (await gateways.numbers(OWN))[1]
    gateways.all.remove(dead.ledger)
    dead.ledger._behind._waiting.clear()  # nobody sends them any more
    await dead.journal.close()

    other = Office(gateways, tmp_path)
    await other.recovered()
    used, left = await gateways.numbers(OWN)
    truth = 53 * 70 + 100
    assert left == 0
    assert truth <= used <= truth + held // 4 + 100
    for one in QUOTAS:
        assert await gateways.numbers(one) == (truth, 0)
    assert int(await gateways.store.execute("HGET", f"{SHARD}u:x", "tokens")) == truth
    await other.journal.close()


async def test_without_its_journal_a_slice_is_charged_in_full(gateways, tmp_path):
    """A host that is gone for good: the reaper charges what was held, when the lease ends."""
    dead = Office(gateways, tmp_path)
    await hot(gateways, dead.ledger, OWN)
    await until(lambda: not any(stock._working for stock in dead.ledger._stocks._awake))
    used, held = await gateways.numbers(OWN)
    gateways.all.remove(dead.ledger)
    await gateways.clock.advance(MINUTE)
    plain = gateways.plain()
    await plain.reap(SHARD)
    assert await gateways.numbers(OWN) == (used + held, 0)


# ---------------------------------------------------------------- a store that is away


async def test_calls_go_on_while_the_store_is_away_as_far_as_slices_reach(store, gateways, tmp_path):
    """Their charges wait in the journal and arrive once; beyond the slice a call is told that the store is away."""
    one = Office(gateways, tmp_path)
    await hot(gateways, one.ledger, OWN, *QUOTAS)
    await one.ledger.drain(5)
    await calls(one.ledger, 20, OWN, *QUOTAS, name="leases")
    await asyncio.sleep(0.05)  # for a refill
    gateways.clock.store = Store.connect(store.address)  # which no breaker stops
    one.breaker.trip()
    await calls(one.ledger, 5, OWN, *QUOTAS, name="away")
    with pytest.raises(StoreUnavailable):
        await one.ledger.reserve(order("large", OWN, *QUOTAS, prompt=10**6))
    await gateways.clock.advance(54_000)
    with pytest.raises(StoreUnavailable):
        await one.ledger.reserve(order("late", OWN, *QUOTAS, prompt=1))
    one.ledger._behind.flush()
    await asyncio.sleep(0)
    assert one.journal.open_calls >= 5
    await one.recovered()
    await one.ledger.drain(5)
    await gateways.clock.store.close()
    for budget in (OWN, *QUOTAS):
        assert await gateways.numbers(budget) == (38 * 70, 0)


async def with_slices(gateways: Gateways, directory: Path, one: Budget) -> tuple[Office, int]:
    """Give a gateway with slices from which no call in flight has taken, and what the store holds for them."""
    office = Office(gateways, directory)
    await warm(office.ledger, one)
    await until(lambda: not any(stock._working for stock in office.ledger._stocks._awake))
    _, held = await gateways.numbers(one)
    assert held > 0
    return office, held


async def emptied(gateways: Gateways) -> None:
    """Let the store lose all that it has, but the clock."""
    await gateways.store.execute("FLUSHALL")
    await gateways.clock.move_to(gateways.clock.now_ms)


async def test_a_store_that_lost_its_memory_holds_slices_before_it_admits(gateways, tmp_path):
    """A call's, and those that no call has taken from: once the breaker is closed, no other gateway can lease them."""
    every = spanning(10_000)
    office, slices = await with_slices(gateways, tmp_path, every)
    await hold(office.ledger, order("in flight", every, prompt=3_000))
    held = (await gateways.numbers(every))[1]
    assert held >= slices + 3_000
    await emptied(gateways)
    await office.recovered()
    assert await gateways.numbers(every) == (0, held)
    await refused(gateways.one(), order("too many", every, prompt=10_000 - held + 1))
    await hold(gateways.one(), order("fits", every, prompt=10_000 - held))


async def test_from_what_a_store_cannot_hold_again_nobody_takes(gateways, tmp_path):
    """The slice ends and its gateway recovers all the same; what was spent of it is charged once that can be done."""
    every = spanning(10_000)
    office, held = await with_slices(gateways, tmp_path, every)
    spent = 800 - (await gateways.numbers(every))[0]
    assert 0 < spent < held
    await emptied(gateways)
    counters = state(HOME, every)
    await gateways.store.execute("SET", counters, "no hash")
    await office.recovered()
    assert office.ledger._stocks.of(COMPANY, every).counts() == (0, 0)
    await gateways.store.execute("DEL", counters)
    await office.recovered()
    assert await gateways.numbers(every) == (spent, 0)
