"""What the ledger promises call by call: limits, grants, leases that are repeated, grown, settled or gone."""

import asyncio

import pytest

from gateway.budget import Ask, Lease, Ledger, LedgerFault, Order, Refusal
from gateway.budget.wire import Position
from gateway.model import Calendar, Enforcement, Fixed, Lifetime, Period, Rolling, Unit
from tests.budget.clock import START_MS, ledger_at, stoppable
from tests.budget.orders import (
    COMPANY,
    DAY,
    MINUTE,
    NO_ROLLUP,
    ONE,
    SHARD,
    budget,
    charge,
    contents,
    hold,
    numbers,
    order,
)

SOFT, SHADOW = Enforcement.SOFT, Enforcement.SHADOW


async def is_admitted(ledger, call, *budgets, **asked) -> bool:
    """Reserve, and say whether it was admitted."""
    return isinstance(await ledger.reserve(order(call, *budgets, **asked)), Lease)


# ---------------------------------------------------------------- limits


async def test_a_call_is_held_in_full_before_and_charged_in_part_after(store):
    """A hold is the prompt and the granted completion; the charge is what was used, and the hold is free again."""
    ledger, clock = await ledger_at(store)
    one = budget(1000)
    lease = await hold(ledger, "call", one, prompt=100, want=400)
    assert (lease.admitted_ms, lease.granted_tokens) == (clock.now_ms, 400)
    assert await numbers(ledger, one) == ((0, 500),)
    assert await ledger.settle(lease, [230], NO_ROLLUP) == "settled"
    assert await numbers(ledger, one) == ((230, 0),)


async def test_an_unlimited_budget_never_refuses_and_still_counts(store):
    """-1 admits anything, and what was used is known."""
    ledger, _ = await ledger_at(store)
    one = budget(-1)
    await charge(ledger, "call", 10**12, one)
    assert await is_admitted(ledger, "next", one, prompt=10**12)
    (level,) = await ledger.read(COMPANY, [one])
    assert (level.used, level.held, level.remaining) == (10**12, 10**12, None)


async def test_a_limit_of_zero_blocks_every_call(store):
    """0 admits not even a call that weighs nothing, and one such budget among others refuses it in all."""
    ledger, _ = await ledger_at(store)
    wide, blocked = budget(1000), budget(0, Calendar(Period.DAY), "day")
    assert not await is_admitted(ledger, "call", wide, blocked, prompt=1)
    assert not await is_admitted(ledger, "nothing", wide, blocked)
    assert await numbers(ledger, wide, blocked) == ((0, 0), (0, 0))


@pytest.mark.parametrize(("limit", "admitted"), [(149, False), (150, True), (10_000, True), (-1, True), (0, False)])
async def test_a_changed_limit_applies_to_the_next_call_and_keeps_what_was_used(store, limit, admitted):
    """Raised or lowered, also below what is used already: the next call is judged by the new limit."""
    ledger, _ = await ledger_at(store)
    await charge(ledger, "before", 100, budget(200))
    assert await is_admitted(ledger, "after", budget(limit), prompt=50) is admitted
    assert await numbers(ledger, budget(limit)) == ((100, 50 if admitted else 0),)


async def test_a_limit_lowered_below_what_is_held_cuts_nobody_off(store):
    """Calls in flight settle as they were admitted; only new ones are refused."""
    ledger, _ = await ledger_at(store)
    lease = await hold(ledger, "flying", budget(1000), prompt=900)
    low = budget(100)
    assert not await is_admitted(ledger, "new", low, prompt=1)
    assert await ledger.settle(lease, [900], NO_ROLLUP) == "settled"
    assert await numbers(ledger, low) == ((900, 0),)


async def test_two_workers_share_every_number(store):
    """Two ledgers on one store never admit together what one alone would refuse."""
    first, _ = await ledger_at(store)
    second = Ledger(store, stoppable(), lease_seconds=60)
    one = budget(100)
    outcomes = await asyncio.gather(
        *(worker.reserve(order(f"{n}-{id(worker)}", one, prompt=10)) for n in range(20) for worker in (first, second))
    )
    assert sum(isinstance(outcome, Lease) for outcome in outcomes) == 10
    assert await numbers(first, one) == await numbers(second, one) == ((0, 100),)


async def test_subjects_do_not_share_a_counter(store):
    """The same budget of two users is two counters."""
    ledger, _ = await ledger_at(store)
    ada, bob = budget(100, subject="u:ada"), budget(100, subject="u:bob")
    await charge(ledger, "call", 100, ada)
    assert not await is_admitted(ledger, "ada", ada, prompt=1)
    assert await is_admitted(ledger, "bob", bob, prompt=100)


@pytest.mark.parametrize("window", [Rolling(30), Calendar(Period.MONTH), Fixed(60), Lifetime()])
async def test_the_largest_numbers_survive(store, window):
    """Totals just below 2^53 are kept digit by digit."""
    ledger, _ = await ledger_at(store)
    one = budget(2**53 - 1, window)
    await charge(ledger, "most", 2**53 - 2, one)
    assert await numbers(ledger, one) == ((2**53 - 2, 0),)
    assert await is_admitted(ledger, "last", one, prompt=1)
    assert not await is_admitted(ledger, "over", one, prompt=1)


# ---------------------------------------------------------------- grants


@pytest.mark.parametrize(
    ("limit", "asked", "granted"),
    [
        pytest.param(100_000, {"want": 4096}, 4096, id="room for all: all"),
        pytest.param(100_000, {"want": 4096, "share": True}, 4096, id="an eighth is more than the bound"),
        pytest.param(16_000, {"want": 4096, "share": True}, 2000, id="an eighth of what remains"),
        pytest.param(16_100, {"prompt": 100, "want": 4096, "share": True}, 2000, id="what remains after the prompt"),
        pytest.param(2047, {"want": 4096, "share": True}, 256, id="never less than 256"),
        pytest.param(200, {"want": 4096, "share": True}, 200, id="unless less than 256 remains"),
        pytest.param(2047, {"want": 100, "share": True}, 100, id="never more than the bound"),
        pytest.param(2047, {"want": 4096}, 2047, id="without sharing: all that remains"),
        pytest.param(50, {"prompt": 34, "want": 4096, "least": 16}, 16, id="down to the least"),
        pytest.param(50, {"prompt": 35, "want": 4096, "least": 16}, None, id="below the least: refused"),
        pytest.param(2047, {"want": 4096, "least": 300, "share": True}, 300, id="the least beats sharing"),
        pytest.param(-1, {"want": 4096, "share": True}, 4096, id="unlimited: all"),
        pytest.param(1000, {"want": 4096, "rate_micros": 3 * ONE}, 333, id="by the weight of a token, rounded down"),
        pytest.param(1000, {"want": 4096, "rate_micros": ONE // 2}, 2000, id="light tokens: more of them"),
        pytest.param(1000, {"want": 4096, "rate_micros": 0}, 4096, id="tokens that weigh nothing"),
    ],
)
async def test_a_grant(store, limit, asked, granted):
    """A grant is min(bound, max(256, an eighth of what remains)), cut to what fits, or all that fits."""
    ledger, _ = await ledger_at(store)
    outcome = await ledger.reserve(order("call", budget(limit), **asked))
    assert (outcome.granted_tokens if isinstance(outcome, Lease) else None) == granted


async def test_what_remains_is_what_is_neither_used_nor_held(store):
    """Sharing divides what other calls have left, so concurrent calls near the end coexist."""
    ledger, _ = await ledger_at(store)
    one = budget(10_000)
    await charge(ledger, "before", 2000, one)
    grants = [(await hold(ledger, f"call-{n}", one, want=4096, share=True)).granted_tokens for n in range(4)]
    assert grants == [1000, 875, 765, 670]


@pytest.mark.parametrize("places", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
async def test_the_tightest_of_several_budgets_grants(store, places):
    """Whatever their order, a call gets what every hard budget has room for, and holds that in all of them."""
    ledger, _ = await ledger_at(store)
    some = (budget(8000), budget(700, Calendar(Period.DAY), "day"), budget(-1, name="open"))
    lease = await hold(ledger, "call", *(some[place] for place in places), prompt=100, want=4096)
    assert lease.granted_tokens == 600
    assert await numbers(ledger, *some) == ((0, 700),) * 3


async def test_a_soft_budget_refuses_a_call_but_cuts_none(store):
    """Soft holds no more than it has room for and lets the grant be; once spent it refuses like a hard one."""
    ledger, _ = await ledger_at(store)
    one = budget(1000, enforcement=SOFT)
    lease = await hold(ledger, "call", one, prompt=100, want=4096)
    assert lease.granted_tokens == 4096
    assert await numbers(ledger, one) == ((0, 1000),)
    await ledger.settle(lease, [4196], NO_ROLLUP)
    assert await numbers(ledger, one) == ((4196, 0),)
    assert not await is_admitted(ledger, "next", one, prompt=1)


async def test_a_shadow_budget_counts_everything_and_refuses_nothing(store):
    """Shadow holds and charges as the others do, also far above its limit and when its limit is 0."""
    ledger, _ = await ledger_at(store)
    some = (budget(100, enforcement=SHADOW), budget(0, name="zero", enforcement=SHADOW))
    lease = await hold(ledger, "call", *some, prompt=500, want=4096)
    assert await numbers(ledger, *some) == ((0, 4596),) * 2
    await ledger.settle(lease, [900, 900], NO_ROLLUP)
    assert await numbers(ledger, *some) == ((900, 0),) * 2


async def test_a_soft_or_shadow_budget_leaves_the_grant_to_the_hard_ones(store):
    """Beside a hard budget with room, what a soft or shadow one lacks does not shrink the grant."""
    ledger, _ = await ledger_at(store)
    some = (budget(5000), budget(300, name="soft", enforcement=SOFT), budget(1, name="shadow", enforcement=SHADOW))
    lease = await hold(ledger, "call", *some, want=4096)
    assert lease.granted_tokens == 4096
    assert await numbers(ledger, *some) == ((0, 4096), (0, 300), (0, 4096))


async def test_requests_and_calls_in_flight_are_counted_by_one(store):
    """Each call takes one of either; a settled call was a request and is no longer in flight."""
    ledger, _ = await ledger_at(store)
    requests = budget(3, Fixed(60), "rpm", unit=Unit.REQUESTS)
    flying = budget(2, Lifetime(), "flying", unit=Unit.IN_FLIGHT)
    leases = [await hold(ledger, f"call-{n}", requests, flying) for n in range(2)]
    assert not await is_admitted(ledger, "third in flight", requests, flying)
    for lease in leases:
        await ledger.settle(lease, [1, 0], NO_ROLLUP)
    assert await numbers(ledger, requests, flying) == ((2, 0), (0, 0))
    assert await is_admitted(ledger, "third request", requests, flying)
    assert not await is_admitted(ledger, "fourth request", requests, flying)


# ---------------------------------------------------------------- leases


async def test_a_repeated_reserve_answers_as_before_and_holds_once(store):
    """A retry of a live call gets the same grant, time and places, even when a new call would get less."""
    ledger, clock = await ledger_at(store)
    some = (budget(1000), budget(5000, Calendar(Period.DAY), "day"))
    asked = order("call", *some, prompt=100, want=800)
    first = await ledger.reserve(asked)
    await clock.advance(30_000)
    again = await ledger.reserve(asked)
    assert (again.granted_tokens, again.admitted_ms, again.positions) == (800, START_MS, first.positions)
    assert await numbers(ledger, *some) == ((0, 900),) * 2


async def test_a_repeated_reserve_past_midnight_still_names_yesterday(store):
    """The places of a lease are those of its admission, so that its charge cannot move to another day."""
    ledger, clock = await ledger_at(store, START_MS + DAY - 1)
    one = budget(1000, Calendar(Period.DAY))
    first = await hold(ledger, "call", one, prompt=100)
    await clock.advance(1)
    again = await hold(ledger, "call", one, prompt=100)
    assert again.positions == first.positions
    assert await numbers(ledger, one) == ((0, 0),)


@pytest.mark.parametrize("how", ["settle", "release", "expire"])
async def test_a_call_that_has_ended_cannot_begin_again(store, how):
    """A reserve that comes after its call's end is turned away and holds nothing."""
    ledger, clock = await ledger_at(store)
    one = budget(1000)
    lease = await hold(ledger, "call", one, prompt=100)
    if how == "settle":
        await ledger.settle(lease, [60], NO_ROLLUP)
    elif how == "release":
        await ledger.release(lease)
    else:
        await clock.advance(MINUTE)
        await ledger.reap(SHARD)
    before = await contents(store)
    with pytest.raises(LedgerFault, match="call call has already ended"):
        await ledger.reserve(lease.order)
    assert await contents(store) == before


async def test_a_release_that_overtakes_its_reserve_turns_it_away(store):
    """When the reserve arrives at last nobody waits for it: it must not hold anything."""
    ledger, _ = await ledger_at(store)
    one = budget(1000)
    asked = order("call", one, prompt=100)
    assert await ledger.release(Lease(asked, START_MS, 0, (Position(0, 0),), ())) == "already"
    with pytest.raises(LedgerFault, match="already ended"):
        await ledger.reserve(asked)
    assert await numbers(ledger, one) == ((0, 0),)


async def test_a_released_call_used_nothing(store):
    """A release frees all budgets, charges none, and a settle after it changes nothing."""
    ledger, _ = await ledger_at(store)
    some = (budget(1000), budget(5, Fixed(60), "rpm", unit=Unit.REQUESTS))
    lease = await hold(ledger, "call", *some, prompt=100)
    assert await ledger.release(lease) == "settled"
    assert await ledger.settle(lease, [100, 1], NO_ROLLUP) == "already"
    assert await numbers(ledger, *some) == ((0, 0), (0, 0))


async def test_settled_three_times_is_charged_once(store):
    """The first settle counts; later ones, also with other amounts, do nothing."""
    ledger, _ = await ledger_at(store)
    one = budget(1000)
    lease = await hold(ledger, "call", one, prompt=100)
    outcomes = [await ledger.settle(lease, [amount], NO_ROLLUP) for amount in (60, 60, 999)]
    assert outcomes == ["settled", "already", "already"]
    assert await numbers(ledger, one) == ((60, 0),)


async def test_usage_above_the_hold_is_debt(store):
    """What a call used beyond its hold is charged in full, and the debt keeps others out."""
    ledger, _ = await ledger_at(store)
    one = budget(100)
    lease = await hold(ledger, "call", one, prompt=50)
    await ledger.settle(lease, [130], NO_ROLLUP)
    (level,) = await ledger.read(COMPANY, [one])
    assert (level.used, level.held, level.remaining) == (130, 0, 0)
    assert not await is_admitted(ledger, "next", one, prompt=1)


# ---------------------------------------------------------------- growth


async def test_a_hold_grows_in_every_budget(store):
    """More tokens for a call are more held everywhere it counts."""
    ledger, _ = await ledger_at(store)
    some = (budget(10_000), budget(10_000, Calendar(Period.DAY), "day"))
    lease = await hold(ledger, "call", *some, prompt=100, want=2048)
    extension = await ledger.extend(lease, 4096)
    assert (extension.granted_tokens, extension.refused_by, extension.gone) == (4096, None, False)
    assert await numbers(ledger, *some) == ((0, 4196),) * 2
    await ledger.settle(lease, [4000, 4000], NO_ROLLUP)
    assert await numbers(ledger, *some) == ((4000, 0),) * 2


async def test_a_hold_grows_in_all_budgets_or_in_none(store):
    """One budget without room stops the growth in the others, and is named; nothing is written."""
    ledger, _ = await ledger_at(store)
    wide, tight = budget(10_000), budget(2148, Calendar(Period.DAY), "day")
    lease = await hold(ledger, "call", wide, tight, prompt=100, want=2048)
    before = await contents(store)
    extension = await ledger.extend(lease, 4096)
    assert (extension.granted_tokens, extension.gone) == (2048, False)
    assert (extension.refused_by.budget, extension.refused_by.remaining) == (tight, 0)
    assert await contents(store) == before


async def test_a_hold_grows_by_what_the_tightest_budget_has_left(store):
    """Where less than was asked fits, that is granted, in every budget."""
    ledger, _ = await ledger_at(store)
    some = (budget(10_000), budget(2500, Calendar(Period.DAY), "day"), budget(-1, name="open"))
    lease = await hold(ledger, "call", *some, prompt=100, want=2048)
    assert (await ledger.extend(lease, 4096)).granted_tokens == 2400
    assert await numbers(ledger, *some) == ((0, 2500),) * 3
    assert (await ledger.extend(lease, 4096)).refused_by.budget == some[1]


@pytest.mark.parametrize("enforcement", [SOFT, SHADOW])
async def test_a_hold_grows_past_a_limit_that_is_not_hard(store, enforcement):
    """A call in flight is let finish where its budget is soft or only watches."""
    ledger, _ = await ledger_at(store)
    one = budget(2100, enforcement=enforcement)
    lease = await hold(ledger, "call", one, prompt=100, want=2000)
    assert (await ledger.extend(lease, 4000)).granted_tokens == 4000
    assert await numbers(ledger, one) == ((0, 4100),)


async def test_a_repeated_or_smaller_extend_changes_no_hold(store):
    """Asking for what is granted already only moves the deadline."""
    ledger, _ = await ledger_at(store)
    one = budget(10_000)
    lease = await hold(ledger, "call", one, want=2048)
    assert [(await ledger.extend(lease, want)).granted_tokens for want in (4096, 4096, 100, 0)] == [4096] * 4
    assert await numbers(ledger, one) == ((0, 4096),)


async def test_a_heartbeat_keeps_a_lease_alive(store):
    """An extended lease outlives its first deadline and ends one lease after the last heartbeat."""
    ledger, clock = await ledger_at(store)
    one = budget(10_000)
    lease = await hold(ledger, "call", one, prompt=10)
    for _ in range(4):
        await clock.advance(MINUTE - 1)
        await ledger.extend(lease)
        assert await ledger.reap(SHARD) == 0
    await clock.advance(MINUTE)
    assert await ledger.reap(SHARD) == 1


async def test_growth_keeps_a_lease_alive_and_a_refused_growth_does_not(store):
    """More tokens are a later deadline too; who is refused more has the time it had."""
    ledger, clock = await ledger_at(store)
    lease = await hold(ledger, "call", budget(200), prompt=10)
    await clock.advance(MINUTE - 1)
    await ledger.extend(lease, 100)
    await clock.advance(MINUTE - 1)
    assert await ledger.reap(SHARD) == 0
    await ledger.extend(lease, 190)
    assert (await ledger.extend(lease, 500)).refused_by is not None
    await clock.advance(MINUTE - 1)
    assert (await ledger.extend(lease, 500)).refused_by is not None
    await clock.advance(1)
    assert await ledger.reap(SHARD) == 1


@pytest.mark.parametrize("how", ["settle", "release", "expire"])
async def test_a_lease_that_is_no_more_cannot_grow(store, how):
    """After its end an extend says so and writes nothing."""
    ledger, clock = await ledger_at(store)
    lease = await hold(ledger, "call", budget(10_000), prompt=10)
    if how == "expire":
        await clock.advance(MINUTE)
        await ledger.reap(SHARD)
    else:
        await (ledger.settle(lease, [7], NO_ROLLUP) if how == "settle" else ledger.release(lease))
    before = await contents(store)
    extension = await ledger.extend(lease, 100)
    assert (extension.gone, extension.granted_tokens) == (True, 0)
    assert await contents(store) == before


@pytest.mark.parametrize("is_new_day_full", [False, True])
async def test_a_lease_grows_past_midnight_without_touching_the_new_day(store, is_new_day_full):
    """It belongs to the day it was admitted in: the new day neither stops it nor pays for it."""
    ledger, clock = await ledger_at(store, START_MS + DAY - 1)
    day, month = budget(1000, Calendar(Period.DAY), "day"), budget(10_000, Calendar(Period.MONTH), "month")
    lease = await hold(ledger, "night", day, month, prompt=100, want=900)
    await clock.advance(1)
    if is_new_day_full:
        await charge(ledger, "morning", 1000, day)
    today = 1000 if is_new_day_full else 0
    assert (await ledger.extend(lease, 4000)).granted_tokens == 4000
    assert await numbers(ledger, day, month) == ((today, 0), (0, 4100))
    await ledger.settle(lease, [3000, 3000], NO_ROLLUP)
    assert await numbers(ledger, day, month) == ((today, 0), (3000, 0))


async def test_an_extend_of_a_blocked_budget_is_refused(store):
    """A limit of 0 set while a call is under way stops its growth."""
    ledger, _ = await ledger_at(store)
    one = budget(10_000)
    lease = await hold(ledger, "call", one, prompt=100, want=100)
    await ledger.override(COMPANY, {one: 0}, "ops")
    extension = await ledger.extend(lease, 200)
    assert (extension.granted_tokens, extension.refused_by.limit) == (100, 0)


async def test_an_order_may_weigh_each_budget_differently(store):
    """Each ask has its own minimum and rate: what is held follows them, rounded up."""
    ledger, _ = await ledger_at(store)
    plain, heavy = budget(10_000), budget(10_000, name="heavy")
    asks = (Ask(plain, 100, ONE), Ask(heavy, 151, 1_500_001))
    outcome = await ledger.reserve(Order("call", COMPANY, asks, 1000, 1))
    assert not isinstance(outcome, Refusal)
    assert await numbers(ledger, plain, heavy) == ((0, 1100), (0, 151 + 1501))
