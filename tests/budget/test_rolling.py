"""Rolling windows on a real store: a charge leaves late by at most one bucket, never early, and memory is bounded."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.budget import Lease
from gateway.budget.windows import bucket_width_ms
from gateway.model import Rolling
from tests.budget.clock import START_MS, ledger_at
from tests.budget.orders import COMPANY, DAY, HOUR, MINUTE, NO_ROLLUP, SHARD, budget, charge, hold, numbers, order

WIDTH = bucket_width_ms(30)
WINDOW = 30 * DAY
BUDGET = budget(1_000_000)
BUCKETS = f"{SHARD}w:{BUDGET.subject}:{BUDGET.id}"

ON_ONE_STORE = settings(deadline=None, suppress_health_check=list(HealthCheck))


@settings(ON_ONE_STORE, max_examples=25)
@given(days=st.sampled_from([1, 2, 7, 30, 90, 365, 480]), offset_ms=st.integers(0, 2 * DAY))
async def test_a_charge_leaves_between_w_and_w_plus_one_bucket(valkey_store, days, offset_ms):
    """A charge counts for the whole window after its admission and is gone one bucket later at the latest."""
    await valkey_store.execute("FLUSHALL")
    ledger, clock = await ledger_at(valkey_store, START_MS + offset_ms)
    one = budget(-1, Rolling(days))
    await charge(ledger, "call", 7, one)
    admitted_ms, window_ms, width_ms = clock.now_ms, days * DAY, bucket_width_ms(days)
    await clock.move_to(admitted_ms + window_ms)
    assert await numbers(ledger, one) == ((7, 0),)
    (level,) = await ledger.read(COMPANY, [one])
    assert admitted_ms + window_ms < level.resets_at_ms <= admitted_ms + window_ms + width_ms
    await clock.move_to(level.resets_at_ms - 1)
    assert await numbers(ledger, one) == ((7, 0),)
    await clock.move_to(level.resets_at_ms)
    assert await numbers(ledger, one) == ((0, 0),)


@settings(ON_ONE_STORE, max_examples=8)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from([0, 1, MINUTE, 4 * MINUTE, HOUR, 11 * HOUR]), st.integers(1, 400)),
        min_size=20,
        max_size=40,
    )
)
async def test_no_interval_of_the_window_s_length_admits_more_than_the_limit(valkey_store, steps):
    """Whatever is asked and when: in every interval as long as the window, what was admitted fits the limit."""
    await valkey_store.execute("FLUSHALL")
    ledger, clock = await ledger_at(valkey_store)
    limit, one = 1000, budget(1000, Rolling(1))
    admitted = []
    for n, (pause_ms, amount) in enumerate(steps):
        await clock.advance(pause_ms)
        outcome = await ledger.reserve(order(f"call-{n}", one, prompt=amount))
        if isinstance(outcome, Lease):
            await ledger.settle(outcome, [amount], NO_ROLLUP)
            admitted.append((outcome.admitted_ms, amount))
    for start_ms, _ in admitted:
        assert sum(amount for at_ms, amount in admitted if start_ms <= at_ms <= start_ms + DAY) <= limit


async def test_a_late_settle_goes_into_the_bucket_of_the_admission(store):
    """A call that ends days after it began leaves the window by when it began."""
    ledger, clock = await ledger_at(store)
    lease = await hold(ledger, "slow", BUDGET, prompt=100)
    await clock.advance(3 * DAY)
    await charge(ledger, "other", 5, BUDGET)
    await ledger.settle(lease, [70], NO_ROLLUP)
    assert await store.execute("HGET", BUCKETS, START_MS // WIDTH) == b"70"
    await clock.move_to(START_MS + WINDOW + WIDTH)
    assert await numbers(ledger, BUDGET) == ((5, 0),)


async def test_a_late_settle_into_the_oldest_live_bucket_still_counts(store):
    """Up to the last instant of W + w a charge is part of the window, and then leaves with its bucket."""
    ledger, clock = await ledger_at(store)
    lease = await hold(ledger, "slow", BUDGET, prompt=100)
    await clock.advance(WINDOW + WIDTH - 1)
    await charge(ledger, "other", 5, BUDGET)
    await ledger.settle(lease, [70], NO_ROLLUP)
    assert await numbers(ledger, BUDGET) == ((75, 0),)
    await clock.advance(1)
    assert await numbers(ledger, BUDGET) == ((5, 0),)


async def test_a_settle_after_its_bucket_has_left_frees_the_hold_and_counts_nothing(store):
    """What was admitted longer than a window ago is no part of it, however late it is settled."""
    ledger, clock = await ledger_at(store)
    lease = await hold(ledger, "slow", BUDGET, prompt=100)
    await clock.advance(WINDOW + 2 * WIDTH)
    await charge(ledger, "other", 5, BUDGET)
    assert await ledger.settle(lease, [70], NO_ROLLUP) == "settled"
    assert await numbers(ledger, BUDGET) == ((5, 0),)
    assert await store.execute("HLEN", BUCKETS) == 1


async def test_idle_for_longer_than_the_window_then_a_late_settle_into_a_live_bucket(store):
    """Clearing buckets after a long idle spares the one that a late settle has just filled."""
    ledger, clock = await ledger_at(store)
    await charge(ledger, "first", 11, BUDGET)
    await clock.advance(20 * DAY)
    late = await hold(ledger, "late", BUDGET, prompt=100)
    await clock.advance(WINDOW)
    await ledger.settle(late, [40], NO_ROLLUP)
    await charge(ledger, "next", 2, BUDGET)
    assert await numbers(ledger, BUDGET) == ((42, 0),)
    assert sorted(await store.execute("HVALS", BUCKETS)) == [b"2", b"40"]


async def test_idle_for_longer_than_the_window_then_a_settle_whose_reserve_the_store_lost(store):
    """A recovered charge newer than all the store remembers is kept, and what is too old goes."""
    ledger, clock = await ledger_at(store)
    await charge(ledger, "first", 11, BUDGET)
    names = (BUCKETS, f"{SHARD}b:{BUDGET.subject}")
    before = await store.pipeline([("DUMP", name) for name in names])
    await clock.advance(2 * WINDOW)
    lost = await hold(ledger, "lost", BUDGET, prompt=100)
    await store.pipeline([("RESTORE", name, 0, dump, "REPLACE") for name, dump in zip(names, before, strict=True)])
    await store.execute("DEL", f"{SHARD}L", f"{SHARD}D")
    await clock.advance(10 * MINUTE)
    assert await ledger.settle(lost, [40], NO_ROLLUP) == "recovered"
    await charge(ledger, "next", 2, BUDGET)
    assert await numbers(ledger, BUDGET) == ((42, 0),)


async def test_a_year_of_traffic_keeps_one_field_a_bucket(valkey_store):
    """The hash of a window never has more than n + 1 fields and stays a listpack, full or after a pause."""
    ledger, clock = await ledger_at(valkey_store)
    most = WINDOW // WIDTH + 1
    pauses = [WIDTH] * (most + 20) + [19 * HOUR] * 270 + [DAY, 3 * DAY, 29 * DAY, 31 * DAY, 60 * DAY]
    fields = set()
    for n, pause_ms in enumerate(pauses):
        await charge(ledger, f"call-{n}", 123_456, budget(-1))
        if n >= most - 2:
            fields.add(await valkey_store.execute("HLEN", BUCKETS))
        if n == most + 10:
            assert await valkey_store.execute("OBJECT", "ENCODING", BUCKETS) == b"listpack"
        await clock.advance(pause_ms)
    assert clock.now_ms - START_MS > 365 * DAY
    assert max(fields) == most
    assert await valkey_store.execute("OBJECT", "ENCODING", f"{SHARD}b:{BUDGET.subject}") == b"listpack"


@pytest.mark.parametrize("back_ms", [1, HOUR, 3 * DAY, 40 * DAY])
async def test_a_store_clock_that_steps_back_forgets_nothing(store, back_ms):
    """Usage stays, and what is charged meanwhile goes into the newest bucket: it leaves late, never early."""
    ledger, clock = await ledger_at(store)
    await charge(ledger, "before", 10, BUDGET)
    await clock.advance(-back_ms)
    assert await numbers(ledger, BUDGET) == ((10, 0),)
    await charge(ledger, "meanwhile", 5, BUDGET)
    assert await store.execute("HGETALL", BUCKETS) == {b"%d" % (START_MS // WIDTH): b"15"}
    await clock.move_to(START_MS + WINDOW)
    assert await numbers(ledger, BUDGET) == ((15, 0),)


async def test_a_quiet_company_leaves_the_store_in_the_end(store):
    """Every key of a window has an end after the longest window, so that nobody is remembered for ever."""
    ledger, _ = await ledger_at(store)
    await charge(ledger, "call", 10, BUDGET)
    for name in (BUCKETS, f"{SHARD}b:{BUDGET.subject}"):
        assert 480 * DAY < await store.execute("PTTL", name) <= 500 * DAY
