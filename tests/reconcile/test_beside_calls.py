"""Repairs beside calls that go on: whatever is damaged meanwhile, in the end every number is what the calls came to."""

import asyncio
import random
from collections import Counter

import pytest

from gateway.model import Usage
from gateway.store.connection import Script
from tests.reconcile.busy import ACME, ADA, BOB, EVE, SHARD, Office, office

DAMAGE = Script("""
local start, used, held, mark = string.match(redis.call('HGET', KEYS[1], ARGV[1]) or '', '^(.+):(.+):(.+):(.+)$')
if not start then return 0 end
used, held = tonumber(used) + tonumber(ARGV[2]), tonumber(held) + tonumber(ARGV[3])
redis.call('HSET', KEYS[1], ARGV[1], string.format('%s:%d:%d:%s', start, used, held, mark))
return 1
""")
USERS = {"ada": ADA, "bob": BOB, "eve": EVE}
PLACES = [
    *(
        (f"{SHARD}b:u:{ACME}:{user}", f"user-{name}")
        for user in USERS.values()
        for name in ("daily@day", "weekly@week")
    ),
    (f"{SHARD}b:c:{ACME}", "company@7d"),
    (f"{SHARD}b:c:{ACME}", "large-only@week"),
]


async def work(one: Office, name: str, chance: random.Random, spent: Counter[str]) -> None:
    """Make calls, one after the other; some hold for a while, one in four is released."""
    for _ in range(25):
        lease, charge = await one.hold(name, 10, 90)
        for _ in range(chance.randrange(3)):
            await asyncio.sleep(0)
        if chance.random() < 0.25:
            await one.ledger.release(lease)
            continue
        tokens = chance.randrange(1, 90)
        await one.settle(lease, charge, Usage(10, tokens))
        spent[name] += 10 + tokens


async def damage(one: Office, chance: random.Random, until: asyncio.Event) -> int:
    """Change numbers by hand, atomically, until told to stop."""
    count = 0
    while not until.is_set():
        key, budget = chance.choice(PLACES)
        by = chance.choice([(7, 0), (-7, 0), (0, 40), (0, -40), (3, 3)])
        count += await one.store.run(DAMAGE, [key], [budget, *by])
        await asyncio.sleep(0.002)
    return count


async def repair(one: Office, until: asyncio.Event) -> int:
    """Repair again and again until told to stop."""
    count = 0
    while not until.is_set():
        count += len((await one.look(repairs=True)).drifts)
    return count


@pytest.mark.parametrize("seed", range(3))
async def test_no_invariant_breaks(valkey_store, tmp_path, seed):
    """Calls, damage and repairs at once; afterwards one repair, and the counters are the sums of the calls."""
    one, chance, spent = await office(valkey_store, tmp_path), random.Random(seed), Counter()
    is_over = asyncio.Event()
    saboteur = asyncio.create_task(damage(one, chance, is_over))
    repairer = asyncio.create_task(repair(one, is_over))
    await asyncio.gather(*(work(one, name, chance, spent) for name in USERS for _ in range(3)))
    is_over.set()
    assert await saboteur > 5
    assert await repairer > 0
    assert not (await one.look(repairs=True)).has_drift
    assert (await one.look()).drifts == []
    expected = {(f"{SHARD}b:u:{ACME}:{USERS[name]}", "user-daily@day"): spent[name] for name in USERS}
    expected[f"{SHARD}b:c:{ACME}", "company@7d"] = sum(spent.values())
    for (key, budget), tokens in expected.items():
        _, used, held, _ = map(int, (await one.store.execute("HGET", key, budget)).split(b":"))
        assert (used, held) == (tokens, 0)
    assert await one.store.execute("HLEN", f"{SHARD}L") == await one.store.execute("ZCARD", f"{SHARD}D") == 0


async def test_a_live_hold_is_never_lowered(valkey_store, tmp_path):
    """With leases open, whatever stood in `held`, a repair leaves what they hold, and their settles free just that."""
    one = await office(valkey_store, tmp_path)
    open_calls = [await one.hold("ada", 10, 90) for _ in range(4)]
    key = f"{SHARD}b:u:{ACME}:{ADA}"
    for by in (-150, 35, -400):
        await one.store.run(DAMAGE, [key], ["user-daily@day", 0, by])
        assert not (await one.look(repairs=True)).has_drift
        assert (await one.store.execute("HGET", key, "user-daily@day")).split(b":")[2] == b"400"
    for lease, charge in open_calls:
        await one.settle(lease, charge, Usage(10, 5))
    assert (await one.store.execute("HGET", key, "user-daily@day")).split(b":")[1:3] == [b"60", b"0"]
    assert (await one.look()).drifts == []
