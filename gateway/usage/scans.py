"""Owns reading hashes and sets of any size from the store, a page at a time.

The rule that matters: HGETALL and SMEMBERS hold the store up for as long as what they read is long; a cursor's page
does not, and a round trip asks for about `PAGE` entries in all, however many it reads from.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from gateway.store.connection import Store

PAGE = 2_000
MOST_DIGESTS = 200_000
"""How many members are held in memory at once to count a union: about 20 MB."""

_LEAST_PAGE = 10


async def hashes(store: Store, names: Sequence[str]) -> list[dict[bytes, bytes]]:
    """Give the hashes of these names; one that is not there is empty."""
    found: list[dict[bytes, bytes]] = [{} for _ in names]
    async for place, page in pages(store, "HSCAN", names):
        found[place].update(page)
    return found


async def sets(store: Store, names: Sequence[str]) -> list[set[bytes]]:
    """Give the sets of these names; one that is not there is empty."""
    found: list[set[bytes]] = [set() for _ in names]
    async for place, page in pages(store, "SSCAN", names):
        found[place].update(page)
    return found


async def pages(
    store: Store, command: str, names: Sequence[str], match: str | None = None
) -> AsyncIterator[tuple[int, Any]]:
    """Give (place in `names`, page) until all have been read; an entry may come twice (Valkey's SCAN guarantees)."""
    cursors = dict.fromkeys(range(len(names)), 0)
    pattern = ("MATCH", match) if match else ()
    while cursors:
        count = max(_LEAST_PAGE, PAGE // len(cursors))
        asked = tuple(cursors.items())
        commands = [(command, names[place], cursor, *pattern, "COUNT", count) for place, cursor in asked]
        for (place, _), (cursor, page) in zip(asked, await store.pipeline(commands), strict=True):
            yield place, page
            if cursor:
                cursors[place] = cursor
            else:
                del cursors[place]


async def union_sizes(store: Store, groups: Sequence[Sequence[str]], most: int = MOST_DIGESTS) -> list[int]:
    """Count the distinct members of each group of sets of digests; about `most` of them are in memory at a time."""
    counts = iter(await store.pipeline([("SCARD", name) for group in groups for name in group]))
    filled = [[(name, count) for name in group if (count := next(counts))] for group in groups]
    sizes = [sum(count for _, count in group) for group in filled]
    shared = [(place, name) for place, group in enumerate(filled) if len(group) > 1 for name, _ in group]
    passes = -(-sum(sizes[place] for place in dict(shared)) // most)
    sizes = [0 if len(group) > 1 else size for group, size in zip(filled, sizes, strict=True)]
    for nth in range(passes):
        for place, digests in (await _shares(store, shared, nth, passes)).items():
            sizes[place] += len(digests)
    return sizes


async def _shares(store: Store, shared: Sequence[tuple[int, str]], nth: int, passes: int) -> dict[int, set[bytes]]:
    """Give each place's digests whose turn it is: every digest has one, the same in every set."""
    seen: dict[int, set[bytes]] = {place: set() for place, _ in shared}
    async for at, page in pages(store, "SSCAN", [name for _, name in shared]):
        seen[shared[at][0]].update(digest for digest in page if int(digest[:8], 16) % passes == nth)
    return seen
