"""Leases that nobody closes in time: charged by policy, corrected by whoever comes late, remembered for a week."""

import pytest

from gateway.budget import Lease
from gateway.budget.wire import Position
from gateway.model import Calendar, Enforcement, Fixed, Increment, Lifetime, Period, Rolling, Rollup, Unit
from tests.budget.clock import START_MS, ledger_at
from tests.budget.orders import COMPANY, DAY, HOUR, MINUTE, NO_ROLLUP, ONE, SHARD, budget, hold, numbers, order

USAGE, SESSIONS = f"{SHARD}u:c:x:2025-12-01", f"{SHARD}s:c:x:2025-12-01"
PLAN = Rollup(
    (
        Increment(USAGE, "prompt", 100),
        Increment(USAGE, "completion", 0, ONE),
        Increment(USAGE, "credits", 3, 2_500_000),
        Increment(USAGE, "estimated", 1),
    ),
    ((SESSIONS, "00112233"),),
    1000,
)
ROLLING, DAILY = budget(10_000), budget(10_000, Calendar(Period.DAY), "day")
RPM = budget(100, Fixed(600), "rpm", unit=Unit.REQUESTS)
FLYING = budget(9, Lifetime(), "flying", unit=Unit.IN_FLIGHT)
ALL = (ROLLING, DAILY, RPM, FLYING)


def truth(completion: int) -> Rollup:
    """Give what a settle of this completion adds."""
    return Rollup((Increment(USAGE, "prompt", 90), Increment(USAGE, "completion", completion)), (), 1000)


async def usage(store) -> dict[str, int]:
    """Give the roll-up's fields that are not zero."""
    fields = await store.execute("HGETALL", USAGE)
    return {name.decode(): int(value) for name, value in fields.items() if int(value)}


async def expired(ledger, clock, **asked) -> Lease:
    """Give a lease that has expired and was reaped."""
    lease = await hold(ledger, "dead", *ALL, prompt=100, want=500, plan=PLAN, **asked)
    await clock.advance(MINUTE)
    assert await ledger.reap(SHARD) == 1
    return lease


async def test_an_expired_lease_is_charged_all_that_it_held(store):
    """The prompt and the grant become usage, a request one request, and the call in flight is none any more."""
    ledger, clock = await ledger_at(store)
    await expired(ledger, clock)
    assert await numbers(ledger, *ALL) == ((600, 0), (600, 0), (1, 0), (0, 0))


async def test_an_expired_lease_leaves_its_plan_in_the_roll_ups(store):
    """Prompt, sessions and the mark of an estimate as planned; the completion and its price by the grant."""
    ledger, clock = await ledger_at(store)
    await expired(ledger, clock)
    assert await usage(store) == {"prompt": 100, "completion": 500, "credits": 3 + 1250, "estimated": 1}
    assert await store.execute("SMEMBERS", SESSIONS) == {b"00112233"}
    for name in (USAGE, SESSIONS):
        assert 990 < await store.execute("TTL", name) <= 1000


async def test_a_grown_lease_is_charged_what_it_had_grown_to(store):
    """What counts at expiry is the last grant, in the budgets and in the roll-ups."""
    ledger, clock = await ledger_at(store)
    lease = await hold(ledger, "dead", ROLLING, prompt=100, want=500, plan=PLAN)
    await ledger.extend(lease, 2000)
    await clock.advance(MINUTE)
    await ledger.reap(SHARD)
    assert await numbers(ledger, ROLLING) == ((2100, 0),)
    assert (await usage(store))["completion"] == 2000


async def test_a_dead_call_of_a_soft_budget_is_charged_what_it_was_granted(store):
    """A soft budget holds less than it lets through: the charge is not below what may have been used."""
    ledger, clock = await ledger_at(store)
    soft = budget(300, enforcement=Enforcement.SOFT)
    await hold(ledger, "dead", soft, prompt=100, want=900)
    assert await numbers(ledger, soft) == ((0, 300),)
    await clock.advance(MINUTE)
    await ledger.reap(SHARD)
    assert await numbers(ledger, soft) == ((1000, 0),)


async def test_an_expired_lease_of_a_call_that_was_never_forwarded_is_free(store):
    """While nothing can have been sent, a death costs nothing: no charge, no roll-up."""
    ledger, clock = await ledger_at(store)
    await expired(ledger, clock, charged_if_expired=False)
    assert await numbers(ledger, *ALL) == ((0, 0),) * 4
    assert await usage(store) == {}


async def test_a_lease_expires_at_its_deadline_and_not_before(store):
    """One millisecond before the deadline it stands."""
    ledger, clock = await ledger_at(store)
    await hold(ledger, "call", ROLLING, prompt=100)
    await clock.advance(MINUTE - 1)
    assert await ledger.reap(SHARD) == 0
    await clock.advance(1)
    assert await ledger.reap(SHARD) == 1
    assert await ledger.reap(SHARD) == 0


@pytest.mark.parametrize("completion", [0, 200, 500, 3000])
async def test_a_late_settle_corrects_the_charge(store, completion):
    """Down or up: afterwards budgets and roll-ups hold the truth and nothing of the estimate."""
    ledger, clock = await ledger_at(store)
    lease = await expired(ledger, clock)
    await clock.advance(5 * HOUR)
    amounts = [90 + completion, 90 + completion, 1, 0]
    assert await ledger.settle(lease, amounts, truth(completion)) == "corrected"
    await clock.move_to(START_MS)
    assert await numbers(ledger, *ALL) == ((90 + completion, 0), (90 + completion, 0), (1, 0), (0, 0))
    assert await usage(store) == {name: n for name, n in (("prompt", 90), ("completion", completion)) if n}


async def test_a_correction_happens_once(store):
    """A second late settle finds the call settled."""
    ledger, clock = await ledger_at(store)
    lease = await expired(ledger, clock)
    outcomes = [await ledger.settle(lease, [n, n, 1, 0], truth(n)) for n in (50, 50, 7)]
    assert outcomes == ["corrected", "already", "already"]
    assert (await numbers(ledger, ROLLING))[0] == (50, 0)
    assert await usage(store) == {"prompt": 90, "completion": 50}


async def test_a_late_release_takes_the_whole_charge_back(store):
    """The provider had refused after all: nothing was used."""
    ledger, clock = await ledger_at(store)
    lease = await expired(ledger, clock)
    assert await ledger.release(lease) == "corrected"
    assert await numbers(ledger, *ALL) == ((0, 0),) * 4
    assert await usage(store) == {}


async def test_a_release_by_one_who_does_not_know_the_admission_takes_it_back_too(store):
    """Who lost the reply to its reserve knows no places: the store does, live or expired."""
    ledger, clock = await ledger_at(store)
    lease = await expired(ledger, clock)
    blind = Lease(lease.order, clock.now_ms, 0, (Position(0, 0),) * len(ALL), ())
    assert await ledger.release(blind) == "corrected"
    assert await numbers(ledger, *ALL) == ((0, 0),) * 4
    assert await usage(store) == {}


async def test_a_late_correction_spares_the_windows_that_came_since(store):
    """A call that expired yesterday is corrected in the rolling window and in no day but its own."""
    ledger, clock = await ledger_at(store)
    lease = await expired(ledger, clock)
    await clock.advance(DAY)
    await hold(ledger, "today", *ALL, prompt=7)
    await ledger.settle(lease, [90, 90, 1, 0], truth(0))
    assert await numbers(ledger, *ALL) == ((90, 7), (0, 7), (0, 1), (0, 1))


async def test_a_correction_after_the_bucket_has_left_changes_no_sum(store):
    """What is no longer counted cannot be taken back."""
    ledger, clock = await ledger_at(store)
    one = budget(10_000, Rolling(2))
    lease = await hold(ledger, "dead", one, prompt=600)
    await clock.advance(MINUTE)
    await ledger.reap(SHARD)
    await clock.advance(3 * DAY)
    await hold(ledger, "later", one, prompt=7)
    assert await ledger.settle(lease, [100], NO_ROLLUP) == "corrected"
    assert await numbers(ledger, one) == ((0, 7),)


async def test_a_settle_that_comes_before_the_reaper_is_an_ordinary_one(store):
    """A lease past its deadline that nobody has reaped yet is still there to be settled."""
    ledger, clock = await ledger_at(store)
    lease = await hold(ledger, "slow", *ALL, prompt=100, want=500, plan=PLAN)
    await clock.advance(HOUR)
    assert await ledger.settle(lease, [250, 250, 1, 0], truth(160)) == "settled"
    assert await ledger.reap(SHARD) == 0
    assert (await numbers(ledger, ROLLING))[0] == (250, 0)


@pytest.mark.parametrize(("how", "life_ms"), [("settle", 15 * MINUTE), ("release", 15 * MINUTE), ("expire", 7 * DAY)])
async def test_an_end_is_remembered(store, how, life_ms):
    """A settled or released call for 15 minutes, an expired one for the week in which it may be corrected."""
    ledger, clock = await ledger_at(store)
    lease = await hold(ledger, "call", ROLLING, prompt=100)
    if how == "expire":
        await clock.advance(MINUTE)
        await ledger.reap(SHARD)
    else:
        await (ledger.settle(lease, [60], NO_ROLLUP) if how == "settle" else ledger.release(lease))
    assert life_ms - 10_000 < await store.execute("PTTL", f"{SHARD}t:call") <= life_ms


async def test_after_its_week_an_expired_call_stays_as_it_was_charged(store):
    """Who comes later than the tombstone is doubtful: nothing is applied, nothing is charged twice."""
    ledger, clock = await ledger_at(store)
    lease = await expired(ledger, clock)
    await clock.advance(7 * DAY)
    await store.execute("DEL", f"{SHARD}t:dead")  # its time to live runs by the server's own clock
    assert await ledger.settle(lease, [90, 90, 1, 0], truth(0)) == "doubtful"
    assert (await numbers(ledger, ROLLING))[0] == (600, 0)
    assert (await usage(store))["completion"] == 500


@pytest.mark.parametrize(
    ("age_ms", "outcome", "used"),
    [(0, "recovered", 60), (15 * MINUTE, "recovered", 60), (15 * MINUTE + 1, "doubtful", 0)],
)
async def test_a_settle_of_a_call_that_the_store_does_not_know(store, age_ms, outcome, used):
    """Within the life of a tombstone the store must have lost the reserve: charged. Later nobody can tell: not."""
    ledger, clock = await ledger_at(store)
    lease = await hold(ledger, "lost", *ALL, prompt=100)
    await store.execute("FLUSHALL")
    await clock.move_to(START_MS + age_ms)
    assert await ledger.settle(lease, [60, 60, 1, 0], truth(0)) == outcome
    assert await ledger.settle(lease, [60, 60, 1, 0], truth(0)) == ("already" if used else "doubtful")
    await clock.move_to(START_MS)
    assert await numbers(ledger, *ALL) == ((used, 0), (used, 0), (1 if used else 0, 0), (0, 0))
    assert await usage(store) == ({"prompt": 90} if used else {})


async def test_what_was_recovered_leaves_the_store_in_the_end(store):
    """Also keys that a settle and no reserve has made have an end."""
    ledger, _ = await ledger_at(store)
    lease = await hold(ledger, "lost", ROLLING, DAILY, prompt=100)
    await store.execute("FLUSHALL")
    _, clock = await ledger_at(store)
    assert clock.now_ms == lease.admitted_ms
    await ledger.settle(lease, [60, 60], truth(0))
    names = [name for name in await store.execute("KEYS", "*") if name not in {b"clock", f"{SHARD}E".encode()}]
    assert all(end > 0 for end in await store.pipeline([("TTL", name) for name in names]))


async def test_a_recovered_charge_counts_in_the_window_of_its_admission(store):
    """Midnight between admission and recovery: it is yesterday's."""
    ledger, clock = await ledger_at(store, START_MS + DAY - MINUTE)
    lease = await hold(ledger, "lost", ROLLING, DAILY, prompt=100)
    await store.execute("FLUSHALL")
    await clock.move_to(START_MS + DAY + MINUTE)
    await hold(ledger, "today", DAILY, prompt=5)
    assert await ledger.settle(lease, [60, 60], NO_ROLLUP) == "recovered"
    assert await numbers(ledger, ROLLING, DAILY) == ((60, 0), (0, 5))


async def test_every_end_is_an_event(store):
    """Settled, released, expired, corrected, recovered: each is in the stream, with who and what was charged."""
    ledger, clock = await ledger_at(store)
    for call in ("settled", "released", "dead", "lost"):
        await hold(ledger, call, ROLLING, DAILY, prompt=100)
    leases = {call: await hold(ledger, call, ROLLING, DAILY, prompt=100) for call in ("settled", "released", "dead")}
    lost = await hold(ledger, "lost", ROLLING, DAILY, prompt=100)
    await store.pipeline([("HDEL", f"{SHARD}L", "lost"), ("ZREM", f"{SHARD}D", "lost")])
    await ledger.settle(leases["settled"], [1, 2], NO_ROLLUP)
    await ledger.release(leases["released"])
    await ledger.settle(lost, [3, 4], NO_ROLLUP)
    await clock.advance(MINUTE)
    await ledger.reap(SHARD)
    await ledger.settle(leases["dead"], [5, 6], NO_ROLLUP)
    events = [dict(fields) for _, fields in await store.execute("XRANGE", f"{SHARD}E", "-", "+")]
    assert [(event[b"kind"], event[b"call"], event[b"charged"]) for event in events] == [
        (b"settled", b"settled", b"tokens=1 day=2"),
        (b"released", b"released", b"tokens=0 day=0"),
        (b"recovered", b"lost", b"tokens=3 day=4"),
        (b"expired", b"dead", b"tokens=100 day=100"),
        (b"corrected", b"dead", b"tokens=5 day=6"),
    ]
    assert {(event[b"who"], event[b"admitted"]) for event in events} == {(b"tester", b"%d" % START_MS)}


async def test_nothing_that_a_settled_call_held_is_left(store):
    """After every way to end, leases and deadlines are empty and no budget holds anything."""
    ledger, clock = await ledger_at(store)
    leases = [await hold(ledger, f"call-{n}", *ALL, prompt=10, want=20) for n in range(4)]
    await ledger.settle(leases[0], [5, 5, 1, 0], NO_ROLLUP)
    await ledger.release(leases[1])
    await clock.advance(MINUTE)
    await ledger.reap(SHARD)
    assert [level.held for level in await ledger.read(COMPANY, ALL)] == [0] * 4
    assert await store.pipeline([("EXISTS", f"{SHARD}L"), ("EXISTS", f"{SHARD}D")]) == [0, 0]
    assert len((await ledger.reserve(order("next", *ALL, prompt=10))).positions) == 4


async def test_events_older_than_a_week_go(store):
    """What no journal may ask about any more makes room at the next charge."""
    ledger, _ = await ledger_at(store)
    fill = "for i = 1, 1000 do redis.call('XADD', KEYS[1], (ARGV[1] + i) .. '-1', 'kind', 'settled') end"
    await store.execute("EVAL", fill, 1, f"{SHARD}E", str(START_MS // 1000 - 8 * 86_400) + "000")
    await ledger.release(await hold(ledger, "call", ROLLING, prompt=10))
    assert await store.execute("XLEN", f"{SHARD}E") == 1


async def test_events_of_a_busy_shard_are_bounded(valkey_store):
    """However many calls a week has, a shard keeps its last 100,000 (and at most one node of the stream more)."""
    ledger, _ = await ledger_at(valkey_store)
    fill = "for i = 1, 100500 do redis.call('XADD', KEYS[1], '*', 'kind', 'settled') end"
    await valkey_store.execute("EVAL", fill, 1, f"{SHARD}E")
    await ledger.release(await hold(ledger, "call", ROLLING, prompt=10))
    assert 100_000 <= await valkey_store.execute("XLEN", f"{SHARD}E") <= 100_100
