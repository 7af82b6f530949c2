"""Budgets that are known to limit nothing, so that a call need not ask the store about them: it only counts there.

The rule that matters: what is known is the store's own word, and stands only while no limit is set in the store. Each
setting of one moves a count of its shard, which is looked at once a second; a count that was not seen before the store
was asked vouches for nothing.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from gateway.budget import keys
from gateway.budget.lease import Lease
from gateway.budget.slices import SAFE_PART, ends_ms
from gateway.budget.wire import Ask, Position
from gateway.errors import StoreUnavailable
from gateway.model import UNLIMITED, Budget, Level, Unit
from gateway.store.connection import CommandRefused, Store
from gateway.store.shards import prefix as shard_of

_MOST_KNOWN = 65_536


class Counted(NamedTuple):
    """Where a call's charges belong in budgets that limit nothing, and their numbers as they were last told."""

    positions: tuple[Position, ...]
    levels: tuple[Level, ...]


class _Entry(NamedTuple):
    budgets: tuple[Budget, ...]  # they keep their identities, by which they are found
    prefix: str
    until: float
    counted: Counted


class Known:
    """What one process knows. `monotonic` gives seconds; nothing stands longer than most of a lease."""

    def __init__(self, store: Store, *, lease_seconds: float, monotonic: Callable[[], float]) -> None:
        self._store = store
        self._life_seconds = SAFE_PART * lease_seconds
        self._monotonic = monotonic
        self._entries: dict[tuple[int, ...], _Entry] = {}
        self._shards: dict[str, tuple[bytes | None, float] | None] = {}
        self._looking: asyncio.Task[None] | None = None

    def __bool__(self) -> bool:
        return bool(self._shards)

    def of(self, company_id: str, asks: Sequence[Ask]) -> Counted | None:
        """Give what is known of these budgets: that all are unlimited; None where the store is to be asked."""
        if not asks:
            return Counted((), ())
        entry = self._entries.get(tuple([id(ask.budget) for ask in asks]))
        if entry is None or self._monotonic() >= entry.until:
            self._want(shard_of(company_id))
            return None
        return entry.counted

    def _want(self, prefix: str) -> None:
        if prefix not in self._shards:
            self._shards[prefix] = None
            self.beat()

    def note(self, lease: Lease, asked_at: float) -> None:
        """Take in what the store said of a call's budgets when it was asked at `asked_at` (monotonic)."""
        prefix = shard_of(lease.order.company_id)
        look = self._shards.get(prefix)
        if look is None or asked_at < look[1] or lease.is_local or not all(map(_is_free, lease.levels)):
            return
        until = asked_at + self._life_seconds
        for ask, position in zip(lease.order.asks, lease.positions, strict=True):
            end_ms = ends_ms(ask.budget.window, position)
            if end_ms is not None:
                until = min(until, asked_at + (end_ms - lease.admitted_ms) / 1000)
        if len(self._entries) >= _MOST_KNOWN:
            self._entries.clear()
        budgets = tuple([ask.budget for ask in lease.order.asks])
        entry = _Entry(budgets, prefix, until, Counted(lease.positions, lease.levels))
        self._entries[tuple(map(id, budgets))] = entry

    def forget(self, prefix: str) -> None:
        """Know nothing of a shard any more."""
        self._entries = {name: entry for name, entry in self._entries.items() if entry.prefix != prefix}

    def beat(self) -> None:
        """See, beside, whether a limit was set in the store since the last look."""
        if self._shards and self._looking is None:
            self._looking = asyncio.get_running_loop().create_task(self._look())

    async def _look(self) -> None:
        try:
            await self._compare()
        except (StoreUnavailable, CommandRefused):  # what is known ends by itself, and then the store is asked
            pass
        finally:
            self._looking = None

    async def _compare(self) -> None:
        now = self._monotonic()
        self._entries = {name: entry for name, entry in self._entries.items() if now < entry.until}
        used = {entry.prefix for entry in self._entries.values()}
        self._shards = {prefix: seen for prefix, seen in self._shards.items() if prefix in used or seen is None}
        prefixes = tuple(self._shards)
        if not prefixes:
            return
        counts = await self._store.pipeline([("HGET", keys.changes(prefix), keys.CHANGES) for prefix in prefixes])
        now = self._monotonic()  # what is asked from now on, is answered after these were read
        for prefix, count in zip(prefixes, counts, strict=True):
            seen = self._shards.get(prefix)
            if seen is None or seen[0] != count:
                self.forget(prefix)
                self._shards[prefix] = count, now


def _is_free(level: Level) -> bool:
    return level.limit == UNLIMITED and level.budget.unit is not Unit.IN_FLIGHT
