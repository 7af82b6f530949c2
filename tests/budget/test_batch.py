"""Micro-batching: one turn of the loop is one call to the store, and operations in a batch do not hurt each other."""

import asyncio
import logging

import pytest

from gateway.budget import Lease, LedgerFault, Refusal
from gateway.budget.batch import MOST_OPERATIONS
from gateway.model import Calendar, Increment, Period, Rollup
from gateway.store.shards import prefix
from tests.budget.clock import ledger_at
from tests.budget.orders import COMPANY, MINUTE, NO_ROLLUP, SHARD, budget, charge, contents, hold, numbers, order

ONE = budget(1_000_000)
USAGE, SESSIONS = f"{SHARD}u:bad", f"{SHARD}s:bad"
ROLLUP = Rollup((Increment(USAGE, "n", 1),), ((SESSIONS, "00ff"),), 1000)
BAD = (budget(1000, subject="c:bad"), budget(1000, Calendar(Period.DAY), "day", subject="c:bad"))
OF_BAD = {f"{SHARD}b:c:bad", f"{SHARD}w:c:bad:tokens", f"{SHARD}o:c:bad", USAGE, SESSIONS, f"{SHARD}t:bad"}


async def evalshas(store) -> int:
    """Count the batches since the statistics were reset."""
    stats = await store.execute("INFO", "commandstats")
    return stats.get("cmdstat_evalsha", {"calls": 0})["calls"]


@pytest.mark.parametrize(("count", "calls"), [(1, 1), (2, 1), (64, 1), (65, 2), (128, 2), (200, 4), (640, 10)])
async def test_one_turn_of_the_loop_is_one_call(store, count, calls):
    """What is asked in one turn travels together, at most 64 operations in a call."""
    ledger, _ = await ledger_at(store)
    await ledger.read(COMPANY, [ONE])
    await store.execute("CONFIG", "RESETSTAT")
    await asyncio.gather(*(hold(ledger, f"call-{n}", ONE, prompt=1) for n in range(count)))
    assert await evalshas(store) == calls == -(-count // MOST_OPERATIONS)
    assert await numbers(ledger, ONE) == ((0, count),)


async def test_at_most_two_batches_of_a_shard_are_on_their_way(store):
    """While the store takes its time the others wait here, where they can still be joined by more."""
    ledger, _ = await ledger_at(store)
    await ledger.read(COMPANY, [ONE])
    await store.execute("CONFIG", "RESETSTAT")
    await store.execute("CLIENT", "PAUSE", 60_000, "WRITE")
    try:
        asking = [asyncio.create_task(hold(ledger, f"call-{n}", ONE, prompt=1)) for n in range(5 * MOST_OPERATIONS)]
        on_their_way = 0
        while on_their_way < 2:
            on_their_way = await paused(store)
        later = [asyncio.create_task(hold(ledger, f"late-{n}", ONE, prompt=1)) for n in range(MOST_OPERATIONS)]
        for _ in range(20):
            assert await paused(store) == 2
    finally:
        await store.execute("CLIENT", "UNPAUSE")
    await asyncio.gather(*asking, *later)
    assert await evalshas(store) == 6


async def paused(store) -> int:
    """Count the connections that wait with a batch in a paused server."""
    clients = await store.execute("CLIENT LIST")
    return sum(client["cmd"] == "evalsha" and "b" in client["flags"] for client in clients)


async def test_shards_do_not_wait_for_each_other(store):
    """Each shard has its own batches."""
    other = "22222222-2222-4222-8222-222222222222"
    assert prefix(other) != SHARD
    ledger, _ = await ledger_at(store)
    await ledger.read(COMPANY, [ONE])
    await store.execute("CONFIG", "RESETSTAT")
    await asyncio.gather(*(ledger.read(company, [ONE]) for _ in range(10) for company in (COMPANY, other)))
    assert await evalshas(store) == 2


async def test_every_caller_gets_its_own_answer(store):
    """In a mixed batch each grant, refusal and number goes to who asked for it."""
    ledger, _ = await ledger_at(store)
    wide, tight = budget(-1), budget(10, name="tight")
    leases = await asyncio.gather(*(hold(ledger, f"old-{n}", wide, prompt=n) for n in range(60)))
    asking = []
    for n in range(30):
        asking += [
            ledger.reserve(order(f"new-{n}", wide, prompt=1, want=1000 + n)),
            ledger.reserve(order(f"refused-{n}", tight, prompt=11 + n)),
            ledger.extend(leases[n], n),
            ledger.settle(leases[30 + n], [n], NO_ROLLUP),
        ]
    answers = await asyncio.gather(*asking)
    for n in range(30):
        admitted, refused, extended, settled = answers[4 * n : 4 * n + 4]
        assert isinstance(admitted, Lease)
        assert (admitted.order.call_id, admitted.granted_tokens) == (f"new-{n}", 1000 + n)
        assert isinstance(refused, Refusal)
        assert refused.order.call_id == f"refused-{n}"
        assert (extended.granted_tokens, settled) == (n, "settled")


async def test_operations_of_one_turn_happen_in_the_order_they_were_asked(store):
    """The first of a batch takes the room, the last is refused."""
    ledger, _ = await ledger_at(store)
    one = budget(40)
    outcomes = await asyncio.gather(*(ledger.reserve(order(f"call-{n}", one, prompt=1)) for n in range(60)))
    assert [isinstance(outcome, Lease) for outcome in outcomes] == [True] * 40 + [False] * 20


@pytest.mark.parametrize(
    ("operation", "spoiled"),
    [
        ("reserve", "b:c:bad"),
        ("reserve", "o:c:bad"),
        ("read", "b:c:bad"),
        ("extend", "b:c:bad"),
        ("override", "o:c:bad"),
        ("settle", "b:c:bad"),
        ("settle", "w:c:bad:tokens"),
        ("settle", "t:other"),
        ("settle", "u:bad"),
        ("settle", "s:bad"),
        ("release", "b:c:bad"),
        ("reap", "b:c:bad"),
        ("reap", "w:c:bad:tokens"),
        ("reap", "u:bad"),
        ("reap", "s:bad"),
    ],
)
async def test_a_bad_operation_fails_alone_and_changes_nothing(store, operation, spoiled):
    """A key that somebody made unusable fails what needs it, whole, and nothing else in its batch."""
    ledger, clock = await ledger_at(store)
    lease = await hold(ledger, "bad", *BAD, prompt=10, want=10, plan=ROLLUP)
    fine = await hold(ledger, "fine", ONE, prompt=10)
    await store.pipeline([("DEL", SHARD + spoiled), ("RPUSH", SHARD + spoiled, "spoiled")])
    if operation == "reap":
        await clock.advance(MINUTE)
        await ledger.extend(fine)
    before = {name: value for name, value in (await contents(store)).items() if name.decode() in OF_BAD}
    unknown = Lease(order("other", *BAD, prompt=10), lease.admitted_ms, 0, lease.positions, ())
    bad = {
        "reserve": lambda: ledger.reserve(order("new", *BAD, prompt=10)),
        "read": lambda: ledger.read(COMPANY, BAD),
        "extend": lambda: ledger.extend(lease, 100),
        "override": lambda: ledger.override(COMPANY, {BAD[0]: 5, BAD[1]: 6}, "ops"),
        "settle": lambda: ledger.settle(unknown if spoiled == "t:other" else lease, [5, 5], ROLLUP),
        "release": lambda: ledger.release(lease),
        "reap": lambda: ledger.reap(SHARD),
    }[operation]
    outcomes = await asyncio.gather(
        ledger.settle(fine, [7], NO_ROLLUP), bad(), hold(ledger, "next", ONE, prompt=3), return_exceptions=True
    )
    assert isinstance(outcomes[1], LedgerFault)
    assert "WRONGTYPE" in str(outcomes[1])
    assert outcomes[0] == "settled"
    assert await numbers(ledger, ONE) == ((7, 3),)
    assert {name: value for name, value in (await contents(store)).items() if name.decode() in OF_BAD} == before
    assert await store.execute("HEXISTS", f"{SHARD}L", "bad") == 1


async def test_a_shard_whose_events_cannot_be_written_charges_nothing_half(store):
    """A settle that could not be recorded is not applied either."""
    ledger, _ = await ledger_at(store)
    lease = await hold(ledger, "call", ONE, prompt=10)
    await store.execute("SET", f"{SHARD}E", "spoiled")
    with pytest.raises(LedgerFault, match="WRONGTYPE"):
        await ledger.settle(lease, [7], NO_ROLLUP)
    assert await numbers(ledger, ONE) == ((0, 10),)
    await store.execute("DEL", f"{SHARD}E")
    assert await ledger.settle(lease, [7], NO_ROLLUP) == "settled"


async def test_a_batch_that_cannot_be_written_leaves_nobody_waiting(store, caplog):
    """A number beyond all bounds is a program error that every caller of the batch hears of; the next one passes."""
    ledger, _ = await ledger_at(store)
    outcomes = await asyncio.gather(
        ledger.reserve(order("huge", ONE, prompt=2**70)), ledger.read(COMPANY, [ONE]), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [LedgerFault, LedgerFault]
    await charge(ledger, "next", 5, ONE)
    assert await numbers(ledger, ONE) == ((5, 0),)
    assert not [record for record in caplog.records if record.levelno > logging.ERROR]


async def test_what_nobody_waits_for_any_more_is_not_sent(store):
    """A caller that leaves in the same turn costs the store nothing."""
    ledger, _ = await ledger_at(store)
    await ledger.read(COMPANY, [ONE])
    await store.execute("CONFIG", "RESETSTAT")
    reading = [asyncio.create_task(ledger.read(COMPANY, [ONE])) for _ in range(5)]
    await asyncio.sleep(0)
    for task in reading:
        task.cancel()
    await asyncio.wait(reading)
    await asyncio.sleep(0)
    assert await evalshas(store) == 0
    assert await numbers(ledger, ONE) == ((0, 0),)
