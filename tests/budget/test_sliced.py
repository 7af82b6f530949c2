"""The ledger with slices: what it takes from memory, what it asks of the store, and what is left when it dies."""

import asyncio

import pytest

from gateway.budget import Ledger, Share, Verdict
from gateway.budget.reaper import sweep
from gateway.journal import Journal
from gateway.model import Calendar, Enforcement, Fixed, Increment, Lifetime, Period, Rolling, Rollup, Unit
from tests.budget.gateways import HOME, Gateways, gateways_at, hold, of_company, order, refused, spanning, warm
from tests.budget.orders import COMPANY, DAY, HOUR, MINUTE, NO_ROLLUP, SHARD, budget

OTHER = "22222222-2222-4222-8222-222222222222"


@pytest.fixture
async def gateways(store):
    """Give gateways on an empty store."""
    made = await gateways_at(store)
    yield made
    for each in made.all:
        await each.drain(5)


async def commands(gateways: Gateways) -> int:
    """Give the scripts that the store has run since its statistics were reset."""
    stats = await gateways.store.execute("INFO", "commandstats")
    return int(stats.get("cmdstat_evalsha", {"calls": 0})["calls"])


async def test_without_sliced_budgets_nothing_is_different(gateways):
    """An order of ordinary budgets is the plain ledger's, down to the lease."""
    ledger, one = gateways.one(), budget(1000)
    lease = await hold(ledger, order("call", one, prompt=10, want=20))
    assert type(lease) is type(await hold(gateways.plain(), order("other", one, prompt=10)))
    assert await gateways.numbers(one) == (0, 40)
    assert await ledger.settle(lease, [25], NO_ROLLUP) == "settled"
    assert await gateways.numbers(one) == (25, 10)


async def test_a_budget_of_all_companies_counts_them_together(gateways):
    """Two companies of different shards spend one limit; the second is refused with the numbers of both."""
    ledger, every, own, other = gateways.one(), spanning(100), budget(1000), budget(1000, subject="c:y")
    lease = await hold(ledger, order("one", own, every, prompt=60))
    await hold(ledger, order("two", other, every, company=OTHER, prompt=30))
    await ledger.settle(lease, [60, 60], NO_ROLLUP)
    refusal = await refused(ledger, order("three", other, every, company=OTHER, prompt=20))
    assert [verdict for verdict, _ in refusal.verdicts] == [Verdict.ROOM, Verdict.BUSY]
    assert [(level.budget.name, level.used, level.held, level.remaining) for level in refusal.levels] == [
        ("tokens", 0, 30, 970),
        ("all", 60, 30, 10),
    ]


async def test_refused_by_either_holds_nothing_of_the_other(gateways):
    """A call that another budget refuses leaves no trace in the sliced one, and the other way round."""
    ledger, every, small, large = gateways.one(), spanning(100), budget(10), budget(1000, name="large")
    await refused(ledger, order("small", small, every, prompt=50))
    await refused(ledger, order("large", large, every, prompt=500))
    await ledger.drain(5)
    assert await gateways.numbers(every) == (0, 0)
    assert await gateways.numbers(large) == (0, 0)
    assert await gateways.store.execute("HLEN", f"{HOME}L") == 0


async def test_a_hot_budget_is_spent_in_memory(gateways, tmp_path):
    """A thousand calls cost a twentieth of the store's calls at most, and every token is charged in the end."""
    ledger, one = gateways.one(kept=Journal(tmp_path, "store")), of_company(10_000_000)
    await warm(ledger, one)
    await gateways.store.execute("CONFIG", "RESETSTAT")
    charge = Rollup((Increment(f"{SHARD}u:x", "tokens", 70),), ((f"{SHARD}s:x", "aa"),), 1000)
    for number in range(1000):
        lease = await hold(ledger, order(f"call-{number}", one, prompt=100))
        await ledger.settle(lease, [70], charge)
        await gateways.clock.advance(2)
    assert await commands(gateways) <= 2 * 1000 * 0.05
    await ledger.drain(5)
    assert await gateways.numbers(one) == (8 * 100 + 70_000, 0)
    assert int(await gateways.store.execute("HGET", f"{SHARD}u:x", "tokens")) == 70_000
    assert await gateways.store.execute("SCARD", f"{SHARD}s:x") == 1


async def test_what_an_idle_gateway_has_goes_back(gateways):
    """Two seconds after the last call nothing is held any more, without a drain."""
    ledger, one = gateways.one(), spanning(1_000_000)
    await warm(ledger, one)
    assert (await gateways.numbers(one))[1] > 0
    await gateways.clock.advance(2001)
    ledger.beat()
    await asyncio.sleep(0.05)
    assert await gateways.numbers(one) == (800, 0)


async def test_an_expired_slice_admits_nothing(gateways):
    """When nine tenths of its lease have passed, what is left of a slice is not taken any more."""
    ledger, one = gateways.one(), spanning(10_000)
    await warm(ledger, one)
    await ledger.override("installation", {one: 800}, "ops")
    lease = await hold(ledger, order("in time", one, prompt=100))
    await ledger.settle(lease, [100], NO_ROLLUP)
    await gateways.clock.advance(54_000)
    refusal = await refused(ledger, order("late", one, prompt=100))
    assert refusal.verdicts[0][0] is Verdict.SPENT
    assert (refusal.levels[0].used, refusal.levels[0].limit) == (900, 800)


async def test_a_dead_gateway_is_charged_for_its_slices_once(gateways):
    """What it held is charged as its lease ends: no less than the truth; then the rest is free for others."""
    dead, alive, one = gateways.one(), gateways.one(), spanning(10_000)
    await warm(dead, one)
    truth = 800
    held = (await gateways.numbers(one))[1]
    lease = await hold(alive, order("beside", one, prompt=100))
    await alive.settle(lease, [100], NO_ROLLUP)
    await gateways.clock.advance(MINUTE)
    assert await sweep(gateways.plain(), gateways.store) >= 1
    used, left = await gateways.numbers(one)
    assert truth + 100 <= used <= truth + 100 + held
    assert left == 0
    await hold(alive, order("after", one, prompt=10_000 - used))


async def test_a_gateway_that_comes_back_late_corrects_its_charge(gateways):
    """A slice that was charged as expired is settled to what was spent."""
    ledger, one = gateways.one(), spanning(10_000)
    await warm(ledger, one)
    await gateways.clock.advance(MINUTE)
    await sweep(gateways.plain(), gateways.store)
    assert (await gateways.numbers(one))[0] >= 800
    await ledger.drain(5)
    assert await gateways.numbers(one) == (800, 0)


@pytest.mark.parametrize(
    ("window", "to_end_ms"), [(Calendar(Period.DAY), DAY), (Fixed(60), MINUTE), (Rolling(30), 2 * HOUR)]
)
async def test_a_slice_ends_with_its_window(gateways, window, to_end_ms):
    """What was leased before midnight is not spent after it: a call counts where it was admitted."""
    await gateways.clock.advance(to_end_ms - 1000)
    ledger, one = gateways.one(), spanning(10_000, window)
    await warm(ledger, one)
    yesterday = await hold(ledger, order("before", one, prompt=100))
    await gateways.clock.advance(1000)
    today = await hold(ledger, order("after", one, prompt=100))
    assert today.positions != yesterday.positions
    await ledger.settle(yesterday, [100], NO_ROLLUP)
    await ledger.settle(today, [30], NO_ROLLUP)
    await ledger.drain(5)
    assert await gateways.numbers(one) == ((930 if isinstance(window, Rolling) else 30), 0)
    if isinstance(window, Rolling):
        await gateways.clock.advance(30 * DAY - 1)
        assert (await gateways.numbers(one))[0] == 930
        await gateways.clock.advance(1)
        assert (await gateways.numbers(one))[0] == 30


async def test_a_lower_limit_reaches_those_who_hold_slices(gateways):
    """A limit set in the store applies at the next look, a second later; one of the file at once."""
    ledger, one = gateways.one(), spanning(1_000_000)
    await warm(ledger, one)
    await gateways.plain().override("installation", {one: 500}, "ops")
    ledger.beat()
    await asyncio.sleep(0.05)
    refusal = await refused(ledger, order("call", one, prompt=1))
    assert (refusal.verdicts[0][0], refusal.levels[0].limit) == (Verdict.SPENT, 500)
    await gateways.plain().override("installation", {one: None}, "ops")
    await warm(ledger, one)
    assert (await refused(ledger, order("file", spanning(100), prompt=1))).levels[0].limit == 100


async def test_a_call_of_a_raised_limit_is_admitted(gateways):
    """What was refused under the old limit is admitted under the new one at once."""
    ledger = gateways.one()
    await warm(ledger, spanning(800))
    await refused(ledger, order("small", spanning(800), prompt=1))
    await hold(ledger, order("large", spanning(900), prompt=100))


@pytest.mark.parametrize("enforcement", list(Enforcement))
async def test_a_stream_grows_in_memory_and_ends_where_the_budget_does(gateways, enforcement):
    """Hard: the growth is shortened, then refused by name. Soft and shadow go on, and what was used is charged."""
    ledger, one = gateways.one(), spanning(2_000, enforcement=enforcement)
    lease = await hold(ledger, order("stream", one, prompt=100, want=500))
    assert (await ledger.extend(lease, 1_500)).granted_tokens == 1_500
    last = await ledger.extend(lease, 4_000)
    if enforcement is Enforcement.HARD:
        assert (last.granted_tokens, last.refused_by) == (1_900, None)
        extension = await ledger.extend(lease, 4_000)
        assert extension.refused_by is not None
        assert (extension.granted_tokens, extension.refused_by.budget.name) == (1_900, "all")
    else:
        assert (last.granted_tokens, last.refused_by) == (4_000, None)
    await ledger.settle(lease, [3_000], NO_ROLLUP)
    await ledger.drain(5)
    assert await gateways.numbers(one) == (3_000, 0)


async def test_what_a_call_uses_beyond_its_hold_is_debt(gateways):
    """It is charged in full, first to what is free of the slices here."""
    ledger, one = gateways.one(), spanning(100_000)
    await warm(ledger, one)
    lease = await hold(ledger, order("call", one, prompt=100))
    await ledger.settle(lease, [50_000], NO_ROLLUP)
    await ledger.drain(5)
    assert await gateways.numbers(one) == (50_800, 0)


async def test_calls_in_flight_are_capped_for_all_gateways_together(gateways):
    """A cap of three holds for two gateways, and a call that ends makes room for one at the other."""
    first, second, flying = gateways.one(), gateways.one(), spanning(3, Lifetime(), unit=Unit.IN_FLIGHT)
    leases = [await hold(ledger, order(f"{n}", flying)) for n, ledger in enumerate((first, second, first))]
    assert (await refused(second, order("4", flying))).verdicts[0][0] is Verdict.BUSY
    await first.settle(leases[0], [0], NO_ROLLUP)
    await asyncio.sleep(0.05)
    await hold(second, order("5", flying))
    assert (await gateways.numbers(flying)) == (0, 3)


async def test_others_slices_are_shown_as_held(gateways):
    """A gateway tells its own spending as used; what another holds is held."""
    first, second, one = gateways.one(), gateways.one(), spanning(1_000_000)
    await warm(first, one)
    (seen,) = await first.read(COMPANY, [one])
    (beside,) = await second.read(COMPANY, [one])
    assert seen.used == 800
    assert (beside.used + beside.held, beside.limit) == (seen.used + seen.held, 1_000_000)


async def test_near_the_end_answers_are_shortened_and_shared(gateways):
    """With little left a call gets an eighth of it, or what there is; without any it is refused exactly."""
    ledger, one = gateways.one(), spanning(4_000)
    lease = await hold(ledger, order("first", one, prompt=0, want=4_000, least=1, share=Share.YES))
    assert lease.granted_tokens == 500
    await refused(ledger, order("whole", one, want=4_000, least=4_000, share=Share.OR_REFUSE))
    rest = await hold(ledger, order("rest", one, prompt=3_500))
    refusal = await refused(ledger, order("none", one, want=10, least=1, share=Share.YES))
    assert refusal.verdicts[0] == (Verdict.BUSY, None)
    for each, amount in ((lease, 500), (rest, 3_500)):
        await ledger.settle(each, [amount], NO_ROLLUP)
    await ledger.drain(5)
    assert (await refused(ledger, order("end", one, prompt=1))).verdicts[0][0] is Verdict.SPENT


async def test_a_call_that_is_cancelled_while_it_waits_leaves_nothing(gateways):
    """Whether its slice was there or its other budgets were asked: nothing of it stays."""
    ledger, every, own = gateways.one(), spanning(1_000), budget(1_000)
    calling = asyncio.create_task(ledger.reserve(order("call", own, every, prompt=10)))
    await asyncio.sleep(0)
    calling.cancel()
    await asyncio.wait({calling})
    assert calling.cancelled()
    await ledger.drain(5)
    assert await gateways.numbers(every) == (0, 0)
    assert await gateways.numbers(own) == (0, 0)


async def test_a_report_and_the_plain_ledger_see_the_same_counters(gateways):
    """A sliced company budget is an ordinary one in the store: a gateway without slices enforces it as well."""
    ledger, one = gateways.one(), of_company(1_000)
    plain: Ledger = gateways.plain()
    await hold(plain, order("plain", one, prompt=600))
    await refused(ledger, order("sliced", one, prompt=500))
    await hold(ledger, order("fits", one, prompt=400))
    await refused(plain, order("more", one, prompt=1))


async def rest_here(gateways: Gateways, one) -> tuple[Ledger, int]:
    """Give a gateway with slices that lie unused, and their size; nothing else of the budget is left but 50."""
    ledger = gateways.one()
    await warm(ledger, one)
    taken = sum(await gateways.numbers(one))
    await hold(gateways.one(), order("beside", one, prompt=one.limit - taken - 50))
    return ledger, taken - 800


async def test_the_last_of_a_slice_makes_a_shortened_answer(gateways):
    """Where the store has too little left, a call that may be shortened gets what lies here."""
    one = spanning(10_000)
    ledger, free = await rest_here(gateways, one)
    assert free > 50
    lease = await hold(ledger, order("call", one, want=9_000, least=60))
    assert lease.granted_tokens == free
    assert sum(await gateways.numbers(one)) == 10_000 - 50


async def test_what_lies_unused_stands_in_nobodys_way(gateways):
    """A call that fits only if the slices here go back is admitted: they do."""
    one = spanning(10_000)
    ledger, free = await rest_here(gateways, one)
    lease = await hold(ledger, order("call", one, prompt=free + 50))
    assert sum(await gateways.numbers(one)) == 10_000
    await ledger.settle(lease, [free], NO_ROLLUP)
    await ledger.drain(5)
    assert sum(await gateways.numbers(one)) == 10_000 - 50
