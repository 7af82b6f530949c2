"""The sweep over all shards: no hold outlives its lease, whoever made it and wherever it lies."""

import asyncio
import uuid

from msgspec import structs

from gateway.budget import reaper
from gateway.store.shards import SHARDS, prefix, prefixes
from tests.budget.clock import ledger_at
from tests.budget.orders import MINUTE, NO_ROLLUP, SHARD, budget, charge, hold, numbers, order
from tests.store.servers import on_every_store


def company_of_each_shard() -> list[str]:
    """Give one company id for each of the 256 shards."""
    found: dict[str, str] = {}
    number = 0
    while len(found) < SHARDS:
        company = str(uuid.UUID(int=number))
        found.setdefault(prefix(company), company)
        number += 1
    return list(found.values())


async def holds(store) -> int:
    """Count the live leases of every shard."""
    return sum(await store.pipeline([("HLEN", f"{shard}L") for shard in prefixes()]))


@on_every_store
async def test_no_hold_outlives_its_lease_in_any_shard(store):
    """One dead lease in each of the 256 shards: one sweep, and none is left."""
    ledger, clock = await ledger_at(store)
    one = budget(1000)
    orders = [structs.replace(order(company, one, prompt=5), company_id=company) for company in company_of_each_shard()]
    await asyncio.gather(*map(ledger.reserve, orders))
    assert await holds(store) == SHARDS
    await clock.advance(MINUTE)
    assert await reaper.sweep(ledger, store) == SHARDS
    assert await holds(store) == 0
    levels = await asyncio.gather(*(ledger.read(each.company_id, [one]) for each in orders))
    assert {(level.used, level.held) for (level,) in levels} == {(5, 0)}


@on_every_store
async def test_a_dead_gateway_with_many_calls_leaves_none_after_one_sweep(store):
    """More leases in one shard than are reaped at a time are reaped all the same."""
    ledger, clock = await ledger_at(store)
    one = budget(-1)
    await asyncio.gather(*(hold(ledger, f"call-{n}", one, prompt=3) for n in range(700)))
    await clock.advance(MINUTE)
    assert await reaper.sweep(ledger, store) == 700
    assert await numbers(ledger, one) == ((2100, 0),)


@on_every_store
async def test_a_sweep_spares_the_living(store):
    """Leases whose deadline is to come, or was moved, stay as they are."""
    ledger, clock = await ledger_at(store)
    one = budget(1000)
    kept = await hold(ledger, "kept alive", one, prompt=1)
    await hold(ledger, "dead", one, prompt=10)
    await clock.advance(MINUTE - 1)
    await hold(ledger, "new", one, prompt=100)
    await ledger.extend(kept)
    await clock.advance(1)
    assert await reaper.sweep(ledger, store) == 1
    assert await numbers(ledger, one) == ((10, 101),)


@on_every_store
async def test_a_sweep_of_an_idle_store_asks_once(store):
    """Where nothing has expired, the 256 shards cost one round trip and no script."""
    ledger, _ = await ledger_at(store)
    await charge(ledger, "call", 5, budget(1000))
    await store.on_every_node("CONFIG", "RESETSTAT")
    assert await reaper.sweep(ledger, store) == 0
    stats = await store.on_every_node("INFO", "commandstats")
    assert sum(each["cmdstat_zcount"]["calls"] for each in stats) == SHARDS
    assert not any("cmdstat_evalsha" in each for each in stats)


@on_every_store
async def test_two_sweepers_charge_every_lease_once(store):
    """Workers that sweep at the same time do not double what they charge."""
    ledger, clock = await ledger_at(store)
    other, _ = await ledger_at(store)
    one = budget(-1)
    await asyncio.gather(*(hold(ledger, f"call-{n}", one, prompt=3) for n in range(300)))
    await clock.advance(MINUTE)
    counts = await asyncio.gather(reaper.sweep(ledger, store), reaper.sweep(other, store))
    assert sum(counts) == 300
    assert await numbers(ledger, one) == ((900, 0),)


@on_every_store
async def test_a_lease_that_cannot_be_charged_hinders_no_other(store):
    """A key made unusable by somebody else keeps one lease from ending, not those beside it and of other shards."""
    ledger, clock = await ledger_at(store)
    broken, fine = budget(1000, subject="c:broken"), budget(1000)
    await hold(ledger, "broken", broken, prompt=5)
    await hold(ledger, "beside", fine, prompt=5)
    elsewhere = next(each for each in company_of_each_shard() if prefix(each) > SHARD)
    await ledger.reserve(structs.replace(order("elsewhere", fine, prompt=5), company_id=elsewhere))
    await store.pipeline([("DEL", f"{SHARD}b:c:broken"), ("SET", f"{SHARD}b:c:broken", "x")])
    await clock.advance(MINUTE)
    await reaper.sweep(ledger, store)
    assert await numbers(ledger, fine) == ((5, 0),)
    assert [(level.used, level.held) for level in await ledger.read(elsewhere, [fine])] == [(5, 0)]
    await store.execute("DEL", f"{SHARD}b:c:broken")
    assert await reaper.sweep(ledger, store) == 1


@on_every_store
async def test_a_heartbeat_between_listing_and_charging_saves_a_lease(store):
    """What was expired when it was listed and lives again when its turn comes is left alone."""
    ledger, clock = await ledger_at(store)
    one = budget(1000)
    leases = [await hold(ledger, f"call-{n}", one, prompt=10) for n in range(5)]
    await clock.advance(MINUTE)
    reaped, *_ = await asyncio.gather(ledger.reap(SHARD), *(ledger.extend(lease) for lease in leases))
    assert reaped == 0
    assert await numbers(ledger, one) == ((0, 50),)


@on_every_store
async def test_a_settle_that_meets_the_sweep_is_charged_once(store):
    """Whichever comes first, the truth is what stands in the end."""
    ledger, clock = await ledger_at(store)
    one = budget(-1)
    leases = [await hold(ledger, f"call-{n}", one, prompt=100) for n in range(60)]
    await clock.advance(MINUTE)
    settling = [ledger.settle(lease, [7], NO_ROLLUP) for lease in leases[::2]]
    await reaper.sweep(ledger, store)
    settling += [ledger.settle(lease, [7], NO_ROLLUP) for lease in leases[1::2]]
    assert set(await asyncio.gather(*settling)) == {"settled", "corrected"}
    assert await numbers(ledger, one) == ((420, 0),)
