"""Refusals: why, whether to come back and exactly when; and that a refused call leaves no trace."""

from itertools import pairwise

import pytest

from gateway.budget import Lease, Refusal, Verdict
from gateway.model import Calendar, Enforcement, Fixed, Lifetime, Period, Rolling, Unit
from tests.budget.clock import START_MS, ledger_at
from tests.budget.orders import COMPANY, DAY, HOUR, MINUTE, NO_ROLLUP, budget, charge, contents, hold, numbers, order

ROOM, BUSY, SPENT, TOO_LARGE = Verdict
TODAY = Calendar(Period.DAY)
LEAVES_MS = START_MS + 30 * DAY + 2 * HOUR  # when a charge of the first two hours leaves a window of 30 days


async def refusal(ledger, call, *budgets, **asked) -> Refusal:
    """Reserve what must be refused."""
    outcome = await ledger.reserve(order(call, *budgets, **asked))
    assert isinstance(outcome, Refusal), outcome
    return outcome


@pytest.mark.parametrize(
    ("window", "limit", "used", "held", "need", "verdict"),
    [
        pytest.param(Rolling(30), 100, 0, 60, 41, (BUSY, None), id="only holds stand in the way"),
        pytest.param(Rolling(30), 100, 59, 41, 41, (BUSY, None), id="without holds it would just fit"),
        pytest.param(Rolling(30), 100, 60, 0, 41, (SPENT, LEAVES_MS), id="spent"),
        pytest.param(Rolling(30), 100, 60, 40, 41, (SPENT, LEAVES_MS), id="spent, and held besides"),
        pytest.param(Rolling(30), 100, 0, 0, 101, (TOO_LARGE, None), id="larger than the limit"),
        pytest.param(Rolling(30), 100, 100, 0, 101, (TOO_LARGE, None), id="too large comes before spent"),
        pytest.param(Rolling(30), 0, 0, 0, 1, (SPENT, None), id="blocked, not too large"),
        pytest.param(Rolling(30), 0, 0, 0, 0, (SPENT, None), id="blocked, whatever is asked"),
        pytest.param(TODAY, 100, 60, 0, 41, (SPENT, START_MS + DAY), id="a day ends at midnight"),
        pytest.param(TODAY, 100, 0, 60, 41, (BUSY, None), id="a day, held"),
        pytest.param(Fixed(60), 100, 60, 0, 41, (SPENT, START_MS + MINUTE), id="a minute ends with the minute"),
        pytest.param(Lifetime(), 100, 60, 0, 41, (SPENT, None), id="a lifetime never ends"),
        pytest.param(Lifetime(), 100, 0, 60, 41, (BUSY, None), id="a lifetime, held"),
        pytest.param(TODAY, -1, 10**9, 10**9, 10**9, (ROOM, None), id="unlimited"),
    ],
)
async def test_a_verdict(store, window, limit, used, held, need, verdict):
    """A budget says what stands in the way: nothing, holds, what was used, or the call's own size."""
    ledger, _ = await ledger_at(store)
    blocked = budget(0, name="blocked")
    if used:
        await charge(ledger, "used", used, budget(-1, window))
    if held:
        await hold(ledger, "held", budget(-1, window), prompt=held)
    outcome = await refusal(ledger, "call", budget(limit, window), blocked, prompt=need)
    assert outcome.verdicts == (verdict, (SPENT, None))


async def test_an_in_flight_cap_is_busy(store):
    """A call too many at once only has to wait for another one to end."""
    ledger, _ = await ledger_at(store)
    one = budget(1, Lifetime(), "flying", unit=Unit.IN_FLIGHT)
    lease = await hold(ledger, "first", one)
    assert (await refusal(ledger, "second", one)).verdicts == ((BUSY, None),)
    await ledger.settle(lease, [0], NO_ROLLUP)
    assert isinstance(await ledger.reserve(order("second", one)), Lease)


async def test_a_refusal_names_every_budget_s_part_in_it(store):
    """Budgets with room, without and beyond hope stand side by side, each with its numbers as they are."""
    ledger, _ = await ledger_at(store)
    wide, spent, small = budget(1000), budget(100, TODAY, "day"), budget(10, name="small")
    await charge(ledger, "used", 90, wide, spent)
    await hold(ledger, "held", wide, spent, prompt=5)
    outcome = await refusal(ledger, "call", wide, spent, small, prompt=20)
    assert outcome.verdicts == ((ROOM, None), (SPENT, START_MS + DAY), (TOO_LARGE, None))
    assert [(level.budget, level.limit, level.used, level.held) for level in outcome.levels] == [
        (wide, 1000, 90, 5),
        (spent, 100, 90, 5),
        (small, 10, 0, 0),
    ]
    assert (outcome.now_ms, outcome.order.call_id) == (START_MS, "call")


async def test_the_least_completion_is_part_of_what_must_fit(store):
    """A call whose prompt fits but not one token of an answer is refused."""
    ledger, _ = await ledger_at(store)
    one = budget(100)
    assert (await refusal(ledger, "call", one, prompt=100, want=4096, least=1)).verdicts == ((TOO_LARGE, None),)
    assert isinstance(await ledger.reserve(order("call", one, prompt=99, want=4096, least=1)), Lease)


@pytest.mark.parametrize("enforcement", [Enforcement.HARD, Enforcement.SOFT])
@pytest.mark.parametrize("need", [10, 11, 20, 45, 46, 65, 66, 90, 100])
async def test_the_instant_a_rolling_window_has_room_is_exact(store, enforcement, need):
    """With many buckets: refused until a millisecond before `retry_at_ms`, admitted at it."""
    ledger, clock = await ledger_at(store, START_MS + 17 * MINUTE)
    one = budget(100, Rolling(7), enforcement=enforcement)
    for n, amount in enumerate([35, 20, 25, 10, 5]):
        await charge(ledger, f"call-{n}", amount, one)
        await clock.advance(13 * HOUR + n)
    await charge(ledger, "last", 5, one)
    ((verdict, retry_at_ms),) = (await refusal(ledger, "early", one, prompt=need)).verdicts
    assert verdict is SPENT
    await clock.move_to(retry_at_ms - 1)
    assert (await refusal(ledger, "early", one, prompt=need)).verdicts == ((SPENT, retry_at_ms),)
    await clock.move_to(retry_at_ms)
    assert isinstance(await ledger.reserve(order("early", one, prompt=need)), Lease)


async def test_a_larger_call_has_to_wait_longer(store):
    """The instant moves with the size of the call, bucket by bucket, and is never beyond the window's end."""
    ledger, clock = await ledger_at(store)
    one = budget(100, Rolling(7))
    for n in range(5):
        await charge(ledger, f"call-{n}", 20, one)
        await clock.advance(DAY)
    instants = [(await refusal(ledger, f"n-{need}", one, prompt=need)).verdicts[0][1] for need in (1, 21, 41, 61, 81)]
    assert [later - sooner for sooner, later in pairwise(instants)] == [DAY] * 4
    assert instants[0] == START_MS + 7 * DAY + HOUR // 2


@pytest.mark.parametrize(
    ("window", "zone"), [(TODAY, "Europe/Rome"), (Calendar(Period.WEEK), "UTC"), (Fixed(60), "UTC"), (Fixed(7), "UTC")]
)
async def test_the_instant_a_window_begins_anew_is_exact(store, window, zone):
    """Refused until the last millisecond of the window, admitted in the first of the next."""
    ledger, clock = await ledger_at(store, START_MS + 12_345)
    one = budget(100, window, zone=zone)
    await charge(ledger, "used", 60, one)
    ((_, retry_at_ms),) = (await refusal(ledger, "call", one, prompt=41)).verdicts
    await clock.move_to(retry_at_ms - 1)
    await refusal(ledger, "call", one, prompt=41)
    await clock.move_to(retry_at_ms)
    assert isinstance(await ledger.reserve(order("call", one, prompt=41)), Lease)


async def test_where_several_budgets_are_spent_the_latest_instant_admits(store):
    """The call passes when the last of its budgets has room, and not before."""
    ledger, clock = await ledger_at(store)
    some = (budget(100, Fixed(60), "minute"), budget(100, TODAY, "day"), budget(100, Rolling(7)))
    await charge(ledger, "used", 100, *some)
    verdicts = (await refusal(ledger, "call", *some, prompt=10)).verdicts
    instants = [at for _, at in verdicts]
    assert instants == sorted(instants)
    await clock.move_to(instants[-1] - 1)
    assert (await refusal(ledger, "call", *some, prompt=10)).verdicts[:2] == ((ROOM, None),) * 2
    await clock.move_to(instants[-1])
    assert isinstance(await ledger.reserve(order("call", *some, prompt=10)), Lease)


async def test_a_refused_call_leaves_no_trace(store):
    """Every key, value and end is as it was before: also where windows were due to roll and buckets to go."""
    ledger, clock = await ledger_at(store)
    day, rolling, minute = budget(100, TODAY, "day"), budget(200, Rolling(7)), budget(500, Fixed(60), "minute")
    await charge(ledger, "old", 30, day, rolling, minute)
    await clock.advance(7 * DAY)
    await charge(ledger, "new", 90, rolling)
    await clock.advance(2 * HOUR)
    await hold(ledger, "held", rolling, prompt=1)
    before = await contents(store)
    outcome = await refusal(ledger, "call", minute, day, rolling, prompt=101, want=4096, share=True)
    assert [verdict for verdict, _ in outcome.verdicts] == [ROOM, TOO_LARGE, ROOM]
    assert await contents(store) == before


async def test_a_call_that_needs_only_dead_leases_gone_is_admitted(store):
    """Before refusing, what expired leases hold is freed: nobody waits for the sweep."""
    ledger, clock = await ledger_at(store)
    one = budget(100)
    for n in range(5):
        await hold(ledger, f"dead-{n}", one, prompt=20, charged_if_expired=False)
    await refusal(ledger, "call", one, prompt=100)
    await clock.advance(MINUTE - 1)
    await refusal(ledger, "call", one, prompt=100)
    await clock.advance(1)
    assert isinstance(await ledger.reserve(order("call", one, prompt=100)), Lease)
    assert await numbers(ledger, one) == ((0, 100),)


async def test_dead_leases_that_are_charged_do_not_make_room(store):
    """An expired hold of a forwarded call becomes usage: the call is refused, now as spent."""
    ledger, clock = await ledger_at(store)
    one = budget(100)
    await hold(ledger, "dead", one, prompt=80)
    assert (await refusal(ledger, "call", one, prompt=30)).verdicts[0][0] is BUSY
    await clock.advance(MINUTE)
    assert (await refusal(ledger, "call", one, prompt=30)).verdicts[0][0] is SPENT
    assert await numbers(ledger, one) == ((80, 0),)


async def test_an_admitted_call_reaps_nobody(store):
    """Only a refusal looks for dead leases: the way of a call that fits is one step."""
    ledger, clock = await ledger_at(store)
    one = budget(100)
    await hold(ledger, "dead", one, prompt=20)
    await clock.advance(MINUTE)
    await hold(ledger, "call", one, prompt=80)
    assert await numbers(ledger, one) == ((0, 100),)
    assert [level.held for level in await ledger.read(COMPANY, [one])] == [100]
