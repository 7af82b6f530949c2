"""Callers that leave, lost replies, a store that is away or full: no hold stays behind and no charge is lost."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.budget import Lease, Ledger, LedgerFault, reaper, script
from gateway.errors import StoreUnavailable
from gateway.model import Calendar, Fixed, Lifetime, Period, Unit
from gateway.store.connection import Store
from gateway.store.embedded import embedded
from tests.budget.clock import START_MS, ledger_at
from tests.budget.orders import COMPANY, DAY, MINUTE, NO_ROLLUP, SHARD, budget, charge, hold, numbers, order
from tests.store.test_connection import proxy

BUDGETS = (
    budget(1000),
    budget(1000, Calendar(Period.DAY), "day"),
    budget(5, Fixed(600), "rpm", unit=Unit.REQUESTS),
    budget(5, Lifetime(), "flying", unit=Unit.IN_FLIGHT),
)
NOTHING = ((0, 0),) * len(BUDGETS)


async def leases(store) -> int:
    """Count the live leases of the shard."""
    return await store.execute("HLEN", f"{SHARD}L")


# ---------------------------------------------------------------- callers that leave


async def test_a_caller_that_leaves_while_it_reserves_leaves_no_hold(store):
    """Cancelled after any number of turns of the loop: what was held after all is released."""
    ledger, _ = await ledger_at(store)
    finished = 0
    for turns in range(60):
        reserving = asyncio.create_task(ledger.reserve(order(f"call-{turns}", *BUDGETS, prompt=10, want=10)))
        for _ in range(turns):
            await asyncio.sleep(0)
        reserving.cancel()
        await asyncio.wait({reserving})
        if not reserving.cancelled():
            finished += 1
            await ledger.release(reserving.result())
    assert await ledger.drain(10) == 0
    assert finished < 60
    assert await numbers(ledger, *BUDGETS) == NOTHING
    assert await leases(store) == 0


async def test_a_crowd_that_leaves_at_once_leaves_no_hold(store):
    """Many callers of one batch cancelled together while it is on its way."""
    ledger, _ = await ledger_at(store)
    one = budget(-1)
    reserving = [asyncio.create_task(hold(ledger, f"call-{n}", one, BUDGETS[1], prompt=1)) for n in range(300)]
    for _ in range(3):
        await asyncio.sleep(0)
    for task in reserving:
        task.cancel()
    await asyncio.wait(reserving)
    assert all(task.cancelled() for task in reserving)
    assert await ledger.drain(10) == 0
    assert await numbers(ledger, one, BUDGETS[1]) == ((0, 0), (0, 0))


async def test_a_caller_that_leaves_while_it_settles_has_settled(store):
    """The charge goes on behind: a client that hangs up does not take it back."""
    ledger, _ = await ledger_at(store)
    lease = await hold(ledger, "call", *BUDGETS, prompt=10)

    async def end() -> None:
        await asyncio.shield(ledger.settle(lease, [7, 7, 1, 0], NO_ROLLUP))

    ending = asyncio.create_task(end())
    await asyncio.sleep(0)
    ending.cancel()
    await asyncio.wait({ending})
    assert ending.cancelled()
    assert await ledger.drain(10) == 0
    assert await numbers(ledger, *BUDGETS) == ((7, 0), (7, 0), (1, 0), (0, 0))


# ---------------------------------------------------------------- replies that are lost


@asynccontextmanager
async def through(url: str, **what) -> AsyncIterator[tuple[Store, list[bytes]]]:
    """Give a store behind a connection that loses something."""
    async with proxy(url, **what) as (address, seen):
        store = Store.connect(address)
        yield store, seen
        await store.close()


async def test_a_reserve_whose_reply_is_lost_is_released(valkey_store, valkey_url):
    """The store held it, the caller never heard: it is told that the store is away, and the hold goes."""
    direct, _ = await ledger_at(valkey_store)
    await direct.read(COMPANY, BUDGETS)
    async with through(valkey_url, drop=b"reserve") as (store, seen):
        ledger, _ = await ledger_at(store)
        with pytest.raises(StoreUnavailable):
            await ledger.reserve(order("call", *BUDGETS, prompt=10))
        assert await ledger.drain(10) == 0
    assert b"".join(seen).count(b"reserve") == 1
    assert await numbers(direct, *BUDGETS) == NOTHING
    assert await leases(valkey_store) == 0


async def test_a_reserve_that_was_lost_on_its_way_is_turned_away_when_it_arrives(valkey_store, valkey_url):
    """The release came first: a network that delivers late cannot make a hold that nobody knows of."""
    direct, _ = await ledger_at(valkey_store)
    await direct.read(COMPANY, BUDGETS)
    asked = order("call", *BUDGETS, prompt=10)
    async with through(valkey_url, swallow=b"reserve") as (store, _):
        ledger, _ = await ledger_at(store)
        with pytest.raises(StoreUnavailable):
            await ledger.reserve(asked)
        assert await ledger.drain(10) == 0
    with pytest.raises(LedgerFault, match="already ended"):
        await direct.reserve(asked)
    assert await numbers(direct, *BUDGETS) == NOTHING


async def test_a_settle_whose_replies_are_lost_is_sent_again_and_charged_once(valkey_store, valkey_url):
    """It tries until it hears an answer; drain says that it is still on its way."""
    direct, _ = await ledger_at(valkey_store)
    lease = await hold(direct, "call", *BUDGETS, prompt=10)
    async with through(valkey_url, drop=b"settle") as (store, seen):
        ledger, _ = await ledger_at(store)
        settling = ledger.settle(lease, [7, 7, 1, 0], NO_ROLLUP)
        while b"".join(seen).count(b"settle") < 2:  # noqa: ASYNC110 - the network sets no event
            await asyncio.sleep(0.01)
        assert await ledger.drain(0.01) == 1
        settling.cancel()
    assert await numbers(direct, *BUDGETS) == ((7, 0), (7, 0), (1, 0), (0, 0))


async def test_an_extend_whose_reply_is_lost_may_be_repeated(valkey_store, valkey_url):
    """What it had grown to is what it is: the hold does not grow twice."""
    direct, _ = await ledger_at(valkey_store)
    lease = await hold(direct, "call", BUDGETS[0], prompt=10, want=100)
    async with through(valkey_url, drop=b"extend") as (store, _):
        ledger, _ = await ledger_at(store)
        with pytest.raises(StoreUnavailable):
            await ledger.extend(lease, 300)
    assert (await direct.extend(lease, 300)).granted_tokens == 300
    assert await numbers(direct, BUDGETS[0]) == ((0, 310),)


# ---------------------------------------------------------------- a store that is away


async def test_a_settle_survives_a_killed_store(tmp_path):
    """The server dies between reserve and settle; when it is back, with its data, the charge is made."""
    async with embedded(tmp_path) as server:
        store = Store.connect(server.url)
        ledger, clock = await ledger_at(store)
        await charge(ledger, "before", 30, *BUDGETS[:2])
        lease = await hold(ledger, "call", *BUDGETS, prompt=10)
        dead = await hold(ledger, "dead", *BUDGETS, prompt=10)
        os.kill((await store.execute("INFO", "server"))["process_id"], signal.SIGKILL)
        await server.died.wait()
    settling = ledger.settle(lease, [7, 7, 1, 0], NO_ROLLUP)
    sweeping = asyncio.create_task(reaper.keep_sweeping(ledger, store, 0.05))
    with pytest.raises(StoreUnavailable):
        await ledger.reserve(order("meanwhile", *BUDGETS, prompt=10))
    assert await ledger.drain(0.3) == 2
    assert not settling.done()
    assert not sweeping.done()
    async with embedded(tmp_path):
        assert await settling == "settled"
        assert await ledger.drain(10) == 0
        await clock.advance(MINUTE)
        while await leases(store):  # noqa: ASYNC110 - the store sets no event
            await asyncio.sleep(0.01)
        sweeping.cancel()
        await asyncio.wait({sweeping})
        assert await numbers(ledger, *BUDGETS) == ((47, 0), (47, 0), (2, 0), (0, 0))
        assert await ledger.settle(dead, [1, 1, 1, 0], NO_ROLLUP) == "corrected"
        await store.close()


async def test_a_store_that_lost_the_lease_still_charges_the_call(store):
    """Emptied between reserve and settle, as by a failover: the usage is not lost."""
    ledger, _ = await ledger_at(store)
    lease = await hold(ledger, "call", *BUDGETS, prompt=10)
    await store.execute("FLUSHALL")
    await ledger_at(store, START_MS + MINUTE)
    assert await ledger.settle(lease, [7, 7, 1, 0], NO_ROLLUP) == "recovered"
    assert await numbers(ledger, *BUDGETS) == ((7, 0), (7, 0), (1, 0), (0, 0))


async def test_a_full_store_is_away_and_loses_no_charge(store):
    """Out of memory no call is admitted, with when to come back; settle, release and expiry go through."""
    ledger, clock = await ledger_at(store)
    await hold(ledger, "dead", *BUDGETS, prompt=10)
    await clock.advance(MINUTE)
    lease, other = [await hold(ledger, call, *BUDGETS, prompt=10) for call in ("call", "other")]
    await store.execute("CONFIG", "SET", "maxmemory", 1)
    try:
        with pytest.raises(StoreUnavailable, match="OOM") as away:
            await ledger.reserve(order("next", *BUDGETS, prompt=10))
        assert await ledger.drain(10) == 0
        assert await ledger.settle(lease, [7, 7, 1, 0], NO_ROLLUP) == "settled"
        assert await ledger.release(other) == "settled"
        assert await ledger.reap(SHARD) == 1
    finally:
        await store.execute("CONFIG", "SET", "maxmemory", 0)
    assert away.value.headers == {"Retry-After": "1"}
    assert await numbers(ledger, *BUDGETS) == ((17, 0), (17, 0), (2, 0), (0, 0))


async def test_a_read_only_store_is_away(store):
    """A server that became a replica admits nothing and still tells the numbers."""
    ledger, _ = await ledger_at(store)
    await charge(ledger, "before", 5, *BUDGETS[:2])
    await store.execute("REPLICAOF", "127.0.0.1", 1)
    try:
        with pytest.raises(StoreUnavailable):
            await ledger.reserve(order("call", *BUDGETS, prompt=10))
    finally:
        await store.execute("REPLICAOF", "NO", "ONE")
    assert await ledger.drain(10) == 0
    assert (await numbers(ledger, *BUDGETS))[:2] == ((5, 0), (5, 0))


async def test_many_waiters_of_one_failed_batch_each_hear_of_it(tmp_path):
    """Every caller gets an error of its own, with when to come back."""
    ledger = Ledger(Store.connect(f"unix://{tmp_path}/none"), script.load(), lease_seconds=60)
    outcomes = await asyncio.gather(*(ledger.read(COMPANY, BUDGETS) for _ in range(100)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {StoreUnavailable}
    assert {outcome.headers["Retry-After"] for outcome in outcomes} == {"1"}
    assert len({id(outcome) for outcome in outcomes}) == 100


async def test_a_call_admitted_before_midnight_settles_after_an_outage_over_midnight(store):
    """However long the settle takes, the charge belongs to the day of the admission."""
    ledger, clock = await ledger_at(store, START_MS + DAY - 1)
    lease = await hold(ledger, "call", *BUDGETS, prompt=10)
    await clock.advance(14 * MINUTE)
    assert isinstance(lease, Lease)
    assert await ledger.settle(lease, [7, 7, 1, 0], NO_ROLLUP) == "settled"
    assert await numbers(ledger, *BUDGETS) == ((7, 0), (0, 0), (0, 0), (0, 0))
