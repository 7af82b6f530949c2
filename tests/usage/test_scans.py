"""Hashes and sets of any size, read from a real store a page at a time."""

import random

import pytest

from gateway.store.connection import Store
from gateway.usage.keys import session_digest
from gateway.usage.scans import PAGE, hashes, pages, sets, union_sizes

MANY = 2 * PAGE + 500


async def _fill(store: Store, name: str, members: list[str]) -> None:
    for at in range(0, len(members), 1000):
        await store.execute("SADD", name, *members[at : at + 1000])


async def test_what_is_large_is_read_whole_in_steps(valkey_store: Store) -> None:
    """Every field and member is there, and no command read more than a page of them."""
    fields = {f"field-{n}".encode(): str(n).encode() for n in range(MANY)}
    await valkey_store.execute("HSET", "h", *(part for item in fields.items() for part in item))
    await _fill(valkey_store, "s", [f"member-{n}" for n in range(MANY)])
    await valkey_store.execute("CONFIG", "RESETSTAT")
    assert await hashes(valkey_store, ["none", "h"]) == [{}, fields]
    assert await sets(valkey_store, ["s", "none"]) == [{f"member-{n}".encode() for n in range(MANY)}, set()]
    counted = await valkey_store.execute("INFO", "commandstats")
    assert {"cmdstat_hscan", "cmdstat_sscan"} <= set(counted)
    assert not {"cmdstat_hgetall", "cmdstat_smembers", "cmdstat_sunion"} & set(counted)
    assert min(counted[name]["calls"] for name in ("cmdstat_hscan", "cmdstat_sscan")) > MANY // PAGE


async def test_nothing_is_read_from_no_names(valkey_store: Store) -> None:
    """Without names there is no round trip."""
    assert await hashes(valkey_store, []) == []
    assert await union_sizes(valkey_store, []) == []
    assert await union_sizes(valkey_store, [[], []]) == [0, 0]


async def test_the_store_picks_what_matches(valkey_store: Store) -> None:
    """Members that do not match the pattern do not travel."""
    await _fill(valkey_store, "s", [f"{user}|{agent}" for user in range(100) for agent in ("x", "y")])
    found = [member async for _, page in pages(valkey_store, "SSCAN", ["s"], "7|*") for member in page]
    assert set(found) == {b"7|x", b"7|y"}


@pytest.mark.parametrize("most", [1, 7, 50, 10_000])
async def test_unions_are_counted_exactly_however_little_memory_there_is(valkey_store: Store, most: int) -> None:
    """Distinct members of random groups of sets, some of them empty, alone or equal."""
    dice = random.Random(most)
    digests = [session_digest(str(n)) for n in range(200)]
    groups: list[list[str]] = []
    expected = []
    for group in range(12):
        union: set[str] = set()
        groups.append([])
        for day in range(dice.randrange(5)):
            members = set(dice.sample(digests, dice.choice((0, 1, 30, 150))))
            await _fill(valkey_store, f"s:{group}:{day}", sorted(members))
            groups[-1].append(f"s:{group}:{day}")
            union |= members
        expected.append(len(union))
    assert await union_sizes(valkey_store, groups, most) == expected
